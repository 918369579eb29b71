//! What a ticket is good for, in which process, and for how long.

use std::thread;
use std::time::Duration;

use etcd_client::ErrorKind;

use crate::{one_member, seconds};

#[test]
fn a_ticket_is_good_in_any_process() {
    let (_cluster, session, etcd_test) = one_member();
    let ticket = session.lock("k", seconds(60)).expect("the lock is free");
    let text = ticket.index.to_string();
    assert_eq!(etcd_test.prints(["lock", "k", "-t", "30", "-i", &text]), format!("{text}\n"));
    etcd_test.prints(["unlock", "k", "-i", &text]);
    let error = session.unlock("k", ticket.index).expect_err("it was unlocked");
    assert_eq!(error.kind(), &ErrorKind::LockLost);

    let text = etcd_test.prints(["lock", "k", "-t", "30"]);
    let index = text.trim().parse().expect("an index");
    assert!(index > ticket.index, "{index} {}", ticket.index);
    let renewed = session.renew("/k", index, seconds(40)).expect("it is held");
    assert_eq!((renewed.key.to_str().unwrap(), renewed.index), ("/k", index));
    session.unlock("k", index).expect("it is held");
    etcd_test.fails(["unlock", "k", "-i", text.trim()], 4);
}

#[test]
fn renewing_keeps_a_lock_and_what_expired_is_lost() {
    let (_cluster, session, _) = one_member();
    let ticket = session.lock("k", seconds(5)).expect("the lock is free");
    let until = std::time::Instant::now() + Duration::from_secs(8);
    while std::time::Instant::now() < until {
        let renewed = session.renew("k", ticket.index, seconds(5)).expect("it is held");
        assert!(renewed.deadline > std::time::Instant::now());
        thread::sleep(Duration::from_millis(500));
    }
    let next = session.lock("k", seconds(60)).expect("it comes free by itself");
    assert!(next.index > ticket.index);
    for lost in
        [session.renew("k", ticket.index, seconds(2)).map(drop), session.unlock("k", ticket.index)]
    {
        let error = lost.expect_err("it expired");
        assert_eq!(error.kind(), &ErrorKind::LockLost, "{error}");
        assert!(error.to_string().contains(&ticket.index.to_string()), "{error}");
    }
    // The next holder did not suffer by it.
    session.unlock("k", next.index).expect("it is held");
}

#[test]
fn the_index_of_another_lock_is_no_ticket() {
    let (_cluster, session, _) = one_member();
    let a = session.lock("a", seconds(60)).expect("the lock is free");
    let b = session.lock("b", seconds(60)).expect("the lock is free");
    for (key, index) in [("a", b.index), ("b", a.index), ("a", 1), ("c", a.index)] {
        let error = session.unlock(key, index).expect_err("it is no ticket of this lock");
        assert_eq!(error.kind(), &ErrorKind::LockLost, "{key} {index}: {error}");
    }
    session.unlock("a", a.index).expect("it is held");
    session.unlock("b", b.index).expect("it is held");
}
