//! Locks that are taken and given up while answers are lost and members die.

use std::time::Duration;

use etcd_client::v3::LockOptions;
use etcd_client::{Client, Revision};
use etcd_live::each::{PATIENCE, on_each, on_each_of, until};
use etcd_live::members::Cluster;
use etcd_live::proxy::{Cut, Mode, Proxy, Way};
use tokio::time::{sleep, timeout};

use crate::{in_line, leases, seconds, until_in_line};

/// A client that asks a proxy first, and then the member itself.
async fn by_two_ways(cluster: &Cluster) -> (Proxy, Client) {
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    let servers = format!("{},{}", proxy.endpoint(), cluster.endpoints()[0]);
    let client = Client::new(&servers).expect("servers");
    client.lease().list().await.expect("an answer");
    (proxy, client)
}

#[test]
fn a_lock_whose_answers_are_lost_is_had_once() {
    on_each(async |cluster, direct| {
        let (proxy, client) = by_two_ways(cluster).await;
        proxy.mode(Mode::Mute(Way::ToClient)).expect("a proxy");
        let lock = client.lock("l", seconds(10)).await.expect("it is free");
        let entry = direct.kv().get(lock.key()).await.expect("an answer").expect("it is there");
        assert_eq!(lock.fencing_token().revision, Revision(entry.create_revision));
        assert_eq!((in_line(&direct, "l").await, leases(&direct).await), (1, 1));
        lock.put("k", "v").await.expect("it is held");
        lock.release().await.expect("it is held");
        // What was sent twice comes through when it can, and does nothing then.
        proxy.mode(Mode::Pass).expect("a proxy");
        sleep(Duration::from_millis(500)).await;
        assert_eq!((in_line(&direct, "l").await, leases(&direct).await), (0, 0));
    });
}

#[test]
fn a_lock_on_a_shared_lease_whose_answers_are_lost_is_had_once() {
    on_each(async |cluster, direct| {
        let (proxy, client) = by_two_ways(cluster).await;
        let lease = client.lease().grant_and_keep(seconds(20)).await.expect("a lease");
        for round in 0..2 {
            let way = if round == 0 { Way::ToClient } else { Way::ToServer };
            proxy.mode(Mode::Mute(way)).expect("a proxy");
            let lock = client.lock("l", &lease).await.expect("it is free");
            assert_eq!(in_line(&direct, "l").await, 1);
            proxy.mode(Mode::Pass).expect("a proxy");
            sleep(Duration::from_millis(500)).await;
            assert_eq!(in_line(&direct, "l").await, 1);
            lock.put("k", "v").await.expect("it is held");
            lock.release().await.expect("it is held");
            assert_eq!(in_line(&direct, "l").await, 0);
            // So that the proxy is asked first again.
            client.lease().list().await.expect("an answer");
        }
    });
}

#[test]
fn a_key_that_is_made_after_its_lock_was_given_up_does_not_stay() {
    on_each(async |cluster, direct| {
        let (proxy, client) = by_two_ways(cluster).await;
        let lease = client.lease().grant_and_keep(seconds(60)).await.expect("a lease");
        client.lease().list().await.expect("an answer");
        proxy.mode(Mode::Mute(Way::ToServer)).expect("a proxy");
        let lock = client.lock("l", &lease).await.expect("it is free");
        lock.release().await.expect("it is held");
        proxy.mode(Mode::Pass).expect("a proxy");
        sleep(Duration::from_secs(1)).await;
        println!("{} came late", in_line(&direct, "l").await);
        until_in_line(&direct, "l", 0).await;
    });
}

#[test]
fn a_wait_that_is_given_up_while_nobody_can_be_reached_leaves_nothing() {
    on_each(async |cluster, direct| {
        let held = direct.lock("l", seconds(60)).await.expect("it is free");
        let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
        let client = Client::new(&proxy.endpoint()).expect("a server");
        let options = LockOptions::new(seconds(20)).wait(Duration::from_secs(2));
        let waits = tokio::spawn(async move { client.lock("l", options).await });
        until_in_line(&direct, "l", 2).await;
        proxy.mode(Mode::Stall).expect("a proxy");
        timeout(PATIENCE, waits).await.expect("the wait ends").expect("a task").expect_err("busy");
        assert_eq!(in_line(&direct, "l").await, 2, "nobody could be told");
        proxy.mode(Mode::Pass).expect("a proxy");
        until_in_line(&direct, "l", 1).await;
        until("its lease is revoked", async || leases(&direct).await == 1).await;
        held.release().await.expect("it is held");
    });
}

#[test]
fn a_lock_is_held_and_handed_over_while_connections_break_and_a_leader_dies() {
    on_each_of(3, async |cluster, direct| {
        let proxies: Vec<_> =
            cluster.endpoints().iter().map(|to| Proxy::to(to).expect("a proxy")).collect();
        let through: Vec<_> = proxies.iter().map(Proxy::endpoint).collect();
        let client = Client::new(&through.join(",")).expect("servers");
        let lock = client.lock("l", seconds(10)).await.expect("it is free");
        let other = client.clone();
        let waits = tokio::spawn(async move { other.lock("l", seconds(10)).await });
        until_in_line(&direct, "l", 2).await;
        let leader = cluster.leader().expect("healthy members have a leader");
        cluster.kill(leader).expect("a member");
        for cut in 0..40 {
            sleep(Duration::from_millis(100)).await;
            let how = if cut % 2 == 0 { Cut::Reset } else { Cut::Finish };
            proxies.iter().for_each(|proxy| proxy.cut(how).expect("a proxy"));
        }
        cluster.start_again(leader).expect("a member");
        cluster.wait_healthy().expect("all are well");
        sleep(Duration::from_secs(8)).await;
        assert!(!lock.surely_held_for().is_zero(), "{lock:?}");
        assert!(!waits.is_finished(), "it is held");
        let token = lock.fencing_token();
        lock.release().await.expect("it is held");
        let next = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        let next = next.expect("a lock");
        assert!(next.fencing_token() > token);
        next.release().await.expect("it is held");
    });
}
