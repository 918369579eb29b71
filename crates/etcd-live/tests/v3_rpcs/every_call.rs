//! Each of the calls once, counted by the members that answer.

use std::time::Duration;

use etcd_client::v3::api::rpc::{STREAMS, UNARY};
use etcd_client::v3::api::{
    AlarmType, AuthUserAddRequest, CampaignRequest, Compare, KeepAliveStream, LeaseGrantRequest,
    LeaseKeepAliveRequest, LeaseLeasesRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest,
    LockRequest, Permission, PutRequest, TxnRequest, WatchCreateRequest, WatchRequest, WatchStream,
};
use etcd_client::{CallOptions, Client, Error, ErrorKind, KeyRange, LeaseId, Ttl};
use etcd_live::members::{Cluster, free_ports};
use etcd_transport::Channel;

use super::members::{Joined, settled};
use super::{answered, channel, client_as, each, endpoint, fill, is_since, refusal};

/// A path, and the first release that knows it.
const YOUNG: &[(&str, (u32, u32))] = &[
    ("/etcdserverpb.KV/RangeStream", (3, 7)),
    ("/etcdserverpb.Maintenance/Downgrade", (3, 5)),
    ("/etcdserverpb.Auth/AuthStatus", (3, 5)),
];

#[tokio::test]
async fn each_call_is_answered_by_each_etcd_that_knows_it() -> Result<(), Error> {
    assert_eq!(UNARY.len() + STREAMS.len(), 49);
    for (cluster, client) in each(3, &["--strict-reconfig-check=false", "--bcrypt-cost=4"]) {
        keys(&client).await?;
        leases_and_watches(&channel(&cluster)).await;
        let lease = lease(&channel(&cluster), 60).await;
        locks_and_elections(&client, lease).await?;
        maintenance(&cluster, &client).await?;
        members(&cluster, &client).await?;
        auth(&cluster, &client).await?;
        let answered = answered(&cluster);
        for path in UNARY.iter().chain(STREAMS) {
            let young = YOUNG.iter().find(|(young, _)| young == path);
            let known = young.is_none_or(|&(_, (major, minor))| is_since(&cluster, major, minor));
            let count = answered.get(*path).copied().unwrap_or_default();
            assert_eq!(count > 0, known, "{path} was answered {count} times");
        }
    }
    Ok(())
}

async fn keys(client: &Client) -> Result<(), Error> {
    let kv = client.kv();
    fill(client, "k/", 50, b"v").await?;
    let revision = kv.put("k/00000", "w").await?.revision();
    assert_eq!(kv.get("k/00000").await?.expect("there").value, "w");
    let mut stream = kv.range(KeyRange::prefix("k/")).stream();
    let mut keys = 0;
    while let Some(entries) = stream.next().await.transpose()? {
        keys += entries.len();
    }
    assert_eq!((keys, stream.count()), (50, Some(50)));
    let guarded = TxnRequest::new().when([Compare::absent("k/00000")]);
    assert!(!kv.txn(guarded.then([PutRequest::new("k/00000", "x")])).await?.succeeded);
    assert_eq!(kv.delete(KeyRange::prefix("k/0000")).await?.deleted, 10);
    kv.compact(revision).await?;
    assert_eq!(refusal(kv.compact(revision).await), ErrorKind::HistoryCleared);
    Ok(())
}

/// A lease that the tests need, granted without a handle for leases.
pub(super) async fn lease(channel: &Channel, seconds: u64) -> LeaseId {
    let ttl = Ttl::from_seconds(seconds).expect("a time to live");
    let granted = channel.call(&LeaseGrantRequest::new(ttl)).await.expect("a lease");
    LeaseId(granted.id)
}

/// These have handles of their own elsewhere: here they are called as they are.
async fn leases_and_watches(channel: &Channel) {
    let lease = lease(channel, 60).await;
    let left = channel.call(&LeaseTimeToLiveRequest::new(lease)).await.expect("an answer");
    assert!((1..=60).contains(&left.ttl) && left.granted_ttl == 60, "{left:?}");
    let leases = channel.call(&LeaseLeasesRequest::default()).await.expect("an answer").leases;
    assert_eq!(leases.iter().map(|lease| lease.id).collect::<Vec<_>>(), [lease.0]);
    let options = CallOptions::default();
    let renewal = KeepAliveStream(LeaseKeepAliveRequest::new(lease));
    let (_up, mut renewed) = channel.duplex(&renewal, &options).await.expect("a stream");
    let renewed = renewed.next().await.expect("no error").expect("an item");
    assert_eq!((renewed.id, renewed.ttl), (lease.0, 60));
    channel.call(&LeaseRevokeRequest::new(lease)).await.expect("an answer");

    let all = WatchCreateRequest::new(KeyRange::all());
    let (_up, mut watch) =
        channel.duplex(&WatchStream(WatchRequest::from(all)), &options).await.expect("a stream");
    assert!(watch.next().await.expect("no error").expect("an item").created);
}

async fn locks_and_elections(client: &Client, lease: LeaseId) -> Result<(), Error> {
    let (locks, elections) = (client.raw_lock(), client.raw_election());
    let held = locks.lock(LockRequest::new("l").lease(lease)).await?;
    locks.unlock(held.key).await?;

    let campaign = CampaignRequest::new("e", "a").lease(lease);
    let leader = elections.campaign(campaign).await?.leader.expect("a leader");
    elections.proclaim(leader.clone(), "b").await?;
    let seen = elections.leader("e").await?.kv.expect("a leader");
    assert_eq!((&seen.key, &seen.value[..]), (&leader.key, &b"b"[..]));
    let mut observed = elections.observe("e").await?;
    let first = observed.next().await.transpose()?.and_then(|leader| leader.kv);
    assert_eq!(first, Some(seen));
    elections.resign(leader).await?;
    Ok(())
}

async fn maintenance(cluster: &Cluster, client: &Client) -> Result<(), Error> {
    let (maintenance, first) = (client.maintenance(), endpoint(cluster, 0));
    let status = maintenance.status(&first).await?;
    assert_eq!(status.version, cluster.etcd().version.to_string());
    let id = status.header.expect("a header").member();

    assert_eq!(maintenance.alarm_list().await?.alarms, []);
    maintenance.alarm_activate(AlarmType::CORRUPT, id).await?;
    let alarms = maintenance.alarm_list().await?.alarms;
    assert_eq!((alarms.len(), alarms[0].alarm()), (1, AlarmType::CORRUPT));
    maintenance.alarm_deactivate(AlarmType::CORRUPT, id).await?;
    assert_eq!(maintenance.alarm_list().await?.alarms, []);

    maintenance.defragment(&first).await?;
    assert_ne!(maintenance.hash(&first).await?.hash, 0);
    let revision = maintenance.hash_kv(&first, None).await?.revision();
    let mut hashes = Vec::new();
    for member in 0..3 {
        // A follower may not be that far yet.
        client.only(&endpoint(cluster, member)).kv().get("k").await?;
        hashes.push(maintenance.hash_kv(&endpoint(cluster, member), Some(revision)).await?);
    }
    let same = |name: &str, of: &dyn Fn(usize) -> i64| {
        assert!((1..3).all(|member| of(member) == of(0)), "{name}: {hashes:?}");
    };
    same("hash", &|member| hashes[member].hash.into());
    same("compact_revision", &|member| hashes[member].compact_revision);
    let expected = if is_since(cluster, 3, 6) { revision.0 } else { 0 };
    assert_eq!(hashes[0].hash_revision, expected);

    let snapshot = maintenance.snapshot(&first).await?;
    let mut bytes = Vec::new();
    let length = snapshot.copy_to(&mut bytes).await?;
    assert_eq!((length, bytes.len() % 512), (bytes.len() as u64, 32));

    let before = client.cluster().leader().await?;
    let all = client.cluster().member_list().await?.members;
    let other = all.iter().find(|member| member.id != before.id).expect("three members");
    maintenance.move_leader(other.id).await?;
    assert_eq!(client.cluster().leader().await?.name, other.name);

    let version = cluster.etcd().version;
    let older = format!("{}.{}.0", version.major, version.minor - 1);
    let validated = maintenance.downgrade_validate(&older).await;
    match is_since(cluster, 3, 5) {
        true => assert!(version.to_string().starts_with(validated?.version.trim_end_matches(".0"))),
        false => assert_eq!(refusal(validated), ErrorKind::Unsupported),
    }
    Ok(())
}

async fn members(cluster: &Cluster, client: &Client) -> Result<(), Error> {
    let members = client.cluster();
    let ports = free_ports(2).expect("free ports");
    let [first, second] = [ports[0], ports[1]].map(|port| format!("http://127.0.0.1:{port}"));
    let added = members.member_add_as_learner([&first]).await?.member.expect("the member");
    assert!(added.is_learner && added.name.is_empty(), "{added:?}");
    settled(cluster, client).await?;
    members.member_update(added.id, [&second]).await?;
    let listed = members.member_list_serializable().await?.members;
    let found = listed.iter().find(|member| member.id == added.id);
    assert_eq!(found.map(|member| &member.peer_urls[..]), Some(&[second][..]));
    assert_eq!(refusal(members.member_promote(added.id).await), ErrorKind::Refused);
    settled(cluster, client).await?;
    members.member_remove(added.id).await?;
    assert_eq!(refusal(members.member_remove(added.id).await), ErrorKind::Refused);

    settled(cluster, client).await?;
    let joined = Joined::as_learner(cluster, client).await?;
    joined.promoted(client).await?;
    settled(cluster, client).await?;
    members.member_remove(joined.id).await?;
    Ok(())
}

async fn auth(cluster: &Cluster, client: &Client) -> Result<(), Error> {
    let auth = client.auth();
    let off = auth.status().await;
    match is_since(cluster, 3, 5) {
        true => assert!(!off?.enabled),
        false => {
            let error = off.expect_err("it is not known").to_string();
            let found = cluster.etcd().version;
            assert!(error.contains("AuthStatus needs etcd 3.5 or later"), "{error}");
            assert!(error.contains(&found.to_string()), "{error}");
        }
    }
    auth.user_add("root", "r").await?;
    auth.user_grant_role("root", "root").await?;
    auth.user_add_with(AuthUserAddRequest::new("ann", "a")).await?;
    auth.user_add_with(AuthUserAddRequest::without_password("bob")).await?;
    auth.role_add("writer").await?;
    let range = KeyRange::prefix("w/");
    auth.role_grant_permission("writer", Permission::read_write(range.clone())).await?;
    auth.user_grant_role("ann", "writer").await?;
    auth.enable().await?;

    let root = client_as(cluster, "root", "r").auth();
    assert!(!root.authenticate("root", "r").await?.token.is_empty());
    assert_eq!(root.user_list().await?.users, ["ann", "bob", "root"]);
    assert_eq!(root.user_get("ann").await?.roles, ["writer"]);
    // The role of root is listed by newer members.
    assert!(root.role_list().await?.roles.contains(&"writer".to_owned()));
    let permissions = root.role_get("writer").await?.perm;
    assert_eq!(permissions, [Permission::read_write(range.clone())]);
    root.user_change_password("ann", "b").await?;
    root.role_revoke_permission("writer", range).await?;
    assert_eq!(root.role_get("writer").await?.perm, []);
    root.user_revoke_role("ann", "writer").await?;
    root.role_delete("writer").await?;
    root.user_delete("bob").await?;
    if is_since(cluster, 3, 5) {
        assert!(root.status().await?.enabled);
    }
    root.disable().await?;
    tokio::time::timeout(Duration::from_secs(5), client.kv().put("k", "v")).await.expect("off")?;
    Ok(())
}
