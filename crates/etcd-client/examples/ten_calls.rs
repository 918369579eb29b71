//! The ten calls, one after another, on the servers in `ETCD_SERVERS` or on 127.0.0.1:2379.
//!
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::session::{Event, SetOptions};
use etcd_client::{Error, Session, Ttl};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    let session = Session::open_str(&servers).await?;
    println!("the leader is {}", session.leader().await?.name);

    let index = session.set("/example/name", "a").await?;
    println!("/example/name was set at index {index}");
    println!("it holds {:?}", session.get("/example/name").await?.value);

    // Written only where the value is still the one that was read.
    let careful = SetOptions::new().previous("b");
    match session.set_with("/example/name", "c", &careful).await {
        Err(error) if error.is_precondition_failed() => println!("not set: {error}"),
        other => println!("set at index {}", other?),
    }

    // A watch may begin in the past.
    let mut watcher = session.watch("/example", Some(index))?;
    if let Some(Event::Change(change)) = watcher.next().await.transpose()? {
        println!("at index {} there was {:?} of {}", change.index, change.kind, change.key);
    }

    let ttl = "10".parse::<Ttl>()?;
    let mut ticket = session.lock("/example/lock", ttl).await?;
    let work = async { "worked under the lock" };
    println!("{}, which is held by index {}", session.hold(&mut ticket, work).await?, ticket.index);
    session.unlock("/example/lock", ticket.index).await?;

    for item in session.list("/example").await? {
        println!("{} is listed", item.key);
    }
    session.delete("/example/name").await?;
    session.close();
    Ok(())
}
