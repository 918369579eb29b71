//! Tokens that were made elsewhere, and are no client's to fetch.

use std::time::Duration;

use etcd_client::session::{Api, SessionOptions};
use etcd_client::v3::Update;
use etcd_client::{Client, Error, ErrorKind, KeyRange, Outcome, Session};
use etcd_live::each::run;
use etcd_live::etcd::newest;

use super::{Secure, signed_tokens};

#[test]
fn a_given_token_is_sent_until_another_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = signed_tokens(folder.path(), Duration::from_secs(3600)).expect("a key");
    run(is_sent(flags)).expect("it is let in");
}

async fn is_sent(flags: Vec<String>) -> Result<(), Error> {
    let secure = Secure::start(&newest(), 1, flags);
    let (root, ann) = secure.enable_auth().await?;
    let anns = async || ann.auth().authenticate("ann", "a").await.map(|reply| reply.token);
    let config = secure.config().token(anns().await?);
    let given = Client::with_config(&secure.servers(), config.clone())?;
    given.kv().put("a/1", "1").await?;
    let elsewhere = given.kv().put("b", "1").await.expect_err("beyond the role");
    assert_eq!(*elsewhere.kind(), ErrorKind::Unauthorized);
    let session = SessionOptions::new().api(Api::V3).config(config);
    let session = Session::open_with(&secure.servers(), session).await?;
    assert_eq!(session.get("a/1").await.expect_err("/a/1 is not a/1").kind(), elsewhere.kind());
    let mut watcher = given.watch(KeyRange::prefix("a/"));
    watcher.created().await.expect("it stands");
    // Every change of users ends all tokens that were signed before.
    root.auth().user_add("bob", "b").await?;
    let old = given.kv().put("a/1", "2").await.expect_err("an old token");
    assert_eq!((old.kind(), old.outcome()), (&ErrorKind::Unauthorized, Outcome::NotApplied));
    given.set_token(anns().await?).await?;
    let written = given.kv().put("a/1", "3").await?.revision();
    match watcher.next().await.expect("no end")? {
        Update::Changes(changes) => assert_eq!(changes.revision(), written),
        other => panic!("{other:?}"),
    }
    let refused = ann.set_token("x").await.expect_err("ann has a password");
    assert!(refused.to_string().contains("Config::token"), "{refused}");
    Ok(())
}
