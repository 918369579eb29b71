//! Leases that are kept, and how that ends, on members that are well.

use std::time::Duration;

use etcd_client::LeaseId;
use etcd_client::v3::{Ended, KeptLease};
use etcd_live::each::{PATIENCE, on_each, on_each_server};
use tokio::time::timeout;

use crate::{exists, seconds, streams, until_gone};

#[test]
fn a_lease_is_kept_past_its_time_and_revoked_with_the_last_handle() {
    on_each_server(async |_, client| {
        let kept = client.lease().grant_and_keep(seconds(2)).await.expect("a lease");
        let id = kept.id();
        still_there_after(Duration::from_secs(5), &kept).await;
        assert!(kept.surely_held_for() <= Duration::from_millis(1500));
        let other = kept.clone();
        drop(kept);
        still_there_after(Duration::from_secs(3), &other).await;
        drop(other);
        until_gone(&client, id).await;
    });
}

#[test]
fn a_lease_that_was_there_is_kept_and_lives_on_when_it_is_let_go() {
    on_each_server(async |_, client| {
        let id = client.lease().grant(seconds(2)).await.expect("a lease").lease_id();
        let kept = client.lease().keep_alive(id).await.expect("it is there");
        let again = client.lease().keep_alive(id).await.expect("it is there");
        drop(again);
        still_there_after(Duration::from_secs(4), &kept).await;
        assert_eq!(kept.ttl(), Duration::from_secs(2));
        let other = kept.clone();
        assert_eq!(kept.leave(), id);
        assert_eq!(lost(&other).await, Ended::Closed);
        assert!(exists(&client, id).await, "nobody revoked it");
        until_gone(&client, id).await;
    });
}

#[test]
fn a_lease_that_another_revokes_is_lost_at_the_next_renewal() {
    on_each_server(async |_, client| {
        let kept = client.lease().grant_and_keep(seconds(6)).await.expect("a lease");
        client.lease().revoke(kept.id()).await.expect("it is there");
        assert_eq!(lost(&kept).await, Ended::Revoked);
        assert_eq!(kept.surely_held_for(), Duration::ZERO);
        assert_eq!(kept.clone().lost().await, Ended::Revoked, "it stays so");
        kept.revoke().await.expect("that it is gone is no error");
    });
}

#[test]
fn all_leases_are_renewed_on_one_stream() {
    on_each(async |cluster, client| {
        let before = streams(cluster, 0);
        let mut kept = Vec::new();
        for _ in 0..50 {
            // Clones of a client share it, in a namespace too.
            let lease = client.clone().namespace("a/").lease();
            kept.push(lease.grant_and_keep(seconds(2)).await.expect("a lease"));
        }
        for kept in &kept {
            still_there_after(Duration::ZERO, kept).await;
        }
        still_there_after(Duration::from_secs(4), &kept[0]).await;
        assert!(kept.iter().all(|kept| !kept.surely_held_for().is_zero()));
        assert_eq!(streams(cluster, 0) - before, 1);

        let id = kept[0].id();
        kept.remove(0).revoke().await.expect("it is there");
        assert!(!exists(&client, id).await);
        let ids: Vec<LeaseId> = kept.iter().map(KeptLease::id).collect();
        drop(kept);
        for id in ids {
            until_gone(&client, id).await;
        }
    });
}

async fn still_there_after(wait: Duration, kept: &KeptLease) {
    match timeout(wait, kept.lost()).await {
        Ok(why) => panic!("{kept:?}: {why}"),
        Err(_) => assert!(!kept.surely_held_for().is_zero(), "{kept:?}"),
    }
}

async fn lost(kept: &KeptLease) -> Ended {
    timeout(PATIENCE, kept.lost()).await.expect("it is told")
}
