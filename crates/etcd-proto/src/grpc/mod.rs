//! gRPC as etcd speaks it: how a message is framed, and what a reply's end says.
//!
//! A request is one POST whose body is messages, each behind five bytes. A reply's status comes in
//! its trailers, or in its headers where it has no body. Nothing here does I/O.

mod frame;
mod metadata;
mod status;
mod timeout;

pub use frame::{Deframer, FRAME_HEAD, encode, message};
pub use metadata::{HAS_LEADER, TOKEN, headers};
pub use status::{Code, NO_GRPC, Status};
pub use timeout::{GRPC_TIMEOUT, timeout};
