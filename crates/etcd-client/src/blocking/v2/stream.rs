//! Raw streams.

use std::fmt;
use std::time::Duration;

use etcd_proto::call::Streaming;
use etcd_proto::v2 as wire;
use etcd_transport::CallOptions;

use super::super::pump::Pump;
use super::Client;
use crate::{Endpoint, Error, v2};

impl Client {
    /// Opens a raw stream, such as a [`Watch`](wire::Watch) with `stream`. Nothing is resumed or
    /// filtered: for changes that are to be complete use [`watch`](Self::watch).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn open_stream<S>(
        &self,
        streaming: &S,
        options: &CallOptions,
    ) -> Result<OpenStream<S>, Error>
    where
        S: Streaming<Refusal = wire::Error>,
    {
        let inner = self.pump.run(self.inner.open_stream(streaming, options))?;
        Ok(OpenStream { inner, pump: self.pump.clone() })
    }
}

/// An iterator over a reply that comes piece by piece; dropping it ends it at the server too. An
/// error is its last item.
pub struct OpenStream<S: Streaming> {
    inner: v2::OpenStream<S>,
    pump: Pump,
}

impl<S: Streaming> fmt::Debug for OpenStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStream").field("endpoint", self.endpoint()).finish_non_exhaustive()
    }
}

impl<S: Streaming> OpenStream<S> {
    /// What the headers of the reply tell about the store; nothing once it has ended.
    pub fn headers(&self) -> wire::Headers {
        wire::Headers::read(self.inner.headers())
    }

    /// Who sends it.
    pub fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

impl<S: Streaming<Refusal = wire::Error>> OpenStream<S> {
    /// The next item, when it comes within this time.
    ///
    /// # Errors
    ///
    /// When the connection ends in the middle, or what comes is no item. Nothing more follows.
    pub fn next_within(&mut self, most: Duration) -> Result<Option<S::Item>, Error> {
        let Self { inner, pump } = self;
        match pump.wait(async { tokio::time::timeout(most, inner.next()).await })? {
            Ok(item) => Ok(item?),
            Err(_) => Ok(None),
        }
    }
}

impl<S: Streaming<Refusal = wire::Error>> Iterator for OpenStream<S> {
    type Item = Result<S::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { inner, pump } = self;
        pump.run(async { Ok(inner.next().await?) }).transpose()
    }
}
