//! The members, their leader and their alarms.

use std::collections::BTreeSet;

use etcd_proto::grpc::Status;
use etcd_proto::v3::error::message;
use etcd_proto::v3::{AlarmMember, Member};

use super::refusal::refusal;

/// The members, their leader and their alarms.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The id of the cluster.
    pub id: u64,
    /// The members, in the order in which they came.
    pub members: Vec<Member>,
    /// The id of the member that leads, 0 where none does.
    pub leader: u64,
    /// How many leaders there have been, plus one.
    pub term: u64,
    alarms: BTreeSet<(u64, i32)>,
    added: u64,
    removed: BTreeSet<u64>,
}

impl Cluster {
    /// A cluster whose first member leads.
    pub fn new(members: Vec<Member>) -> Self {
        let leader = members.first().map_or(0, |member| member.id);
        let (alarms, removed) = Default::default();
        Self { id: 0x7e57_c105_7e4e_7cd1, members, leader, term: 2, alarms, added: 0, removed }
    }

    /// A member.
    pub fn member(&self, id: u64) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Whether there was a member of that id, which never comes back.
    pub fn was_removed(&self, id: u64) -> bool {
        self.removed.contains(&id)
    }

    fn member_mut(&mut self, id: u64) -> Result<&mut Member, Status> {
        let found = self.members.iter_mut().find(|member| member.id == id);
        found.ok_or_else(|| refusal(message::MEMBER_NOT_FOUND))
    }

    /// Adds a member, which does not run.
    pub fn add(&mut self, peer_urls: Vec<String>, is_learner: bool) -> Result<Member, Status> {
        check_urls(&peer_urls)?;
        self.check_new_urls(&peer_urls, 0)?;
        if is_learner && self.members.iter().any(|member| member.is_learner) {
            return Err(refusal(message::TOO_MANY_LEARNERS));
        }
        self.added += 1;
        let id = self.added.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let member = Member { id, peer_urls, is_learner, ..Member::default() };
        self.members.push(member.clone());
        Ok(member)
    }

    fn check_new_urls(&self, peer_urls: &[String], but: u64) -> Result<(), Status> {
        let others = self.members.iter().filter(|member| member.id != but);
        if others.flat_map(|member| &member.peer_urls).any(|held| peer_urls.contains(held)) {
            return Err(refusal(message::PEER_URLS_EXIST));
        }
        Ok(())
    }

    /// Removes a member; where it led, the first that is left leads.
    pub fn remove(&mut self, id: u64) -> Result<(), Status> {
        self.member_mut(id)?;
        self.members.retain(|member| member.id != id);
        self.removed.insert(id);
        if self.leader == id {
            self.leader = self.members.first().map_or(0, |member| member.id);
            self.term += 1;
        }
        Ok(())
    }

    /// Gives a member other peer URLs.
    pub fn update(&mut self, id: u64, peer_urls: Vec<String>) -> Result<(), Status> {
        check_urls(&peer_urls)?;
        self.member_mut(id)?;
        self.check_new_urls(&peer_urls, id)?;
        self.member_mut(id)?.peer_urls = peer_urls;
        Ok(())
    }

    /// Has a learner vote; one that does not run has not caught up.
    pub fn promote(&mut self, id: u64) -> Result<(), Status> {
        let member = self.member_mut(id)?;
        if !member.is_learner {
            return Err(refusal(message::NOT_A_LEARNER));
        }
        if !member.is_started() {
            return Err(refusal(message::LEARNER_NOT_READY));
        }
        member.is_learner = false;
        Ok(())
    }

    /// Has another member lead, as the leader was asked to.
    pub fn move_leader(&mut self, asked: u64, to: u64) -> Result<(), Status> {
        if asked != self.leader {
            return Err(refusal(message::NOT_LEADER));
        }
        if self.member(to).is_none_or(|member| member.is_learner || !member.is_started()) {
            return Err(refusal(message::BAD_TRANSFEREE));
        }
        if to != self.leader {
            self.leader = to;
            self.term += 1;
        }
        Ok(())
    }

    /// The alarms, of one kind or, for 0, of all.
    pub fn alarms(&self, kind: i32) -> Vec<AlarmMember> {
        let alarms = self.alarms.iter().filter(|(_, alarm)| kind == 0 || *alarm == kind);
        alarms.map(|&(member_id, alarm)| AlarmMember { member_id, alarm }).collect()
    }

    /// Raises an alarm; returns whether it was not raised before.
    pub fn raise(&mut self, member: u64, alarm: i32) -> bool {
        self.alarms.insert((member, alarm))
    }

    /// Takes an alarm back; returns whether it was there.
    pub fn disarm(&mut self, member: u64, alarm: i32) -> bool {
        self.alarms.remove(&(member, alarm))
    }
}

fn check_urls(urls: &[String]) -> Result<(), Status> {
    let is_url = |url: &String| {
        let rest = ["http://", "https://", "unix://", "unixs://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        let port = |host: &str| host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty());
        rest.is_some_and(|rest| port(rest) && !rest.contains('/'))
    };
    if urls.is_empty() || !urls.iter().all(is_url) {
        return Err(refusal(message::INVALID_MEMBER_URLS));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Cluster {
        let member = |id: u64| Member {
            id,
            name: format!("m{id}"),
            peer_urls: vec![format!("http://127.0.0.1:{id}")],
            ..Member::default()
        };
        Cluster::new(vec![member(1), member(2)])
    }

    #[test]
    fn a_member_comes_and_goes() {
        let mut cluster = two();
        let urls = |url: &str| vec![url.to_owned()];
        let invalid = Err(refusal(message::INVALID_MEMBER_URLS));
        assert_eq!(cluster.add(urls("nonsense"), false), invalid);
        let taken = cluster.add(urls("http://127.0.0.1:1"), false);
        assert_eq!(taken, Err(refusal(message::PEER_URLS_EXIST)));
        let added = cluster.add(urls("http://127.0.0.1:3"), true).unwrap_or_default();
        assert!(added.is_learner && !added.is_started());
        assert_eq!(cluster.promote(added.id), Err(refusal(message::LEARNER_NOT_READY)));
        assert_eq!(cluster.promote(1), Err(refusal(message::NOT_A_LEARNER)));
        assert_eq!(cluster.remove(added.id), Ok(()));
        assert_eq!(cluster.remove(added.id), Err(refusal(message::MEMBER_NOT_FOUND)));
    }

    #[test]
    fn only_the_leader_gives_the_lead_away() {
        let mut cluster = two();
        assert_eq!(cluster.move_leader(2, 1), Err(refusal(message::NOT_LEADER)));
        assert_eq!(cluster.move_leader(1, 9), Err(refusal(message::BAD_TRANSFEREE)));
        assert_eq!(cluster.move_leader(1, 2), Ok(()));
        assert_eq!((cluster.leader, cluster.term), (2, 3));
    }
}
