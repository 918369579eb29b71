//! Users, roles and tokens that change while a watch, a lease and calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use etcd_client::v3::Update;
use etcd_client::v3::api::Permission;
use etcd_client::{Client, Error, KeyRange};
use etcd_live::each::run;
use etcd_live::etcd::{newest, oldest_and_newest};
use etcd_live::members::Etcd;
use tokio::time::sleep;

use super::{Secure, signed_tokens};

/// How long a token lasts, where that can be said.
const TTL: Duration = Duration::from_secs(2);

#[test]
fn nothing_ends_while_simple_tokens_change() {
    for etcd in oldest_and_newest() {
        let mut flags = vec!["--bcrypt-cost=4".to_owned()];
        if etcd.version.minor >= 5 {
            flags.push(format!("--auth-token-ttl={}", TTL.as_secs()));
        }
        run(nothing_ends(&etcd, flags)).expect("it goes on");
    }
}

#[test]
fn nothing_ends_while_signed_tokens_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = signed_tokens(folder.path(), TTL).expect("a key");
    run(nothing_ends(&newest(), flags)).expect("it goes on");
}

/// Two tokens' lives, in which everything is changed that can be.
#[allow(clippy::print_stdout, reason = "for tests")]
async fn nothing_ends(etcd: &Etcd, flags: Vec<String>) -> Result<(), Error> {
    let secure = Secure::start(etcd, 1, flags);
    let (root, ann) = secure.enable_auth().await?;
    let lease = ann.lease().grant_and_keep("5".parse()?).await?;
    let mut watcher = ann.watch(KeyRange::prefix("a/"));
    watcher.created().await.expect("it stands");
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(ann.clone(), Arc::clone(&over)));
    change(&root).await?;
    sleep(TTL + TTL / 4).await;
    change(&root).await?;
    over.store(true, Ordering::SeqCst);
    let written = writing.await.expect("a writer")?;
    let mut told = 0;
    while told < written {
        if let Update::Changes(changes) = watcher.next().await.expect("no end")? {
            told += changes.events.len();
        }
    }
    assert_eq!(told, written);
    assert!(!lease.surely_held_for().is_zero(), "{lease:?}");
    println!("etcd {}: {written} writes, each told once", etcd.version);
    Ok(())
}

/// Writes one key after another; none fails.
async fn write(ann: Client, over: Arc<AtomicBool>) -> Result<usize, Error> {
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            return Ok(number);
        }
        ann.kv().put("a/number", number.to_string()).await?;
        sleep(Duration::from_millis(5)).await;
    }
    Ok(0)
}

async fn change(root: &Client) -> Result<(), Error> {
    let auth = root.auth();
    auth.user_add("bob", "b").await?;
    auth.user_change_password("bob", "c").await?;
    let range = KeyRange::prefix("b/");
    auth.role_grant_permission("a", Permission::read_write(range.clone())).await?;
    auth.role_revoke_permission("a", range).await?;
    auth.disable().await?;
    sleep(Duration::from_millis(200)).await;
    auth.enable().await?;
    auth.user_delete("bob").await?;
    Ok(())
}
