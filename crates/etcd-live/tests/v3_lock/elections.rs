//! Elections: who leads, who follows, and what those who look on are told.

use std::time::Duration;

use etcd_client::Client;
use etcd_client::v3::api::KeyValue;
use etcd_client::v3::{Leaders, LockOptions};
use etcd_live::each::{PATIENCE, on_each_of, on_each_server};
use etcd_live::proxy::{Cut, Proxy};
use tokio::time::timeout;

use crate::{in_line, seconds, until_in_line};

#[test]
fn one_leads_and_the_next_follows_when_it_resigns() {
    on_each_server(async |_, client| {
        let election = client.election("e");
        assert_eq!(election.leader().await.expect("an answer"), None);
        let first = election.campaign("a", seconds(10)).await.expect("nobody leads");
        let other = election.clone();
        let waits = tokio::spawn(async move { other.campaign("b", seconds(10)).await });
        until_in_line(&client, "e", 2).await;
        assert_eq!(leader(&client).await.value, "a");

        let proclaimed = first.proclaim("a2").await.expect("it leads");
        let standing = leader(&client).await;
        assert_eq!((standing.value, standing.mod_revision), ("a2".into(), proclaimed.revision().0));
        assert_eq!(standing.create_revision, first.fencing_token().revision.0);
        assert_eq!(standing.lease, first.lease().id().0);

        first.resign().await.expect("it leads");
        let second = timeout(PATIENCE, waits).await.expect("its turn").expect("a task");
        let second = second.expect("it leads");
        assert_eq!(leader(&client).await.value, "b");
        second.put("by/leader", "b").await.expect("it leads");
        second.resign().await.expect("it leads");
        assert_eq!(in_line(&client, "e").await, 0);
    });
}

#[test]
fn who_leads_no_longer_can_proclaim_nothing() {
    on_each_server(async |_, client| {
        let election = client.election("e");
        let first = election.campaign("a", seconds(10)).await.expect("nobody leads");
        client.kv().delete(first.key()).await.expect("an answer");
        let second = election.campaign("b", seconds(10)).await.expect("nobody leads");
        let error = first.proclaim("a2").await.expect_err("it leads no longer");
        assert!(error.is_lock_lost() && error.is_definitely_not_applied(), "{error:?}");
        assert!(first.resign().await.expect_err("it leads no longer").is_lock_lost());
        assert_eq!(leader(&client).await.value, "b");
        let at_once = LockOptions::new(seconds(10)).wait(Duration::ZERO);
        assert!(election.campaign("c", at_once).await.is_err());
        drop(second);
    });
}

#[test]
fn those_who_look_on_hear_of_each_leader_and_value_in_order() {
    on_each_server(async |_, client| {
        let client = client.namespace("n/");
        let election = client.election("e");
        let mut leaders = election.observe();
        let nobody = timeout(Duration::from_millis(300), leaders.next()).await;
        assert!(nobody.is_err(), "nobody leads: {nobody:?}");
        let first = election.campaign("a", seconds(10)).await.expect("nobody leads");
        assert_eq!(told(&mut leaders).await.value, "a");
        first.proclaim("a2").await.expect("it leads");
        let second = told(&mut leaders).await;
        assert_eq!(second.value, "a2");
        assert!(second.key.starts_with(b"e/"), "{second:?}");
        assert_eq!(told(&mut election.observe()).await.value, "a2", "whoever comes late");
        first.resign().await.expect("it leads");
        let _second = election.campaign("b", seconds(10)).await.expect("nobody leads");
        assert_eq!(told(&mut leaders).await.value, "b");
    });
}

#[test]
fn those_who_look_on_end_at_the_latest_and_never_go_back_while_connections_break() {
    on_each_of(3, async |cluster, client| {
        let proxies: Vec<_> =
            cluster.endpoints().iter().map(|to| Proxy::to(to).expect("a proxy")).collect();
        let through: Vec<_> = proxies.iter().map(Proxy::endpoint).collect();
        let observer = Client::new(&through.join(",")).expect("servers");
        let mut leaders = observer.election("e").observe();
        let watching = tokio::spawn(async move {
            let mut told = Vec::new();
            loop {
                let leader = self::told(&mut leaders).await;
                let last = leader.value == "last";
                told.push((leader.create_revision, leader.mod_revision));
                if last {
                    return told;
                }
            }
        });
        for turn in 0..30 {
            let leader = client.election("e").campaign(turn.to_string(), seconds(10)).await;
            let leader = leader.expect("nobody leads");
            leader.proclaim(format!("{turn} again")).await.expect("it leads");
            let how = if turn % 2 == 0 { Cut::Reset } else { Cut::Finish };
            proxies.iter().for_each(|proxy| proxy.cut(how).expect("a proxy"));
            if turn % 3 == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            leader.resign().await.expect("it leads");
        }
        let _last = client.election("e").campaign("last", seconds(10)).await.expect("nobody leads");
        let told = timeout(PATIENCE, watching).await.expect("the last is told").expect("a task");
        assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
        println!("30 leaders, {} told", told.len());
    });
}

async fn leader(client: &Client) -> KeyValue {
    client.election("e").leader().await.expect("an answer").expect("somebody leads")
}

async fn told(leaders: &mut Leaders) -> KeyValue {
    let told = timeout(PATIENCE, leaders.next()).await.expect("it is told");
    told.expect("it goes on").expect("a leader")
}
