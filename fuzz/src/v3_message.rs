//! Every message of the v3 API is read from any bytes, and written as it was read.

use bytes::Bytes;

use crate::golden;
use crate::table::MESSAGES;

/// The first byte chooses the message. What is read is told field by field, and once it has been
/// written it stays as it is.
pub fn run(data: &[u8]) {
    let Some((&which, bytes)) = data.split_first() else { return };
    let message = &MESSAGES[usize::from(which) % MESSAGES.len()];
    let Some(read) = message.read(Bytes::copy_from_slice(bytes)) else { return };
    let again = message.read(read.written.clone()).expect("what was written can be read");
    assert_eq!(again.told, read.told);
    assert_eq!(again.written, read.written);
}

/// Each message as another implementation writes it.
pub fn seeds() -> Vec<Vec<u8>> {
    golden::all()
        .map(|golden| {
            let which = MESSAGES.iter().position(|row| row.name() == golden.message).unwrap();
            [&[u8::try_from(which).unwrap()][..], &golden.bytes].concat()
        })
        .collect()
}
