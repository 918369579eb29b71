//! Locks whose tickets another process can renew and give up: a lease, and a key on it.

use std::time::{Duration, Instant};

use etcd_proto::ids::LeaseId;
use etcd_proto::key::KeyRange;

use super::{OverV3, index, keys};
use crate::error::{Error, ErrorKind};
use crate::keep::{Kept, keep};
use crate::keeper::Keeper;
use crate::session::key::Key;
use crate::session::types::Ticket;
use crate::v3::LockOptions;
use crate::v3::api::{
    Compare, CompareResult, DeleteRangeRequest, KeyValue, RangeRequest, TxnRequest,
};
use crate::{Outcome, Ttl};

impl OverV3 {
    pub(in crate::session) async fn lock(
        &self,
        key: &[u8],
        ttl: Ttl,
        stop: impl Future<Output = ()>,
    ) -> Result<Ticket, Error> {
        let path = lock_path(key)?;
        let lease = self.client.lease().grant_and_keep(ttl).await?;
        let (name, on) = (path.bytes(), || LockOptions::on(&lease));
        // A lock that is free is taken also where there is no time to wait.
        let taken = match self.client.try_lock(&name, on()).await {
            Err(error) if *error.kind() == ErrorKind::LockBusy => tokio::select! {
                biased;
                taken = self.client.lock(&name, on()) => taken,
                () = stop => Err(busy(&path)),
            },
            taken => taken,
        };
        let lock = match taken {
            Ok(lock) => lock,
            Err(error) => {
                // The place in the line goes with the lease; without an answer, when that ends.
                let _ = lease.revoke().await;
                return Err(error);
            }
        };
        // The ticket is worth a whole time to live.
        let (id, index) = (lease.id(), index(lock.fencing_token().revision.0));
        let deadline = self.renew_lease(id, &path, index).await?.0;
        let (_, _) = (lock.leave(), lease.leave());
        Ok(Ticket::new(path, index, ttl, deadline))
    }

    pub(in crate::session) async fn renew(&self, key: &[u8], index: u64) -> Result<Ticket, Error> {
        let path = lock_path(key)?;
        let entry = self.place(&path, index).await?;
        let lease = entry.lease_id().ok_or_else(|| lost(&path, index))?;
        let (deadline, ttl) = self.renew_lease(lease, &path, index).await?;
        Ok(Ticket::new(path, index, ttl, deadline))
    }

    pub(in crate::session) async fn unlock(&self, key: &[u8], index: u64) -> Result<(), Error> {
        let path = lock_path(key)?;
        let entry = self.place(&path, index).await?;
        let ours =
            Compare::create_revision(&entry.key, CompareResult::EQUAL, entry.create_revision);
        let remove = TxnRequest::new().when([ours]).then([DeleteRangeRequest::new(&entry.key)]);
        let removed = self.client.kv().txn(remove).await?.succeeded;
        if let Some(lease) = entry.lease_id() {
            // It has no keys any more, and ends by itself where this fails.
            let _ = self.client.lease().revoke(lease).await;
        }
        if removed { Ok(()) } else { Err(lost(&path, index)) }
    }

    pub(in crate::session) async fn hold<T>(
        &self,
        ticket: &mut Ticket,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let keeper = Keeper::until(ticket.ttl.duration(), ticket.deadline);
        let mut held = Held { over: self, ticket, keeper };
        tokio::select! {
            biased;
            lost = keep(&mut held) => Err(lost),
            done = work => Ok(done),
        }
    }

    /// The key of a ticket, whose index is the revision that it was made at.
    async fn place(&self, path: &Key, index: u64) -> Result<KeyValue, Error> {
        let made = i64::try_from(index).map_err(|_| lost(path, index))?;
        let places = RangeRequest::new(KeyRange::prefix(keys::below(path)))
            .min_create_revision(made)
            .max_create_revision(made)
            .limit(1);
        let found = self.client.kv().range(places).await?.kvs.into_iter().next();
        found.filter(|entry| entry.create_revision == made).ok_or_else(|| lost(path, index))
    }

    /// Renews the lease of a ticket: until when it surely lives, and how long it does.
    async fn renew_lease(
        &self,
        lease: LeaseId,
        path: &Key,
        index: u64,
    ) -> Result<(Instant, Ttl), Error> {
        let sent = Instant::now();
        let renewed = self.client.lease().keep_alive_once(lease).await;
        let seconds = match renewed {
            Ok(reply) => u64::try_from(reply.ttl).unwrap_or(0),
            Err(error) if *error.kind() == ErrorKind::LeaseNotFound => 0,
            Err(error) => return Err(error),
        };
        let ttl = Ttl::from_seconds(seconds).ok_or_else(|| lost(path, index))?;
        Ok((Keeper::new(Duration::from_secs(seconds), sent).deadline(), ttl))
    }
}

/// A lock that is kept by its ticket.
struct Held<'a> {
    over: &'a OverV3,
    ticket: &'a mut Ticket,
    keeper: Keeper,
}

impl Kept for Held<'_> {
    fn keeper(&mut self) -> &mut Keeper {
        &mut self.keeper
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let sent = Instant::now();
        let renewed = self.over.renew(self.ticket.key.as_bytes(), self.ticket.index).await?;
        self.keeper.renewed(sent);
        self.ticket.deadline = renewed.deadline;
        Ok(())
    }

    fn late(&self, _: Option<Error>) -> Error {
        Error::late(&self.ticket.key, self.ticket.index)
    }
}

fn lock_path(key: &[u8]) -> Result<Key, Error> {
    let path = Key::parse(key)?;
    match path.is_root() {
        true => Err(Error::invalid("the root cannot be locked; give a key")),
        false => Ok(path),
    }
}

fn busy(path: &Key) -> Error {
    let message = format!("the lock on {path:?} was not free in time");
    Error::new(ErrorKind::LockBusy, Outcome::NotApplied, message)
}

fn lost(path: &Key, index: u64) -> Error {
    Error::lost(format!("the lock on {path:?} with index {index} is held no longer"))
}
