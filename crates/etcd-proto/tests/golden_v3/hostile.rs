//! No bytes make a decoder panic.

use etcd_proto::v3::{Message, TxnRequest};
use proptest::prelude::*;

use crate::golden;
use crate::row;
use crate::table::MESSAGES;

#[test]
fn a_message_can_be_cut_anywhere() {
    for golden in golden::all() {
        let row = row(golden.message);
        for length in 0..golden.bytes.len() {
            let Some(read) = row.read(golden.bytes[..length].to_vec()) else { continue };
            assert_eq!(row.read(read.written.clone()), Some(read), "{}", golden.message);
        }
    }
}

#[test]
fn what_no_schema_has_is_skipped() {
    // A varint, eight bytes, a text, four bytes and a group, as fields 15000 to 15004.
    let unknown = b"\xc0\xa9\x07\x01\xc9\xa9\x0712345678\xd2\xa9\x07\x03abc\xdd\xa9\x071234\
        \xe3\xa9\x07\x08\x05\xe4\xa9\x07";
    for row in MESSAGES {
        let empty = row.read("").unwrap();
        assert_eq!(empty.written, b"", "{}", row.name());
        assert_eq!(row.read(&unknown[..]), Some(empty), "{}", row.name());
    }
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let nest = |depth| (0..depth).fold(TxnRequest::new(), |txn, _| TxnRequest::new().then([txn]));
    let shallow = nest(40);
    assert_eq!(TxnRequest::decode(&shallow.encode_to_vec()[..]), Ok(shallow));
    assert!(TxnRequest::decode(&nest(1000).encode_to_vec()[..]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes: Vec<u8>) {
        for row in MESSAGES {
            if let Some(read) = row.read(bytes.clone()) {
                prop_assert_eq!(row.read(read.written.clone()), Some(read), "{}", row.name());
            }
        }
    }

    #[test]
    fn a_message_can_be_damaged_anywhere(
        line in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bytes: [u8; 3],
    ) {
        let all: Vec<_> = golden::all().filter(|golden| !golden.bytes.is_empty()).collect();
        let golden = line.get(&all);
        let mut damaged = golden.bytes.clone();
        let at = at.index(damaged.len());
        damaged.splice(at..(at + 2).min(damaged.len()), bytes);
        for row in MESSAGES {
            if let Some(read) = row.read(damaged.clone()) {
                prop_assert_eq!(row.read(read.written.clone()), Some(read), "{}", row.name());
            }
        }
    }
}
