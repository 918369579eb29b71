//! Every exchange of the v2 API reads any reply.

use std::cell::OnceCell;

use etcd_proto::call::{Incoming, Refusal as _};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::common::captured;
use crate::common::every::{self, Decode};

thread_local! {
    static EXCHANGES: OnceCell<Vec<(&'static str, Decode)>> = const { OnceCell::new() };
}

/// The first byte chooses the exchange and two more the status; the last line may be an index.
pub fn run(data: &[u8]) {
    let Some(([which, high, low], body)) = data.split_first_chunk() else { return };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 900;
    let mut reply = Incoming::new(StatusCode::from_u16(status).unwrap(), body.to_vec());
    let last = body.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(last) {
        reply.headers.insert(HeaderName::from_static("x-etcd-index"), value);
    }
    EXCHANGES.with(|exchanges| {
        let exchanges = exchanges.get_or_init(every::all);
        let (name, decode) = &exchanges[usize::from(*which) % exchanges.len()];
        if let Err(refusal) = decode(reply) {
            let shown = refusal.to_string();
            assert!(!shown.is_empty() && shown.len() < 3000, "{name}: {shown}");
            let _ = (refusal.outcome(), refusal.remedy());
        }
    });
}

/// What real servers answered, to whatever it answers.
pub fn seeds() -> Vec<Vec<u8>> {
    let replies = captured::all().into_iter().filter_map(|captured| captured.reply);
    let names = every::all();
    replies
        .flat_map(|reply| {
            let status = (reply.status.as_u16() - 100).to_be_bytes();
            let body = reply.body;
            let readers = names.iter().enumerate().filter(|(_, (_, decode))| {
                decode(Incoming::new(reply.status, body.clone())).is_ok()
            });
            let mut seeds: Vec<_> =
                readers.map(|(which, _)| [&[which as u8][..], &status, &body].concat()).collect();
            seeds.push([&[0][..], &status, &body].concat());
            seeds
        })
        .collect()
}
