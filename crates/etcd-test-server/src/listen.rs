//! Connections of one member: accepted, served, held and ended.

use std::pin::pin;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::Api;
use crate::befall;
use crate::spoil::Ends;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// Whether a member answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// Connections are taken, and nothing is read or written.
    Paused,
    /// Connections are taken, and ended at once.
    Cut,
    Down,
}

/// What is behind a member's connections.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) api: Api,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

/// Accepts connections until the member is down.
pub(crate) async fn accept(
    listener: TcpListener,
    service: Service,
    mut state: watch::Receiver<State>,
) {
    loop {
        let now = *state.borrow_and_update();
        if now == State::Down {
            return;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            accepted = listener.accept(), if now != State::Paused => match accepted {
                Ok((line, _)) if now == State::Up => {
                    let _ = line.set_nodelay(true);
                    tokio::spawn(serve(line, service.clone(), state.clone()));
                }
                Ok(_) => {}
                // Out of file descriptors, mostly: others have to end first.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
}

/// Serves one connection until it ends, the member does, or connections are cut.
pub(crate) fn serve(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Service,
    state: watch::Receiver<State>,
) -> impl Future<Output = ()> + Send {
    // From here on, not from when the future first runs.
    let mut cuts = service.api.cuts.subscribe();
    let served = serve_any(line, service, state);
    async move {
        tokio::select! {
            // What was written before the end goes out before the end.
            biased;
            () = served => {}
            _ = cuts.changed() => {}
        }
    }
}

async fn serve_any(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Service,
    state: watch::Receiver<State>,
) {
    #[cfg(feature = "tls")]
    if let Some(tls) = service.tls {
        return serve_tls(line, &tls, service.api, state).await;
    }
    serve_http(line, service.api, state).await;
}

#[cfg(feature = "tls")]
async fn serve_tls(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    tls: &Tls,
    api: Api,
    mut state: watch::Receiver<State>,
) {
    let mut handshake = pin!(tls.acceptor.accept(line));
    loop {
        let now = *state.borrow_and_update();
        if matches!(now, State::Down | State::Cut) {
            return;
        }
        tokio::select! {
            // Who is refused has been told by an alert.
            secured = &mut handshake, if now == State::Up => match secured {
                Ok(line) => return serve_http(line, api, state).await,
                Err(_) => return,
            },
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

async fn serve_http(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    api: Api,
    mut state: watch::Receiver<State>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !api.version().has_v3() {
        builder = builder.http1_only();
    }
    let ends = Arc::new(Ends::default());
    let orders = ends.clone();
    let answer = service_fn(move |request| {
        let (api, ends) = (api.clone(), ends.clone());
        async move { befall::answer(&api, request, ends).await }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(line), answer));
    loop {
        let now = *state.borrow_and_update();
        if matches!(now, State::Down | State::Cut) {
            return;
        }
        tokio::select! {
            // What was written before the end goes out before the end.
            biased;
            _ = &mut connection, if now == State::Up => return,
            () = orders.cut.notified() => return,
            () = orders.leave.notified() => connection.as_mut().graceful_shutdown(),
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}
