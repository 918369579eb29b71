//! A build without the feature `tls`: endpoints of `https://` are refused.

use std::io;

use etcd_proto::call::HttpVersion;

use crate::endpoint::Endpoint;
use crate::error::Cause;
use crate::socket::Socket;

/// What carries a connection over TLS, of which there is none.
pub(crate) type TlsStream = Socket;

/// Something that cannot be used for TLS, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTls(String);

/// How endpoints of `https://` are spoken to: not at all, as this is built without the feature `tls`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tls {}

impl Tls {
    /// Without the feature `tls` there is nothing to set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Never: there is none to show.
    pub fn shows_certificate(&self) -> bool {
        false
    }

    /// Whether endpoints of `https://` can be spoken to.
    ///
    /// # Errors
    ///
    /// Always, as this is built without the feature `tls`.
    pub fn check(&self) -> Result<(), InvalidTls> {
        Err(missing())
    }

    /// Greets nobody.
    pub(crate) async fn greet(
        &self,
        _: &Endpoint,
        _: Socket,
        _: HttpVersion,
    ) -> Result<TlsStream, InvalidTls> {
        Err(missing())
    }
}

fn missing() -> InvalidTls {
    InvalidTls("https:// needs the feature \"tls\", and this program is built without it".into())
}

pub(crate) fn is_of_tls(_: &io::Error) -> bool {
    false
}

pub(crate) fn cause(error: &io::Error) -> Cause {
    Cause::Tls(error.to_string())
}

pub(crate) fn in_words(error: io::Error) -> io::Error {
    error
}

#[cfg(test)]
mod tests {
    use crate::endpoint::parse_list;
    use crate::error::Kind;
    use crate::{CallError, Channel, Config};

    use etcd_proto::v2::GetVersion;

    #[test]
    fn secure_endpoints_are_refused_before_a_call() {
        let error = Config::default().check(&parse_list("https://host").unwrap()).unwrap_err();
        assert!(error.contains("https://") && error.contains("\"tls\""), "{error}");
        assert_eq!(Config::default().check(&parse_list("host").unwrap()), Ok(()));
    }

    #[tokio::test]
    async fn a_call_says_why_it_goes_nowhere() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoints = parse_list(&format!("https://{}", server.local_addr().unwrap())).unwrap();
        let answer = Channel::new(endpoints, Config::default().rounds(1)).call(&GetVersion).await;
        let Err(CallError::Failed(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(*error.kind(), Kind::Unreachable);
        assert!(error.to_string().contains("built without"), "{error}");
    }
}
