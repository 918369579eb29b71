//! Watches of users who may see some keys, and tokens that are refused within a stream.

use std::time::Duration;

use etcd_client::v3::Update;
use etcd_client::v3::api::Permission;
use etcd_client::{Client, Config, Error, ErrorKind, KeyRange};
use etcd_live::changes::next;
use etcd_live::each::PATIENCE;
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Etcd, Options};

/// How long a token lasts that nobody uses, where that can be said.
const TTL: Duration = Duration::from_secs(1);

fn as_user(cluster: &Cluster, user: &str, password: &str) -> Client {
    let config = Config::default().credentials(user, password);
    Client::with_config(&servers(cluster), config).expect("servers")
}

/// A member on which ann may see what begins with `a/`, and root everything.
async fn member(etcd: &Etcd) -> Result<(Cluster, Client, Client), Error> {
    let mut flags = vec!["--bcrypt-cost=4".to_owned()];
    if etcd.version.minor >= 5 {
        flags.push(format!("--auth-token-ttl={}", TTL.as_secs()));
    }
    let options = Options { in_memory: true, flags, ..Options::default() };
    let cluster = cluster_of(etcd, 1, &options);
    let auth = Client::new(&servers(&cluster))?.auth();
    auth.user_add("root", "r").await?;
    auth.user_grant_role("root", "root").await?;
    auth.user_add("ann", "a").await?;
    auth.role_add("a").await?;
    let range = KeyRange::prefix("a/");
    auth.role_grant_permission("a", Permission::read_write(range)).await?;
    auth.user_grant_role("ann", "a").await?;
    auth.enable().await?;
    let (root, ann) = (as_user(&cluster, "root", "r"), as_user(&cluster, "ann", "a"));
    Ok((cluster, root, ann))
}

#[tokio::test]
async fn who_may_not_see_keys_is_told_so() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let (cluster, _, ann) = member(&etcd).await?;
        let mut hers = ann.watch(KeyRange::prefix("a/"));
        hers.created().await.expect("it stands");
        let nobody = Client::new(&servers(&cluster))?;
        let stranger = as_user(&cluster, "ann", "wrong");
        for (client, range) in [
            (&ann, KeyRange::prefix("b/")),
            (&ann, KeyRange::all()),
            (&nobody, KeyRange::prefix("a/")),
            (&stranger, KeyRange::prefix("a/")),
        ] {
            let mut watcher = client.watch(range.clone());
            let end = tokio::time::timeout(PATIENCE, watcher.next()).await;
            let error = end.expect("no end").expect("an end").expect_err("not theirs");
            assert_eq!(error.kind(), &ErrorKind::Unauthorized, "{range:?}: {error}");
        }
        // The others on the same stream have not noticed.
        ann.kv().put("a/1", "v").await?;
        assert!(matches!(next(&mut hers).await, Update::Changes(_)));
        assert_eq!(hers.status().resumes, 0);
    }
    Ok(())
}

/// A member forgets its tokens when it is started again, and when nobody used them for long.
#[tokio::test]
async fn a_refused_token_is_replaced_and_nothing_lost() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let (mut cluster, root, ann) = member(&etcd).await?;
        let mut first = ann.watch(KeyRange::prefix("a/"));
        let from = first.created().await.expect("it stands");
        tokio::time::sleep(3 * TTL).await;
        let mut second = ann.watch(KeyRange::prefix("a/"));
        second.created().await.expect("it stands");
        cluster.kill(0).expect("a member can be killed");
        cluster.start_again(0).expect("a member starts again");
        cluster.wait_healthy().expect("a member gets well");
        // The store of users changes, and tokens from before are old.
        root.auth().user_add("bob", "b").await?;
        for i in 0..5 {
            root.kv().put("a/1", format!("{i}")).await?;
        }
        for watcher in [&mut first, &mut second] {
            let mut told = Vec::new();
            while told.len() < 5 {
                if let Update::Changes(changes) = next(watcher).await {
                    let entries = changes.events.iter().filter_map(|event| event.kv.as_ref());
                    told.extend(entries.map(|entry| entry.mod_revision));
                }
            }
            assert_eq!(told, (from.0..from.0 + 5).collect::<Vec<_>>());
        }
    }
    Ok(())
}
