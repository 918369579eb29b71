//! Leaders that die, and leaders that are only away.

use std::time::{Duration, Instant};

use etcd_live::etcd::{cluster, servers};

use crate::campaign::Campaign;
use crate::{FOLLOWED, MARGIN, PATIENCE, TTL};

const NAMES: [&str; 3] = ["one", "two", "three"];

#[test]
fn a_leader_that_is_killed_is_followed_by_another() {
    let cluster = cluster(3);
    let mut campaign = three(&servers(&cluster));
    let (mut leader, _) = campaign.leader(Instant::now(), PATIENCE);
    let mut took = Vec::new();
    for _ in 0..5 {
        let killed = campaign.kill(&leader);
        let (next, led) = campaign.leader(killed, PATIENCE);
        assert_ne!(next, leader);
        took.push(led - killed);
        for name in NAMES.into_iter().filter(|name| *name != next && *name != leader) {
            // Who reads the vote may be heard before the one whose vote it is.
            campaign.says(name, &format!("leader is {next}"), killed, PATIENCE);
        }
        campaign.enter(&leader, 42);
        leader = next;
    }
    // The best of five: a busy machine may be late, a vote that outlives its time always is.
    assert!(took.iter().min() < Some(&FOLLOWED), "{took:?}");
    println!("five leaders killed, followed after {took:.1?}, TTL {TTL:?}");
    campaign.had_one_leader_at_a_time();
}

#[test]
fn a_leader_that_was_frozen_leads_no_longer_until_it_wins_again() {
    let cluster = cluster(1);
    let mut campaign = three(&servers(&cluster));
    let (mut leader, _) = campaign.leader(Instant::now(), PATIENCE);
    for _ in 0..2 {
        let paused = campaign.pause(&leader);
        let (next, _) = campaign.leader(paused, PATIENCE);
        // It stays away for 8 s, whoever was quick.
        std::thread::sleep(FOLLOWED.saturating_sub(paused.elapsed()));
        let resumed = campaign.resume(&leader);
        campaign.says(&leader, &format!("leader is {next}"), resumed, PATIENCE);
        let said = campaign.said(&leader, resumed);
        assert_eq!(said[0], format!("I no longer lead ({leader})"), "{said:?}");
        assert_eq!(said.len(), 2, "{said:?}");
        leader = next;
    }
    // Frozen for less than its claim lasts, it has nothing to take back.
    let paused = Instant::now();
    campaign.pause_briefly(&leader, Duration::from_secs(1));
    std::thread::sleep((TTL + MARGIN).saturating_sub(paused.elapsed()));
    assert!(campaign.leads(&leader));
    assert_eq!(campaign.said(&leader, paused), [""; 0]);
    campaign.had_one_leader_at_a_time();
}

#[test]
fn a_leader_that_is_asked_to_end_says_so_and_leaves_its_vote_to_expire() {
    let cluster = cluster(1);
    let mut campaign = three(&servers(&cluster));
    let (leader, _) = campaign.leader(Instant::now(), PATIENCE);
    let asked = Instant::now();
    let ended = campaign.end(&leader);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with(&format!("I no longer lead ({leader})\n")), "{}", ended.stdout);
    let (next, _) = campaign.leader(asked, PATIENCE);
    assert_ne!(next, leader);
}

fn three(servers: &str) -> Campaign {
    let mut campaign = Campaign::on(servers, "election");
    for name in NAMES {
        campaign.enter(name, 42);
    }
    campaign
}
