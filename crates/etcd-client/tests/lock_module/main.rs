//! A session's lock over the lock module of etcd 0.2 and 0.3, whose faults it makes up for.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;
mod server;
mod whole;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etcd_client::{Error, ErrorKind, Session, Ttl};
use server::Server;

fn ttl() -> Ttl {
    Ttl::from_seconds(2).unwrap()
}

async fn session(server: &Server) -> Session {
    Session::open_str(&server.address.to_string()).await.unwrap()
}

#[tokio::test]
async fn a_renewal_is_not_taken_for_a_release() -> Result<(), Error> {
    let server = Server::start();
    let (one, other) = (session(&server).await, session(&server).await);
    let inside = AtomicBool::new(false);
    let holds = async {
        let mut ticket = one.lock("k", ttl()).await?;
        inside.store(true, Ordering::SeqCst);
        // Long enough to be renewed twice.
        one.hold(&mut ticket, tokio::time::sleep(Duration::from_millis(1700))).await?;
        inside.store(false, Ordering::SeqCst);
        one.unlock("k", ticket.index).await
    };
    let waits = async {
        while server.queue().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ticket = other.lock("k", ttl()).await?;
        assert!(!inside.load(Ordering::SeqCst), "two hold the lock");
        assert_eq!(server.queue(), [ticket.index]);
        other.unlock("k", ticket.index).await
    };
    let (held, waited) = tokio::join!(holds, waits);
    held?;
    waited
}

#[tokio::test]
async fn without_time_to_wait_a_free_lock_is_taken_and_another_is_not() -> Result<(), Error> {
    let server = Server::start();
    let session = session(&server).await;
    let ticket = session.lock_within("k", ttl(), Some(Duration::ZERO)).await?;
    assert_eq!(server.queue(), [ticket.index]);
    let error = session.lock_within("k", ttl(), Some(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::LockBusy);
    session.unlock("k", ticket.index).await
}

#[tokio::test]
async fn a_lock_that_is_gone_is_lost() -> Result<(), Error> {
    let server = Server::start();
    let session = session(&server).await;
    let ticket = session.lock("k", ttl()).await?;
    let ticket = session.renew("k", ticket.index, ttl()).await?;
    session.unlock("k", ticket.index).await?;
    assert!(server.queue().is_empty());
    let late = session.renew("k", ticket.index, ttl()).await.unwrap_err();
    let again = session.unlock("k", ticket.index).await.unwrap_err();
    assert!(late.is_lock_lost() && again.is_lock_lost(), "{late:?} {again:?}");
    let short = session.lock("k", Ttl::from_seconds(1).unwrap()).await.unwrap_err();
    assert_eq!(short.kind(), &ErrorKind::InvalidInput, "the server would renew without pause");
    Ok(())
}

/// The module grants it at a renewal of the holder, after the time to wait was over: whoever waits
/// asks who has it, and gives his place up.
#[tokio::test]
async fn a_grant_after_the_end_of_the_wait_is_given_back() -> Result<(), Error> {
    let server = Server::start();
    let (one, other) = (session(&server).await, session(&server).await);
    let held = one.lock("k", ttl()).await?;
    let renewed = async {
        while server.queue().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        one.renew("k", held.index, ttl()).await
    };
    // No async block may be asked again after its end.
    let stop = async { tokio::time::sleep(Duration::from_millis(1)).await };
    let (waited, renewed) = tokio::join!(other.lock_unless("k", ttl(), stop), renewed);
    assert_eq!(waited.unwrap_err().kind(), &ErrorKind::LockBusy);
    let _ = renewed?;
    assert_eq!(server.queue(), [held.index]);
    one.unlock("k", held.index).await
}
