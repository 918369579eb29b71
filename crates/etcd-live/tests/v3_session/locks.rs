//! Locks by tickets, between processes.

use std::time::{Duration, Instant};

use etcd_client::{ErrorKind, Ttl};

use super::on_each;

const LONG: Ttl = Ttl::from_seconds(60).unwrap();

#[test]
fn a_ticket_renews_and_unlocks_from_another_process() {
    on_each(|_, session, etcd_test| {
        let ticket = session.lock("/jobs/a b", LONG).unwrap();
        assert!(ticket.deadline > Instant::now() + Duration::from_secs(30));
        let index = ticket.index.to_string();
        let busy = session.lock_within("/jobs/a b", LONG, Some(Duration::ZERO)).unwrap_err();
        assert_eq!(busy.kind(), &ErrorKind::LockBusy);
        etcd_test.fails(["lock", "/jobs/a b", "-t", "60", "--wait", "0"], 4);
        etcd_test.prints(["lock", "/jobs/a b", "-t", "60", "-i", &index]);
        etcd_test.prints(["unlock", "/jobs/a b", "-i", &index]);
        etcd_test.fails(["unlock", "/jobs/a b", "-i", &index], 4);
        assert!(session.renew("/jobs/a b", ticket.index, LONG).unwrap_err().is_lock_lost());
        let text = etcd_test.prints(["lock", "/jobs/ä/ü", "-t", "60", "--wait", "0"]);
        let next: u64 = text.trim().parse().unwrap();
        assert!(next > ticket.index, "a later holder has a higher index");
        session.unlock("/jobs/ä/ü", next).unwrap();
    });
}

#[test]
fn a_lock_that_was_not_renewed_is_lost_and_goes_to_who_waits() {
    on_each(|_, session, etcd_test| {
        let ticket = session.lock("k", Ttl::from_seconds(2).unwrap()).unwrap();
        let waiting = etcd_test.start(["lock", "k", "-t", "60"]);
        let ended = waiting.wait();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(session.renew("k", ticket.index, LONG).unwrap_err().is_lock_lost());
        let index = ended.stdout.trim();
        etcd_test.fails(["lock", "k", "-t", "60", "-i", &ticket.index.to_string()], 4);
        etcd_test.prints(["unlock", "k", "-i", index]);
    });
}

#[test]
fn a_wait_that_is_over_leaves_no_place_behind() {
    on_each(|_, session, etcd_test| {
        let ticket = session.lock("k", LONG).unwrap();
        etcd_test.fails(["lock", "k", "-t", "60", "--wait", "1"], 4);
        session.unlock("k", ticket.index).unwrap();
        // The place of the one who gave up would last for a minute.
        let next = session.lock_within("k", LONG, Some(Duration::from_secs(20))).unwrap();
        session.unlock("k", next.index).unwrap();
    });
}

#[test]
fn a_command_runs_while_its_lock_is_held() {
    on_each(|_, session, etcd_test| {
        let ended = etcd_test.run(["lock", "k", "-t", "5", "--", "sh", "-c", "echo in; exit 7"]);
        assert_eq!((ended.status, ended.stdout.as_str()), (7, "in\n"), "{}", ended.stderr);
        // Free at once: it was given up.
        let ticket = session.lock_within("k", LONG, Some(Duration::from_secs(20))).unwrap();
        session.unlock("k", ticket.index).unwrap();
        // Renewed for longer than its time to live.
        etcd_test.prints(["lock", "k", "-t", "2", "--", "sleep", "5"]);
    });
}
