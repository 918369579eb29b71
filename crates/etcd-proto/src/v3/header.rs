//! What every reply begins with.

use crate::ids::{ClusterId, MemberId, Revision};

/// Who answered, and how far its store was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ResponseHeader {
    /// The cluster's id.
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    /// The id of the member that answered.
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    /// The store's revision when the reply was made; zero in replies about other things than keys.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// The raft term, which rises with each election of a leader.
    #[prost(uint64, tag = "4")]
    pub raft_term: u64,
}

impl ResponseHeader {
    /// The cluster's id.
    pub fn cluster(&self) -> ClusterId {
        ClusterId(self.cluster_id)
    }

    /// The id of the member that answered.
    pub fn member(&self) -> MemberId {
        MemberId(self.member_id)
    }

    /// The store's revision when the reply was made.
    pub fn revision(&self) -> Revision {
        Revision(self.revision)
    }
}

/// Gives replies the revision of their header.
macro_rules! with_revision {
    ($($name:ident),* $(,)?) => {$(
        impl $name {
            /// The store's revision when the reply was made; zero when the server did not say.
            pub fn revision(&self) -> crate::ids::Revision {
                self.header.map(|header| header.revision()).unwrap_or_default()
            }
        }
    )*};
}

/// Replies that are made of a header and nothing else.
macro_rules! header_only {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
        pub struct $name {
            /// Who answered, and how far its store was.
            #[prost(message, optional, tag = "1")]
            pub header: Option<crate::v3::header::ResponseHeader>,
        }

        crate::v3::header::with_revision!($name);
    )*};
}

pub(super) use {header_only, with_revision};
