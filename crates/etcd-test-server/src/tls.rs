//! TLS with certificates that are made for one server and forgotten with it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::version::Version;

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// Who has none of the server's authority is refused, as with `--client-cert-auth`.
    ///
    /// The name in it stands for no user.
    Required,
}

/// What a client needs, as PEM.
#[derive(Clone)]
pub struct Certificates {
    /// The certificate of the authority that signed all others.
    pub ca: String,
    /// A client's certificate.
    pub client: String,
    /// The key of the client's certificate.
    pub client_key: String,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// TLS of all members of a cluster.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) certificates: Arc<Certificates>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.certificates.fmt(f)
    }
}

impl Tls {
    /// New certificates, of a server at loopback and at an address.
    pub(crate) fn new(auth: ClientAuth, version: Version, at: IpAddr) -> io::Result<Self> {
        let mut params = params("authority", Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let ca = params.self_signed(&key).map_err(io::Error::other)?;
        let issuer = Issuer::new(params, key);
        let mut hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        hosts.push(at.to_string());
        let server = signed(&issuer, "server", hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
        let client = signed(&issuer, "client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
        let config = config(auth, version, ca.der().clone(), &server)?;
        let certificates = Arc::new(Certificates {
            ca: ca.pem(),
            client: client.certificate.pem(),
            client_key: client.key.serialize_pem(),
        });
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificates })
    }
}

struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn signed(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    hosts: Vec<String>,
    usage: ExtendedKeyUsagePurpose,
) -> io::Result<Signed> {
    let mut params = params(name, hosts)?;
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.signed_by(&key, issuer).map_err(io::Error::other)?;
    Ok(Signed { certificate, key })
}

fn params(name: &str, hosts: Vec<String>) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn config(
    auth: ClientAuth,
    version: Version,
    ca: CertificateDer<'static>,
    server: &Signed,
) -> io::Result<ServerConfig> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Required => {
            let mut roots = RootCertStore::empty();
            roots.add(ca).map_err(io::Error::other)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(io::Error::other)?)
        }
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server.key.serialize_der()));
    let chain = vec![server.certificate.der().clone()];
    let mut config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
    let spoken: &[&[u8]] = if version.has_v3() { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    config.alpn_protocols = spoken.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}
