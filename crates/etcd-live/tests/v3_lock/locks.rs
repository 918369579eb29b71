//! What a lock does for one who takes it, waits for it, has it and gives it up.

use std::time::{Duration, Instant};

use etcd_client::v3::api::{CompactionRequest, Compare, PutRequest, RangeRequest, TxnRequest};
use etcd_client::v3::{Ended, Lock, LockOptions, Lost};
use etcd_client::{ErrorKind, KeyRange, LeaseId, Outcome, Revision};
use etcd_live::each::{PATIENCE, on_each_server, until};
use tokio::time::timeout;

use crate::{in_line, leases, seconds, until_in_line};

#[test]
fn a_lock_stands_as_a_key_on_a_lease_and_goes_with_both() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(10)).await.expect("it is free");
        let entry = client.kv().get(lock.key()).await.expect("an answer").expect("it is there");
        assert_eq!(entry.lease, lock.lease().id().0);
        assert_eq!(*lock.key(), format!("l/{}", lock.lease().id()));
        assert_eq!(lock.fencing_token().revision, Revision(entry.create_revision));
        let sure = lock.surely_held_for();
        assert!(sure <= Duration::from_secs(9) && !sure.is_zero(), "{sure:?}");
        lock.release().await.expect("it is held");
        assert_eq!((in_line(&client, "l").await, leases(&client).await), (0, 0));
    });
}

#[test]
fn those_who_wait_have_their_turns_in_order_with_growing_tokens() {
    on_each_server(async |_, client| {
        let first = client.lock("l", seconds(10)).await.expect("it is free");
        let mut waiting = Vec::new();
        for place in 2..6 {
            let other = client.clone();
            waiting.push(tokio::spawn(async move { other.lock("l", seconds(10)).await }));
            until_in_line(&client, "l", place).await;
        }
        let mut last = first.fencing_token();
        first.release().await.expect("it is held");
        for waiting in waiting {
            let lock = timeout(PATIENCE, waiting).await.expect("its turn comes").expect("a task");
            let lock = lock.expect("a lock");
            assert!(lock.fencing_token() > last, "{lock:?} after {last}");
            last = lock.fencing_token();
            lock.release().await.expect("it is held");
        }
        assert_eq!((in_line(&client, "l").await, leases(&client).await), (0, 0));
    });
}

#[test]
fn who_does_not_wait_is_told_at_once_and_leaves_nothing() {
    on_each_server(async |_, client| {
        let lock = client.try_lock("l", seconds(10)).await.expect("it is free");
        let error = client.try_lock("l", seconds(10)).await.expect_err("it is not free");
        assert_eq!((error.kind(), error.outcome()), (&ErrorKind::LockBusy, Outcome::NotApplied));
        assert_eq!((in_line(&client, "l").await, leases(&client).await), (1, 1));

        let options = LockOptions::new(seconds(10)).wait(Duration::from_millis(300));
        let began = Instant::now();
        let error = client.lock("l", options).await.expect_err("it is not free in time");
        assert_eq!(*error.kind(), ErrorKind::LockBusy, "{error}");
        assert!(began.elapsed() >= Duration::from_millis(300));
        until_in_line(&client, "l", 1).await;
        until("its lease is revoked", async || leases(&client).await == 1).await;
        lock.release().await.expect("it is held");
    });
}

#[test]
fn a_wait_that_is_dropped_gives_up_its_place() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let waits = client.lock("l", seconds(60));
        assert!(timeout(Duration::from_millis(300), waits).await.is_err());
        until_in_line(&client, "l", 1).await;
        until("its lease is revoked", async || leases(&client).await == 1).await;
        // And so does a lock that is dropped.
        drop(lock);
        until_in_line(&client, "l", 0).await;
        until("its lease is revoked", async || leases(&client).await == 0).await;
    });
}

#[test]
fn a_lock_that_is_dropped_takes_its_lease_along_whoever_has_a_handle_of_that() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let lease = lock.lease().clone();
        drop(lock);
        assert_eq!(timeout(PATIENCE, lease.lost()).await, Ok(Ended::Closed));
        until_in_line(&client, "l", 0).await;
        until("its lease is revoked", async || leases(&client).await == 0).await;
    });
}

#[test]
fn the_waiter_behind_one_that_gives_up_still_waits_for_the_holder() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let (one, other) = (client.clone(), client.clone());
        let gives_up = tokio::spawn(async move { one.lock("l", seconds(60)).await });
        until_in_line(&client, "l", 2).await;
        let stays = tokio::spawn(async move { other.lock("l", seconds(60)).await });
        until_in_line(&client, "l", 3).await;
        gives_up.abort();
        until_in_line(&client, "l", 2).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!stays.is_finished(), "the holder holds it");
        lock.release().await.expect("it is held");
        stays.await.expect("a task").expect("its turn").release().await.expect("it is held");
    });
}

#[test]
fn a_lock_whose_key_is_removed_is_lost_for_good() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        client.kv().delete(lock.key()).await.expect("an answer");
        assert_eq!(timeout(PATIENCE, lock.lost()).await, Ok(Lost::KeyDeleted));
        assert_eq!(lock.surely_held_for(), Duration::ZERO);
        is_refused(&lock).await;
        let work = async { panic!("it is dropped before it begins") };
        let error = lock.run(work).await.expect_err("it is lost");
        assert!(error.is_lock_lost(), "{error}");
        let error = lock.release().await.expect_err("it was held no longer");
        assert!(error.is_lock_lost() && error.is_definitely_not_applied(), "{error:?}");
        until("its lease is revoked", async || leases(&client).await == 0).await;
    });
}

#[test]
fn a_lock_whose_lease_is_revoked_is_lost() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(6)).await.expect("it is free");
        client.lease().revoke(lock.lease().id()).await.expect("it is there");
        let lost = timeout(PATIENCE, lock.lost()).await.expect("it is told");
        assert!(matches!(lost, Lost::KeyDeleted | Lost::Lease(Ended::Revoked)), "{lost}");
        is_refused(&lock).await;
    });
}

#[test]
fn a_waiter_whose_lease_ends_waits_no_longer() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let other = client.clone();
        let waits = tokio::spawn(async move { other.lock("l", seconds(60)).await });
        until_in_line(&client, "l", 2).await;
        let range = RangeRequest::new(KeyRange::prefix("l/"));
        let entries = client.kv().range(range).await.expect("an answer").kvs;
        let its = entries.iter().find(|entry| entry.key != *lock.key()).expect("the waiter");
        client.lease().revoke(LeaseId(its.lease)).await.expect("it is there");
        let error = timeout(PATIENCE, waits).await.expect("it is told").expect("a task");
        assert!(error.expect_err("it has no lease").is_lock_lost());
        lock.release().await.expect("it is held");
    });
}

#[test]
fn history_that_is_compacted_while_one_waits_does_not_matter() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let other = client.clone();
        let waits = tokio::spawn(async move { other.lock("l", seconds(60)).await });
        until_in_line(&client, "l", 2).await;
        for round in 0..20 {
            let put = client.kv().put("other", round.to_string()).await.expect("an answer");
            let compaction = CompactionRequest::new(put.revision());
            client.kv().compact(compaction).await.expect("an answer");
        }
        lock.release().await.expect("it is held");
        let lock = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        lock.expect("a lock").release().await.expect("it is held");
    });
}

#[test]
fn a_transaction_under_a_lock_tells_its_own_conditions_from_the_lock() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        let create = |value: &str| {
            TxnRequest::new()
                .when([Compare::absent("k")])
                .then([PutRequest::new("k", value)])
                .or_else([RangeRequest::new("k")])
        };
        let first = lock.txn(create("1")).await.expect("the lock is held");
        assert!(first.succeeded && first.revision() > lock.fencing_token().revision);
        let second = lock.txn(create("2")).await.expect("the lock is held");
        assert!(!second.succeeded);
        let found = second.responses[0].as_range().expect("a range");
        assert_eq!(found.kvs[0].value, "1");
        let put = lock.put("k", "3").await.expect("the lock is held");
        assert!(put.succeeded && put.responses[0].as_put().is_some());
        assert_eq!(lock.run(async { 7 }).await.expect("the lock is held"), 7);
        lock.release().await.expect("it is held");
    });
}

#[test]
fn the_server_refuses_what_is_sent_by_one_who_does_not_know_that_he_lost_it() {
    on_each_server(async |_, client| {
        let lock = client.lock("l", seconds(60)).await.expect("it is free");
        // Right behind each other, so that the watch may not have told of it.
        client.kv().delete(lock.key()).await.expect("an answer");
        let error = lock.put("k", "by one who has it no longer").await.expect_err("it is lost");
        assert!(error.is_lock_lost() && error.is_definitely_not_applied(), "{error:?}");
        assert_eq!(client.kv().get("k").await.expect("an answer"), None);
    });
}

#[test]
fn a_namespace_has_locks_of_its_own() {
    on_each_server(async |_, client| {
        let inner = client.namespace("n/");
        let outside = client.try_lock("l", seconds(60)).await.expect("it is free");
        let inside = inner.try_lock("l", seconds(60)).await.expect("it is another one");
        assert!(inside.key().starts_with(b"l/"));
        assert!(inner.try_lock("l", seconds(60)).await.is_err());
        assert!(client.try_lock("n/l", seconds(60)).await.is_err(), "it is the same one");
        inside.put("k", "v").await.expect("the lock is held");
        assert!(client.kv().get("n/k").await.expect("an answer").is_some());
        inner.kv().delete(inside.key()).await.expect("an answer");
        assert_eq!(timeout(PATIENCE, inside.lost()).await, Ok(Lost::KeyDeleted));
        outside.release().await.expect("it is held");
    });
}

#[test]
fn a_lock_whose_name_begins_like_anothers_is_another() {
    on_each_server(async |_, client| {
        let below = client.lock("l/below", seconds(60)).await.expect("it is free");
        for number in 0..20 {
            client.kv().put(format!("l/other/{number}"), "").await.expect("an answer");
        }
        let lock = client.try_lock("l", seconds(60)).await.expect("it is free");
        for number in 0..20 {
            client.kv().put(format!("l/later/{number}"), "").await.expect("an answer");
        }
        let error = client.try_lock("l", seconds(60)).await.expect_err("it is held");
        assert_eq!(*error.kind(), ErrorKind::LockBusy);
        lock.release().await.expect("it is held");
        below.release().await.expect("it is held");
    });
}

async fn is_refused(lock: &Lock) {
    let error = lock.put("k", "v").await.expect_err("it is lost");
    assert!(error.is_lock_lost() && error.is_definitely_not_applied(), "{error:?}");
}
