//! Endpoints learnt from the cluster, and members that are lost between two calls.

use std::collections::BTreeSet;
use std::time::Duration;

use etcd_client::v2::Client;
use etcd_client::{Error, Session};
use etcd_live::etcd;

use super::timed;

#[tokio::test]
async fn the_cluster_tells_of_its_other_members() -> Result<(), Error> {
    let mut cluster = etcd::cluster(3);
    let client = Client::new(&cluster.endpoints()[0])?;
    let learned: BTreeSet<_> =
        client.sync_endpoints().await?.iter().map(ToString::to_string).collect();
    assert_eq!(learned, cluster.endpoints().into_iter().collect());

    client.set("/a", "1").await?;
    cluster.kill(0).expect("a member can be killed");
    while client.set("/a", "2").await.is_err() {}
    assert_eq!(client.get("/a").await?.value.as_deref(), Some("2"));
    assert_eq!(client.sync_endpoints().await?.len(), 3);
    Ok(())
}

/// A read goes to another member at once; a write as soon as there is a leader again, and is never
/// left open: the connection that rested is known to be dead before anything is sent.
#[tokio::test]
async fn a_member_killed_between_two_calls_is_passed_over() -> Result<(), Error> {
    let mut cluster = etcd::cluster(3);
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2()).await?;
    let (mut reads, mut writes) = (Duration::ZERO, Duration::ZERO);
    for round in 0..6 {
        let member = round % 3;
        // Kept on resting connections: to the member that answers, and maybe others.
        session.set("/a", &round.to_string()).await?;
        let led = cluster.leader() == Some(member);
        cluster.kill(member).expect("a member can be killed");
        let (took, done) = timed(session.set("/a", format!("{round} again"))).await;
        match done {
            Ok(_) => writes = writes.max(took),
            // Forwarded to a leader that was no more.
            Err(error) => assert!(led && error.is_outcome_unknown(), "{error:?}"),
        }
        let (took, entry) = timed(session.get("/a")).await;
        let value = String::from_utf8_lossy(&entry?.value).into_owned();
        assert!(value.starts_with(&round.to_string()), "{value:?} in round {round}");
        reads = reads.max(took);
        cluster.start_again(member).expect("a member can be started");
        cluster.wait_healthy().expect("it comes back");
    }
    println!("after a kill: writes took {writes:?} at most, reads after them {reads:?}");
    Ok(())
}
