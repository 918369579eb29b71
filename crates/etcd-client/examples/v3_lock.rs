//! Two who want one lock, on the servers in `ETCD_SERVERS` or on 127.0.0.1:2379.
//!
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::time::Duration;

use etcd_client::v3::LockOptions;
use etcd_client::{Client, Error, ErrorKind, Ttl};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    let client = Client::new(&servers)?;
    let (name, ttl) = ("/example/lock", "5".parse::<Ttl>()?);

    let lock = client.lock(name, ttl).await?;
    println!("held with token {}, surely for {:?}", lock.fencing_token(), lock.surely_held_for());
    match client.try_lock(name, ttl).await {
        Err(error) if *error.kind() == ErrorKind::LockBusy => println!("not twice: {error}"),
        other => println!("{:?}", other?),
    }

    // Done only if the lock is held when it comes to the server.
    lock.put("/example/guarded", "by the holder").await?;
    // Dropped before its end, should the lock be lost.
    let work = async { tokio::time::sleep(Duration::from_millis(50)).await };
    lock.run(work).await?;

    let options = LockOptions::new(ttl).wait(Duration::from_secs(5));
    let (released, next) = tokio::join!(lock.release(), client.lock(name, options));
    released?;
    let next = next?;
    println!("handed over to token {}", next.fencing_token());
    next.release().await?;
    client.kv().delete("/example/guarded").await?;
    Ok(())
}
