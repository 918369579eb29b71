//! Makes changes, and remembers what each revision changed.

use std::collections::BTreeMap;

use etcd_client::v3::Kv;
use etcd_client::v3::api::{DeleteRangeRequest, Event, PutRequest, RequestOp, TxnRequest};
use etcd_client::{Client, Error};

/// What stands at a key after a change: its value, or nothing.
pub(crate) type Change = (String, Option<Vec<u8>>);
/// What each revision changed, in the order of the keys.
pub(crate) type Log = BTreeMap<i64, Vec<Change>>;

/// Keys below `/w/` come and go.
const KEYS: u64 = 40;

pub(crate) struct Writer {
    kv: Kv,
    turn: u64,
    random: u64,
    pub(crate) log: Log,
    pub(crate) events: usize,
}

impl Writer {
    pub(crate) fn new(client: &Client) -> Self {
        Self { kv: client.kv(), turn: 0, random: 1, log: Log::new(), events: 0 }
    }

    /// Changes one to six keys in one revision, and keys beside them; some values are large.
    pub(crate) async fn change(&mut self) -> Result<i64, Error> {
        self.turn += 1;
        let (mut changes, mut operations) = (Vec::new(), Vec::new());
        let first = self.random();
        for at in 0..=first % 6 {
            let key = format!("/w/{:02}", (first / 7 + at * 5) % KEYS);
            let large = self.random().is_multiple_of(25);
            let mut value = format!("{} {at}", self.turn).into_bytes();
            value.resize(if large { 20_000 } else { 40 }, b'.');
            operations.push(RequestOp::from(PutRequest::new(&key, &value)));
            changes.push((key, Some(value)));
        }
        let elsewhere = PutRequest::new(format!("/x/{}", first % KEYS), "elsewhere");
        operations.push(elsewhere.into());
        let revision = self.kv.txn(TxnRequest::new().then(operations)).await?.revision().0;
        self.remember(revision, changes);
        if first.is_multiple_of(11) {
            self.delete().await?;
        }
        Ok(revision)
    }

    async fn delete(&mut self) -> Result<(), Error> {
        let key = format!("/w/{:02}", self.random() % KEYS);
        let reply = self.kv.delete(DeleteRangeRequest::new(key.as_str())).await?;
        if reply.deleted > 0 {
            self.remember(reply.revision().0, vec![(key, None)]);
        }
        Ok(())
    }

    pub(crate) async fn last(&mut self) -> Result<i64, Error> {
        let revision = self.kv.put("/w/last", "last").await?.revision().0;
        self.remember(revision, vec![("/w/last".into(), Some(b"last".to_vec()))]);
        Ok(revision)
    }

    fn remember(&mut self, revision: i64, mut changes: Vec<Change>) {
        changes.sort();
        self.events += changes.len();
        self.log.insert(revision, changes);
    }

    /// xorshift: the same changes in each run.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// What an event did.
pub(crate) fn change(event: &Event) -> (i64, Change) {
    let entry = event.kv.as_ref().expect("an event has a key");
    let key = entry.key_str().expect("keys are text").to_owned();
    (entry.mod_revision, (key, event.is_put().then(|| entry.value.to_vec())))
}
