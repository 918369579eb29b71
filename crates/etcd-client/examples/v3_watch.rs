//! Watches a prefix and prints each change: `v3_watch PREFIX [--count N]`, servers from `ETCD_SERVERS`.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::v3::{Update, WatchOptions};
use etcd_client::{Client, Error, KeyRange};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".into());
    let mut args = std::env::args().skip(1);
    let prefix = args.next().unwrap_or_default();
    let mut left: u64 = match (args.next().as_deref(), args.next()) {
        (Some("--count"), Some(count)) => count.parse().unwrap_or(u64::MAX),
        _ => u64::MAX,
    };
    let client = Client::new(&servers)?;
    let options = WatchOptions::new().relist();
    let mut watcher = client.watch_with(KeyRange::prefix(prefix), options);
    while left > 0
        && let Some(update) = watcher.next().await
    {
        match update? {
            Update::Changes(changes) => {
                for event in changes.events {
                    let Some(entry) = event.kv else { continue };
                    let what = if event.event_type == 0 { "put" } else { "delete" };
                    println!("{} {what} {:?} {:?}", entry.mod_revision, entry.key, entry.value);
                    left = left.saturating_sub(1);
                }
            }
            Update::Gap(gap) => println!("missing: revisions {} to {}", gap.first, gap.last),
            _ => {}
        }
    }
    Ok(())
}
