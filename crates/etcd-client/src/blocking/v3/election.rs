//! Elections.

use std::time::Duration;

use bytes::Bytes;
use etcd_proto::key::IntoBytes;
use etcd_proto::v3::{KeyValue, TxnRequest, TxnResponse};

use super::super::pump::Pump;
use super::super::work::{self, Held};
use super::KeptLease;
use super::lock::holding;
use super::shadow::iterates;
use crate::Error;
use crate::v3::{self, FencingToken, LockOptions, Lost};

/// An election, without async; see [`crate::v3::Election`].
#[derive(Debug, Clone)]
pub struct Election {
    pub(super) inner: v3::Election,
    pub(super) pump: Pump,
}

impl Election {
    /// Stands for election with a value that says who it is, and waits until it leads.
    ///
    /// # Errors
    ///
    /// As for [`crate::v3::Election::campaign`].
    pub fn campaign(
        &self,
        value: impl IntoBytes,
        options: impl Into<LockOptions>,
    ) -> Result<Leadership, Error> {
        let inner = self.pump.run(self.inner.campaign(value, options))?;
        Ok(Leadership { inner, pump: self.pump.clone() })
    }

    /// Who leads, with what was proclaimed last; nothing when nobody does.
    ///
    /// # Errors
    ///
    /// When no member answers or the user may not do this.
    pub fn leader(&self) -> Result<Option<KeyValue>, Error> {
        self.pump.run(self.inner.leader())
    }

    /// Who leads, from now on: each leader, and what it proclaims.
    pub fn observe(&self) -> Leaders {
        Leaders { inner: self.inner.observe(), pump: self.pump.clone() }
    }
}

/// An iterator over the leaders of an election; see [`crate::v3::Leaders`]. An error is its last
/// item.
#[derive(Debug)]
pub struct Leaders {
    inner: v3::Leaders,
    pump: Pump,
}

iterates!(Leaders, KeyValue);

/// A leadership that is held, and renewed by the client's thread; see [`crate::v3::Leadership`].
///
/// Dropping it resigns in the background, unless the client's thread ends with it, as nothing else
/// of the client is left: then it ends with its lease. Dropping never blocks.
#[derive(Debug)]
#[must_use = "a leadership that is dropped is given up"]
pub struct Leadership {
    inner: v3::Leadership,
    pump: Pump,
}

holding!(Leadership, "leadership");

impl Leadership {
    /// Has another value say who leads, only if that is still so.
    ///
    /// # Errors
    ///
    /// As for [`txn`](Self::txn).
    pub fn proclaim(&self, value: impl IntoBytes) -> Result<TxnResponse, Error> {
        self.pump.run(self.inner.proclaim(value))
    }

    /// Gives it up, and revokes a lease of its own.
    ///
    /// # Errors
    ///
    /// As for [`Lock::release`](super::Lock::release).
    pub fn resign(self) -> Result<(), Error> {
        let Self { inner, pump } = self;
        pump.run(inner.resign())
    }
}
