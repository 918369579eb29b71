//! What is known of a call that got no answer, held against what the store holds afterwards.

use std::time::Duration;

use etcd_client::v2::Client;
use etcd_client::{Config, Error, ErrorKind, Outcome, Session};
use etcd_live::blackhole::{Blackhole, refused};
use etcd_live::etcd;
use etcd_live::proxy::{Cut, Mode, Proxy};

use super::timed;

const DEADLINE: Duration = Duration::from_secs(2);

fn client(servers: &str) -> Result<Client, Error> {
    Client::with_config(servers, Config::default().deadline(DEADLINE))
}

/// How a call failed: its kind and what it proves; it ended by the deadline. Rounds and connecting,
/// which have limits of their own, would take longer without one.
async fn failure<T>(call: impl Future<Output = Result<T, Error>>) -> (ErrorKind, Outcome) {
    let (took, result) = timed(call).await;
    assert!(took < 3 * DEADLINE, "{took:?}");
    let error = result.err().expect("a failure");
    (error.kind().clone(), error.outcome())
}

#[tokio::test]
async fn nobody_there_is_told_quickly() -> Result<(), Error> {
    let nobody = format!("{},{}", refused().expect("a port"), refused().expect("a port"));
    let client = Client::new(&nobody)?;
    let told = (ErrorKind::Unreachable, Outcome::NotApplied);
    let error = client.get("/a").await.expect_err("nobody is there");
    for server in nobody.split(',') {
        let mut attempts = error.attempts().iter().map(|attempt| attempt.endpoint.to_string());
        assert!(attempts.any(|endpoint| endpoint == server), "{server}: {error:?}");
    }
    let (took, _) = timed(async {
        assert_eq!(failure(client.get("/a")).await, told);
        assert_eq!(failure(client.set("/a", "1")).await, told);
        assert_eq!(failure(Session::open_with(&nobody, etcd::v2())).await, told);
    })
    .await;
    println!("nobody there: told after {:?}", took / 3);
    Ok(())
}

#[tokio::test]
async fn silence_is_told_by_the_deadline() -> Result<(), Error> {
    for hole in [Blackhole::never_connects(), Blackhole::never_answers()] {
        let hole = hole.expect("a black hole");
        let client = client(&hole.endpoint())?;
        let (kind, outcome) = failure(client.get("/a")).await;
        assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable), "{kind:?}");
        assert_eq!(outcome, Outcome::NotApplied);
        let (kind, outcome) = failure(client.set("/a", "1")).await;
        assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable), "{kind:?}");
        assert_eq!(outcome, Outcome::NotApplied, "nothing was sent without a sign of life");
    }
    Ok(())
}

/// The first write is sent to a member that had answered a moment ago; after its silence no other
/// is, without a sign of life.
#[tokio::test]
async fn writes_to_a_stopped_member() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let client = client(&etcd::servers(&cluster))?;
    for key in ["/first", "/second", "/deleted", "/swapped"] {
        client.set(key, "before").await?;
    }
    cluster.pause(0).expect("a member can be stopped");
    assert_eq!(
        failure(client.set("/first", "after")).await,
        (ErrorKind::Timeout, Outcome::Unknown)
    );
    let (_, second) = failure(client.set("/second", "after")).await;
    let (_, deleted) = failure(client.delete("/deleted")).await;
    let (_, swapped) = failure(client.compare_value_and_swap("/swapped", "before", "after")).await;
    let (_, read) = failure(client.get("/first")).await;
    assert_eq!([second, deleted, swapped, read], [Outcome::NotApplied; 4]);

    cluster.resume(0).expect("a member can go on");
    client.set("/third", "1").await?;
    for key in ["/second", "/deleted", "/swapped"] {
        assert_eq!(client.get(key).await?.value.as_deref(), Some("before"), "{key}");
    }
    // The kernel had taken it for the member, which carries it out when it goes on.
    assert_eq!(client.get("/first").await?.value.as_deref(), Some("after"));
    Ok(())
}

#[tokio::test]
async fn a_write_that_is_cut_off_is_unknown() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let direct = Client::new(&etcd::servers(&cluster))?;
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    for how in [Cut::Reset, Cut::Finish] {
        let client = client(&proxy.endpoint())?;
        client.get("/").await?;
        proxy.mode(Mode::Drip(50)).expect("slow");
        let (key, writer) = (format!("/{how:?}"), client.clone());
        let write = tokio::spawn({
            let key = key.clone();
            async move { failure(writer.set(&key, "1")).await }
        });
        // The request needs some seconds at that pace.
        tokio::time::sleep(Duration::from_millis(500)).await;
        proxy.cut(how).expect("a cut");
        assert_eq!(write.await.expect("a write").1, Outcome::Unknown);
        proxy.mode(Mode::Pass).expect("fast");
        // The request was cut in the middle: what is unknown to the client did not happen.
        assert_eq!(direct.get_opt(&key).await?, None);
        assert_eq!(client.get_opt(&key).await?, None);
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_stalls_or_drips_is_no_hang() -> Result<(), Error> {
    let cluster = etcd::cluster(1);
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    let client = client(&proxy.endpoint())?;
    client.set("/a", "1").await?;
    proxy.mode(Mode::Stall).expect("a stall");
    assert_eq!(failure(client.get("/a")).await, (ErrorKind::Timeout, Outcome::NotApplied));
    proxy.mode(Mode::Drip(20)).expect("a drip");
    assert_eq!(failure(client.get("/a")).await, (ErrorKind::Timeout, Outcome::NotApplied));
    proxy.mode(Mode::Pass).expect("it passes");
    assert_eq!(client.get("/a").await?.value.as_deref(), Some("1"));
    Ok(())
}
