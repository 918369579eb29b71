//! The v3 client without async, on the servers in `ETCD_SERVERS` or on 127.0.0.1:2379.
//!
//! `cargo xtask cluster` starts servers to try it on; the feature `blocking` has to be on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::blocking::Client;
use etcd_client::v3::Update;
use etcd_client::v3::api::{Compare, Event, PutRequest, TxnRequest};
use etcd_client::{Error, KeyRange, Ttl};

fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    // All keys below are under this prefix, and nothing outside of it is reached.
    let client = Client::new(&servers)?.namespace("/example/blocking/");
    let (kv, ttl) = (client.kv(), "5".parse::<Ttl>()?);

    // Changes are received between calls too.
    let mut watcher = client.watch(KeyRange::all());
    watcher.created()?;
    let once = TxnRequest::new().when([Compare::absent("a")]).then([PutRequest::new("a", "1")]);
    println!("written: {}", kv.txn(once).map(|reply| reply.succeeded)?);

    // Renewed by the client's thread for as long as this is kept.
    let lease = client.lease().grant_and_keep(ttl)?;
    kv.put_with(PutRequest::new("here", "we are").lease(lease.id()))?;
    for entries in kv.range_stream(KeyRange::all()) {
        println!("{} keys", entries?.len());
    }

    let lock = client.lock("lock", &lease)?;
    // On a thread, while this one sees whether the lock is lost.
    lock.run(|held| println!("held: {}", held.is_held()))?;
    lock.put("a", "2")?;
    lock.release()?;
    // Certain, which dropping it is not when the program ends.
    lease.revoke()?;
    kv.delete("a")?;

    // The last of all these changes is that "a" was deleted.
    while let Some(Update::Changes(changes)) = watcher.next().transpose()? {
        let is_a = |event: &Event| event.kv.as_ref().is_some_and(|kv| kv.key == "a");
        if changes.events.iter().any(|event| event.is_delete() && is_a(event)) {
            println!("gone at revision {}", changes.revision());
            break;
        }
    }
    watcher.close();
    Ok(())
}
