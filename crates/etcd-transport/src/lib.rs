//! Getting one exchange to one of several etcd endpoints and back.
//!
//! A [`Channel`] takes what `etcd-proto` describes to a server and brings the reply back. It
//! knows nothing of keys or values: whatever implements [`Exchange`](etcd_proto::call::Exchange)
//! can be called.
//!
//! Endpoints of `https://` need the feature `tls`, which is on unless default features are turned off.
//!
//! What it promises:
//!
//! * A request is sent again only when it may be: reads freely, writes only with proof that no
//!   byte of them left, or that a redirect turned them away.
//! * An endpoint that refuses is passed over at once; one that stays silent is raced against the
//!   next after a fifth of a second. Writes go only to endpoints that gave a sign of life.
//! * Every call ends by its deadline, with an error that says what is known: whether it took
//!   effect, and what happened at each endpoint.
//!
//! ```no_run
//! use etcd_proto::v2::GetVersion;
//! use etcd_transport::{Channel, Config, endpoint};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoints = endpoint::parse_list("127.0.0.1:2379,127.0.0.1:4001")?;
//! let channel = Channel::new(endpoints, Config::default());
//! println!("{}", channel.call(&GetVersion).await?.server);
//! # Ok(())
//! # }
//! ```

pub mod backoff;
pub mod config;
pub mod endpoint;
pub mod error;
pub mod failover;
pub mod redirect;
pub mod secret;
pub mod set;
pub mod status;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls/none.rs"]
pub mod tls;
pub mod trust;
pub mod wait;

mod channel;
mod conn;
mod credentials;
mod dial;
mod frames;
mod http1;
mod http2;
mod lane;
mod line;
mod multiplexed;
mod pieces;
mod pin;
mod progress;
mod socket;

pub use channel::{Channel, OpenStream, Upstream};
pub use config::{CallOptions, Cluster, Config, Lane};
pub use credentials::Credentials;
pub use error::{CallError, Error};
pub use secret::Secret;
pub use status::{Counters, EndpointStatus};
pub use tls::Tls;
