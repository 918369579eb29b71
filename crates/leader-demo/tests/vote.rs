//! Votes and their text.

use leader_demo::vote::{Name, NameError, Vote, VoteFault, VoteState};
use proptest::prelude::*;

#[test]
fn a_vote_is_name_state_fitness() {
    let vote: Vote = "node-1.example,2,-7".parse().expect("a valid vote");
    assert_eq!(vote.name.as_str(), "node-1.example");
    assert_eq!(vote.state, VoteState::Confirmed);
    assert_eq!(vote.fitness, -7);
}

#[test]
fn what_is_not_a_vote_is_refused_with_its_text_and_fault() {
    let number = |text: &str| VoteFault::Fitness(text.parse::<i64>().expect_err("no number"));
    let cases = [
        ("", VoteFault::Parts(1)),
        ("a,1", VoteFault::Parts(2)),
        ("a,1,2,3", VoteFault::Parts(4)),
        (",1,42", VoteFault::Name(NameError::Empty)),
        ("a\u{1b}[2J,1,42", VoteFault::Name(NameError::Forbidden('\u{1b}'))),
        ("a,3,42", VoteFault::State("3".into())),
        ("a,01,42", VoteFault::State("01".into())),
        ("a,,42", VoteFault::State(String::new())),
        ("a,1,", number("")),
        ("a,1,x", number("x")),
        ("a,1,9223372036854775808", number("9223372036854775808")),
        ("a,1,042", VoteFault::Spelling(42)),
        ("a,1,+42", VoteFault::Spelling(42)),
        ("a,1,-0", VoteFault::Spelling(0)),
    ];
    for (text, fault) in cases {
        let error = text.parse::<Vote>().expect_err(text);
        assert_eq!(*error.fault(), fault, "{text:?}");
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
}

#[test]
fn an_error_carries_only_the_beginning_of_a_long_text() {
    let error = "é".repeat(1_000_000).parse::<Vote>().expect_err("no vote");
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn names_without_text_commas_or_control_characters_only() {
    assert_eq!("".parse::<Name>(), Err(NameError::Empty));
    for c in [',', '\n', '\0', '\u{7f}', '\u{9b}'] {
        assert_eq!(format!("a{c}b").parse::<Name>(), Err(NameError::Forbidden(c)));
    }
}

fn votes() -> impl Strategy<Value = Vote> {
    let names = "[^,\\p{Cc}]{1,20}".prop_map(|name| name.parse().expect("a valid name"));
    let states =
        prop_oneof![Just(VoteState::None), Just(VoteState::Tentative), Just(VoteState::Confirmed)];
    (names, states, any::<i64>()).prop_map(|(name, state, fitness)| Vote { name, state, fitness })
}

proptest! {
    #[test]
    fn a_vote_is_read_back_from_its_text(vote in votes()) {
        prop_assert_eq!(vote.to_string().parse(), Ok(vote));
    }

    #[test]
    fn what_is_read_as_a_vote_is_its_text(text in "[ab,]{0,3},?[0-3]?,[-+]?[0-9]{0,20}") {
        if let Ok(vote) = text.parse::<Vote>() {
            prop_assert_eq!(vote.to_string(), text);
        }
    }
}
