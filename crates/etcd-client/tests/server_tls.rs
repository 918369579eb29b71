//! The test server over TLS, as the clients of v2 and v3 see it.

#![allow(clippy::unwrap_used, reason = "a test")]

use etcd_client::{Client, Config, ErrorKind, Outcome, Tls, v2};
use etcd_proto::grpc::{Code, Status};
use etcd_test_server::fault::{Fault, Rule};
use etcd_test_server::tls::{Certificates, ClientAuth};
use etcd_test_server::{TestCluster, TestServer, Version};

fn trusting(certificates: &Certificates) -> Tls {
    Tls::new().ca_pem(certificates.ca.as_str())
}

fn known(certificates: &Certificates) -> Tls {
    let Certificates { client, client_key, .. } = certificates;
    trusting(certificates).identity_pem(client.as_str(), client_key.as_str())
}

/// How a put and a set end, of clients with these settings.
async fn writes(server: &TestServer, tls: Tls) -> [Result<(), Outcome>; 2] {
    let config = Config::default().tls(tls);
    let new = Client::with_config(&server.endpoint(), config.clone()).unwrap();
    let old = v2::Client::with_config(&server.endpoint(), config).unwrap();
    let put = new.kv().put("k", "v").await.map(drop);
    let set = old.set("/k", "v").await.map(drop);
    [put.map_err(|error| error.outcome()), set.map_err(|error| error.outcome())]
}

async fn start(clients: ClientAuth) -> TestServer {
    TestServer::builder().version(Version::V3_5).tls(clients).start().await.unwrap()
}

#[tokio::test]
async fn both_generations_trust_the_server_by_its_authority_alone() {
    let server = start(ClientAuth::None).await;
    let other = start(ClientAuth::None).await;
    let refused = writes(&server, trusting(other.certificates().unwrap())).await;
    assert_eq!(refused, [Err(Outcome::NotApplied); 2]);
    assert_eq!(writes(&server, trusting(server.certificates().unwrap())).await, [Ok(()); 2]);
}

#[tokio::test]
async fn both_generations_show_a_certificate_where_one_is_required() {
    let server = start(ClientAuth::Required).await;
    let certificates = server.certificates().unwrap();
    let refused = writes(&server, trusting(certificates)).await;
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    assert_eq!(writes(&server, known(certificates)).await, [Ok(()); 2]);
}

#[tokio::test]
async fn a_client_goes_on_at_another_member() {
    let builder = TestCluster::builder().tls(ClientAuth::Required);
    let cluster = builder.start_cluster(3).await.unwrap();
    let config = Config::default().tls(known(cluster.certificates().unwrap()));
    let client = Client::with_config(&cluster.endpoints().join(","), config).unwrap();
    client.kv().put("k", "1").await.unwrap();
    cluster.kill(0).await;
    cluster.kill(1).await;
    let got = client.kv().get("k").await.unwrap();
    assert_eq!(got.unwrap().value, "1");
}

/// A server that was without authentication when a call came takes the name in the certificate.
#[tokio::test]
async fn a_certificate_that_is_refused_in_place_of_a_user_is_no_end() {
    let named: fn(&Certificates) -> Tls = known;
    let unauthorized = Err(ErrorKind::Unauthorized);
    for (clients, tls, denials, expected) in [
        (ClientAuth::Required, named, 1, Ok(())),
        (ClientAuth::Required, named, 2, unauthorized.clone()),
        (ClientAuth::None, trusting, 1, unauthorized),
    ] {
        let server = start(clients).await;
        let tls = tls(server.certificates().unwrap());
        let config = Config::default().tls(tls).credentials("root", "r");
        let root = Client::with_config(&server.endpoint(), config).unwrap();
        root.auth().user_add("root", "r").await.unwrap();
        root.auth().user_grant_role("root", "root").await.unwrap();
        root.auth().enable().await.unwrap();
        root.kv().get("k").await.unwrap();
        let denied = Status::new(Code::PERMISSION_DENIED, "etcdserver: permission denied");
        server
            .faults()
            .add(Rule::new(Fault::Grpc(denied)).path("/etcdserverpb.KV/").times(denials));
        let put = root.kv().put("k", "v").await.map(drop);
        assert_eq!(put.map_err(|error| error.kind().clone()), expected);
    }
}
