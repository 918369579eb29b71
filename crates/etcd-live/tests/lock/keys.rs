//! Which keys can be locked, and which of them are the same.

use std::time::Duration;

use etcd_client::ErrorKind;
use etcd_live::queue::{queued, until_queued};

use crate::{one_member, seconds};

#[test]
fn any_key_can_be_locked() {
    let (_cluster, session, etcd_test) = one_member();
    for key in ["plain", "a b/c d", "größe/日本/🦀", "per%cent", "q?x=1&y#z", "dots./.hidden", "7"]
    {
        let ticket = session.lock(key, seconds(60)).expect(key);
        assert_eq!(ticket.key, format!("/{key}"));
        let busy = session.lock_within(format!("/{key}"), seconds(60), Some(Duration::ZERO));
        assert_eq!(busy.expect_err(key).kind(), &ErrorKind::LockBusy, "{key}");
        etcd_test.fails(["lock", key, "-t", "60", "--wait", "0"], 4);
        session.unlock(key, ticket.index).expect(key);
        let printed = etcd_test.prints(["lock", key, "-t", "60", "--wait", "0"]);
        session.unlock(key, printed.trim().parse().expect("an index")).expect(key);
        assert_eq!(queued(&session, key), 0, "{key}");
    }
    for (key, named) in [("..", "\"..\""), ("a/../b", "\"a/../b\""), ("", "\"\""), ("/", "\"/\"")] {
        let error = session.lock(key, seconds(60)).expect_err(key);
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{key:?}: {error}");
        let said = etcd_test.fails(["lock", key, "-t", "60"], 2);
        assert!(said.contains(named), "{key:?}: {said}");
    }
}

#[test]
fn a_lock_below_another_one_is_a_lock_of_its_own() {
    let (_cluster, session, etcd_test) = one_member();
    let keys = ["a", "a/b", "a/b/7"];
    let held = keys.map(|key| session.lock(key, seconds(60)).expect(key));
    let waiting = keys.map(|key| etcd_test.start(["lock", key, "-t", "60"]));
    for key in keys {
        // The keys below it stand in its directory too.
        until_queued(&session, key, if key == "a/b/7" { 2 } else { 3 });
    }
    for ((key, ticket), waiting) in keys.iter().zip(&held).zip(waiting).rev() {
        assert_eq!(waiting.line_within(Duration::from_millis(100)), None, "{key}");
        session.unlock(key, ticket.index).expect(key);
        let index: u64 = waiting.wait().stdout.trim().parse().expect("an index");
        assert!(index > ticket.index, "{key}");
        session.unlock(key, index).expect(key);
    }
}
