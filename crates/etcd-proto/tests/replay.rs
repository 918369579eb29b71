//! Which requests may be sent again when nobody knows what became of them.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

mod common;

use etcd_proto::call::{Exchange, Replay};
use etcd_proto::ids::{MemberId, Ttl};
use etcd_proto::v2::*;
use http::Method;

use common::key;

/// The method and the class of each request.
macro_rules! classes {
    ($($request:expr),* $(,)?) => {
        vec![$((stringify!($request), $request.request().unwrap().method, $request.replay())),*]
    };
}

type Class = (&'static str, Method, Replay);

fn classes() -> Vec<Class> {
    [keys(), modules(), cluster(), auth()].concat()
}

fn ttl() -> Ttl {
    Ttl::from_seconds(5).unwrap()
}

fn keys() -> Vec<Class> {
    classes![
        Get::new(key("/k")),
        Head::new(key("/k")),
        Set::new(key("/k"), "v"),
        Set::new(key("/k"), "v").if_absent(),
        Set::new(key("/k"), "v").if_index(7),
        Refresh::new(key("/k"), ttl()),
        CreateInOrder::new(key("/k"), "v"),
        Delete::new(key("/k")),
    ]
}

fn modules() -> Vec<Class> {
    let holder = LockHolder::Index(1);
    classes![
        LockAcquire::new(key("/k"), ttl()),
        LockRead::new(key("/k"), LockField::Value),
        LockRenew::new(key("/k"), holder.clone(), ttl()),
        LockRelease::new(key("/k"), holder.clone()),
        LeaderAcquire::new(key("/k"), "n", ttl()),
        LeaderRead::new(key("/k")),
        LeaderRelease::new(key("/k"), "n"),
    ]
}

fn cluster() -> Vec<Class> {
    let peers = ["http://h:2380"];
    classes![
        MemberList,
        MemberAdd::new(peers),
        MemberRemove::new(MemberId(1)),
        MemberUpdate::new(MemberId(1), peers),
        Leader,
        Machines,
        Peers,
        PeerLeader,
        StatsSelf,
        StatsLeader,
        StatsStore,
        GetHealth::new(),
        GetVersion,
    ]
}

fn auth() -> Vec<Class> {
    classes![
        AuthStatus,
        AuthEnable,
        AuthDisable,
        UserList,
        UserGet::new("u"),
        UserPut::new("u"),
        UserDelete::new("u"),
        RoleList,
        RoleGet::new("r"),
        RolePut::new("r"),
        RoleDelete::new("r"),
    ]
}

#[test]
fn reads_may_be_sent_again_and_writes_may_not() {
    for (name, method, replay) in classes() {
        let reads = matches!(method, Method::GET | Method::HEAD);
        let expected = if reads { Replay::Safe } else { Replay::Once };
        assert_eq!(replay, expected, "{name}");
    }
}
