//! Ranges that come in pieces, all at one revision.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etcd_client::v3::RangeStream;
use etcd_client::v3::api::{KeyValue, RangeRequest, SortOrder, SortTarget};
use etcd_client::{CallOptions, Client, Error, ErrorKind, KeyRange};
use etcd_live::each::try_on_each_server;
use etcd_live::proxy::{Cut, Fuse, Mode, Proxy, Way};

use super::{answered, each, fill, is_since};

/// A value, so that all keys together are many times what is read ahead.
const VALUE: [u8; 512] = [b'v'; 512];
const KEYS: usize = 10_000;
const RANGE_STREAM: &str = "/etcdserverpb.KV/RangeStream";

fn all() -> RangeRequest {
    RangeRequest::new(KeyRange::prefix("r/"))
}

async fn collected(stream: &mut RangeStream) -> Result<Vec<KeyValue>, Error> {
    let mut entries = Vec::new();
    while let Some(more) = stream.next().await.transpose()? {
        assert!(!more.is_empty());
        entries.extend(more);
    }
    Ok(entries)
}

/// Changes, removes and adds keys until told to stop.
async fn write(client: Client, stop: Arc<AtomicBool>) -> Result<u64, Error> {
    let mut writes = 0;
    while !stop.load(Ordering::Relaxed) {
        let n = writes * 7919 % KEYS as u64;
        match writes % 3 {
            0 => drop(client.kv().put(format!("r/{n:05}"), "changed").await?),
            1 => drop(client.kv().delete(format!("r/{n:05}")).await?),
            _ => drop(client.kv().put(format!("r/{n:05}/new"), "new").await?),
        }
        writes += 1;
    }
    Ok(writes)
}

#[tokio::test]
async fn ten_thousand_keys_are_those_of_one_revision_while_others_write() -> Result<(), Error> {
    for (cluster, client) in each(1, &[]) {
        fill(&client, "r/", KEYS, &VALUE).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(write(client.clone(), Arc::clone(&stop)));
        for request in [
            all(),
            all().keys_only(),
            all().limit(5_000),
            all().serializable(),
            all().sort(SortTarget::KEY, SortOrder::DESCEND),
            all().min_create_revision(40),
        ] {
            let mut stream = client.kv().range(request.clone()).stream();
            let entries = collected(&mut stream).await?;
            let revision = stream.revision().expect("it is known");
            let whole = client.kv().range(request.clone().revision(revision)).await?;
            assert_eq!(entries.len(), whole.kvs.len(), "{request:?}");
            assert!(entries == whole.kvs, "{request:?} at {revision}");
            assert_eq!((stream.count(), stream.more()), (Some(whole.count as u64), whole.more));
        }
        stop.store(true, Ordering::Relaxed);
        let writes = writer.await.expect("it writes")?;
        let pieces = answered(&cluster).get(RANGE_STREAM).copied().unwrap_or_default();
        println!("{writes} writes meanwhile, {pieces} pieces of streams");
        assert!(writes > 0);
        assert_eq!(pieces > 0, is_since(&cluster, 3, 7));
    }
    Ok(())
}

#[test]
fn a_range_goes_on_where_it_was_cut() {
    try_on_each_server(async |server, client| {
        fill(&client, "r/", KEYS, &VALUE).await?;
        let whole = client.kv().range(all()).await?.kvs;
        let proxy = Proxy::to(server.endpoint()).expect("a proxy");
        for (cut, how) in [
            (1, Cut::Reset),
            (100_000, Cut::Reset),
            (700_001, Cut::Finish),
            (2_000_003, Cut::Reset),
            (5_000_000, Cut::Finish),
        ] {
            let through = Client::new(&proxy.endpoint()).expect("a server");
            let mut stream = through.kv().range(all()).stream();
            let mut entries = stream.next().await.transpose()?.expect("a first piece");
            let burnt = proxy.burnt();
            proxy.set_fuse(Fuse::in_reply(cut, how));
            // In between keys change, which is not seen.
            client.kv().delete("r/09999").await?;
            entries.extend(collected(&mut stream).await?);
            assert_eq!(proxy.burnt(), burnt + 1, "the connection was cut");
            assert_eq!(entries.len(), whole.len());
            assert!(entries.iter().zip(&whole).all(|(a, b)| a.key == b.key && a.value == b.value));
            client.kv().put("r/09999", &VALUE).await?;
        }
        Ok(())
    });
}

#[test]
fn a_range_goes_on_elsewhere_when_its_member_falls_silent() {
    try_on_each_server(async |server, client| {
        fill(&client, "r/", KEYS, &VALUE).await?;
        let proxy = Proxy::to(server.endpoint()).expect("a proxy");
        // The same member, by another way.
        let servers = format!("{},{}", proxy.endpoint(), server.endpoint());
        let through = Client::new(&servers).expect("servers");
        let options = CallOptions::default().deadline(Duration::from_secs(2));
        let mut stream = through.kv().with_options(options).range(all()).stream();
        let mut keys = stream.next().await.transpose()?.expect("a first piece").len();
        proxy.mode(Mode::Mute(Way::ToClient)).expect("it falls silent");
        // Whoever waits may give up in between, and loses nothing.
        loop {
            match tokio::time::timeout(Duration::from_millis(50), stream.next()).await {
                Ok(Some(entries)) => keys += entries?.len(),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(keys, KEYS);
        Ok(())
    });
}

#[test]
fn a_compaction_meanwhile_is_an_error() {
    try_on_each_server(async |_, client| {
        fill(&client, "r/", KEYS, &VALUE).await?;
        let mut stream = client.kv().range(all()).stream();
        let first = stream.next().await.transpose()?.expect("a first piece");
        assert_eq!(stream.count(), Some(KEYS as u64));
        let newest = client.kv().put("r/", "changed").await?.revision();
        client.kv().compact(newest).await?;
        let rest = collected(&mut stream).await;
        assert_eq!(*rest.expect_err("it is gone").kind(), ErrorKind::HistoryCleared);
        assert!(stream.next().await.is_none() && !first.is_empty());
        Ok(())
    });
}

#[test]
fn the_options_of_a_range_hold_for_its_pieces() {
    try_on_each_server(async |_, client| {
        let inside = client.namespace("n/");
        fill(&client, "a", 200, b"outside").await?;
        fill(&inside, "r/", 500, b"inside").await?;
        fill(&client, "z", 200, b"outside").await?;

        let mut stream = inside.kv().range(KeyRange::all()).stream();
        let entries = collected(&mut stream).await?;
        assert_eq!((entries.len(), stream.count()), (500, Some(500)));
        assert!(entries.iter().all(|entry| entry.key.starts_with(b"r/")));
        let descending =
            RangeRequest::new(KeyRange::all()).sort(SortTarget::KEY, SortOrder::DESCEND).limit(450);
        let mut stream = inside.kv().range(descending).stream();
        let entries = collected(&mut stream).await?;
        assert_eq!((&entries[0].key[..], entries.len()), (&b"r/00499"[..], 450));
        assert_eq!(entries[449].key, "r/00050");
        assert!(stream.more());

        let mut number =
            client.kv().range(RangeRequest::new(KeyRange::all()).count_only()).stream();
        assert!(number.next().await.is_none());
        assert_eq!(number.count(), Some(900));
        let mut one = client.kv().range("a00007").stream();
        assert_eq!(collected(&mut one).await?.len(), 1);
        let mut none = client.kv().range("nothing").stream();
        assert_eq!((collected(&mut none).await?, none.count()), (Vec::new(), Some(0)));

        let newest_first = all().sort(SortTarget::MOD, SortOrder::DESCEND);
        let mut refused = client.kv().range(newest_first).stream();
        let error = collected(&mut refused).await.expect_err("no order of keys");
        assert_eq!(*error.kind(), ErrorKind::InvalidInput);
        let mut future = client.kv().range(all().revision(1_000_000)).stream();
        assert!(collected(&mut future).await.expect_err("not yet").is_definitely_not_applied());
        Ok(())
    });
}

#[test]
fn values_larger_than_a_page_come_all_the_same() {
    try_on_each_server(async |_, client| {
        // Its first page is of 45 MB: more than a busy machine brings in the usual time.
        let patient = CallOptions::default().deadline(Duration::from_secs(60));
        let kv = client.kv().with_options(patient);
        let large = vec![b'x'; 1_400_000];
        for n in 0..40 {
            kv.put(format!("r/{n:02}"), &large).await?;
        }
        let mut stream = kv.range(all()).stream();
        let entries = collected(&mut stream).await?;
        assert_eq!(entries.len(), 40);
        assert!(entries.iter().all(|entry| entry.value.len() == large.len()));
        Ok(())
    });
}
