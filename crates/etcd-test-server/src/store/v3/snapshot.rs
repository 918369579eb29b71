//! A stand-in for a snapshot: not the file of a real etcd, but one that ends like it.

use bytes::Bytes;
use etcd_proto::v3::{Message, RangeResponse};
use ring::digest::{SHA256, digest};

use super::Store;

/// How much of a snapshot a message carries, as etcd has it.
pub const SNAPSHOT_CHUNK: usize = 32 << 10;
const PAGE: usize = 4096;

/// The bytes of a snapshot: a page that says what it is, the keys as a `RangeResponse`, zeros up to
/// a multiple of 512 bytes, and the SHA-256 of all before it.
///
/// No etcd can be restored from it.
pub fn snapshot(store: &Store) -> Bytes {
    let mut bytes = b"etcd-test-server: not a bbolt file; keys follow at 4096\n".to_vec();
    bytes.resize(PAGE, 0);
    let kvs: Vec<_> = store.kv.all().cloned().collect();
    let count = i64::try_from(kvs.len()).unwrap_or(i64::MAX);
    bytes.extend(RangeResponse { kvs, count, ..Default::default() }.encode_to_vec());
    // etcdctl takes the last bytes for a checksum only where the length is one of 512 and 32 more.
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    let sum = digest(&SHA256, &bytes);
    bytes.extend_from_slice(sum.as_ref());
    bytes.into()
}
