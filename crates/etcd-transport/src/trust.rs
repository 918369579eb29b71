//! Where credentials may go.

use etcd_proto::error::EncodeError;

use crate::config::Config;
use crate::endpoint::Endpoint;

/// Whether this endpoint may be told credentials of this configuration, where it has any: over plain
/// text only this machine may, and over TLS any, unless [it is allowed](Config::allow_plaintext_credentials).
///
/// # Errors
///
/// What would be needed.
pub fn may_carry(endpoint: &Endpoint, config: &Config) -> Result<(), EncodeError> {
    let is_safe = endpoint.is_secure() || endpoint.is_local();
    let goes = config.credentials.is_none() || config.plaintext_credentials || is_safe;
    match goes {
        true => Ok(()),
        false => Err(EncodeError::new("credentials", reason(endpoint))),
    }
}

fn reason(endpoint: &Endpoint) -> String {
    format!(
        "they would go to {endpoint} for all between to read; use https://, or allow \
         it with Config::allow_plaintext_credentials"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_this_machine_alone_unless_allowed() {
        let (none, some) = (Config::default(), Config::default().credentials("user", "hunter2"));
        let allowed = some.clone().allow_plaintext_credentials();
        for (text, local) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("unix:/run/etcd.sock", true),
            ("0.0.0.0:1", false),
            ("[::]", false),
            ("[::ffff:127.0.0.1]", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com", false),
            ("localhost.", false),
            ("10.0.0.1", false),
            ("etcd", false),
            ("https://etcd", true),
        ] {
            let endpoint = text.parse().unwrap();
            assert_eq!(may_carry(&endpoint, &some).is_ok(), local, "{text}");
            assert!(may_carry(&endpoint, &none).is_ok() && may_carry(&endpoint, &allowed).is_ok());
        }
        let error = may_carry(&"etcd:2379".parse().unwrap(), &some).unwrap_err().to_string();
        assert!(error.contains("etcd:2379") && error.contains("allow_plaintext_credentials"));
    }
}
