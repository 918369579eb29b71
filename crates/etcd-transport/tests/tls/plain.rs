//! Servers that do not speak TLS, others that do not speak the newest, and trust in everybody.

use etcd_proto::call::Outcome;
use etcd_proto::v2::GetVersion;
use etcd_transport::endpoint::parse_list;
use etcd_transport::{Channel, Config, Tls};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::authority::{authority, self_signed, server};
use crate::server::{Server, Terms};
use crate::{channel, version, why};

#[tokio::test]
async fn who_speaks_no_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    let root = self_signed(authority("root"));
    let error = version(&channel(&url, Tls::new().ca_pem(root.pem()))).await.unwrap_err();
    assert!(why(&error).contains("speak TLS"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let root = self_signed(authority("root"));
    let deadline = std::time::Duration::from_millis(400);
    let config = Config::default().deadline(deadline).tls(Tls::new().ca_pem(root.pem()));
    let channel = Channel::new(parse_list(&url).unwrap(), config);
    let error = channel.call(&GetVersion).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
    drop(listener);
}

#[tokio::test]
async fn the_newest_alone_is_spoken_when_asked_for() {
    let root = self_signed(authority("root"));
    let leaf = root.signs(server(&["127.0.0.1"]));
    let terms = Terms { only_tls_1_2: true, ..Terms::default() };
    let server = Server::start(vec![leaf.der()], leaf.key.serialized_der(), terms).await;
    let tls = Tls::new().ca_pem(root.pem());
    version(&channel(&server.url(), tls.clone())).await.unwrap();
    let error = version(&channel(&server.url(), tls.only_tls_1_3())).await.unwrap_err();
    assert!(why(&error).contains("ended the handshake"), "{error}");
}

#[tokio::test]
async fn everybody_is_trusted_only_where_it_says_so() {
    let stranger = self_signed(server(&["other.example"]));
    let server =
        Server::start(vec![stranger.der()], stranger.key.serialized_der(), Terms::default()).await;
    let tls = Tls::new().ca_pem(self_signed(authority("root")).pem());
    version(&channel(&server.url(), tls.clone())).await.unwrap_err();
    assert_eq!(server.asked(), 0);
    version(&channel(&server.url(), tls.danger_accept_invalid_certificates())).await.unwrap();
}
