//! A status is read from any headers, shown in bounds, and never proves too much.

use etcd_proto::call::{Outcome, Refusal as _, Remedy};
use etcd_proto::grpc::{Code, Status};
use etcd_proto::v3::Error;
use etcd_proto::v3::error::KNOWN;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// Headers, trailers and an HTTP status from lines: `name:value`, and an empty one between them.
pub fn run(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk::<2>() else { return };
    let status = 100 + u16::from_be_bytes(*status) % 900;
    let status = StatusCode::from_u16(status).unwrap();
    let mut lines = rest.split(|&byte| byte == b'\n');
    let headers = fields(lines.by_ref().take_while(|line| !line.is_empty()));
    let trailers = fields(lines);
    if let Err(said) = Status::check_head(status, &headers) {
        assert_ne!(said.code, Code::OK, "a head that is no good is no success");
        told(said);
    }
    for trailers in [None, Some(&trailers)] {
        Status::of(&headers, trailers).map(told);
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    fields
}

fn told(status: Status) {
    assert!(status.message.len() <= 3 * 4096, "{} bytes", status.message.len());
    let known = KNOWN.iter().any(|known| known.message == status.message);
    let error = Error::Status(status.clone());
    let shown = error.to_string();
    assert!(!shown.is_empty() && shown.chars().all(|c| !c.is_control()), "{shown:?}");
    let unproven = [Code::UNAVAILABLE, Code::UNKNOWN, Code::INTERNAL, Code::DEADLINE_EXCEEDED];
    if !known && unproven.contains(&status.code) {
        assert_eq!(error.outcome(), Outcome::Unknown, "{status:?}");
    }
    assert_eq!(error.outcome() == Outcome::Applied, status.code == Code::OK && !known);
    assert_eq!(error.may_pass(), error.remedy() != Remedy::Nothing);
}

/// What servers say, and what proxies do.
pub fn seeds() -> Vec<Vec<u8>> {
    let with =
        |status: u16, text: &str| [&(status - 100).to_be_bytes()[..], text.as_bytes()].concat();
    let grpc = format!("{CONTENT_TYPE}:application/grpc");
    let mut seeds = vec![
        with(200, &format!("{grpc}\n\ngrpc-status:0\ngrpc-message:")),
        with(200, &format!("{grpc}\n\ngrpc-status:99\ngrpc-message:%C3%A4%zz%")),
        with(200, &format!("{grpc}\n\ngrpc-status:-1")),
        with(502, "content-type:text/html\n\n"),
        with(404, "grpc-status:12\ngrpc-message:unknown%20service"),
    ];
    for known in KNOWN {
        let text = known.message.replace(' ', "%20");
        seeds
            .push(with(200, &format!("{grpc}\ngrpc-status:{}\ngrpc-message:{text}", known.code.0)));
    }
    seeds
}
