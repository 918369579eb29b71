//! What is taken from etcd-client as it stands there: its own tests name the place.

pub mod watch;
