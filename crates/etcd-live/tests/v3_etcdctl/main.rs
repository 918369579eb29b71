//! The command line client that etcd comes with, on the test server as on real members: the newest,
//! and the last that speaks v2 too.

mod ctl;
mod keys;
mod leases;
mod lines;
mod members;
mod users;
mod watches;

/// Each scenario is a test of either etcdctl, which is left out by its name where that is missing.
macro_rules! scenarios {
    ($($module:ident::$scenario:ident,)*) => {
        mod etcdctl {
            $(#[test]
            fn $scenario() {
                crate::ctl::on_each_server("ETCDCTL_BIN", crate::$module::$scenario);
            })*
        }
        mod etcdctl_v2 {
            $(#[test]
            fn $scenario() {
                crate::ctl::on_each_server("ETCDCTL_V2_BIN", crate::$module::$scenario);
            })*
        }
    };
}

scenarios! {
    keys::keys_are_written_read_and_removed,
    keys::ranges_are_read_in_order,
    keys::a_transaction_takes_one_branch,
    keys::history_is_compacted,
    watches::a_watch_tells_history_and_then_what_happens,
    watches::a_watch_runs_a_program_for_each_change,
    watches::a_watch_of_what_is_compacted_is_canceled,
    leases::a_lease_takes_its_keys_along,
    leases::a_lease_that_is_not_there_is_none,
    leases::a_lease_lives_as_long_as_it_is_kept,
    lines::a_lock_is_handed_over,
    lines::a_lock_is_held_while_a_program_runs,
    lines::an_election_has_one_leader_at_a_time,
    members::members_are_listed,
    members::an_endpoint_tells_how_it_is,
    members::a_snapshot_is_saved,
    users::users_and_roles_are_made_and_changed,
    users::who_may_do_what_is_held_while_auth_is_on,
}
