//! A server that says which etcd it is, and counts what it is asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::{default_provider, sign::any_supported_type};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::authority::Signed;

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 44\r\nConnection: close\r\n\r\n\
    {\"etcdserver\":\"3.7.3\",\"etcdcluster\":\"3.7.0\"}";

/// A server on a port of its own, while the runtime lasts.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// How many connections brought a byte of a request.
    asked: Arc<AtomicUsize>,
    /// Who asked last.
    client: Arc<Mutex<Option<CertificateDer<'static>>>>,
}

/// Shows what it is given, fitting or not.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Which clients are let in, and what is spoken to them.
#[derive(Default)]
pub(crate) struct Terms<'a> {
    pub(crate) clients_of: Option<&'a Signed>,
    pub(crate) only_tls_1_2: bool,
}

impl Server {
    pub(crate) async fn start(
        chain: Vec<CertificateDer<'static>>,
        key: &[u8],
        terms: Terms<'_>,
    ) -> Self {
        let provider = Arc::new(default_provider());
        let key = PrivateKeyDer::try_from(key.to_vec()).unwrap();
        let shown = CertifiedKey::new(chain, any_supported_type(&key).unwrap());
        let versions: &[_] = if terms.only_tls_1_2 { &[&TLS12] } else { &[&TLS12, &TLS13] };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = match terms.clients_of {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = builder.with_cert_resolver(Arc::new(Shown(Arc::new(shown))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, asked: Arc::default(), client: Arc::default() };
        tokio::spawn(server.clone().run(listener, TlsAcceptor::from(Arc::new(config))));
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn last_client(&self) -> Option<CertificateDer<'static>> {
        self.client.lock().unwrap().clone()
    }

    async fn run(self, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(stream, acceptor.clone()));
        }
    }

    async fn serve(self, stream: TcpStream, acceptor: TlsAcceptor) -> std::io::Result<()> {
        let mut stream = acceptor.accept(stream).await?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
        let chain = stream.get_ref().1.peer_certificates();
        *self.client.lock().unwrap() = chain.map(|chain| chain[0].clone().into_owned());
        stream.write_all(REPLY).await?;
        stream.shutdown().await
    }
}
