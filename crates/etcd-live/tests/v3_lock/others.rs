//! Other clients of etcd in the same line.

use std::process::Stdio;
use std::time::Duration;

use etcd_client::v3::api::{CampaignRequest, LockRequest};
use etcd_live::each::{PATIENCE, on_each, on_each_server};
use etcd_live::etcd::{etcdctl, servers};
use etcd_live::program::start;
use tokio::time::timeout;

use crate::{seconds, until_in_line};

#[test]
fn the_servers_own_locks_and_ours_exclude_each_other() {
    on_each_server(async |_, client| {
        let raw = client.raw_lock();
        let lease = client.lease().grant_and_keep(seconds(60)).await.expect("a lease");
        let ours = client.lock("l", seconds(60)).await.expect("it is free");
        let short = raw
            .with_options(etcd_client::CallOptions::default().deadline(Duration::from_millis(500)));
        short.lock(LockRequest::new("l").lease(lease.id())).await.expect_err("it is not free");
        until_in_line(&client, "l", 1).await;
        ours.release().await.expect("it is held");

        let its = raw.lock(LockRequest::new("l").lease(lease.id())).await.expect("it is free");
        assert!(client.try_lock("l", seconds(60)).await.is_err());
        let other = client.clone();
        let waits = tokio::spawn(async move { other.lock("l", seconds(60)).await });
        until_in_line(&client, "l", 2).await;
        raw.unlock(&its.key).await.expect("it is held");
        let lock = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        lock.expect("a lock").release().await.expect("it is held");
    });
}

#[test]
fn the_servers_own_elections_are_ours() {
    on_each_server(async |_, client| {
        let lease = client.lease().grant_and_keep(seconds(60)).await.expect("a lease");
        let raw = client.raw_election();
        let request = CampaignRequest::new("e", "theirs").lease(lease.id());
        raw.campaign(request).await.expect("nobody leads");
        let election = client.election("e");
        let leader = election.leader().await.expect("an answer").expect("somebody leads");
        assert_eq!(leader.value, "theirs");
        let other = election.clone();
        let waits = tokio::spawn(async move { other.campaign("ours", seconds(60)).await });
        until_in_line(&client, "e", 2).await;
        lease.revoke().await.expect("it is there");
        let leadership = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        leadership.expect("it leads").resign().await.expect("it leads");
    });
}

#[test]
fn etcdctl_waits_for_our_lock_and_we_for_its() {
    on_each(async |cluster, client| {
        let ours = client.lock("l", seconds(60)).await.expect("it is free");
        let mut command = etcdctl(&servers(cluster));
        command.args(["lock", "l"]).stdin(Stdio::null());
        let its = start({
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        });
        until_in_line(&client, "l", 2).await;
        assert_eq!(its.line_within(Duration::from_millis(300)), None, "it waits");
        ours.release().await.expect("it is held");
        assert!(its.line().starts_with("l/"));
        assert!(client.try_lock("l", seconds(60)).await.is_err());
        drop(its);
        // Killed, it holds the lock until its lease of a minute ends.
        let client = client.namespace("other/");
        client.lock("l", seconds(60)).await.expect("it is free").release().await.expect("held");
    });
}
