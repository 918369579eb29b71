//! Where a watch stands: what to ask for next, and what an answer amounts to. Pure.

use std::collections::BTreeMap;

use etcd_proto::tree::Path;
use etcd_proto::v2::{Action, KeyReply, Node};

use super::{Change, Event, Gap};

/// What to ask a server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// All that stands at the key and below, with the store's index.
    List,
    /// The first change at or after this index.
    Poll(u64),
}

/// What to poll for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polls {
    /// The key alone.
    Alone,
    /// What lies below too.
    Recursively,
    /// What lies below too, from servers of 3.0 and later; from older ones the key alone.
    RecursivelySince3,
}

/// What a server answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// What stands there (nothing where nothing does), when the store was at `index`.
    Listed {
        /// The store's index.
        index: u64,
        /// The node with everything below it.
        node: Option<Node>,
    },
    /// A change.
    Event(Box<KeyReply>),
    /// A poll stayed without a change; when it began, the store was at `index`, where it said so.
    Quiet {
        /// The store's index.
        index: Option<u64>,
    },
    /// The events from the index asked for on are no longer kept.
    Cleared,
}

/// A watch of one key or directory.
#[derive(Debug)]
pub(super) struct Machine {
    path: Path,
    recursive: bool,
    state: State,
    /// The first index that has not been delivered.
    next: u64,
    /// Where the store was when the last poll from `next` began that stayed quiet.
    quiet_at: Option<u64>,
    /// The keys that stand there as far as is known, each with the index of its last change.
    known: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing is known yet; the first index of interest may have been given.
    New {
        from: Option<u64>,
    },
    Live,
    /// History is gone: a listing tells the difference.
    Lost,
}

impl Machine {
    pub(super) fn new(path: Path, recursive: bool, from: Option<u64>) -> Self {
        let (state, known) = (State::New { from }, BTreeMap::new());
        Self { path, recursive, state, next: from.unwrap_or(0), quiet_at: None, known }
    }

    pub(super) fn ask(&self) -> Ask {
        match self.state {
            State::Live => Ask::Poll(self.next),
            State::New { .. } | State::Lost => Ask::List,
        }
    }

    /// Whether to poll for what lies below too, as far as the servers allow.
    ///
    /// Before 3.0 they do not find the past of a value when they look for what lies below, and
    /// where a value stands nothing does now; what may have lain there before is not told then.
    pub(super) fn polls(&self) -> Polls {
        match self.recursive {
            true if self.known.contains_key(self.path.as_str()) => Polls::RecursivelySince3,
            true => Polls::Recursively,
            false => Polls::Alone,
        }
    }

    /// Takes an answer to what [`ask`](Self::ask) said; answers with what to deliver.
    pub(super) fn take(&mut self, answer: Answer) -> Vec<Event> {
        match answer {
            Answer::Listed { index, node } => self.listed(index, node),
            Answer::Event(reply) => self.event(reply),
            Answer::Quiet { index } => {
                self.quiet(index);
                Vec::new()
            }
            Answer::Cleared => {
                self.state = State::Lost;
                Vec::new()
            }
        }
    }

    /// Two polls that stayed quiet tell that nothing was between what they asked for and the
    /// moment the first of them began. One does not: a change that history held may have been on
    /// its way behind the head, in a connection that was dead by then.
    fn quiet(&mut self, index: Option<u64>) {
        let Some(index) = index else { return };
        if let Some(before) = self.quiet_at.replace(index) {
            self.next = self.next.max(before.min(index).saturating_add(1));
        }
    }

    fn listed(&mut self, index: u64, node: Option<Node>) -> Vec<Event> {
        self.quiet_at = None;
        let present = self.leaves(node);
        let known = present.iter().map(|leaf| (leaf.key.clone(), leaf.modified_index)).collect();
        let before = std::mem::replace(&mut self.known, known);
        match std::mem::replace(&mut self.state, State::Live) {
            State::Lost if index >= self.next => self.difference(index, &before, present),
            State::New { from } => {
                self.next = from.unwrap_or_else(|| index.saturating_add(1));
                Vec::new()
            }
            State::Lost | State::Live => Vec::new(),
        }
    }

    /// What the missing changes amount to: first what is gone, then what was written, by index.
    fn difference(
        &mut self,
        index: u64,
        before: &BTreeMap<String, u64>,
        present: Vec<Node>,
    ) -> Vec<Event> {
        let first = self.next;
        let gap = Event::Gap(Gap { first, last: index });
        let gone = before.keys().filter(|&key| !self.known.contains_key(key));
        let gone = gone.map(|key| inferred(key, first, Action::Delete, None));
        let mut written: Vec<_> =
            present.into_iter().filter(|leaf| leaf.modified_index >= first).collect();
        written.sort_by_key(|leaf| leaf.modified_index);
        let written = written
            .into_iter()
            .map(|leaf| inferred(&leaf.key, leaf.modified_index, Action::Set, leaf.value));
        self.next = index.saturating_add(1);
        std::iter::once(gap).chain(gone).chain(written).collect()
    }

    fn event(&mut self, reply: Box<KeyReply>) -> Vec<Event> {
        let Some(node) = reply.node else { return Vec::new() };
        let index = node.modified_index;
        if index < self.next {
            return Vec::new();
        }
        // Also when it is not ours, or the next poll would be answered with the same: servers find
        // the removal of a directory `/a` in their history for a watch of `/ab`.
        self.next = index.saturating_add(1);
        self.quiet_at = None;
        if !self.concerns(&node.key) {
            return Vec::new();
        }
        let removal = reply.action.is_removal();
        let mut events = Vec::with_capacity(1);
        match removal {
            true => events.extend(self.remove(&node.key, index, &reply.action)),
            false if !node.dir => {
                let known = self.known.entry(node.key.clone()).or_insert(0);
                *known = (*known).max(index);
            }
            false => {}
        }
        events.push(Event::Change(Change {
            index,
            action: reply.action,
            directory: node.dir,
            key: node.key,
            value: node.value.filter(|_| !removal),
            previous: reply.previous.map(Box::new),
            inferred: false,
        }));
        events
    }

    /// A server says only that a directory went; what it held went with it.
    fn remove(&mut self, key: &str, index: u64, action: &Action) -> Vec<Event> {
        let below =
            |known: &String| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'));
        let gone: Vec<String> = self
            .known
            .range(key.to_owned()..)
            .take_while(|(known, _)| known.starts_with(key))
            .filter(|(known, modified)| (below(known) || *known == key) && **modified <= index)
            .map(|(known, _)| known.clone())
            .collect();
        for known in &gone {
            self.known.remove(known);
        }
        gone.iter()
            .filter(|known| below(known))
            .map(|known| inferred(known, index, action.clone(), None))
            .collect()
    }

    /// Whether a change at `key` is one of ours: at or below what is watched, or of a directory
    /// that held it.
    fn concerns(&self, key: &str) -> bool {
        let Ok(key) = key.parse::<Path>() else { return false };
        match self.recursive {
            true => key.is_within(&self.path) || self.path.is_within(&key),
            false => self.path.is_within(&key),
        }
    }

    /// The values that stand at what is watched.
    fn leaves(&self, node: Option<Node>) -> Vec<Node> {
        let mut leaves = Vec::new();
        let mut stack: Vec<Node> = node.into_iter().collect();
        while let Some(mut node) = stack.pop() {
            if self.recursive {
                stack.append(&mut node.nodes);
            }
            if !node.dir {
                leaves.push(node);
            }
        }
        leaves
    }
}

fn inferred(key: &str, index: u64, action: Action, value: Option<String>) -> Event {
    let (key, previous) = (key.to_owned(), None);
    Event::Change(Change { index, action, key, value, previous, directory: false, inferred: true })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(key: &str, value: &str, modified_index: u64) -> Node {
        Node { key: key.into(), value: Some(value.into()), modified_index, ..Node::default() }
    }

    fn directory(key: &str, nodes: Vec<Node>) -> Node {
        Node { key: key.into(), dir: true, nodes, ..Node::default() }
    }

    fn reply(action: Action, node: Node) -> Answer {
        Answer::Event(Box::new(KeyReply {
            action,
            node: Some(node),
            previous: None,
            headers: Default::default(),
        }))
    }

    /// What is delivered, in short.
    fn said(events: &[Event]) -> Vec<String> {
        let say = |event: &Event| match event {
            Event::Gap(gap) => format!("gap {}-{}", gap.first, gap.last),
            Event::Change(change) => {
                let mark = if change.inferred { "~" } else { "" };
                let action = if change.action.is_removal() { "delete" } else { "set" };
                format!(
                    "{mark}{} {action} {} {}",
                    change.index,
                    change.key,
                    change.value.as_deref().unwrap_or("-")
                )
            }
        };
        events.iter().map(say).collect()
    }

    fn live(nodes: Vec<Node>, index: u64) -> Machine {
        let mut machine = Machine::new("/d".parse().unwrap(), true, None);
        assert_eq!(machine.ask(), Ask::List);
        assert!(
            machine.take(Answer::Listed { index, node: Some(directory("/d", nodes)) }).is_empty()
        );
        machine
    }

    #[test]
    fn it_resumes_after_what_it_delivered() {
        let mut machine = live(vec![], 7);
        assert_eq!(machine.ask(), Ask::Poll(8));
        assert_eq!(
            said(&machine.take(reply(Action::Set, leaf("/d/a", "1", 12)))),
            ["12 set /d/a 1"]
        );
        assert_eq!(machine.ask(), Ask::Poll(13));
        // The same again, and one from before: already delivered.
        assert!(machine.take(reply(Action::Set, leaf("/d/a", "1", 12))).is_empty());
        assert!(machine.take(reply(Action::Set, leaf("/d/a", "0", 9))).is_empty());
    }

    #[test]
    fn it_starts_where_it_was_told() {
        let mut machine = Machine::new("/d".parse().unwrap(), true, Some(3));
        machine.take(Answer::Listed { index: 9, node: None });
        assert_eq!(machine.ask(), Ask::Poll(3));
    }

    #[test]
    fn two_quiet_polls_move_on_to_where_the_first_began() {
        let mut machine = live(vec![], 7);
        machine.take(Answer::Quiet { index: Some(400) });
        assert_eq!(machine.ask(), Ask::Poll(8));
        machine.take(Answer::Quiet { index: None });
        assert_eq!(machine.ask(), Ask::Poll(8));
        machine.take(Answer::Quiet { index: Some(900) });
        assert_eq!(machine.ask(), Ask::Poll(401));
        // The other member is behind: nothing is known of what comes after it.
        machine.take(Answer::Quiet { index: Some(850) });
        assert_eq!(machine.ask(), Ask::Poll(851));
    }

    /// The head of a poll had come, and its connection died before the change behind it.
    #[test]
    fn one_quiet_poll_does_not_skip_what_may_have_been_on_its_way() {
        let mut machine = live(vec![], 7);
        machine.take(Answer::Quiet { index: Some(400) });
        let events = machine.take(reply(Action::Set, leaf("/d/a", "1", 12)));
        assert_eq!(said(&events), ["12 set /d/a 1"]);
        machine.take(Answer::Quiet { index: Some(800) });
        assert_eq!(machine.ask(), Ask::Poll(13));
    }

    #[test]
    fn a_gap_is_announced_and_the_difference_follows() {
        let mut machine =
            live(vec![leaf("/d/stays", "s", 2), leaf("/d/goes", "g", 3), leaf("/d/x", "1", 4)], 7);
        machine.take(reply(Action::Set, leaf("/d/seen", "1", 8)));
        assert!(machine.take(Answer::Cleared).is_empty());
        assert_eq!(machine.ask(), Ask::List);
        let nodes = vec![
            leaf("/d/x", "2", 900),
            leaf("/d/stays", "s", 2),
            leaf("/d/new", "n", 800),
            leaf("/d/seen", "1", 8),
        ];
        let events =
            machine.take(Answer::Listed { index: 2000, node: Some(directory("/d", nodes)) });
        assert_eq!(
            said(&events),
            ["gap 9-2000", "~9 delete /d/goes -", "~800 set /d/new n", "~900 set /d/x 2"]
        );
        assert_eq!(machine.ask(), Ask::Poll(2001));
    }

    #[test]
    fn all_gone_in_a_gap() {
        let mut machine = live(vec![leaf("/d/a", "1", 2)], 7);
        machine.take(Answer::Cleared);
        assert_eq!(
            said(&machine.take(Answer::Listed { index: 1100, node: None })),
            ["gap 8-1100", "~8 delete /d/a -"]
        );
    }

    #[test]
    fn what_a_removed_directory_held_is_told() {
        let mut machine =
            live(vec![leaf("/d/s/a", "1", 2), leaf("/d/s/b", "1", 3), leaf("/d/sx", "1", 4)], 7);
        let gone = Node { key: "/d/s".into(), dir: true, modified_index: 8, ..Node::default() };
        assert_eq!(
            said(&machine.take(reply(Action::Delete, gone))),
            ["~8 delete /d/s/a -", "~8 delete /d/s/b -", "8 delete /d/s -"]
        );
        // Also when the directory held what is watched.
        let above = Node { key: "/".into(), dir: true, modified_index: 9, ..Node::default() };
        assert_eq!(said(&machine.take(reply(Action::Expire, above))).len(), 1);
    }

    #[test]
    fn replayed_history_does_not_undo_what_the_listing_knew() {
        let mut machine = Machine::new("/d".parse().unwrap(), true, Some(3));
        machine.take(Answer::Listed {
            index: 9,
            node: Some(directory("/d", vec![leaf("/d/a", "2", 8)])),
        });
        machine.take(reply(Action::Set, leaf("/d/a", "1", 4)));
        machine.take(reply(Action::Delete, leaf("/d/a", "", 6)));
        machine.take(Answer::Cleared);
        let events = machine.take(Answer::Listed { index: 20, node: None });
        assert_eq!(said(&events), ["gap 7-20", "~7 delete /d/a -"]);
    }

    #[test]
    fn before_3_a_value_is_not_polled_for_what_lies_below() {
        let mut machine = Machine::new("/d".parse().unwrap(), true, None);
        machine.take(Answer::Listed { index: 7, node: Some(leaf("/d", "1", 3)) });
        assert_eq!(machine.polls(), Polls::RecursivelySince3);
        let gone = leaf("/d", "", 8);
        assert_eq!(machine.take(reply(Action::Delete, gone)).len(), 1);
        assert_eq!(machine.polls(), Polls::Recursively);
        machine.take(reply(Action::Set, leaf("/d", "2", 9)));
        assert_eq!(machine.polls(), Polls::RecursivelySince3);
        let single = Machine::new("/d".parse().unwrap(), false, None);
        assert_eq!(single.polls(), Polls::Alone);
    }

    /// A server matches a removed directory by how its key begins.
    #[test]
    fn what_is_not_ours_is_passed_over() {
        let gone = |key: &str, index| Node {
            key: key.into(),
            dir: true,
            modified_index: index,
            ..Node::default()
        };
        for recursive in [true, false] {
            let mut machine = Machine::new("/ab".parse().unwrap(), recursive, Some(3));
            machine.take(Answer::Listed { index: 9, node: None });
            machine.take(Answer::Quiet { index: Some(20) });
            assert!(machine.take(reply(Action::Delete, gone("/a", 7))).is_empty());
            assert_eq!(machine.ask(), Ask::Poll(8), "the same is not asked for again");
            // What was quiet before that event tells nothing of what comes after it.
            machine.take(Answer::Quiet { index: Some(30) });
            assert_eq!(machine.ask(), Ask::Poll(8));
            assert_eq!(said(&machine.take(reply(Action::Set, leaf("/ab", "1", 9)))).len(), 1);
            assert_eq!(machine.ask(), Ask::Poll(10));
        }
    }

    proptest! {
        /// Whatever a server tells that has not been told, the next poll asks for what comes after.
        #[test]
        fn no_event_is_asked_for_twice(
            keys in proptest::collection::vec("/[ab]{1,2}(/[ab]){0,2}", 1..20),
            removed: bool,
            recursive: bool,
            first in 0..u64::MAX - 20,
        ) {
            let mut machine = Machine::new("/ab".parse().unwrap(), recursive, Some(first));
            machine.take(Answer::Listed { index: first, node: None });
            for (key, index) in keys.iter().zip(first..) {
                let action = if removed { Action::Delete } else { Action::Set };
                machine.take(reply(action, leaf(key, "1", index)));
                prop_assert_eq!(machine.ask(), Ask::Poll(index.saturating_add(1)));
            }
        }
    }

    #[test]
    fn others_keys_are_not_delivered() {
        let mut machine = live(vec![], 7);
        assert!(machine.take(reply(Action::Set, leaf("/other", "1", 8))).is_empty());
        let mut single = Machine::new("/d".parse().unwrap(), false, Some(1));
        single.take(Answer::Listed { index: 1, node: None });
        assert!(single.take(reply(Action::Set, leaf("/d/below", "1", 8))).is_empty());
        assert_eq!(single.take(reply(Action::Set, leaf("/d", "1", 9))).len(), 1);
    }
}
