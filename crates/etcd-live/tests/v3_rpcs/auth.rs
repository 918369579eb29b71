//! Users who may do some things, and tokens that are renewed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_client::v3::api::{CampaignRequest, Permission};
use etcd_client::{Client, Config, Error, ErrorKind, KeyRange};
use etcd_live::members::Cluster;

use super::every_call::lease;
use super::{answered, channel, client_as, each, endpoint, fill, refusal};

const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// Turns authentication on, for root and for ann, who may read and write what begins with `a/`.
async fn on(cluster: &Cluster, client: &Client) -> Result<(Client, Client), Error> {
    let auth = client.auth();
    auth.user_add("root", "r").await?;
    auth.user_grant_role("root", "root").await?;
    auth.user_add("ann", "pässwörd: 1").await?;
    auth.role_add("a").await?;
    let range = KeyRange::prefix("a/");
    auth.role_grant_permission("a", Permission::read_write(range)).await?;
    auth.user_grant_role("ann", "a").await?;
    auth.enable().await?;
    Ok((client_as(cluster, "root", "r"), client_as(cluster, "ann", "pässwörd: 1")))
}

#[tokio::test]
async fn a_role_gives_what_it_names() -> Result<(), Error> {
    for (cluster, nobody) in each(1, &["--bcrypt-cost=4"]) {
        let lease = lease(&channel(&cluster), 60).await;
        let (root, ann) = on(&cluster, &nobody).await?;
        let kv = ann.kv();
        kv.put("a/1", "v").await?;
        assert_eq!(kv.range(KeyRange::prefix("a/")).await?.count, 1);
        fill(&ann, "a/", 100, b"v").await?;
        let mut stream = kv.range(KeyRange::prefix("a/")).stream();
        while stream.next().await.transpose()?.is_some() {}
        assert_eq!(stream.count(), Some(101));

        let outside = KeyRange::prefix("b/");
        assert_eq!(refusal(kv.put("b/1", "v").await), ErrorKind::Unauthorized);
        assert_eq!(refusal(kv.get("b/1").await), ErrorKind::Unauthorized);
        assert_eq!(refusal(kv.range(KeyRange::all()).await), ErrorKind::Unauthorized);
        let error = kv.delete(outside.clone()).await.expect_err("not hers");
        assert!(error.is_definitely_not_applied(), "{error:?}");
        let refused = kv.range(outside).stream().next().await.expect("an error");
        assert_eq!(refusal(refused), ErrorKind::Unauthorized);
        assert_eq!(refusal(ann.auth().user_list().await), ErrorKind::Unauthorized);
        assert_eq!(
            refusal(ann.maintenance().hash(&endpoint(&cluster, 0)).await),
            ErrorKind::Unauthorized
        );

        let snapshot = ann.maintenance().snapshot(&endpoint(&cluster, 0)).await?;
        assert_eq!(refusal(snapshot.copy_to(&mut Vec::new()).await), ErrorKind::Unauthorized);
        let snapshot = root.maintenance().snapshot(&endpoint(&cluster, 0)).await?;
        assert!(snapshot.copy_to(&mut Vec::new()).await? > 0);

        let leader = root.raw_election();
        let leads = leader.campaign(CampaignRequest::new("a/e", "v").lease(lease)).await?;
        let mut observed = ann.raw_election().observe("a/e").await?;
        let seen = observed.next().await.transpose()?.and_then(|seen| seen.kv).expect("one leads");
        assert_eq!(Some(seen.key), leads.leader.map(|leader| leader.key));

        for stranger in
            [client_as(&cluster, "ann", "wrong"), client_as(&cluster, "bob", "b"), nobody]
        {
            assert_eq!(refusal(stranger.kv().get("a/1").await), ErrorKind::Unauthorized);
            assert_eq!(refusal(stranger.kv().put("a/1", "x").await), ErrorKind::Unauthorized);
        }
        let error = client_as(&cluster, "ann", "kanarienvogel").kv().get("a/1").await;
        let shown = format!("{:?}", error.expect_err("a wrong password"));
        assert!(!shown.contains("kanarienvogel"), "{shown}");
        assert!(!format!("{ann:?}").contains("pässwörd"));
    }
    Ok(())
}

#[tokio::test]
async fn one_new_token_serves_all_whose_token_expired() -> Result<(), Error> {
    for (cluster, client) in each(1, &["--bcrypt-cost=4", "--auth-token-ttl=1"]) {
        let (_, ann) = on(&cluster, &client).await?;
        ann.kv().put("a/1", "v").await?;
        let before = answered(&cluster)[AUTHENTICATE];
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let calls = (0..64).map(|n| {
            let ann = ann.clone();
            tokio::spawn(async move {
                match n % 2 {
                    0 => ann.kv().put(format!("a/{n}"), "v").await.map(drop),
                    _ => ann.kv().get("a/1").await.map(drop),
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        for call in calls {
            call.await.expect("no panic")?;
        }
        assert_eq!(answered(&cluster)[AUTHENTICATE], before + 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_expires_is_renewed() -> Result<(), Error> {
    for (cluster, client) in each(1, &["--bcrypt-cost=4", "--auth-token-ttl=1"]) {
        let (root, ann) = on(&cluster, &client).await?;
        let began = Instant::now();
        let mut calls = 0;
        while began.elapsed() < Duration::from_secs(4) {
            ann.kv().put("a/1", "v").await?;
            assert_eq!(ann.kv().get("a/1").await?.expect("it is there").value, "v");
            // Longer than a token is remembered that is not used.
            tokio::time::sleep(Duration::from_millis(if calls % 2 == 0 { 1_500 } else { 1 })).await;
            calls += 1;
        }
        // Streams too are opened with a token that may have expired.
        root.kv().get("a/1").await?;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let snapshot = root.maintenance().snapshot(&endpoint(&cluster, 0)).await?;
        assert!(snapshot.copy_to(&mut Vec::new()).await? > 0);
        let authenticated = answered(&cluster)[AUTHENTICATE];
        assert!(authenticated > 2, "{authenticated} tokens");
    }
    Ok(())
}

#[tokio::test]
async fn calls_go_on_while_users_and_roles_change() -> Result<(), Error> {
    for (cluster, client) in each(1, &["--bcrypt-cost=4"]) {
        let (root, ann) = on(&cluster, &client).await?;
        let done = Arc::new(AtomicBool::new(false));
        let changes = tokio::spawn({
            let (root, done) = (root.clone(), Arc::clone(&done));
            async move {
                let (auth, mut changes) = (root.auth(), 0);
                let range = KeyRange::prefix("b/");
                while !done.load(Ordering::Relaxed) {
                    auth.role_grant_permission("a", Permission::read(range.clone())).await?;
                    auth.role_revoke_permission("a", range.clone()).await?;
                    changes += 2;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok::<_, Error>(changes)
            }
        });
        let writers = (0..8).map(|n| {
            let ann = ann.clone();
            tokio::spawn(async move {
                for i in 0..100 {
                    ann.kv().put(format!("a/{n}"), format!("{i}")).await?;
                    ann.kv().get(format!("a/{n}")).await?;
                }
                Ok::<_, Error>(())
            })
        });
        let writers: Vec<_> = writers.collect();
        for writer in writers {
            writer.await.expect("no panic")?;
        }
        done.store(true, Ordering::Relaxed);
        let changes = changes.await.expect("no panic")?;
        println!("{changes} changes, {} tokens", answered(&cluster)[AUTHENTICATE]);
        assert!(changes > 0);

        // Turned off, a token is not asked for; turned on again, it is.
        root.auth().disable().await?;
        ann.kv().put("a/1", "v").await?;
        ann.kv().put("b/1", "v").await?;
        client.auth().enable().await?;
        ann.kv().put("a/1", "v").await?;
        assert_eq!(refusal(ann.kv().put("b/1", "v").await), ErrorKind::Unauthorized);
        let late = Client::with_config(
            &cluster.endpoints()[0],
            Config::default().credentials("ann", "pässwörd: 1"),
        );
        late.expect("a server").kv().get("a/1").await?;
    }
    Ok(())
}
