//! Thousands of watches of one client, which all have to come back together.

use std::time::Instant;

use etcd_client::v3::Update;
use etcd_client::v3::api::{PutRequest, TxnRequest};
use etcd_client::{Client, Error};
use etcd_live::changes::next;
use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::Options;
use etcd_live::proxy::{Cut, Proxy};

const WATCHES: usize = 2000;
/// A transaction may have 128 operations.
const AT_ONCE: usize = 100;

fn key(watch: usize) -> String {
    format!("/m/{watch:05}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_watches_come_back_together() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let cluster = cluster_of(&etcd, 1, &Options { in_memory: true, ..Options::default() });
        let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
        let (writing, watching) =
            (Client::new(&cluster.endpoints()[0])?, Client::new(&proxy.endpoint())?);
        let mut watchers: Vec<_> = (0..WATCHES).map(|watch| watching.watch(key(watch))).collect();
        for watcher in &mut watchers {
            watcher.created().await.expect("it stands");
        }
        let accepted = proxy.accepted();
        for round in 1..=3 {
            proxy.cut(Cut::Reset).expect("a cut");
            let began = Instant::now();
            for from in (0..WATCHES).step_by(AT_ONCE) {
                let put = |watch| PutRequest::new(key(watch), format!("{round}"));
                writing.kv().txn(TxnRequest::new().then((from..from + AT_ONCE).map(put))).await?;
            }
            for (watch, watcher) in watchers.iter_mut().enumerate() {
                let Update::Changes(changes) = next(watcher).await else { panic!("no change") };
                let entries: Vec<_> =
                    changes.events.iter().filter_map(|event| event.kv.as_ref()).collect();
                assert_eq!(entries.len(), 1);
                assert_eq!(entries[0].key, key(watch));
                assert_eq!(entries[0].value, format!("{round}"));
            }
            let took = began.elapsed();
            println!(
                "etcd {}: {WATCHES} watches told of their change {took:.1?} after a cut",
                etcd.version
            );
        }
        // One for all of them after each cut, and again where a busy machine made one too slowly.
        assert!((3..=9).contains(&(proxy.accepted() - accepted)), "one stream for all");
    }
    Ok(())
}
