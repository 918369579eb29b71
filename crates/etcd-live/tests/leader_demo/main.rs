//! `leader-demo` on real members: one leads at a time, and a dead one is followed in time.

mod campaign;
mod failover;
mod fitness;
mod usage;

use std::time::Duration;

/// How long a vote lives without being renewed.
const TTL: Duration = Duration::from_secs(5);
/// How long before its vote a claim to lead ends.
const MARGIN: Duration = Duration::from_secs(1);
/// How often a candidate looks, and a leader renews its vote.
const STEP: Duration = Duration::from_secs(1);
/// Longer than anything takes that nothing stands in the way of, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Within this a leader that died is followed by another: half a second until etcd notices, a step
/// until a candidate does, another one to confirm, and some.
const FOLLOWED: Duration = Duration::from_secs(8);
