//! A key that goes when nobody renews its lease, on the servers in `ETCD_SERVERS` or on
//! 127.0.0.1:2379.
//!
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::time::Duration;

use etcd_client::v3::api::PutRequest;
use etcd_client::{Client, Error, Ttl};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    let client = Client::new(&servers)?;
    let ttl = "2".parse::<Ttl>()?;

    // It is renewed in the background, for as long as a handle of it is there.
    let lease = client.lease().grant_and_keep(ttl).await?;
    let key = "/example/present";
    client.kv().put_with(PutRequest::new(key, "here").lease(lease.id())).await?;
    println!("{key} goes with lease {}", lease.id());

    // Longer than the time to live.
    tokio::select! {
        why = lease.lost() => println!("others may think that we are gone: {why}"),
        () = tokio::time::sleep(Duration::from_secs(4)) => {
            println!("still there: {}", client.kv().get(key).await?.is_some());
        }
    }
    println!("it surely lives for {:?} more", lease.surely_held_for());

    lease.revoke().await?;
    println!("still there: {}", client.kv().get(key).await?.is_some());
    Ok(())
}
