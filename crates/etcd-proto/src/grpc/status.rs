//! How a call ended, as a server says it.

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::percent_decode;

/// How much of a server's own text an error keeps, in bytes.
const MESSAGE: usize = 4096;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// How our own message begins about a reply that is not gRPC.
pub const NO_GRPC: &str = "no gRPC";

/// A gRPC status code; unknown ones survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The code's name in gRPC; nothing for one that gRPC does not define.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Done.
    OK = 0 "OK";
    /// Cancelled, mostly by the caller.
    CANCELED = 1 "Canceled";
    /// None of the others.
    UNKNOWN = 2 "Unknown";
    /// The request is wrong.
    INVALID_ARGUMENT = 3 "InvalidArgument";
    /// The caller's time was over.
    DEADLINE_EXCEEDED = 4 "DeadlineExceeded";
    /// What the request names is not there.
    NOT_FOUND = 5 "NotFound";
    /// What the request makes is there.
    ALREADY_EXISTS = 6 "AlreadyExists";
    /// The user may not do this.
    PERMISSION_DENIED = 7 "PermissionDenied";
    /// Something is used up: space, or patience with requests.
    RESOURCE_EXHAUSTED = 8 "ResourceExhausted";
    /// The cluster is not in the state that the request needs.
    FAILED_PRECONDITION = 9 "FailedPrecondition";
    /// Given up.
    ABORTED = 10 "Aborted";
    /// Past the end: a revision that is gone or not there yet.
    OUT_OF_RANGE = 11 "OutOfRange";
    /// The server does not know this method.
    UNIMPLEMENTED = 12 "Unimplemented";
    /// Something broke inside.
    INTERNAL = 13 "Internal";
    /// The server cannot now.
    UNAVAILABLE = 14 "Unavailable";
    /// Data is lost or broken.
    DATA_LOSS = 15 "DataLoss";
    /// The server does not know who asks.
    UNAUTHENTICATED = 16 "Unauthenticated";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A code, and the server's text for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How the call ended.
    pub code: Code,
    /// The server's text, as it is; at most 4 KiB.
    pub message: String,
}

impl Status {
    /// A status with a text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The status that a whole reply ends with: in its trailers, or in its headers where there is
    /// no body. Nothing where neither has one: the reply was cut, or is not gRPC.
    pub fn of(headers: &HeaderMap, trailers: Option<&HeaderMap>) -> Option<Self> {
        trailers.and_then(Self::read).or_else(|| Self::read(headers))
    }

    /// Whether the head of a reply is gRPC's; else what the HTTP status stands for.
    ///
    /// # Errors
    ///
    /// The status that the reply amounts to, by gRPC's table of HTTP statuses.
    pub fn check_head(status: StatusCode, headers: &HeaderMap) -> Result<(), Self> {
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if status == StatusCode::OK
            && kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
        {
            return Ok(());
        }
        if let Some(said) = Self::read(headers).filter(|said| said.code != Code::OK) {
            return Err(said);
        }
        let code = match status.as_u16() {
            400 => Code::INTERNAL,
            401 => Code::UNAUTHENTICATED,
            403 => Code::PERMISSION_DENIED,
            404 => Code::UNIMPLEMENTED,
            429 | 502..=504 => Code::UNAVAILABLE,
            _ => Code::UNKNOWN,
        };
        Err(Self::new(code, format!("{NO_GRPC}: HTTP status {}", status.as_u16())))
    }

    fn read(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get(GRPC_STATUS)?.to_str().ok()?.parse().map_or(Code::UNKNOWN, Code);
        let message = headers.get(GRPC_MESSAGE).map(|text| message(text.as_bytes()));
        Some(Self { code, message: message.unwrap_or_default() })
    }
}

/// The text that was percent-encoded; what is no UTF-8 in it is replaced.
fn message(encoded: &[u8]) -> String {
    let bytes: Vec<u8> = percent_decode(encoded).take(MESSAGE).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn map(pairs: &[(HeaderName, &[u8])]) -> HeaderMap {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
        pairs.iter().map(|(name, bytes)| (name.clone(), value(bytes))).collect()
    }

    #[test]
    fn trailers_come_before_headers() {
        let headers = map(&[(GRPC_STATUS, b"14"), (GRPC_MESSAGE, b"no%20leader%C3%A4")]);
        let only = Status::of(&headers, None).unwrap();
        assert_eq!(only, Status::new(Code::UNAVAILABLE, "no leader\u{e4}"));
        let trailers = map(&[(GRPC_STATUS, b"0")]);
        assert_eq!(Status::of(&headers, Some(&trailers)).unwrap().code, Code::OK);
        assert_eq!(Status::of(&HeaderMap::new(), Some(&HeaderMap::new())), None);
    }

    #[test]
    fn strange_codes_survive() {
        for (text, code) in [("99", Code(99)), ("x", Code::UNKNOWN), ("-1", Code::UNKNOWN)] {
            let status = Status::of(&map(&[(GRPC_STATUS, text.as_bytes())]), None).unwrap();
            assert_eq!(status.code, code);
        }
        assert_eq!(Code(99).to_string(), "code 99");
        assert_eq!(format!("{:?}", Code::OUT_OF_RANGE), "OutOfRange");
    }

    #[test]
    fn what_is_not_grpc_is_told_by_its_http_status() {
        let grpc = map(&[(CONTENT_TYPE, b"application/grpc+proto")]);
        assert_eq!(Status::check_head(StatusCode::OK, &grpc), Ok(()));
        let html = map(&[(CONTENT_TYPE, b"text/html")]);
        for (status, code) in [
            (StatusCode::OK, Code::UNKNOWN),
            (StatusCode::NOT_FOUND, Code::UNIMPLEMENTED),
            (StatusCode::BAD_GATEWAY, Code::UNAVAILABLE),
            (StatusCode::UNAUTHORIZED, Code::UNAUTHENTICATED),
        ] {
            assert_eq!(Status::check_head(status, &html).unwrap_err().code, code);
        }
    }

    proptest! {
        #[test]
        fn any_message_is_read_and_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
            prop_assert!(message(&bytes).len() <= 3 * MESSAGE);
        }
    }
}
