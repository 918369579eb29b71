//! Users, members and statistics of the test server, as the client of v2 sees them.

#![allow(clippy::unwrap_used, reason = "a test")]

use etcd_client::v2::Client;
use etcd_client::v2::api::{KeyPermissions, RolePut};
use etcd_client::{Config, Error, ErrorKind, Outcome};
use etcd_test_server::{TestServer, Version};

async fn start(version: Version) -> (TestServer, Client) {
    let server = TestServer::builder().version(version).start().await.unwrap();
    let client = Client::new(&server.endpoint()).unwrap();
    (server, client)
}

fn client_as(server: &TestServer, user: &str, password: &str) -> Client {
    let config = Config::default().credentials(user, password);
    Client::with_config(&server.endpoint(), config).unwrap()
}

fn permissions(key: &str) -> KeyPermissions {
    KeyPermissions { read: vec![key.to_owned()], write: vec![key.to_owned()] }
}

fn refused<T: std::fmt::Debug>(call: Result<T, Error>) -> (ErrorKind, Outcome) {
    let error = call.unwrap_err();
    (error.kind().clone(), error.outcome())
}

#[tokio::test]
async fn a_user_may_do_what_a_role_says_and_no_more() {
    for version in [Version::V2_3, Version::V3_5] {
        let (server, nobody) = start(version).await;
        nobody.create_user("root", "r").await.unwrap();
        nobody.create_user("ann", "pässwörd: 1").await.unwrap();
        nobody.put_role(RolePut::new("writer").permissions(permissions("/w/*"))).await.unwrap();
        nobody.grant_roles("ann", &["writer"]).await.unwrap();
        let [root, ann] = [("root", "r"), ("ann", "pässwörd: 1")]
            .map(|(user, word)| client_as(&server, user, word));
        root.enable_auth().await.unwrap();
        root.put_role(RolePut::new("guest").revoke(permissions("/*"))).await.unwrap();

        ann.set("/w/a", "1").await.unwrap();
        let unauthorized = (ErrorKind::Unauthorized, Outcome::NotApplied);
        assert_eq!(refused(ann.set("/other", "1").await), unauthorized);
        assert_eq!(refused(ann.users().await), unauthorized);
        for stranger in [&nobody, &client_as(&server, "ann", "wrong")] {
            assert_eq!(refused(stranger.set("/w/a", "2").await), unauthorized);
            assert_eq!(refused(stranger.add_member(&["http://a:1"]).await), unauthorized);
        }
        assert_eq!(root.get("/w/a").await.unwrap().value.as_deref(), Some("1"));
        assert_eq!(root.users().await.unwrap().len(), 2);
        root.disable_auth().await.unwrap();
        nobody.set("/w/a", "3").await.unwrap();
    }
}

#[tokio::test]
async fn a_member_comes_and_goes_and_the_store_counts() {
    let (_server, client) = start(Version::V3_4).await;
    let added = client.add_member(&["http://a:1"]).await.unwrap();
    assert_eq!(refused(client.add_member(&["http://a:1"]).await).0, ErrorKind::Refused);
    client.update_member(added.id, &["http://b:1"]).await.unwrap();
    let listed = client.members().await.unwrap();
    let member = listed.iter().find(|member| member.id == added.id).unwrap();
    assert_eq!(member.peer_urls, ["http://b:1"]);
    client.remove_member(added.id).await.unwrap();
    assert_eq!(refused(client.remove_member(added.id).await).0, ErrorKind::Refused);
    client.set("/k", "1").await.unwrap();
    assert_eq!(client.stats_store().await.unwrap().sets_success, 1);
    assert_eq!(client.stats_leader().await.unwrap().leader, client.stats_self().await.unwrap().id);
}
