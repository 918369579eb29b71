//! Money that is moved between two accounts, by transactions that lose none of it.
//!
//! Servers are those in the first argument, in `ETCD_SERVERS`, or 127.0.0.1:2379.
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::v3::Kv;
use etcd_client::v3::api::{Compare, CompareResult, KeyValue, PutRequest, TxnRequest};
use etcd_client::{Client, Error, KeyRange};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = Client::new(&servers())?.namespace("example/txn/");
    let kv = client.kv();
    let both = ["ann", "bob"].map(|name| PutRequest::new(name, "100"));
    kv.txn(TxnRequest::new().then(both)).await?;

    // Eight at once, who are in each other's way.
    let movers: Vec<_> = (0..8).map(|_| tokio::spawn(move_one(client.kv()))).collect();
    let mut conflicts = 0;
    for mover in movers {
        conflicts += mover.await.expect("no panic")?;
    }
    for name in ["ann", "bob"] {
        println!("{name} has {}", kv.get(name).await?.map_or(0, |entry| amount(&entry)));
    }
    println!("{conflicts} times another one was faster");
    kv.delete(KeyRange::all()).await?;
    Ok(())
}

/// Moves one from ann to bob, where neither has changed since they were read; how often they had.
async fn move_one(kv: Kv) -> Result<u32, Error> {
    for conflicts in 0.. {
        let (Some(ann), Some(bob)) = (kv.get("ann").await?, kv.get("bob").await?) else { break };
        let unchanged = |entry: &KeyValue| {
            Compare::mod_revision(entry.key.clone(), CompareResult::EQUAL, entry.mod_revision)
        };
        let moved = TxnRequest::new().when([unchanged(&ann), unchanged(&bob)]).then([
            PutRequest::new("ann", (amount(&ann) - 1).to_string()),
            PutRequest::new("bob", (amount(&bob) + 1).to_string()),
        ]);
        if kv.txn(moved).await?.succeeded {
            return Ok(conflicts);
        }
    }
    Ok(0)
}

fn amount(entry: &KeyValue) -> i64 {
    String::from_utf8_lossy(&entry.value).parse().unwrap_or(0)
}

fn servers() -> String {
    let default = || std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    std::env::args().nth(1).unwrap_or_else(default)
}
