//! Locks of in-order keys on a server whose answers are lost, late, or come no more.

#![allow(clippy::unwrap_used, reason = "a test")]

#[cfg(feature = "blocking")]
mod blocking;
#[path = "../common/mod.rs"]
mod common;
mod server;

use std::time::{Duration, Instant};

use etcd_client::v2::{Client, Lock, LockOptions};
use etcd_client::{Error, ErrorKind, Ttl};
use server::Server;

/// Longer than anything here may take: what hangs must fail.
const PATIENCE: Duration = Duration::from_secs(60);

fn client(server: &Server) -> Client {
    Client::new(&server.address.to_string()).unwrap()
}

fn seconds(seconds: u64) -> Ttl {
    Ttl::from_seconds(seconds).unwrap()
}

/// Whoever has the lock may not believe to have it for longer than the server keeps the key.
fn claims_no_more_than_it_has(server: &Server, lock: &Lock) {
    let expires = server.expires(lock.index()).expect("the key is there");
    assert!(lock.deadline() <= expires, "claimed {:?} too long", lock.deadline() - expires);
    assert_eq!(server.queue()[0], lock.index(), "the lowest holds");
}

/// Its time to live runs from when it was sent, not from when it was asked for again.
#[tokio::test]
async fn a_key_that_was_made_late_is_not_claimed_for_longer_than_it_lives() -> Result<(), Error> {
    let server = Server::start();
    server.lose_a_creation_until(2);
    let lock = client(&server).lock("k", seconds(4)).await?;
    claims_no_more_than_it_has(&server, &lock);
    lock.unlock().await?;
    assert!(server.queue().is_empty(), "what was made twice is removed twice");
    Ok(())
}

/// The same when it comes up only after a place in the queue was taken, and lost again.
#[tokio::test]
async fn nor_is_one_that_came_up_after_another_was_lost() -> Result<(), Error> {
    let server = Server::start();
    server.lose_a_creation_until(3);
    let holder = server.enter();
    let waiting = client(&server);
    let waiting = tokio::spawn(async move { waiting.lock("k", seconds(6)).await });
    server.until_queued(2).await;
    server.remove(server.queue()[1]);
    server.until_created(3).await;
    server.remove(holder);
    let lock = waiting.await.unwrap()?;
    claims_no_more_than_it_has(&server, &lock);
    lock.unlock().await
}

#[tokio::test]
async fn a_wait_ends_when_it_is_to_although_no_server_is_left() -> Result<(), Error> {
    let server = Server::start();
    server.enter();
    let waiting = client(&server);
    let began = Instant::now();
    let waiting = tokio::spawn(async move {
        let options = LockOptions::new(seconds(1)).wait(Duration::from_secs(3));
        waiting.lock_with("k", &options).await
    });
    server.until_queued(2).await;
    server.die();
    let ended = tokio::time::timeout(PATIENCE, waiting).await.expect("it hangs");
    assert_eq!(ended.unwrap().unwrap_err().kind(), &ErrorKind::LockBusy);
    assert!(began.elapsed() >= Duration::from_secs(3), "there was time left");
    Ok(())
}

#[tokio::test]
async fn a_removal_whose_answers_are_lost_is_a_removal() -> Result<(), Error> {
    let server = Server::start();
    let lock = client(&server).lock("k", seconds(60)).await?;
    server.silence_removals(4);
    lock.unlock().await?;
    assert!(server.queue().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_lock_is_handed_over() -> Result<(), Error> {
    let server = Server::start();
    let (one, other) = (client(&server), client(&server));
    let held = one.lock("k", seconds(2)).await?;
    let waiting = tokio::spawn(async move { other.lock("k", seconds(2)).await });
    server.until_queued(2).await;
    let busy = one.lock_with("k", &LockOptions::new(seconds(2)).wait(Duration::ZERO)).await;
    assert_eq!(busy.unwrap_err().kind(), &ErrorKind::LockBusy);
    assert_eq!(server.queue().len(), 2, "who gives up leaves nothing behind");
    held.unlock().await?;
    let lock = tokio::time::timeout(PATIENCE, waiting).await.expect("it hangs").unwrap()?;
    claims_no_more_than_it_has(&server, &lock);
    lock.unlock().await
}
