//! A user with a role on one prefix: within it everything works, and nothing beyond.

use etcd_client::v3::Update;
use etcd_client::v3::api::{PutRequest, RangeRequest, TxnRequest};
use etcd_client::{Client, Error, ErrorKind, KeyRange, Ttl};
use etcd_live::etcd::oldest_and_newest;

use super::Secure;

#[tokio::test]
async fn within_a_role_everything_works_and_nothing_beyond() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let secure = Secure::start(&etcd, 3, vec!["--bcrypt-cost=4".to_owned()]);
        let (root, ann) = secure.enable_auth().await?;
        within(&ann).await?;
        root.kv().put("b/1", "root's").await?;
        beyond(&ann).await;
        assert_eq!(root.kv().get("b/1").await?.expect("it is there").value, "root's");
    }
    Ok(())
}

async fn within(ann: &Client) -> Result<(), Error> {
    let ttl: Ttl = "5".parse()?;
    let mut watcher = ann.watch(KeyRange::prefix("a/"));
    watcher.created().await.expect("it stands");
    ann.kv().put("a/1", "v").await?;
    ann.kv().create("a/2", "v").await?;
    let read = RangeRequest::new(KeyRange::prefix("a/"));
    ann.kv().txn(TxnRequest::new().then([PutRequest::new("a/3", "v")])).await?;
    assert_eq!(ann.kv().range(read.clone()).await?.kvs.len(), 3);
    let (mut pages, mut entries) = (ann.kv().range(read).stream(), 0);
    while let Some(page) = pages.next().await {
        entries += page?.len();
    }
    assert_eq!(entries, 3);
    let Update::Changes(changes) = watcher.next().await.expect("no end")? else { panic!("none") };
    assert_eq!(changes.events[0].kv.as_ref().expect("a key").key, "a/1");
    let lease = ann.lease().grant_and_keep(ttl).await?;
    ann.kv().put_with(PutRequest::new("a/leased", "v").lease(lease.id())).await?;
    let lock = ann.lock("a/lock", ttl).await?;
    lock.put("a/4", "v").await?;
    lock.release().await?;
    let leads = ann.election("a/election").campaign("ann", ttl).await?;
    leads.resign().await?;
    ann.kv().delete(KeyRange::prefix("a/")).await?;
    Ok(())
}

async fn beyond(ann: &Client) {
    let ttl: Ttl = "5".parse().expect("a TTL");
    let denied = |what: &str, result: Result<(), Error>| {
        let error = result.err().unwrap_or_else(|| panic!("{what} is allowed"));
        assert_eq!(error.kind(), &ErrorKind::Unauthorized, "{what}: {error}");
    };
    let kv = ann.kv();
    denied("get", kv.get("b/1").await.map(drop));
    denied("range", kv.range(KeyRange::all()).await.map(drop));
    denied("put", kv.put("b/1", "ann's").await.map(drop));
    denied("delete", kv.delete("b/1").await.map(drop));
    denied("create", kv.create("b/2", "ann's").await.map(drop));
    let both = [PutRequest::new("a/1", "v"), PutRequest::new("b/1", "ann's")];
    denied("txn", kv.txn(TxnRequest::new().then(both)).await.map(drop));
    denied("lock", ann.lock("b/lock", ttl).await.map(drop));
    denied("campaign", ann.election("b/election").campaign("ann", ttl).await.map(drop));
    denied("watch", ann.watch(KeyRange::prefix("b/")).next().await.expect("an end").map(drop));
    denied("user list", ann.auth().user_list().await.map(drop));
    assert!(kv.get("a/1").await.expect("it may be read").is_none(), "half of a transaction");
}
