//! The lines of `fixtures/v3/golden.txt`, which `make.py` beside it explains.

use serde_json::Value;

const TEXT: &str = include_str!("../fixtures/v3/golden.txt");

/// A message as another implementation encodes it.
pub(crate) struct Golden {
    pub(crate) message: &'static str,
    pub(crate) label: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) told: Value,
}

pub(crate) fn all() -> impl Iterator<Item = Golden> {
    TEXT.lines()
        .filter(|line| !line.starts_with(['#', 'e']) || line.starts_with("etcdserverpb"))
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().unwrap();
            Golden {
                message: word(),
                label: word(),
                bytes: bytes(word()),
                told: serde_json::from_str(word()).unwrap(),
            }
        })
}

/// Names of enumerations, each with its values as `NAME=NUMBER`.
pub(crate) fn enums() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TEXT.lines().filter_map(|line| {
        let (name, values) = line.strip_prefix("enum ")?.split_once(' ')?;
        Some((name, values.split(' ').collect()))
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim_start_matches('-').as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
