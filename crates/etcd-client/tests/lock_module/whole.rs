//! Against a whole server of etcd 0.3, which grants as it should and whose clock a test moves.

use std::time::Duration;

use etcd_client::{Error, ErrorKind, Session, Ttl, v2};
use etcd_test_server::{Clock, TestCluster, Version};

const KEY: &str = "/jobs/one";

async fn cluster(members: usize) -> TestCluster {
    let builder = TestCluster::builder().version(Version::V0_3).clock(Clock::held());
    builder.start_cluster(members).await.unwrap()
}

async fn session(cluster: &TestCluster) -> Session {
    Session::open(cluster.endpoints()).await.unwrap()
}

/// Longer than the test takes: it ends by the server's clock alone.
fn ttl() -> Ttl {
    Ttl::from_seconds(600).unwrap()
}

/// Waits until so many stand in the line.
async fn until_queued(cluster: &TestCluster, places: usize) {
    let client = v2::Client::new(&cluster.endpoints().join(",")).unwrap();
    loop {
        let line = client.list(&format!("/_etcd/mod/lock{KEY}")).await.unwrap_or_default();
        if line.len() == places {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn two_sessions_hold_a_lock_one_after_the_other() -> Result<(), Error> {
    let cluster = cluster(2).await;
    let (one, other) = (session(&cluster).await, session(&cluster).await);
    let held = one.lock(KEY, ttl()).await?;
    let busy = other.lock_within(KEY, ttl(), Some(Duration::ZERO)).await.unwrap_err();
    assert_eq!(busy.kind(), &ErrorKind::LockBusy);
    until_queued(&cluster, 1).await;
    let waits = other.lock(KEY, ttl());
    tokio::pin!(waits);
    tokio::select! {
        ticket = &mut waits => panic!("two hold the lock: {ticket:?}"),
        () = until_queued(&cluster, 2) => {}
    }
    let renewed = one.renew(KEY, held.index, ttl()).await?;
    assert_eq!(renewed.index, held.index);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waits).await;
    assert!(early.is_err(), "a renewal is no release");
    one.unlock(KEY, held.index).await?;
    let next = waits.await?;
    assert!(next.index > held.index);
    assert!(one.renew(KEY, held.index, ttl()).await.unwrap_err().is_lock_lost());
    other.unlock(KEY, next.index).await?;
    until_queued(&cluster, 0).await;
    Ok(())
}

#[tokio::test]
async fn a_lock_that_ends_by_the_servers_clock_is_lost_to_the_next() -> Result<(), Error> {
    let cluster = cluster(1).await;
    let (one, other) = (session(&cluster).await, session(&cluster).await);
    let held = one.lock(KEY, ttl()).await?;
    let waits = other.lock(KEY, ttl());
    tokio::pin!(waits);
    tokio::select! {
        ticket = &mut waits => panic!("two hold the lock: {ticket:?}"),
        () = until_queued(&cluster, 2) => {}
    }
    cluster.clock().advance(ttl().duration());
    assert_eq!(one.renew(KEY, held.index, ttl()).await?.index, held.index, "its last moment");
    cluster.clock().advance(ttl().duration() + Duration::from_secs(1));
    let next = waits.await?;
    let (late, again) = (one.renew(KEY, held.index, ttl()), one.unlock(KEY, held.index));
    assert!(late.await.unwrap_err().is_lock_lost() && again.await.unwrap_err().is_lock_lost());
    other.unlock(KEY, next.index).await
}
