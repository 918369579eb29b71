//! Leases that are kept while connections break and members die.

use std::time::{Duration, Instant};

use etcd_client::Client;
use etcd_client::v3::Ended;
use etcd_live::each::{PATIENCE, on_each, on_each_of};
use etcd_live::members::Cluster;
use etcd_live::proxy::{Cut, Mode, Proxy, Way};
use tokio::time::{sleep, timeout};

use crate::{exists, seconds, streams};

#[test]
fn a_lease_outlives_connections_that_are_cut() {
    on_each(async |cluster, _| {
        let (proxy, client) = behind_a_proxy(cluster);
        let mut kept = Vec::new();
        for _ in 0..20 {
            // Renewals are spread over time, so that cuts meet some of them.
            kept.push(client.lease().grant_and_keep(seconds(6)).await.expect("a lease"));
            sleep(Duration::from_millis(100)).await;
        }
        for cut in 0..60 {
            sleep(Duration::from_millis(150)).await;
            proxy.cut(if cut % 2 == 0 { Cut::Reset } else { Cut::Finish }).expect("a proxy");
            let lost = kept.iter().find(|kept| kept.surely_held_for().is_zero());
            assert!(lost.is_none(), "after {cut} cuts: {lost:?}");
        }
        println!("60 cuts, {} streams", streams(cluster, 0));
        for kept in kept {
            assert!(exists(&client, kept.id()).await);
        }
    });
}

#[test]
fn a_member_that_falls_silent_is_left_for_another() {
    on_each_of(3, async |cluster, _| {
        let (proxy, _) = behind_a_proxy(cluster);
        let others = &cluster.endpoints()[1..];
        let client = Client::new(&format!("{},{}", proxy.endpoint(), others.join(",")));
        let client = client.expect("servers");
        let kept = client.lease().grant_and_keep(seconds(6)).await.expect("a lease");
        sleep(Duration::from_secs(3)).await;
        proxy.mode(Mode::Stall).expect("a proxy");
        for _ in 0..20 {
            sleep(Duration::from_millis(500)).await;
            assert!(!kept.surely_held_for().is_zero(), "{kept:?}");
        }
        assert!(exists(&client, kept.id()).await);
    });
}

#[test]
fn a_lease_outlives_its_leader() {
    on_each_of(3, async |cluster, client| {
        let kept = client.lease().grant_and_keep(seconds(10)).await.expect("a lease");
        for _ in 0..2 {
            let leader = cluster.leader().expect("healthy members have a leader");
            cluster.kill(leader).expect("a member");
            let killed = Instant::now();
            while killed.elapsed() < Duration::from_secs(12) {
                sleep(Duration::from_millis(100)).await;
                assert!(!kept.surely_held_for().is_zero(), "{:?}: {kept:?}", killed.elapsed());
            }
            cluster.start_again(leader).expect("a member");
            cluster.wait_healthy().expect("all are well");
        }
        assert!(exists(&client, kept.id()).await);
    });
}

#[test]
fn without_a_quorum_it_is_lost_before_its_time_is_over() {
    on_each_of(3, async |cluster, client| {
        let kept = client.lease().grant_and_keep(seconds(4)).await.expect("a lease");
        sleep(Duration::from_secs(2)).await;
        let sure = kept.surely_held_for();
        let paused = Instant::now();
        for member in 0..3 {
            cluster.pause(member).expect("a member");
        }
        let why = timeout(PATIENCE, kept.lost()).await.expect("it is told");
        println!("lost after {:?}, surely held for {sure:?}: {why}", paused.elapsed());
        assert!(paused.elapsed() + Duration::from_millis(1) >= sure, "{sure:?}");
        // On a machine that is busy nobody may have looked until the time was over.
        assert!(matches!(why, Ended::NotRenewed | Ended::Expired), "{why}");
        for member in 0..3 {
            cluster.resume(member).expect("a member");
        }
        assert_eq!(kept.lost().await, why, "it stays lost, though the server kept it");
    });
}

#[test]
fn a_grant_whose_answer_is_lost_is_found_again_under_its_id() {
    on_each(async |cluster, _| {
        let (mute, client) = behind_a_proxy(cluster);
        let servers = format!("{},{}", mute.endpoint(), cluster.endpoints()[0]);
        // So that the first attempt goes there, and is known to be well.
        client.lease().list().await.expect("an answer");
        let client = Client::new(&servers).expect("servers");
        client.lease().list().await.expect("an answer");
        mute.mode(Mode::Mute(Way::ToClient)).expect("a proxy");
        let granted = client.lease().grant(seconds(60)).await.expect("it is recognised");
        assert_eq!(granted.ttl, 60);
        let listed = client.lease().list().await.expect("a list").leases;
        let ids: Vec<_> = listed.iter().map(|lease| lease.lease_id()).collect();
        assert_eq!(ids, [granted.lease_id()], "one lease, and no second");
    });
}

fn behind_a_proxy(cluster: &Cluster) -> (Proxy, Client) {
    let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
    let client = Client::new(&proxy.endpoint()).expect("a server");
    (proxy, client)
}
