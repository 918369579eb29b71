//! TLS, as a client of rustls alone sees it.

use std::io;
use std::sync::Arc;

use etcd_test_server::tls::{Certificates, ClientAuth};
use etcd_test_server::{TestCluster, TestServer, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const ASK: &[u8] = b"GET /version HTTP/1.1\r\nhost: etcd\r\nconnection: close\r\n\r\n";

/// What a client knows.
#[derive(Clone, Copy)]
struct Knows {
    authority: bool,
    identity: bool,
}

const ALL: Knows = Knows { authority: true, identity: true };

fn connector(certificates: &Certificates, knows: Knows, alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    if knows.authority {
        let ca = CertificateDer::from_pem_slice(certificates.ca.as_bytes()).expect("PEM");
        roots.add(ca).expect("an authority");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = if knows.identity {
        let shown = CertificateDer::from_pem_slice(certificates.client.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(certificates.client_key.as_bytes()).expect("PEM");
        builder.with_client_auth_cert(vec![shown], key).expect("a key that fits")
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    server: &TestServer,
    knows: Knows,
    alpn: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let certificates = server.certificates().expect("they were asked for");
    let line = TcpStream::connect(server.address()).await?;
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    connector(certificates, knows, alpn).connect(name, line).await
}

/// What is answered, over HTTP/1.1; a refused client learns of it when it reads.
async fn ask(server: &TestServer, knows: Knows) -> io::Result<String> {
    let mut line = connect(server, knows, &["http/1.1"]).await?;
    line.write_all(ASK).await?;
    let mut reply = String::new();
    line.read_to_string(&mut reply).await?;
    Ok(reply)
}

async fn start(version: Version, clients: ClientAuth) -> TestServer {
    TestServer::builder().version(version).tls(clients).start().await.expect("a port")
}

#[tokio::test]
async fn alpn_gives_http_2_where_there_is_v3() {
    for version in Version::ALL {
        let server = start(version, ClientAuth::None).await;
        assert!(server.endpoint().starts_with("https://127.0.0.1:"), "{}", server.endpoint());
        let newest: &[u8] = if version.has_v3() { b"h2" } else { b"http/1.1" };
        for (offered, chosen) in [
            (&["h2", "http/1.1"][..], Some(newest)),
            (&["http/1.1"], Some(b"http/1.1")),
            (&[], None),
        ] {
            let line = connect(&server, ALL, offered).await.expect("a handshake");
            assert_eq!(line.get_ref().1.alpn_protocol(), chosen, "{version:?}");
        }
        let reply = ask(&server, ALL).await.expect("a reply");
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains(version.number()), "{reply}");
    }
}

#[tokio::test]
async fn only_who_knows_the_authority_trusts_the_server() {
    let server = start(Version::V3_7, ClientAuth::None).await;
    let stranger = Knows { authority: false, identity: false };
    let refused = connect(&server, stranger, &["h2"]).await.expect_err("no trust");
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    let knows = Knows { identity: false, ..ALL };
    assert!(ask(&server, knows).await.expect("a reply").contains("3.7.3"));
    let other = start(Version::V3_7, ClientAuth::None).await;
    let certificates = other.certificates().expect("they were asked for");
    let line = TcpStream::connect(server.address()).await.expect("a connection");
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let refused = connector(certificates, knows, &[]).connect(name, line).await;
    assert!(refused.is_err(), "an authority is good for one server alone");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let server = start(Version::V3_7, ClientAuth::Required).await;
    let refused = ask(&server, Knows { identity: false, ..ALL }).await.expect_err("no entry");
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    assert!(ask(&server, ALL).await.expect("a reply").contains("3.7.3"));
}

#[tokio::test]
async fn who_speaks_plainly_gets_no_answer() {
    let server = start(Version::V3_7, ClientAuth::None).await;
    let mut line = TcpStream::connect(server.address()).await.expect("a connection");
    line.write_all(ASK).await.expect("the system takes it");
    let mut reply = Vec::new();
    let _ = line.read_to_end(&mut reply).await;
    assert!(!reply.windows(4).any(|part| part == b"HTTP"), "{reply:?}");
    let plain = TestServer::start().await.expect("a port");
    assert!(plain.certificates().is_none() && plain.endpoint().starts_with("http://"));
}

#[tokio::test]
async fn pipes_and_members_that_start_again_speak_it_too() {
    let builder = TestCluster::builder().tls(ClientAuth::Required);
    let cluster = builder.start_cluster(2).await.expect("ports");
    assert!(cluster.endpoints().iter().all(|endpoint| endpoint.starts_with("https://")));
    cluster.kill(1).await;
    cluster.restart(1).await.expect("the port is free");
    let connector = connector(cluster.certificates().expect("they are there"), ALL, &[]);
    let name = || ServerName::try_from("localhost").expect("a name");
    let line = TcpStream::connect(cluster.address(1)).await.expect("a connection");
    connector.connect(name(), line).await.expect("a handshake");
    let mut line = connector.connect(name(), cluster.pipe(0)).await.expect("a handshake");
    line.write_all(ASK).await.expect("a pipe takes it");
    let mut reply = String::new();
    line.read_to_string(&mut reply).await.expect("a reply");
    assert!(reply.contains("3.7.3"), "{reply}");
}

#[tokio::test]
async fn a_handshake_ends_with_its_member() {
    let server = start(Version::V3_7, ClientAuth::None).await;
    let mut line = TcpStream::connect(server.address()).await.expect("a connection");
    server.cluster().cut(0);
    assert!(matches!(line.read(&mut [0]).await, Ok(0) | Err(_)));
}
