//! Calls and streams of v3 over HTTP/2.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, Replies, connect, server};
use etcd_proto::grpc::{Code, Status, encode};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::error::message;
use etcd_proto::v3::rpc::{
    KeepAliveStream, ObserveStream, RangeStream, Rpc, SnapshotStream, StreamRpc, WatchStream,
};
use etcd_proto::v3::*;
use etcd_test_server::{Clock, Version};
use http_body_util::BodyExt;
use ring::digest::{SHA256, digest};
use tokio::sync::mpsc::UnboundedSender;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn said(status: Status) -> String {
    format!("{}: {}", status.code, status.message)
}

async fn watch(
    client: &Client,
    requests: impl IntoIterator<Item = WatchCreateRequest>,
) -> (UnboundedSender<Bytes>, Replies) {
    let (sender, replies) = client.both(WatchStream::PATH).await;
    for request in requests {
        let _ = sender.send(encode(&WatchRequest::from(request)).unwrap_or_default());
    }
    (sender, replies)
}

async fn told(replies: &mut Replies) -> WatchResponse {
    replies.next().await.map_err(said).expect("a reply")
}

#[tokio::test]
async fn many_watches_share_a_stream_and_end_one_by_one() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    let put = PutRequest::new("a", "1");
    client.call(&put).await.map_err(said)?;
    let creates = [
        WatchCreateRequest::new("a").start_revision(2),
        WatchCreateRequest::new("b").filter(FilterType::NOPUT).watch_id(9).prev_kv(),
        WatchCreateRequest::new("b").watch_id(9),
    ];
    let (sender, mut replies) = watch(&client, creates).await;
    let created = told(&mut replies).await;
    assert!(created.created && created.watch_id == 0 && created.revision().0 == 2);
    let past = told(&mut replies).await;
    assert_eq!((past.watch_id, past.events.len()), (0, 1), "history comes after");
    assert_eq!(told(&mut replies).await.watch_id, 9);
    let twice = told(&mut replies).await;
    assert!(twice.created && twice.canceled && twice.cancel_reason.contains("duplicate watch ID"));

    client.call(&PutRequest::new("b", "1")).await.map_err(said)?;
    client.call(&DeleteRangeRequest::new("b")).await.map_err(said)?;
    let gone = told(&mut replies).await;
    assert_eq!((gone.watch_id, gone.revision().0), (9, 4));
    assert!(gone.events[0].is_delete(), "puts are filtered");
    assert_eq!(gone.events[0].prev_kv.as_ref().map(|kv| kv.value.clone()), Some("1".into()));

    sender.send(encode(&WatchRequest::from(WatchProgressRequest {}))?)?;
    let progress = told(&mut replies).await;
    assert!(progress.is_progress_notify() && progress.watch_id == -1);
    sender.send(encode(&WatchRequest::from(WatchCancelRequest::new(9)))?)?;
    let end = told(&mut replies).await;
    assert!(end.canceled && end.watch_id == 9 && end.cancel_reason.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_watch_of_what_is_compacted_ends_and_says_where_history_begins() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    for value in ["1", "2", "3"] {
        client.call(&PutRequest::new("a", value)).await.map_err(said)?;
    }
    client.call(&CompactionRequest::new(4)).await.map_err(said)?;
    let (_sender, mut replies) =
        watch(&client, [WatchCreateRequest::new("a").start_revision(2)]).await;
    assert!(told(&mut replies).await.created);
    let end = told(&mut replies).await;
    assert!(end.canceled && end.compact_revision == 4);
    Ok(())
}

#[tokio::test]
async fn a_large_reply_comes_in_fragments_where_asked() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    for key in ["a", "b", "c"] {
        client.call(&PutRequest::new(key, vec![7; 1 << 20])).await.map_err(said)?;
    }
    let create = WatchCreateRequest::new(KeyRange::all()).start_revision(2).fragment();
    let (_sender, mut replies) = watch(&client, [create]).await;
    assert!(told(&mut replies).await.created);
    let pieces = [told(&mut replies).await, told(&mut replies).await, told(&mut replies).await];
    assert_eq!(pieces.each_ref().map(|piece| piece.fragment), [true, true, false]);
    Ok(())
}

#[tokio::test]
async fn a_lease_ends_on_command_and_its_keys_with_it() -> Outcome {
    let clock = Clock::held();
    let server = server(Version::V3_7, clock.clone());
    let client = connect(&server).await;
    let running = server.clone();
    tokio::spawn(async move { running.run().await });
    client.call(&LeaseGrantRequest { ttl: 10, id: 7 }).await.map_err(said)?;
    client.call(&PutRequest::new("a", "1").lease(7)).await.map_err(said)?;
    let (_sender, mut replies) = watch(&client, [WatchCreateRequest::new("a")]).await;
    assert!(told(&mut replies).await.created);

    clock.advance(Duration::from_secs(9));
    let (renew, mut renewed) = client.both(KeepAliveStream::PATH).await;
    for id in [7, 8] {
        renew.send(encode(&LeaseKeepAliveRequest::new(id))?)?;
        let reply: LeaseKeepAliveResponse = renewed.next().await.map_err(said)?;
        assert_eq!((reply.id, reply.ttl), (id, if id == 7 { 10 } else { 0 }));
    }
    clock.advance(Duration::from_secs(9));
    let left = client.call(&LeaseTimeToLiveRequest::new(7).keys()).await.map_err(said)?;
    assert_eq!((left.ttl, left.granted_ttl, left.keys), (1, 10, vec![Bytes::from("a")]));
    clock.advance(Duration::from_secs(1));
    assert!(told(&mut replies).await.events[0].is_delete());
    let left = client.call(&LeaseTimeToLiveRequest::new(7)).await.map_err(said)?;
    assert_eq!(left.ttl, -1);
    Ok(())
}

#[tokio::test]
async fn a_lock_is_handed_on_and_who_gives_up_leaves_the_queue() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    for id in [1, 2, 3] {
        client.call(&LeaseGrantRequest { ttl: 60, id }).await.map_err(said)?;
    }
    let lock = |lease| LockRequest { name: "l".into(), lease };
    let first = client.call(&lock(1)).await.map_err(said)?;
    assert_eq!(first.key, "l/1");
    let late = client.call_with(&[("grpc-timeout", "20m")], &lock(2)).await;
    assert_eq!(late.map_err(|status| status.code).err(), Some(Code::DEADLINE_EXCEEDED));
    let waiter = client.clone();
    let third = tokio::spawn(async move { waiter.call(&lock(3)).await });
    client.call(&UnlockRequest { key: first.key }).await.map_err(said)?;
    assert_eq!(third.await?.map_err(said)?.key, "l/3");
    let queue = client.call(&RangeRequest::new(KeyRange::prefix("l/"))).await.map_err(said)?;
    assert_eq!(queue.count, 1);
    Ok(())
}

#[tokio::test]
async fn an_election_tells_its_leaders() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    let name = Bytes::from("e");
    let none = client.call(&LeaderRequest { name: name.clone() }).await;
    assert_eq!(none.map_err(said).err(), Some("Unknown: election: no leader".into()));
    client.call(&LeaseGrantRequest { ttl: 60, id: 1 }).await.map_err(said)?;
    let campaign = CampaignRequest { name: name.clone(), lease: 1, value: "one".into() };
    let leader = client.call(&campaign).await.map_err(said)?.leader;
    let observe = LeaderRequest { name };
    let mut seen = client.send(ObserveStream::PATH, &[], &observe).await;
    let value = |reply: LeaderResponse| reply.kv.map(|kv| kv.value).unwrap_or_default();
    assert_eq!(value(seen.next().await.map_err(said)?), "one");
    // Whoever stands behind entered before the leader's last word, and is told all the same.
    client.call(&LeaseGrantRequest { ttl: 60, id: 2 }).await.map_err(said)?;
    let (other, behind) = (client.clone(), CampaignRequest { lease: 2, ..campaign });
    let stands = tokio::spawn(async move { other.call(&behind).await });
    let line = RangeRequest::new(KeyRange::prefix("e/")).count_only();
    while client.call(&line).await.map_err(said)?.count < 2 {
        tokio::task::yield_now().await;
    }
    let proclaim = ProclaimRequest { leader: leader.clone(), value: "two".into() };
    client.call(&proclaim).await.map_err(said)?;
    assert_eq!(value(seen.next().await.map_err(said)?), "two");
    client.call(&ResignRequest { leader }).await.map_err(said)?;
    let late = client.call(&proclaim).await.map_err(said).err();
    assert_eq!(late, Some("Unknown: election: not leader".into()));
    assert_eq!(value(seen.next().await.map_err(said)?), "one");
    stands.await?.map_err(said)?;
    Ok(())
}

#[tokio::test]
async fn a_range_comes_in_pieces_from_3_7_on() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    for number in 0..35 {
        client.call(&PutRequest::new(format!("k{number:02}"), "")).await.map_err(said)?;
    }
    let all = RangeRequest::new(KeyRange::prefix("k"));
    let mut pieces = client.send(RangeStream::PATH, &[], &all).await;
    let mut sizes = Vec::new();
    let mut count = 0;
    while let Ok(piece) = pieces.next::<RangeStreamResponse>().await {
        let range = piece.range_response.unwrap_or_default();
        sizes.push(range.kvs.len());
        count = range.count;
    }
    assert_eq!((sizes, count), (vec![10, 20, 5], 35));
    let old = connect(&server(Version::V3_4, Clock::held())).await;
    let refused = old.send(RangeStream::PATH, &[], &all).await.next::<RangeStreamResponse>().await;
    let text = "Unimplemented: unknown method RangeStream for service etcdserverpb.KV";
    assert_eq!(refused.map_err(said), Err(text.into()));
    Ok(())
}

#[tokio::test]
async fn a_snapshot_ends_in_its_checksum() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    client.call(&PutRequest::new("a", vec![1; 100_000])).await.map_err(said)?;
    let mut pieces = client.send(SnapshotStream::PATH, &[], &SnapshotRequest {}).await;
    let mut bytes = Vec::new();
    while let Ok(piece) = pieces.next::<SnapshotResponse>().await {
        bytes.extend_from_slice(&piece.blob);
    }
    let (content, sum) = bytes.split_at(bytes.len() - 32);
    assert_eq!(digest(&SHA256, content).as_ref(), sum);
    assert_eq!(content.len() % 512, 0);
    assert!(content.len() > 100_000);
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_or_no_call_is_refused_as_etcd_does() -> Outcome {
    let client = connect(&server(Version::V3_7, Clock::held())).await;
    let put = |size| PutRequest::new("a", vec![0; size]);
    let large = client.call(&put(1536 << 10)).await.map_err(|status| status.message).err();
    assert_eq!(large.as_deref(), Some(message::REQUEST_TOO_LARGE));
    let larger = client.call(&put(2 << 20)).await.map_err(said).unwrap_err();
    assert!(larger.starts_with("ResourceExhausted: grpc: received message larger"), "{larger}");
    let nothing = http_body_util::Full::new(Bytes::from_static(&[1, 0, 0, 0, 0])).boxed_unsync();
    let bad = client.open(PutRequest::PATH, &[], nothing).await.next::<PutResponse>().await;
    assert_eq!(bad.map_err(|status| status.code).err(), Some(Code::INTERNAL));
    let nope = client.send("/etcdserverpb.KV/Nope", &[], &put(0)).await.next::<PutResponse>().await;
    let text = "Unimplemented: unknown method Nope for service etcdserverpb.KV";
    assert_eq!(nope.map_err(said).err().as_deref(), Some(text));
    Ok(())
}

#[tokio::test]
async fn without_a_leader_who_wants_one_is_refused() -> Outcome {
    let server = server(Version::V3_7, Clock::held());
    let client = connect(&server).await;
    let (_sender, mut replies) = watch(&client, [WatchCreateRequest::new("a")]).await;
    assert!(told(&mut replies).await.created);
    server.with(|store| store.cluster.leader = 0);
    let wants = [("hasleader", "true")];
    let refused = client.call_with(&wants, &RangeRequest::new("a")).await.map_err(said).err();
    assert_eq!(refused, Some(format!("Unavailable: {}", message::NO_LEADER)));
    assert!(client.call(&RangeRequest::new("a").serializable()).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_server_lets_go_of_watches_on_command() -> Outcome {
    let server = server(Version::V3_7, Clock::held());
    let client = connect(&server).await;
    let (_sender, mut replies) = watch(&client, [WatchCreateRequest::new("a")]).await;
    assert!(told(&mut replies).await.created);
    server.cancel_watches("because");
    let end = told(&mut replies).await;
    assert!(end.canceled && end.cancel_reason == "because");
    Ok(())
}
