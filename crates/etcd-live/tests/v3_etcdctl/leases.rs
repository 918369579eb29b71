//! `lease`.

use nix::sys::signal::Signal;

use crate::ctl::{Ctl, lines};

/// A lease of so many seconds: its id as etcdctl takes it.
pub(crate) fn granted(ctl: &Ctl<'_>, seconds: &str) -> String {
    let said = ctl.prints(&["lease", "grant", seconds]);
    let id = said.split(' ').nth(1).expect("an id").to_owned();
    assert_eq!(said, format!("lease {id} granted with TTL({seconds}s)"));
    id
}

pub(crate) fn a_lease_takes_its_keys_along(ctl: &Ctl<'_>) {
    ctl.says(&["lease", "list"], "found 0 leases");
    let id = granted(ctl, "100");
    ctl.says(&["lease", "list"], &format!("found 1 leases\n{id}"));
    for key in ["l/2", "l/1"] {
        ctl.says(&["put", key, "v", "--lease", &id], "OK");
    }
    ctl.says(
        &["lease", "keep-alive", "--once", &id],
        &format!("lease {id} keepalived with TTL(100)"),
    );
    let left = ctl.prints(&["lease", "timetolive", &id, "--keys"]);
    assert!(left.starts_with(&format!("lease {id} granted with TTL(100s), remaining(")), "{left}");
    // In no order.
    assert!(["([l/1 l/2])", "([l/2 l/1])"].iter().any(|keys| left.ends_with(keys)), "{left}");
    ctl.says(&["lease", "revoke", &id], &format!("lease {id} revoked"));
    ctl.says(&["get", "l/", "--prefix"], "");
}

pub(crate) fn a_lease_that_is_not_there_is_none(ctl: &Ctl<'_>) {
    ctl.fails(&["put", "l", "1", "--lease", "1234"], "requested lease not found");
    ctl.says(&["lease", "timetolive", "1234"], "lease 0000000000001234 already expired");
    ctl.fails(&["lease", "revoke", "1234"], "requested lease not found");
    ctl.fails(&["lease", "keep-alive", "--once", "1234"], "requested lease not found");
    ctl.says(&["lease", "keep-alive", "1234"], "lease 0000000000001234 expired or revoked.");
}

pub(crate) fn a_lease_lives_as_long_as_it_is_kept(ctl: &Ctl<'_>) {
    let id = granted(ctl, "2");
    ctl.says(&["put", "l", "1", "--lease", &id], "OK");
    let kept = ctl.start(&["lease", "keep-alive", &id]);
    // A renewal comes each third of the time: this is longer than the lease would have lived.
    let renewed = format!("lease {id} keepalived with TTL(2)");
    lines(&kept, &[renewed.as_str(); 6]);
    ctl.says(&["get", "l"], "l\n1");
    kept.signal(Signal::SIGKILL);
    kept.wait();
    let watch = ctl.start(&["watch", "l", "--rev=1"]);
    lines(&watch, &["PUT", "l", "1", "DELETE", "l", ""]);
    ctl.says(&["lease", "timetolive", &id], &format!("lease {id} already expired"));
}
