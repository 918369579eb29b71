//! Keys of a v3 store: written, read, read in pieces, and written again only where nobody else has.
//!
//! Servers are those in the first argument, in `ETCD_SERVERS`, or 127.0.0.1:2379.
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::v3::api::{RangeRequest, SortOrder, SortTarget};
use etcd_client::{Client, Error, KeyRange};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // All keys of this program begin with a prefix, which it does not see.
    let client = Client::new(&servers())?.namespace("example/kv/");
    let kv = client.kv();

    let revision = kv.put("name", "a").await?.revision();
    println!("written in revision {revision}");
    if let Some(entry) = kv.get("name").await? {
        println!("{:?} holds {:?}, changed {} times", entry.key, entry.value, entry.version);
    }

    // Written only where the last change is still the one that was seen.
    kv.update_if("name", "b", revision).await?;
    match kv.update_if("name", "c", revision).await {
        Err(error) if error.is_precondition_failed() => println!("not written: {error}"),
        other => println!("written in revision {}", other?),
    }

    for n in 0..100 {
        kv.put(format!("jobs/{n:03}"), "to do").await?;
    }
    let jobs = RangeRequest::new(KeyRange::prefix("jobs/"));
    let newest = jobs.clone().sort(SortTarget::MOD, SortOrder::DESCEND).limit(1);
    for entry in kv.range(newest).await?.kvs {
        println!("the newest job is {:?}", entry.key);
    }

    // All of one revision, however large: a piece at a time is held.
    let mut stream = kv.range(jobs).stream();
    while let Some(entries) = stream.next().await.transpose()? {
        println!("{} of {:?} jobs", entries.len(), stream.count());
    }

    let deleted = kv.delete(KeyRange::all()).await?.deleted;
    println!("{deleted} keys were removed, none outside of {:?}", client.prefix());
    Ok(())
}

fn servers() -> String {
    let default = || std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    std::env::args().nth(1).unwrap_or_else(default)
}
