//! Revisions that are larger than a reply.

use std::collections::BTreeMap;

use etcd_client::KeyRange;
use etcd_client::v3::Update;
use etcd_client::v3::api::{PutRequest, TxnRequest, WatchCreateRequest};
use etcd_live::changes::next;
use etcd_live::each::try_on_each_server;

/// Watches of a range whose changes are larger than a reply come in fragments, and are joined.
#[test]
fn a_revision_that_is_larger_than_a_reply_comes_whole() {
    try_on_each_server(async |_, client| {
        let puts = |byte: u8| {
            let put = move |i: i32| PutRequest::new(format!("/f/{i:03}"), vec![byte; 14_000]);
            TxnRequest::new().then((0..100).map(put))
        };
        let first = client.kv().txn(puts(b'a')).await?.revision();
        for byte in [b'b', b'c'] {
            client.kv().txn(puts(byte)).await?;
        }
        // With the values before, each revision is 2.8 MB: more than one reply of 2 MiB.
        let watch =
            WatchCreateRequest::new(KeyRange::prefix("/f/")).start_revision(first).prev_kv();
        let mut watcher = client.watch(watch);
        let mut revisions = BTreeMap::new();
        while revisions.len() < 3 {
            let Update::Changes(changes) = next(&mut watcher).await else { continue };
            for event in changes.events {
                *revisions.entry(event.kv.expect("a key").mod_revision).or_insert(0) += 1;
            }
        }
        assert!(revisions.values().all(|&events| events == 100), "{revisions:?}");
        Ok(())
    });
}
