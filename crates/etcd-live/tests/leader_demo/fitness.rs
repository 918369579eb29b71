//! Who wins: the fitter one, as long as nobody is confirmed.

use std::time::{Duration, Instant};

use etcd_client::blocking::Session;
use etcd_client::session::SetOptions;
use etcd_live::etcd::{cluster, servers};

use crate::PATIENCE;
use crate::campaign::Campaign;

/// Long enough for whoever may write a vote to do so and to confirm it.
const SEVERAL_STEPS: Duration = Duration::from_secs(3);

/// Where the machine lets the second one start more than a step later, it was not together.
const TRIES: usize = 5;

#[test]
fn of_two_who_start_together_the_fitter_one_leads() {
    let cluster = cluster(1);
    for (round, fitness) in [[10, 50], [50, 10], [-3, -2]].into_iter().enumerate() {
        let fitter = if fitness[0] > fitness[1] { "first" } else { "second" };
        let mut tries = (0..TRIES).map(|number| format!("together-{round}-{number}"));
        let leads = tries.any(|key| led_by(&servers(&cluster), &key, fitness) == fitter);
        assert!(leads, "{fitter} never leads, of {fitness:?}");
    }
}

/// Who leads, of two who start one after the other.
fn led_by(servers: &str, key: &str, fitness: [i64; 2]) -> String {
    let mut campaign = Campaign::on(servers, key);
    let began = Instant::now();
    campaign.enter("first", fitness[0]);
    campaign.enter("second", fitness[1]);
    let (leader, _) = campaign.leader(began, PATIENCE);
    let other = if leader == "first" { "second" } else { "first" };
    // Who reads the vote may be heard before the one whose vote it is.
    campaign.says(other, &format!("leader is {leader}"), began, PATIENCE);
    campaign.had_one_leader_at_a_time();
    leader
}

#[test]
fn a_tentative_vote_gives_way_to_a_fitter_one_only_and_a_confirmed_one_to_none() {
    let cluster = cluster(1);
    let session = Session::open_with(&servers(&cluster), etcd_live::etcd::v2()).expect("a session");
    let vote = |key: &str, vote: &str| {
        let minute = SetOptions::new().ttl(etcd_client::Ttl::from_seconds(60));
        session.set_with(key, vote, &minute).expect("it is set");
    };
    let stands = |key: &str| session.get(key).expect("a vote").value;

    vote("weaker", "ghost,1,41");
    let mut campaign = Campaign::on(&servers(&cluster), "weaker");
    let began = Instant::now();
    campaign.enter("me", 42);
    // Sooner than the other vote ends by itself.
    assert_eq!(campaign.leader(began, PATIENCE).0, "me");
    assert_eq!(stands("weaker"), "me,2,42");

    let unmoved = ["ghost,1,42", "ghost,1,43", "ghost,2,-1"];
    let mut campaigns = Vec::new();
    for (number, other) in unmoved.iter().enumerate() {
        let key = format!("unmoved-{number}");
        vote(&key, other);
        let mut campaign = Campaign::on(&servers(&cluster), &key);
        campaign.enter("me", 42);
        campaigns.push((key, campaign));
    }
    let (_, confirmed) = campaigns.last_mut().expect("three of them");
    confirmed.says("me", "leader is ghost", began, PATIENCE);
    // Nothing more is to happen, which takes a while to see.
    std::thread::sleep(SEVERAL_STEPS);
    for (other, (key, mut campaign)) in unmoved.into_iter().zip(campaigns) {
        assert_eq!(stands(&key), other);
        assert!(!campaign.leads("me"), "{other}");
        let told: &[&str] = if other.contains(",2,") { &["leader is ghost"] } else { &[] };
        assert_eq!(campaign.said("me", began), told, "{other}");
    }
}
