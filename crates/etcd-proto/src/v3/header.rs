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

/// The cluster of a reply, read off its first bytes: servers put the header first, and in it the
/// cluster. Nothing where it is not so.
pub(crate) fn cluster_of(message: &[u8]) -> Option<ClusterId> {
    // Field 1 of each: a message, whose length takes one byte, and a number.
    let [0x0a, length, 0x08, id @ ..] = message else { return None };
    let mut id = id.get(..usize::from(*length).saturating_sub(1))?;
    let id = prost::encoding::decode_varint(&mut id).ok()?;
    (id != 0).then_some(ClusterId(id))
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

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::v3::{PutResponse, RangeResponse};

    #[test]
    fn the_cluster_is_read_off_the_first_bytes() {
        for id in [1, 127, 128, 0xcdf8_1819_4e3a_8c32, u64::MAX] {
            let header =
                Some(ResponseHeader { cluster_id: id, member_id: 7, ..Default::default() });
            let put = PutResponse { header, ..Default::default() }.encode_to_vec();
            assert_eq!(cluster_of(&put), Some(ClusterId(id)));
            for end in 0..put.len() {
                assert!([None, Some(ClusterId(id))].contains(&cluster_of(&put[..end])), "{end}");
            }
        }
        let without = RangeResponse { count: 1, ..Default::default() }.encode_to_vec();
        let nobody = PutResponse { header: Some(Default::default()), ..Default::default() };
        for none in [without, nobody.encode_to_vec(), vec![0x0a, 200, 8, 1], vec![0x0a, 0, 8, 1]] {
            assert_eq!(cluster_of(&none), None, "{none:?}");
        }
    }
}
