//! `serve`: an etcd in memory, for development.

use anyhow::Context as _;
use etcd_test_server::TestServer;
use serde_json::json;

use super::signals::{REQUESTS, Signals};
use crate::args;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: &args::Serve, output: &Output) -> anyhow::Result<Exit> {
    let mut requests = Signals::listen(&REQUESTS)?;
    let started = TestServer::builder().version(args.version).address(args.listen).start().await;
    let server = started.with_context(|| {
        format!(
            "cannot listen on {}; --listen takes another address, port 0 a free one",
            args.listen
        )
    })?;
    let (number, endpoint) = (args.version.number(), server.endpoint());
    let json = json!({ "version": number, "endpoint": endpoint });
    output.line(&json, || format!("etcd {number}, in memory, is ready at {endpoint}"))?;
    // Heard also where a shell started it in the background, with interrupts ignored.
    Ok(Exit::of_signal(requests.next().await))
}
