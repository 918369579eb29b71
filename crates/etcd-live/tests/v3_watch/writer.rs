//! Makes changes, and remembers what each revision changed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use etcd_client::v3::Kv;
use etcd_client::v3::api::{DeleteRangeRequest, Event, PutRequest, RequestOp, TxnRequest};
use etcd_client::{Client, Error};

/// What stands at a key after a change: its value as far as it is [kept](kept), or nothing.
pub(crate) type Change = (String, Option<Vec<u8>>);
/// What each revision changed, in the order of the keys.
pub(crate) type Log = BTreeMap<i64, Vec<Change>>;

/// Keys below `/w/` come and go.
const KEYS: u64 = 40;

#[derive(Debug)]
pub(crate) struct Writer {
    kv: Kv,
    turn: u64,
    random: u64,
    pub(crate) log: Log,
    pub(crate) events: usize,
}

impl Writer {
    /// How many bytes the values of the largest revision have. With those before, they are more than
    /// the 2 MiB that a server puts into one reply.
    pub(crate) const LARGEST: usize = 1_400_000;

    pub(crate) fn new(client: &Client) -> Self {
        Self { kv: client.kv(), turn: 0, random: 1, log: Log::new(), events: 0 }
    }

    /// Changes one to six keys in one revision, and keys beside them; some values are large.
    pub(crate) async fn change(&mut self) -> Result<i64, Error> {
        let first = self.random();
        let keys = (0..=first % 6).map(|at| (first / 7 + at * 5) % KEYS).collect();
        let revision =
            self.put(keys, |random| if random.is_multiple_of(25) { 20_000 } else { 40 }).await?;
        if first.is_multiple_of(11) {
            self.delete().await?;
        }
        Ok(revision)
    }

    /// Changes all keys in one revision, which is larger than one reply.
    pub(crate) async fn change_all(&mut self) -> Result<i64, Error> {
        let most = Self::LARGEST / KEYS as usize;
        self.put((0..KEYS).collect(), |_| most).await
    }

    async fn put(&mut self, keys: Vec<u64>, size: impl Fn(u64) -> usize) -> Result<i64, Error> {
        self.turn += 1;
        let (mut changes, mut operations) = (Vec::new(), Vec::new());
        for key in keys {
            let mut value = format!("{} {key}", self.turn).into_bytes();
            value.resize(size(self.random()), b'.');
            let key = format!("/w/{key:02}");
            operations.push(RequestOp::from(PutRequest::new(&key, &value)));
            changes.push((key, Some(kept(&value))));
        }
        let elsewhere = PutRequest::new(format!("/x/{}", self.turn % KEYS), "elsewhere");
        operations.push(elsewhere.into());
        let revision = self.kv.txn(TxnRequest::new().then(operations)).await?.revision().0;
        self.remember(revision, changes);
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

/// A value, or what tells a large one from others: a log of many is to be kept.
pub(crate) fn kept(value: &[u8]) -> Vec<u8> {
    match value.len() {
        0..=100 => value.to_vec(),
        length => {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            format!("{length} bytes, {}", hasher.finish()).into_bytes()
        }
    }
}

/// What an event did.
pub(crate) fn change(event: &Event) -> (i64, Change) {
    let entry = event.kv.as_ref().expect("an event has a key");
    let key = entry.key_str().expect("keys are text").to_owned();
    (entry.mod_revision, (key, event.is_put().then(|| kept(&entry.value))))
}
