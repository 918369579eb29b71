//! An etcd client that is right when things break.
//!
//! Three ways in, over the same transport:
//!
//! * [`Session`]: ten calls (open, get, list, set, delete, leader, watch, lock, unlock, close) that
//!   mean the same on every etcd. Start here.
//! * [`Client`]: the whole v3 API of etcd 3.4 to 3.7, with leases that are kept, locks and elections
//!   with fencing tokens, and watches that resume.
//! * [`v2::Client`]: the whole v2 API, up to etcd 3.5, for those who need all of it.
//!
//! ```no_run
//! use etcd_client::Session;
//!
//! # async fn example() -> Result<(), etcd_client::Error> {
//! let session = Session::open_str("127.0.0.1:2379").await?;
//! session.set("/config/name", "a").await?;
//! assert_eq!(session.get("/config/name").await?.value, "a");
//! # Ok(())
//! # }
//! ```
//!
//! What holds for every call:
//!
//! * A request ends by a deadline, 5 s unless told otherwise. A few calls make more than one, and
//!   say so; only watches and those who wait for a lock go on without end.
//! * An endpoint that is down, silent or gone is passed over; a write is sent again only with proof
//!   that it was not processed.
//! * An [`Error`] says whether the operation took effect: [`Outcome`] is *not applied*, *applied* or
//!   *unknown*, and never a guess.
//! * Handles are cheap to clone, `Send` and `Sync`, and take `&self`.
//!
//! The feature `blocking` adds the module `blocking`: the same calls without async. The feature `srv` adds the
//! module `discovery`: endpoints from the SRV records of a domain. The feature `tls`, which is on by default, is for
//! endpoints of `https://`; without it they are refused, and a program is a megabyte shorter.

pub mod error;
pub mod servers;
pub mod session;
pub mod v2;
pub mod v3;

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "srv")]
pub mod discovery;

mod clock;
mod keep;
mod keeper;
mod learnt;
mod moment;
mod stop;

pub use error::{Error, ErrorKind};
pub use etcd_proto::call::Outcome;
pub use etcd_proto::ids::{ClusterId, LeaseId, MemberId, Revision, Ttl};
pub use etcd_proto::key::KeyRange;
pub use etcd_proto::plain;
pub use etcd_proto::tree;
pub use etcd_transport::endpoint::{Endpoint, InvalidEndpoint, parse_list};
pub use etcd_transport::{
    CallOptions, Cluster, Config, Counters, Credentials, EndpointStatus, Secret, Tls,
};
pub use session::Session;
pub use v3::Client;
