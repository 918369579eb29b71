//! Locks on a lease that is kept for other things too.

use std::time::Duration;

use etcd_client::v3::{Ended, LockOptions, Lost};
use etcd_client::{ErrorKind, Outcome};
use etcd_live::each::{PATIENCE, on_each_server};
use tokio::time::timeout;

use crate::{in_line, seconds, until_in_line};

#[test]
fn a_lease_that_is_kept_has_locks_and_outlives_them() {
    on_each_server(async |_, client| {
        let lease = client.lease().grant_and_keep(seconds(10)).await.expect("a lease");
        for _ in 0..3 {
            let one = client.lock("one", &lease).await.expect("it is free");
            let two = client.lock("two", &lease).await.expect("it is free");
            assert_eq!(one.lease().id(), lease.id());
            one.release().await.expect("it is held");
            assert_eq!((in_line(&client, "one").await, in_line(&client, "two").await), (0, 1));
            drop(two);
            until_in_line(&client, "two", 0).await;
        }
        assert!(client.lease().time_to_live(lease.id()).await.expect("an answer").is_some());
    });
}

#[test]
fn two_on_one_lease_exclude_each_other() {
    on_each_server(async |_, client| {
        let lease = client.lease().grant_and_keep(seconds(10)).await.expect("a lease");
        let lock = client.lock("l", &lease).await.expect("it is free");
        let error = client.try_lock("l", &lease).await.expect_err("it is not free");
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::LockBusy, Outcome::NotApplied));
        let short = LockOptions::on(&lease).wait(Duration::from_millis(200));
        client.lock("l", short).await.expect_err("it is not free in time");
        until_in_line(&client, "l", 1).await;

        let (other, on) = (client.clone(), lease.clone());
        let waits = tokio::spawn(async move { other.lock("l", &on).await });
        until_in_line(&client, "l", 2).await;
        let token = lock.fencing_token();
        lock.release().await.expect("it is held");
        let lock = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        assert!(lock.expect("a lock").fencing_token() > token);
    });
}

#[test]
fn all_locks_on_a_lease_are_lost_with_it() {
    on_each_server(async |_, client| {
        let lease = client.lease().grant_and_keep(seconds(10)).await.expect("a lease");
        let one = client.lock("one", &lease).await.expect("it is free");
        let two = client.lock("two", &lease).await.expect("it is free");
        lease.revoke().await.expect("it is there");
        for lock in [one, two] {
            let lost = timeout(PATIENCE, lock.lost()).await.expect("it is told");
            assert!(matches!(lost, Lost::Lease(Ended::Closed) | Lost::KeyDeleted), "{lost}");
        }
    });
}

#[test]
fn a_lock_keeps_its_lease_when_the_handle_is_dropped() {
    on_each_server(async |_, client| {
        let lease = client.lease().grant_and_keep(seconds(2)).await.expect("a lease");
        let lock = client.lock("l", &lease).await.expect("it is free");
        drop(lease);
        assert!(timeout(Duration::from_secs(4), lock.lost()).await.is_err());
        lock.put("k", "v").await.expect("it is held");
    });
}
