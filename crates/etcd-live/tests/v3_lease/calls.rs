//! Each call about leases, and what it says of one that is not there.

use etcd_client::v3::api::{LeaseGrantRequest, PutRequest};
use etcd_client::{ErrorKind, LeaseId, Outcome};
use etcd_live::each::on_each_server;

use crate::{seconds, until_gone};

#[test]
fn a_lease_is_granted_listed_looked_at_renewed_and_revoked() {
    on_each_server(async |_, client| {
        let lease = client.lease();
        let granted = lease.grant(seconds(60)).await.expect("a lease");
        let id = granted.lease_id();
        assert!(id.0 > 0 && granted.ttl == 60, "{granted:?}");
        client.kv().put_with(PutRequest::new("with", "").lease(id)).await.expect("a lease");

        let listed = lease.list().await.expect("a list");
        assert_eq!(listed.leases.iter().map(|one| one.lease_id()).collect::<Vec<_>>(), [id]);
        let left = lease.time_to_live(id).await.expect("an answer").expect("it is there");
        assert!((1..=60).contains(&left.ttl) && left.granted_ttl == 60, "{left:?}");
        assert!(left.keys.is_empty());
        let left = lease.time_to_live_with_keys(id).await.expect("an answer").expect("it is there");
        assert_eq!(left.keys, ["with"]);
        assert_eq!(lease.keep_alive_once(id).await.expect("an answer").ttl, 60);

        lease.revoke(id).await.expect("it is there");
        assert_eq!(client.kv().get("with").await.expect("an answer"), None);
    });
}

#[test]
fn a_lease_that_is_not_there() {
    on_each_server(async |_, client| {
        let (lease, id) = (client.lease(), LeaseId(4711));
        assert_eq!(lease.time_to_live(id).await.expect("an answer"), None);
        for error in [
            lease.revoke(id).await.err(),
            lease.keep_alive_once(id).await.err(),
            lease.keep_alive(id).await.err(),
            client.kv().put_with(PutRequest::new("k", "").lease(id)).await.err(),
        ] {
            let error = error.expect("there is no such lease");
            assert_eq!(*error.kind(), ErrorKind::LeaseNotFound, "{error}");
            assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
        }
    });
}

#[test]
fn an_id_of_ones_choice_is_had_once() {
    on_each_server(async |_, client| {
        let request = LeaseGrantRequest::new(seconds(60)).id(4711);
        let lease = client.lease();
        assert_eq!(lease.grant_with(request).await.expect("it is free").lease_id(), LeaseId(4711));
        let error = lease.grant_with(request).await.expect_err("it is not free");
        assert!(error.is_definitely_not_applied(), "{error:?}");
        // The server's own choice.
        let granted = lease.grant_with(LeaseGrantRequest::new(seconds(60))).await;
        assert_ne!(granted.expect("a lease").lease_id(), LeaseId(0));
    });
}

#[test]
fn a_time_to_live_that_is_too_short_is_raised_and_nobody_renews_it() {
    on_each_server(async |_, client| {
        let granted = client.lease().grant(seconds(1)).await.expect("a lease");
        assert_eq!(granted.ttl, 2);
        until_gone(&client, granted.lease_id()).await;
    });
}
