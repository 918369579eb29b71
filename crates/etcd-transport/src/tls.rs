//! TLS: whom to trust, who we are, and both read again when their files change.

mod load;
mod trust;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_proto::call::HttpVersion;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use self::load::{Stamp, load};
pub(crate) use self::trust::{cause, in_words, is_of_tls};
use crate::endpoint::Endpoint;
use crate::socket::Socket;

/// What carries a connection over TLS.
pub(crate) type TlsStream = tokio_rustls::client::TlsStream<Socket>;

/// Something that cannot be used for TLS, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTls(String);

/// How endpoints of `https://` are spoken to.
///
/// The server's certificate is always verified, against its name or address, before a byte of a
/// request leaves; TLS 1.2 and 1.3 are spoken. What is given as a file is read again for a new
/// connection when it has changed. Where what is there then cannot be used, the last that could is
/// kept, and a warning is logged.
///
/// Clones share what was read.
///
/// ```
/// use etcd_transport::Config;
/// use etcd_transport::tls::Tls;
///
/// let tls = Tls::new().ca_file("ca.pem").identity_files("client.pem", "client-key.pem");
/// let config = Config::default().tls(tls);
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    settings: Arc<Settings>,
    loaded: Arc<Mutex<Option<Loaded>>>,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    /// Nothing: those that the system trusts.
    authorities: Vec<Pem>,
    identity: Option<(Pem, Pem)>,
    server_name: Option<String>,
    newest_only: bool,
    accepts_anyone: bool,
}

/// Text in PEM format, or where to find it.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    Text(Vec<u8>),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            // It may be a key.
            Self::Text(_) => f.write_str("…"),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// What was made of the settings, and of which files.
#[derive(Clone)]
struct Loaded {
    stamps: Vec<Option<Stamp>>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the authorities that the system trusts, and shows no certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in a file of PEM format, and no longer those that the system trusts.
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.with(|settings| settings.authorities.push(Pem::File(path.into())))
    }

    /// Trusts the authorities in a text of PEM format, and no longer those that the system trusts.
    pub fn ca_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.with(|settings| settings.authorities.push(Pem::Text(pem.into())))
    }

    /// Shows the certificate in the first file, with those between it and its authority, whose key
    /// is in the second.
    pub fn identity_files(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let identity = (Pem::File(certificate.into()), Pem::File(key.into()));
        self.with(|settings| settings.identity = Some(identity))
    }

    /// Shows this certificate, with this key, both of PEM format.
    pub fn identity_pem(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let identity = (Pem::Text(certificate.into()), Pem::Text(key.into()));
        self.with(|settings| settings.identity = Some(identity))
    }

    /// Whether servers that ask for a certificate are shown one.
    pub fn shows_certificate(&self) -> bool {
        self.settings.identity.is_some()
    }

    /// Expects servers to have a certificate for this name, and not for the host of their URL.
    pub fn server_name(self, name: impl Into<String>) -> Self {
        self.with(|settings| settings.server_name = Some(name.into()))
    }

    /// Speaks TLS 1.3 alone.
    pub fn only_tls_1_3(self) -> Self {
        self.with(|settings| settings.newest_only = true)
    }

    /// Takes any certificate of any server: whoever is between can read and change everything, and
    /// gets all credentials. A warning is logged.
    pub fn danger_accept_invalid_certificates(self) -> Self {
        self.with(|settings| settings.accepts_anyone = true)
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Arc::unwrap_or_clone(self.settings);
        change(&mut settings);
        Self { settings: Arc::new(settings), loaded: Arc::default() }
    }

    /// Reads the files, so that what is wrong with them is known before the first connection.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read or used, and why.
    pub fn check(&self) -> Result<(), InvalidTls> {
        self.load().map(drop)
    }

    /// What the files say now, or what they said last where that cannot be used.
    fn load(&self) -> Result<Loaded, InvalidTls> {
        let stamps: Vec<_> = self.settings.files().map(Stamp::of).collect();
        let mut loaded = self.loaded();
        if let Some(loaded) = loaded.as_ref().filter(|loaded| loaded.stamps == stamps) {
            return Ok(loaded.clone());
        }
        match (load(&self.settings), &mut *loaded) {
            (Ok((http1, http2)), loaded) => {
                Ok(loaded.insert(Loaded { stamps, http1, http2 }).clone())
            }
            (Err(error), Some(last)) => {
                tracing::warn!(%error, "what was read before is used on");
                // Not looked at again before it changes.
                last.stamps = stamps;
                Ok(last.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Greets a server; it is who it should be when this succeeds.
    pub(crate) async fn greet(
        &self,
        endpoint: &Endpoint,
        socket: Socket,
        version: HttpVersion,
    ) -> Result<TlsStream, InvalidTls> {
        let loaded = self.load()?;
        let config = match version {
            HttpVersion::Http1 => loaded.http1,
            HttpVersion::Http2 => loaded.http2,
        };
        let host =
            self.settings.server_name.as_deref().or_else(|| endpoint.host()).unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| InvalidTls(format!("{host:?} cannot be the name of a certificate")))?;
        let greeted = TlsConnector::from(config).connect(name, socket).await;
        greeted.map_err(|error| InvalidTls(trust::describe(&error, host)))
    }

    fn loaded(&self) -> MutexGuard<'_, Option<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settings {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.authorities.iter().chain(identity).filter_map(|pem| match pem {
            Pem::File(path) => Some(path),
            Pem::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_shown() {
        let tls = Tls::new().identity_pem("certificate", "secret key").ca_file("/ca.pem");
        let shown = format!("{tls:?}");
        assert!(shown.contains("/ca.pem") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (empty, broken) =
            (at("empty.pem", ""), at("broken.pem", "-----BEGIN CERTIFICATE-----\n"));
        let missing = folder.path().join("missing.pem");
        for (tls, named, why) in [
            (Tls::new().ca_file(&missing), "missing.pem", "No such file"),
            (Tls::new().ca_file(&empty), "empty.pem", "no certificate"),
            (Tls::new().ca_file(&broken), "broken.pem", "PEM"),
            (Tls::new().identity_files(&empty, &empty), "empty.pem", "no certificate"),
            (Tls::new().ca_pem("nonsense"), "CA", "no certificate"),
        ] {
            let error = tls.check().unwrap_err().to_string();
            assert!(error.contains(named) && error.contains(why), "{error}");
        }
    }
}
