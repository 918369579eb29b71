//! What a candidate does next, case by case.

use leader_demo::machine::{
    Candidate, Claim, Expect, Input, Millis, Notice, Output, Request, Timing,
};
use leader_demo::vote::{Name, Vote};

const NOW: Millis = Millis(10_000);
/// The end of a claim whose write was sent just now: TTL less margin.
const FULL: Millis = Millis(14_000);

#[test]
fn a_step_reads_the_key_unless_i_lead() {
    assert_eq!(step(Claim::default(), Input::Tick).output, asks(Request::Get));
    let renewal = set(Expect::Vote(vote("me,2,42")), "me,2,42");
    let stepped = step(Claim::until(FULL), Input::Tick);
    assert_eq!(stepped.output, asks(renewal));
    assert_eq!(stepped.claim, Claim::until(FULL), "only an accepted renewal lengthens the claim");
}

#[test]
fn what_a_read_vote_calls_for() {
    let compared = |from: &str, to| asks(set(Expect::Vote(vote(from)), to));
    let cases = [
        ("other,0,99", compared("other,0,99", "me,1,42")),
        ("other,1,41", compared("other,1,41", "me,1,42")),
        ("other,1,42", Output::default()),
        ("other,1,43", Output::default()),
        ("other,2,1", tells([leader_is("other")])),
        ("me,0,42", compared("me,0,42", "me,1,42")),
        ("me,1,42", compared("me,1,42", "me,2,42")),
        ("me,1,7", compared("me,1,7", "me,2,42")),
        ("me,2,42", compared("me,2,42", "me,2,42")),
        ("me,2,7", compared("me,2,7", "me,2,42")),
    ];
    for (text, output) in cases {
        let stepped = step(Claim::default(), Input::Read(Some(vote(text))));
        assert_eq!(stepped.output, output, "{text}");
        assert_eq!(stepped.claim, Claim::default(), "{text}: reading never makes a leader");
    }
}

#[test]
fn no_vote_calls_for_mine_if_there_is_still_none() {
    let stepped = step(Claim::default(), Input::Read(None));
    assert_eq!(stepped.output, asks(set(Expect::Absent, "me,1,42")));
}

#[test]
fn an_accepted_confirmation_counts_from_its_sending() {
    let stepped = step(Claim::default(), wrote("me,2,42", 8_500));
    assert_eq!(stepped.output, tells([Notice::ILead]));
    assert_eq!(stepped.claim, Claim::until(Millis(12_500)));
}

#[test]
fn an_accepted_write_that_makes_no_leader() {
    for (text, sent) in [("me,1,42", 10_000), ("me,2,42", 6_000), ("me,2,42", 0)] {
        let stepped = step(Claim::default(), wrote(text, sent));
        assert_eq!(stepped.output, Output::default(), "{text} sent at {sent}");
        assert_eq!(stepped.claim, Claim::default(), "{text} sent at {sent}");
    }
}

#[test]
fn a_renewal_lengthens_the_claim_and_an_older_one_does_not_shorten_it() {
    let renewed = step(Claim::until(Millis(11_000)), wrote("me,2,42", 9_900));
    assert_eq!((renewed.output, renewed.claim), (Output::default(), claim(13_900)));
    let late = step(Claim::until(FULL), wrote("me,2,42", 9_900));
    assert_eq!((late.output, late.claim), (Output::default(), Claim::until(FULL)));
}

#[test]
fn a_claim_ends_at_its_end_whatever_comes() {
    let inputs = [Input::Elapsed, Input::Unknown, Input::Tick, wrote("me,1,42", 10_000)];
    for input in inputs {
        let stepped = step(Claim::until(NOW), input.clone());
        assert_eq!(stepped.output.notices, [Notice::INoLongerLead], "{input:?}");
        assert_eq!(stepped.claim, Claim::default(), "{input:?}");
    }
    assert!(!Claim::until(NOW).holds(NOW));
    assert!(Claim::until(NOW).holds(Millis(9_999)));
}

#[test]
fn a_leader_survives_requests_that_fail_until_its_claim_ends() {
    for input in [Input::Unknown, Input::Elapsed] {
        let stepped = step(Claim::until(FULL), input);
        assert_eq!((stepped.output, stepped.claim), (Output::default(), Claim::until(FULL)));
    }
}

#[test]
fn a_refused_renewal_or_another_vote_ends_the_claim_at_once() {
    let gone = Notice::INoLongerLead;
    let cases = [
        (Input::Rejected, vec![gone.clone()]),
        (Input::Read(None), vec![gone.clone()]),
        (Input::Read(Some(vote("other,1,99"))), vec![gone.clone()]),
        (Input::Read(Some(vote("other,2,1"))), vec![gone, leader_is("other")]),
    ];
    for (input, notices) in cases {
        let stepped = step(Claim::until(FULL), input.clone());
        assert_eq!(stepped.output.notices, notices, "{input:?}");
        assert_eq!(stepped.claim, Claim::default(), "{input:?}");
    }
}

#[test]
fn a_refused_write_looks_again_at_once() {
    assert_eq!(step(Claim::default(), Input::Rejected).output, asks(Request::Get));
}

struct Stepped {
    claim: Claim,
    output: Output,
}

fn step(mut claim: Claim, input: Input) -> Stepped {
    let timing = Timing { ttl: Millis(5_000), margin: Millis(1_000) };
    let output = Candidate::new(name("me"), 42, timing).step(&mut claim, input, NOW);
    Stepped { claim, output }
}

fn asks(request: Request) -> Output {
    Output { request: Some(request), notices: Vec::new() }
}

fn tells<const N: usize>(notices: [Notice; N]) -> Output {
    Output { request: None, notices: notices.into() }
}

fn set(expect: Expect, text: &str) -> Request {
    Request::Set { expect, vote: vote(text), sent: NOW }
}

fn wrote(text: &str, sent: u64) -> Input {
    Input::Wrote { vote: vote(text), sent: Millis(sent) }
}

fn claim(end: u64) -> Claim {
    Claim::until(Millis(end))
}

fn leader_is(leader: &str) -> Notice {
    Notice::LeaderIs(name(leader))
}

fn vote(text: &str) -> Vote {
    text.parse().expect("a valid vote")
}

fn name(text: &str) -> Name {
    text.parse().expect("a valid name")
}
