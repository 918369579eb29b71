//! The server's own locks and elections.

use std::time::Duration;

use etcd_client::v3::api::{CampaignRequest, LockRequest};
use etcd_client::{CallOptions, Client, Error, ErrorKind, KeyRange, LeaseId, Ttl};
use etcd_live::each::try_on_each_server;

use super::refusal;

async fn granted(client: &Client) -> Result<LeaseId, Error> {
    let ttl = Ttl::from_seconds(60).expect("a time to live");
    Ok(client.lease().grant(ttl).await?.lease_id())
}

fn soon() -> CallOptions {
    CallOptions::default().deadline(Duration::from_millis(700))
}

fn patiently() -> CallOptions {
    CallOptions::default().deadline(Duration::from_secs(60))
}

#[test]
fn a_lock_is_handed_over_and_waits_no_longer_than_told() {
    try_on_each_server(async |_, client| {
        let inside = client.namespace("n/");
        let locks = inside.raw_lock();
        let (first, second) = (granted(&client).await?, granted(&client).await?);
        assert_eq!(refusal(locks.lock(LockRequest::new("l")).await), ErrorKind::InvalidInput);
        let unknown = locks.lock(LockRequest::new("l").lease(12_345)).await;
        assert!(unknown.expect_err("no such lease").is_definitely_not_applied());
        assert_eq!(client.kv().range(KeyRange::all()).await?.kvs, []);

        let held = locks.lock(LockRequest::new("l").lease(first)).await?;
        assert!(held.key.starts_with(b"l/"), "{held:?}");
        assert!(inside.kv().get(held.key.clone()).await?.is_some());
        let waits = LockRequest::new("l").lease(second);
        let error = locks.with_options(soon()).lock(waits.clone()).await.expect_err("it is held");
        // The member counts the time too, and may be the first to break off.
        let ended = [ErrorKind::Timeout, ErrorKind::Interrupted];
        assert!(ended.contains(error.kind()), "{error:?}");
        assert!(error.is_outcome_unknown());

        let patient = locks.with_options(patiently());
        let waiting = tokio::spawn(async move { patient.lock(waits).await });
        // It waits: whether it does so already or not, the lock is handed over.
        locks.unlock(held.key.clone()).await?;
        let handed = waiting.await.expect("no panic")?;
        assert_ne!(handed.key, held.key);
        locks.unlock(handed.key).await?;
        assert_eq!(client.kv().range(KeyRange::all()).await?.kvs, []);
        Ok(())
    });
}

#[test]
fn leaders_are_observed_one_after_another() {
    try_on_each_server(async |_, client| {
        let inside = client.namespace("n/");
        let elections = inside.raw_election();
        let (first, second) = (granted(&client).await?, granted(&client).await?);
        let nobody = elections.campaign(CampaignRequest::new("e", "a")).await;
        assert_eq!(refusal(nobody), ErrorKind::InvalidInput);
        assert!(elections.leader("e").await.expect_err("nobody leads").v3().is_some());

        let mut observed = elections.observe("e").await?;
        let one = elections.campaign(CampaignRequest::new("e", "a").lease(first)).await?;
        let one = one.leader.expect("a leader");
        assert_eq!((&one.name[..], one.lease), (&b"e"[..], first.0));
        let other = elections.with_options(patiently());
        let campaign = CampaignRequest::new("e", "c").lease(second);
        let waiting = tokio::spawn(async move { other.campaign(campaign).await });
        let seen = observed.next().await.transpose()?.and_then(|seen| seen.kv).expect("it leads");
        assert_eq!((&seen.key, &seen.value[..]), (&one.key, &b"a"[..]));

        elections.proclaim(one.clone(), "b").await?;
        let seen = observed.next().await.transpose()?.and_then(|seen| seen.kv).expect("it leads");
        assert_eq!(seen.value, "b");
        elections.resign(one.clone()).await?;
        let two = waiting.await.expect("no panic")?.leader.expect("a leader");
        let seen = observed.next().await.transpose()?.and_then(|seen| seen.kv).expect("it leads");
        assert_eq!((&seen.key, &seen.value[..]), (&two.key, &b"c"[..]));
        assert!(two.rev > one.rev);
        assert!(elections.proclaim(one, "too late").await.is_err());
        elections.resign(two).await?;
        Ok(())
    });
}
