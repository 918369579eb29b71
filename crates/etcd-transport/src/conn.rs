//! One endpoint's connections: those at rest, and how a new one is made.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use etcd_proto::call::{HttpVersion, Outgoing};
use etcd_proto::error::EncodeError;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST};
use http::request::Request;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http_body_util::Full;

use crate::config::{Config, Lane};
use crate::dial::Way;
use crate::endpoint::Endpoint;
use crate::error::{Cause, Phase};
use crate::http1::{Failure, Http1};
use crate::http2::{Http2, Outbound, Pings};
use crate::lane::{Found, Place, Sent};
use crate::tls::Tls;
use crate::trust;
use crate::wait::{after, before};

/// A connection that has rested this long is looked at before it is used.
const LOOK_AFTER: Duration = Duration::from_millis(1);
/// A connection that has rested this long is not used again; it is closed when another one is taken
/// or comes to rest.
const REST: Duration = Duration::from_secs(60);

/// A connection that is being made. Boxed here, HTTP/2 and all that it takes is compiled once, and not again
/// for every crate whose calls may come to make one.
pub(crate) type Opening<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// An endpoint and its connections.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    /// Why it may not be told what callers say, where that goes with credentials.
    barred: Option<EncodeError>,
    connect: Duration,
    tls: Tls,
    pings: Pings,
    resting: Mutex<Vec<(Box<Http1>, Instant)>>,
    authority: Option<Authority>,
    lanes: [Arc<Place>; Lane::ALL],
}

impl Peer {
    pub(crate) fn new(endpoint: Endpoint, config: &Config) -> Self {
        let authorization = config.credentials.as_ref().and_then(|user| user.header().ok());
        let barred = trust::may_carry(&endpoint, config).err();
        Self { authorization, barred, ..Self::foreign(endpoint, config) }
    }

    /// A peer that gets no credentials.
    pub(crate) fn foreign(endpoint: Endpoint, config: &Config) -> Self {
        // A parsed endpoint's host has no byte that a header could not hold.
        let host = HeaderValue::from_str(&endpoint.authority());
        Self {
            host: host.unwrap_or(HeaderValue::from_static("localhost")),
            authorization: None,
            barred: None,
            connect: config.connect,
            tls: config.tls.clone(),
            pings: Pings { after: config.ping, answer: config.pong },
            resting: Mutex::new(Vec::new()),
            authority: endpoint.authority().parse().ok(),
            lanes: Default::default(),
            endpoint,
        }
    }

    /// A connection that rests and is still good.
    pub(crate) fn rested(&self, now: Instant) -> Option<Box<Http1>> {
        self.close_old(now);
        loop {
            let (mut connection, since) = self.resting().pop()?;
            let rest = now.saturating_duration_since(since);
            if rest < REST && connection.is_alive(rest >= LOOK_AFTER) {
                return Some(connection);
            }
        }
    }

    /// Why credentials may not go there.
    pub(crate) fn barred(&self) -> Option<&EncodeError> {
        self.barred.as_ref()
    }

    fn check(&self) -> Result<(), Failure> {
        let barred = |error: &EncodeError| (Phase::Connect, Cause::Barred(error.to_string()));
        self.barred().map_or(Ok(()), |error| Err(barred(error)))
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Opening<'_, Box<Http1>> {
        Box::pin(async {
            self.check()?;
            let (line, gauge) = self.way(HttpVersion::Http1).dial().await?;
            Http1::open(line, gauge).await
        })
    }

    fn way(&self, version: HttpVersion) -> Way {
        Way { endpoint: self.endpoint.clone(), tls: self.tls.clone(), most: self.connect, version }
    }

    /// Takes back a connection that is done with its request.
    pub(crate) fn rest(&self, connection: Box<Http1>, now: Instant) {
        self.close_old(now);
        self.resting().push((connection, now));
    }

    fn close_old(&self, now: Instant) {
        let mut resting = self.resting();
        let is_old = |since: Instant| now.saturating_duration_since(since) > REST;
        let old = resting.iter().take_while(|(_, since)| is_old(*since)).count();
        resting.drain(..old);
    }

    /// The request as this endpoint gets it.
    pub(crate) fn request(
        &self,
        outgoing: &Outgoing,
        target: &PathAndQuery,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outgoing.body.clone()));
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = origin_form(target);
        let headers = request.headers_mut();
        headers.clone_from(&outgoing.headers);
        headers.insert(HOST, self.host.clone());
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }

    /// Whether the endpoint has an HTTP/2 connection for such traffic.
    pub(crate) fn is_open(&self, lane: Lane) -> bool {
        self.lanes[lane as usize].is_open()
    }

    /// Makes sure that there is an HTTP/2 connection for such traffic.
    pub(crate) fn open(&self, lane: Lane) -> Opening<'_, Found> {
        let open = move || {
            let (way, most, pings) = (self.way(HttpVersion::Http2), self.connect, self.pings);
            let checked = self.check();
            async move {
                checked?;
                let (line, gauge) = way.dial().await?;
                let opened = Http2::open(line, gauge, lane.windows(), pings);
                let opened = before(after(most), opened).await;
                opened.unwrap_or(Err((Phase::Connect, Cause::Silence)))
            }
        };
        Box::pin(self.lanes[lane as usize].ensure(open))
    }

    /// Sends a request on the HTTP/2 connection that there is. Others may follow its message where
    /// `more` do.
    pub(crate) fn send(&self, lane: Lane, outgoing: Outgoing, more: bool, now: Instant) -> Sent {
        let request = |outgoing| {
            let Outgoing { method, target, headers, body } = outgoing;
            let mut uri = http::uri::Parts::default();
            let secure = self.endpoint.is_secure();
            uri.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
            uri.authority.clone_from(&self.authority);
            uri.path_and_query = Some(target);
            let mut request = Request::new(());
            *request.method_mut() = method;
            *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
            *request.headers_mut() = headers;
            (request, Outbound { first: body, more })
        };
        self.lanes[lane as usize].send(outgoing, request, now)
    }

    fn resting(&self) -> MutexGuard<'_, Vec<(Box<Http1>, Instant)>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn origin_form(target: &PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target.clone());
    // A path alone is always a URI.
    Uri::from_parts(parts).unwrap_or_default()
}
