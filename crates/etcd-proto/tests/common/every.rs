//! Every exchange of the v2 API, for tests that hold for all of them.

use std::fmt::Debug;

use etcd_proto::call::{Exchange, Incoming};
use etcd_proto::ids::{MemberId, Ttl};
use etcd_proto::v2::*;

use super::key;

/// Reads a reply as one kind of exchange does, and shows what it makes of it.
pub(crate) type Decode = Box<dyn Fn(Incoming) -> Result<String, Error>>;

fn decode<E>(exchange: E) -> Decode
where
    E: Exchange<Refusal = Error> + 'static,
    E::Reply: Debug,
{
    Box::new(move |reply| exchange.decode(reply).map(|value| format!("{value:?}")))
}

/// Names each request by the code that makes it.
macro_rules! named {
    ($($request:expr),* $(,)?) => { vec![$((stringify!($request), decode($request))),*] };
}

/// What reads the body of its reply, with the code that makes the request.
pub(crate) fn structured() -> Vec<(&'static str, Decode)> {
    let ttl = Ttl::from_seconds(5).unwrap();
    let holder = LockHolder::Index(1);
    named![
        Get::new(key("/k")),
        Set::new(key("/k"), "v"),
        Refresh::new(key("/k"), ttl),
        CreateInOrder::new(key("/k"), "v"),
        Delete::new(key("/k")),
        LockAcquire::new(key("/k"), ttl),
        LockRenew::new(key("/k"), holder.clone(), ttl),
        LockRelease::new(key("/k"), holder.clone()),
        LeaderAcquire::new(key("/k"), "n", ttl),
        LeaderRelease::new(key("/k"), "n"),
        MemberList,
        MemberAdd::new(["http://h:2380"]),
        Leader,
        Machines,
        Peers,
        PeerLeader,
        StatsSelf,
        StatsLeader,
        StatsStore,
        GetHealth::new(),
        GetVersion,
        AuthStatus,
        UserList,
        UserGet::new("u"),
        UserPut::new("u"),
        RoleList,
        RoleGet::new("r"),
        RolePut::new("r"),
    ]
}

/// All of them: also those for which any text is a reply, or none is needed.
pub(crate) fn all() -> Vec<(&'static str, Decode)> {
    let peers = ["http://h:2380"];
    let mut all = named![
        Head::new(key("/k")),
        LockRead::new(key("/k"), LockField::Value),
        LeaderRead::new(key("/k")),
        MemberRemove::new(MemberId(1)),
        MemberUpdate::new(MemberId(1), peers),
        AuthEnable,
        AuthDisable,
        UserDelete::new("u"),
        RoleDelete::new("r"),
    ];
    all.extend(structured());
    all
}
