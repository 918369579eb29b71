//! `unlock`: gives up a lock.

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Unlock;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(session: &Session, args: &Unlock, output: &Output) -> anyhow::Result<Exit> {
    session
        .unlock(&args.key, args.index)
        .await
        .with_context(|| format!("unlock {:?}", args.key))?;
    output.lines(&json!({ "unlocked": args.key }), String::new)?;
    Ok(Exit::Done)
}
