//! The seam between what is said to etcd and who carries it there.

use std::fmt;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

use crate::error::{DecodeError, EncodeError};
use crate::ids::ClusterId;

/// The cluster of who answers over HTTP/1.1.
const CLUSTER_ID: &str = "x-etcd-cluster-id";

/// One request that gets one reply; calls of it may go on in any thread.
pub trait Exchange: Sync {
    /// What a successful reply is decoded into.
    type Reply: Send;
    /// What the server says when it does not do what it was asked.
    type Refusal: Refusal;

    /// The HTTP version that this request is made for.
    const HTTP: HttpVersion;

    /// Whether the request may be sent again after an unclear failure.
    fn replay(&self) -> Replay;

    /// The request as it goes on the wire.
    ///
    /// # Errors
    ///
    /// When the request cannot be expressed, for example with a key that makes the target longer
    /// than [`MAX_TARGET`].
    fn request(&self) -> Result<Outgoing, EncodeError>;

    /// Reads a whole reply.
    ///
    /// # Errors
    ///
    /// The server's refusal, which includes a reply that cannot be understood.
    fn decode(&self, reply: Incoming) -> Result<Self::Reply, Self::Refusal>;

    /// The cluster that a reply says it is of, before it is decoded; nothing where it does not say.
    /// Without more ado it is what the header `X-Etcd-Cluster-Id` has, which v2 servers send since 2.0.
    fn cluster(reply: &Incoming) -> Option<ClusterId> {
        let id = reply.headers.get(CLUSTER_ID)?.to_str().ok()?.parse().ok()?;
        (id != ClusterId(0)).then_some(id)
    }
}

/// One request that gets any number of items, as they come.
pub trait Streaming {
    /// What a stream is made of.
    type Item;
    /// What the server says instead of a stream.
    type Refusal: Refusal;
    /// Finds items in the bytes of the reply.
    type Decoder: StreamDecoder<Item = Self::Item>;

    /// The HTTP version that this request is made for.
    const HTTP: HttpVersion;

    /// The request as it goes on the wire.
    ///
    /// # Errors
    ///
    /// When the request cannot be expressed.
    fn request(&self) -> Result<Outgoing, EncodeError>;

    /// A decoder for the body of a reply whose head said that a stream follows.
    fn decoder(&self) -> Self::Decoder;

    /// Reads a whole reply whose head said that no stream follows.
    fn refusal(reply: Incoming) -> Self::Refusal;

    /// The cluster that an item names; nothing where it names none.
    fn cluster(_item: &Self::Item) -> Option<ClusterId> {
        None
    }

    /// Whether the head of a reply says that a stream follows.
    fn accepts(status: StatusCode, _headers: &HeaderMap) -> bool {
        status.is_success()
    }

    /// What the end of a stream says, by the headers of the reply and what came after the body.
    ///
    /// # Errors
    ///
    /// The server's refusal to go on, or that the stream was cut.
    fn ended(_headers: &HeaderMap, _trailers: Option<&HeaderMap>) -> Result<(), Self::Refusal> {
        Ok(())
    }
}

/// A stream in both directions: more messages may follow the one that opens it.
pub trait Duplex: Streaming {
    /// What is sent.
    type Message;

    /// A message as it goes on the wire.
    ///
    /// # Errors
    ///
    /// When the message cannot be expressed.
    fn encode(message: &Self::Message) -> Result<Bytes, EncodeError>;
}

/// An exchange that its caller knows to bear repeating: a repeat is harmless, or recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded<E>(pub E);

impl<E: Exchange> Exchange for Guarded<E> {
    type Reply = E::Reply;
    type Refusal = E::Refusal;
    const HTTP: HttpVersion = E::HTTP;

    fn replay(&self) -> Replay {
        match self.0.replay() {
            Replay::Once => Replay::Guarded,
            other => other,
        }
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        self.0.request()
    }

    fn cluster(reply: &Incoming) -> Option<ClusterId> {
        E::cluster(reply)
    }

    fn decode(&self, reply: Incoming) -> Result<E::Reply, E::Refusal> {
        self.0.decode(reply)
    }
}

/// Finds the items of a stream in bytes that come in any pieces.
pub trait StreamDecoder {
    /// What a stream is made of.
    type Item;

    /// Takes more bytes of the stream.
    fn push(&mut self, bytes: Bytes);

    /// The next whole item; nothing when more bytes are needed.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be an item, or an item is longer than the decoder allows.
    fn next(&mut self) -> Result<Option<Self::Item>, DecodeError>;

    /// Whether a part of an item is held, so that a stream that ends now was cut.
    fn is_within_item(&self) -> bool {
        false
    }
}

/// What the server's own words prove about the request.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// Whether the operation took effect.
    fn outcome(&self) -> Outcome;

    /// What may well lead to another answer.
    fn remedy(&self) -> Remedy;

    /// Whether another member, or the same one later, may well answer otherwise.
    fn may_pass(&self) -> bool {
        self.remedy() != Remedy::Nothing
    }
}

/// What may well lead to another answer than the one a server gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Nothing: every member would say the same.
    Nothing,
    /// Asking another server: this one may be none of the cluster's.
    Elsewhere,
    /// Waiting: the cluster is not settled.
    Later,
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Reads, and whatever else may be repeated freely.
    Safe,
    /// A repeat is harmless, or is recognised as one.
    Guarded,
    /// Not to be sent again when any byte of it may have left.
    Once,
}

/// Whether an operation took effect, as far as can be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did not, and will not.
    NotApplied,
    /// It did, though its result may not be known.
    Applied,
    /// It may have, or may yet.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApplied => "not applied",
            Self::Applied => "applied",
            Self::Unknown => "outcome unknown",
        })
    }
}

/// The HTTP version that a request is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1, which every etcd speaks.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

/// The longest target in bytes: `http::Uri` holds no more.
pub const MAX_TARGET: usize = 65_534;

/// A request, ready to be carried. `Debug` leaves out the body, which may hold a password.
#[derive(Clone)]
pub struct Outgoing {
    /// The HTTP method.
    pub method: Method,
    /// Path and query, percent-encoded.
    pub target: PathAndQuery,
    /// Headers of this request; the carrier adds host, length and credentials.
    pub headers: HeaderMap,
    /// The body, empty for none.
    pub body: Bytes,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A whole reply. `Debug` leaves out the body, which may hold a token.
#[derive(Clone)]
pub struct Incoming {
    /// The HTTP status.
    pub status: StatusCode,
    /// The reply's headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// What came after the body, where anything did.
    pub trailers: Option<HeaderMap>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("trailers", &self.trailers)
            .finish()
    }
}

impl Incoming {
    /// A reply without headers.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), trailers: None }
    }
}
