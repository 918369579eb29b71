//! What the live scenarios share: real members, and the faults between them and a client.
//!
//! The scenarios are in `tests/` and are run by `cargo xtask test`, with the programs they need named in
//! the environment. Without those they fail: a live test never passes for want of a server.
//!
//! * [`members`]: etcd members on loopback, started, killed, paused;
//! * [`certificates`]: what members and clients show each other over TLS;
//! * [`changes`]: what a watch tells, while it has to go on;
//! * [`etcd`]: the programs under test, and clusters of them; `v3_etcds` has each version of v3;
//! * [`faults`]: kills and pauses members one after another, until told to stop;
//! * [`proxy`]: stands between a client and one member; cuts, stalls or slows connections, in one
//!   direction or both, and ends them at a certain byte;
//! * [`conformance`]: random requests, played to two servers;
//! * [`blackhole`]: endpoints that refuse, never connect or never answer;
//! * [`program`]: runs the programs under test, and tells what they said and how they ended;
//! * [`queue`]: who stands in a lock's queue;
//! * [`server`]: the test server and members by turns, for scenarios that need no more than an endpoint;
//! * [`section`]: what those do who contend for a lock, to find out whether another is inside too.

pub mod blackhole;
#[path = "../../../xtask/src/certificates.rs"]
pub mod certificates;
pub mod changes;
pub mod conformance;
pub mod each;
pub mod etcd;
pub mod faults;
#[path = "../../../xtask/src/members/mod.rs"]
pub mod members;
pub mod program;
pub mod proxy;
pub mod queue;
pub mod section;
pub mod server;
