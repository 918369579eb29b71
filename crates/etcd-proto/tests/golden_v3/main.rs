//! Every v3 message against bytes that another implementation of protobuf made.

// A helper of a test fails as the test does.
#![allow(clippy::unwrap_used)]

mod describe;
mod golden;
mod hostile;
mod row;
mod table;

use std::collections::BTreeSet;

use bytes::Bytes;
use etcd_proto::v3::{KeyValue, Message, RangeResponse};

use row::Row;
use table::{ENUMS, MESSAGES};

fn row(name: &str) -> &'static Row {
    MESSAGES
        .iter()
        .find(|row| row.name() == name)
        .unwrap_or_else(|| panic!("{name} is not in the table"))
}

#[test]
fn messages_are_read_and_written_as_another_implementation_does() {
    for golden in golden::all() {
        let what = format!("{} {}", golden.message, golden.label);
        let read = row(golden.message).read(golden.bytes.clone()).expect(&what);
        assert_eq!(read.told, golden.told, "{what}");
        if golden.label != "unknown" {
            assert_eq!(read.written, golden.bytes, "{what}");
        }
    }
}

#[test]
fn every_message_of_the_schema_is_covered() {
    let schema = [
        include_str!("../fixtures/v3/proto/kv.proto"),
        include_str!("../fixtures/v3/proto/auth.proto"),
        include_str!("../fixtures/v3/proto/rpc.proto"),
        include_str!("../fixtures/v3/proto/v3lock.proto"),
        include_str!("../fixtures/v3/proto/v3election.proto"),
    ];
    let mut names = BTreeSet::new();
    for file in schema {
        let package = file.lines().find_map(|line| line.strip_prefix("package ")).unwrap();
        let messages = file.lines().filter_map(|line| line.strip_prefix("message "));
        for message in messages.filter_map(|line| line.split(' ').next()) {
            names.insert(format!("{}.{message}", package.trim_end_matches(';')));
        }
    }
    assert_eq!(names.len(), 117);
    assert_eq!(MESSAGES.iter().map(Row::name).collect::<BTreeSet<_>>(), names);
    for label in ["empty", "unknown"] {
        let lines = golden::all().filter(|golden| golden.label == label);
        let covered: BTreeSet<_> = lines.map(|golden| golden.message.to_owned()).collect();
        assert_eq!(covered, names, "{label}");
    }
}

#[test]
fn numbers_have_the_names_that_etcd_gives_them() {
    let mut covered = BTreeSet::new();
    for (name, values) in golden::enums() {
        covered.insert(name);
        let (_, say) = ENUMS.iter().find(|(known, _)| *known == name).expect(name);
        for value in &values {
            let (said, number) = value.split_once('=').unwrap();
            assert_eq!(say(number.parse().unwrap()), said, "{name}");
        }
        for number in [-1, i32::try_from(values.len()).unwrap(), 77, i32::MIN, i32::MAX] {
            assert_eq!(say(number), number.to_string(), "{name}");
        }
    }
    assert_eq!(covered, ENUMS.iter().map(|(name, _)| *name).collect());
}

#[test]
fn a_key_and_its_value_are_slices_of_what_was_received() {
    let kv = KeyValue { key: "key".into(), value: "value".into(), ..Default::default() };
    let sent = RangeResponse { kvs: vec![kv.clone(), kv], ..Default::default() };
    let frame = Bytes::from(sent.encode_to_vec());
    let within = frame.as_ptr_range();
    for kv in RangeResponse::decode(frame.clone()).unwrap().kvs {
        assert!(within.contains(&kv.key.as_ptr()) && within.contains(&kv.value.as_ptr()));
    }
}
