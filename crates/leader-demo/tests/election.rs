//! The election's promises, over every order of events that the model allows; and for each rule
//! that they rest on, a counterexample that the same model finds without it.

mod model;

use leader_demo::machine::Policy;
use model::{Election, FITTER_WINS, ONE_LEADER, QUIET_ELECTS};
use stateright::{Checker, HasDiscoveries, Model};

/// A TTL of three ticks, and three more.
const QUIET_ENOUGH: u8 = 6;

#[test]
fn three_candidates_elect_one_leader_whatever_happens() {
    let checker = check(Election::new(&[1, 2, 2]).quiet_ticks(QUIET_ENOUGH));
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), 946_516, "the README says how many");
}

#[test]
fn abandoned_requests_that_arrive_late_do_no_harm() {
    let checker = check(Election::new(&[1, 2]).in_flight(2));
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), 472_811, "the README says how many");
}

#[test]
fn one_tick_less_of_quiet_is_not_enough() {
    refute(Election::new(&[1, 2]).quiet_ticks(QUIET_ENOUGH - 1), QUIET_ELECTS);
}

#[test]
fn writing_without_comparison_makes_two_leaders() {
    let policy = Policy { compare_absent: false, compare_previous: false };
    refute(Election::new(&[1, 2]).policy(policy), ONE_LEADER);
}

#[test]
fn replacing_a_vote_without_comparison_makes_two_leaders() {
    let policy = Policy { compare_previous: false, ..Policy::default() };
    refute(Election::new(&[1, 2]).policy(policy), ONE_LEADER);
}

#[test]
fn writing_the_first_vote_blindly_makes_two_leaders() {
    let policy = Policy { compare_absent: false, ..Policy::default() };
    refute(Election::new(&[1, 2]).policy(policy), ONE_LEADER);
}

#[test]
fn a_claim_without_margin_makes_two_leaders() {
    refute(Election::new(&[1, 2]).no_margin(), ONE_LEADER);
}

#[test]
fn a_claim_counted_from_the_reply_makes_two_leaders() {
    refute(Election::new(&[1, 2]).date_by_reply(), ONE_LEADER);
}

#[test]
fn equal_candidates_never_override_each_other() {
    check(Election::new(&[2, 2])).assert_no_discovery(FITTER_WINS);
}

fn check(model: Election) -> impl Checker<Election> {
    model.checker().threads(2).spawn_bfs().join()
}

/// Asserts that the checker finds a way to break the property.
fn refute(model: Election, property: &'static str) {
    let wanted = HasDiscoveries::AnyOf([property].into());
    let checker = model.checker().threads(2).finish_when(wanted).spawn_bfs().join();
    checker.assert_any_discovery(property);
}
