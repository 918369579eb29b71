//! What the methods of v3 requests say, against the fields that they stand for.

use etcd_proto::ids::{LeaseId, MemberId, Revision, Ttl};
use etcd_proto::key::KeyRange;
use etcd_proto::v3::*;

#[test]
fn reads() {
    let all = RangeRequest::new(KeyRange::prefix("a/"))
        .limit(10)
        .revision(Revision(7))
        .sort(SortTarget::MOD, SortOrder::DESCEND)
        .serializable()
        .keys_only()
        .count_only()
        .min_mod_revision(1)
        .max_mod_revision(2)
        .min_create_revision(3)
        .max_create_revision(4);
    let expected = RangeRequest {
        key: "a/".into(),
        range_end: "a0".into(),
        limit: 10,
        revision: 7,
        sort_order: 2,
        sort_target: 3,
        serializable: true,
        keys_only: true,
        count_only: true,
        min_mod_revision: 1,
        max_mod_revision: 2,
        min_create_revision: 3,
        max_create_revision: 4,
    };
    assert_eq!(all, expected);
    assert_eq!(all.range(), KeyRange::prefix("a/"));
    assert_eq!((all.sort_target(), all.sort_order()), (SortTarget::MOD, SortOrder::DESCEND));
    assert_eq!(RangeRequest::new("a").limit(u64::MAX).limit, i64::MAX);
    assert_eq!(RangeRequest::from("a"), RangeRequest { key: "a".into(), ..Default::default() });
    assert_eq!(RangeRequest::from(KeyRange::all()).range_end, "\0");
}

#[test]
fn writes() {
    let put = PutRequest::new("k", "v").lease(LeaseId(7)).prev_kv();
    let expected = PutRequest {
        key: "k".into(),
        value: "v".into(),
        lease: 7,
        prev_kv: true,
        ..Default::default()
    };
    assert_eq!(put, expected);
    // Servers refuse a value or a lease next to the wish to keep what is there.
    let kept = put.ignore_value().ignore_lease();
    assert_eq!((kept.value.len(), kept.lease), (0, 0));
    assert!(kept.ignore_value && kept.ignore_lease);

    let removal = DeleteRangeRequest::new(KeyRange::from_key("k")).prev_kv();
    let expected = DeleteRangeRequest { key: "k".into(), range_end: "\0".into(), prev_kv: true };
    assert_eq!(removal, expected);
    assert_eq!(removal.range(), KeyRange::from_key("k"));
    assert_eq!(DeleteRangeRequest::from("k").range(), KeyRange::one("k"));

    let compaction = CompactionRequest::new(7).physical();
    assert_eq!(compaction, CompactionRequest { revision: 7, physical: true });
}

#[test]
fn watches() {
    let create = WatchCreateRequest::new(KeyRange::all())
        .start_revision(7)
        .progress_notify()
        .filter(FilterType::NODELETE)
        .filter(FilterType(9))
        .prev_kv()
        .watch_id(3)
        .fragment();
    let expected = WatchCreateRequest {
        key: "\0".into(),
        range_end: "\0".into(),
        start_revision: 7,
        progress_notify: true,
        filters: vec![1, 9],
        prev_kv: true,
        watch_id: 3,
        fragment: true,
    };
    assert_eq!(create, expected);
    assert_eq!(create.filters().map(|f| f.to_string()).collect::<Vec<_>>(), ["NODELETE", "9"]);
    assert_eq!(create.range(), KeyRange::all());
    let union = |request: WatchRequest| request.request_union;
    assert_eq!(union(create.clone().into()), Some(WatchRequestUnion::Create(create)));
    let cancel = WatchCancelRequest::new(3);
    assert_eq!(union(cancel.into()), Some(WatchRequestUnion::Cancel(cancel)));
    let progress = WatchProgressRequest {};
    assert_eq!(union(progress.into()), Some(WatchRequestUnion::Progress(progress)));
}

#[test]
fn leases_and_those_who_use_them() {
    let ttl = Ttl::from_seconds(30).unwrap();
    assert_eq!(LeaseGrantRequest::new(ttl), LeaseGrantRequest { ttl: 30, id: 0 });
    assert_eq!(LeaseGrantRequest::new(ttl).id(LeaseId(-7)).id, -7);
    assert_eq!(LeaseRevokeRequest::new(7), LeaseRevokeRequest { id: 7 });
    assert_eq!(LeaseKeepAliveRequest::new(7), LeaseKeepAliveRequest { id: 7 });
    let asked = LeaseTimeToLiveRequest::new(7);
    assert_eq!(asked, LeaseTimeToLiveRequest { id: 7, keys: false });
    assert_eq!(asked.keys(), LeaseTimeToLiveRequest { id: 7, keys: true });

    let lock = LockRequest::new("l").lease(7);
    assert_eq!(lock, LockRequest { name: "l".into(), lease: 7 });
    let campaign = CampaignRequest::new("e", "me").lease(7);
    let expected = CampaignRequest { name: "e".into(), lease: 7, value: "me".into() };
    assert_eq!(campaign, expected);
}

#[test]
fn members_and_their_upkeep() {
    let add = MemberAddRequest::new(["http://a:2380"]).learner();
    let peer_urls = vec!["http://a:2380".to_owned()];
    assert_eq!(add, MemberAddRequest { peer_urls: peer_urls.clone(), is_learner: true });
    let update = MemberUpdateRequest::new(7, &peer_urls);
    assert_eq!(update, MemberUpdateRequest { id: 7, peer_urls });
    assert!(MemberListRequest::new().linearizable);
    assert!(!MemberListRequest::new().serializable().linearizable);

    let alarm = AlarmRequest::deactivate(AlarmType::NOSPACE, MemberId(7));
    assert_eq!(alarm, AlarmRequest { action: 2, member_id: 7, alarm: 1 });
    assert_eq!((alarm.action(), alarm.alarm()), (AlarmAction::DEACTIVATE, AlarmType::NOSPACE));
    assert_eq!(AlarmRequest::activate(AlarmType::CORRUPT, 7).action(), AlarmAction::ACTIVATE);
    assert_eq!(AlarmRequest::list(), AlarmRequest::default());

    assert_eq!(DowngradeRequest::validate("3.5.0").action(), DowngradeAction::VALIDATE);
    assert_eq!(DowngradeRequest::enable("3.5.0").action(), DowngradeAction::ENABLE);
    assert_eq!(DowngradeRequest::cancel().action(), DowngradeAction::CANCEL);
}

#[test]
fn users_and_roles() {
    let read = Permission::read(KeyRange::prefix("a/"));
    let expected = Permission { perm_type: 0, key: "a/".into(), range_end: "a0".into() };
    assert_eq!(read, expected);
    assert_eq!(read.range(), KeyRange::prefix("a/"));
    assert_eq!(Permission::write("a").perm_type(), PermissionType::WRITE);
    assert_eq!(Permission::read_write("a").perm_type(), PermissionType::READWRITE);
    let revoke = AuthRoleRevokePermissionRequest::new("r", read.range());
    assert_eq!((&*revoke.key, &*revoke.range_end), (&b"a/"[..], &b"a0"[..]));
    let grant = AuthRoleGrantPermissionRequest::new("r", read.clone());
    assert_eq!((grant.name, grant.perm), ("r".to_owned(), Some(read)));
    assert_eq!(AuthUserAddRequest::new("u", "p").options, None);
    let options = AuthUserAddRequest::without_password("u").options;
    assert_eq!(options, Some(UserAddOptions { no_password: true }));
}

#[test]
fn replies_are_asked_what_they_mean() {
    let header = ResponseHeader { cluster_id: 1, member_id: 7, revision: 5, raft_term: 2 };
    let status = StatusResponse { header: Some(header), leader: 7, ..Default::default() };
    assert_eq!((status.revision(), status.is_leader()), (Revision(5), true));
    let lost = StatusResponse { leader: 0, ..status.clone() };
    assert_eq!((lost.leader_id(), lost.is_leader()), (None, false));
    assert!(!StatusResponse { leader: 8, ..status }.is_leader());
    assert_eq!(TxnResponse::default().revision(), Revision(0));

    let kv = |create_revision, mod_revision| {
        let kv = KeyValue { key: "k".into(), create_revision, mod_revision, ..Default::default() };
        Event { event_type: 0, kv: Some(kv), prev_kv: None }
    };
    assert!(kv(5, 5).is_create() && kv(5, 5).is_put() && !kv(5, 6).is_create());
    let removal = Event { event_type: 1, ..kv(0, 6) };
    assert!(removal.is_delete() && !removal.is_create() && !removal.is_put());
    let strange = Event { event_type: 9, ..kv(5, 5) };
    assert!(!strange.is_put() && !strange.is_delete() && !strange.is_create());
    assert_eq!(strange.event_type(), EventType(9));

    let value = KeyValue {
        key: "k".into(),
        value: b"\xff".to_vec().into(),
        lease: 0x2a,
        ..Default::default()
    };
    assert_eq!((value.key_str(), value.value_str().is_err()), (Ok("k"), true));
    assert_eq!(value.lease_id().map(|lease| lease.to_string()).as_deref(), Some("2a"));

    let progress = WatchResponse { header: Some(header), ..Default::default() };
    assert!(progress.is_progress_notify());
    for other in [
        WatchResponse { header: None, ..progress.clone() },
        WatchResponse { created: true, ..progress.clone() },
        WatchResponse { canceled: true, ..progress.clone() },
        WatchResponse { compact_revision: 1, ..progress.clone() },
        WatchResponse { events: vec![Event::default()], ..progress },
    ] {
        assert!(!other.is_progress_notify(), "{other:?}");
    }
}
