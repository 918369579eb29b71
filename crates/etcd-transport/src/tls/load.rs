//! From files to what rustls works with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::ClientConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::trust::Anyone;
use super::{InvalidTls, Pem, Settings};

/// What tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl Stamp {
    /// Nothing where the file is not to be seen.
    pub(super) fn of(path: &PathBuf) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&found);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { modified: found.modified().ok(), length: found.len(), number })
    }
}

/// The configurations for HTTP/1.1 and for HTTP/2.
pub(super) fn load(
    settings: &Settings,
) -> Result<(Arc<ClientConfig>, Arc<ClientConfig>), InvalidTls> {
    let provider = Arc::new(ring::default_provider());
    let versions: &[_] = if settings.newest_only { &[&TLS13] } else { &[&TLS13, &TLS12] };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let builder = if settings.accepts_anyone {
        tracing::warn!("certificates of servers are not verified");
        let anyone = Arc::new(Anyone(provider));
        builder.dangerous().with_custom_certificate_verifier(anyone)
    } else {
        builder.with_root_certificates(roots(settings)?)
    };
    let mut http1 = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates(certificate, "the certificate")?, private_key(key)?);
            builder.with_client_auth_cert(chain, key).map_err(unusable)?
        }
    };
    let mut http2 = http1.clone();
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    http2.alpn_protocols = vec![b"h2".to_vec()];
    Ok((Arc::new(http1), Arc::new(http2)))
}

fn unusable(error: impl std::fmt::Display) -> InvalidTls {
    InvalidTls(format!("the certificate and its key cannot be used: {error}"))
}

fn roots(settings: &Settings) -> Result<RootCertStore, InvalidTls> {
    let mut roots = RootCertStore::empty();
    if settings.authorities.is_empty() {
        // Some of a system's are often ones that nobody can use.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match roots.is_empty() {
            true => Err(InvalidTls("the system trusts no authority; give a CA file".into())),
            false => Ok(roots),
        };
    }
    for pem in &settings.authorities {
        for certificate in certificates(pem, "the CA")? {
            roots
                .add(certificate)
                .map_err(|error| InvalidTls(format!("{}: {error}", name(pem, "the CA"))))?;
        }
    }
    Ok(roots)
}

fn certificates(pem: &Pem, what: &str) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let text = text(pem, what)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(InvalidTls(format!("{}: there is no certificate in it", name(pem, what)))),
        Err(error) => Err(InvalidTls(format!("{} is not PEM: {error}", name(pem, what)))),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, InvalidTls> {
    if let Pem::File(path) = pem {
        warn_if_shared(path);
    }
    let text = text(pem, "the key")?;
    // Its own words could repeat what is in the file.
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        InvalidTls(format!("{}: there is no private key in PEM format in it", name(pem, "the key")))
    })
}

fn text(pem: &Pem, what: &str) -> Result<Vec<u8>, InvalidTls> {
    match pem {
        Pem::Text(text) => Ok(text.clone()),
        Pem::File(path) => {
            std::fs::read(path).map_err(|error| InvalidTls(format!("{}: {error}", name(pem, what))))
        }
    }
}

fn name(pem: &Pem, what: &str) -> String {
    match pem {
        Pem::File(path) => format!("{path:?}"),
        Pem::Text(_) => what.to_owned(),
    }
}

/// A key that others on the machine can read is one that they can use.
fn warn_if_shared(path: &Path) {
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0
    {
        tracing::warn!(?path, "others can read this key; chmod 600 keeps it private");
    }
    #[cfg(not(unix))]
    let _ = path;
}

impl Anyone {
    pub(super) fn provider(&self) -> &CryptoProvider {
        &self.0
    }
}
