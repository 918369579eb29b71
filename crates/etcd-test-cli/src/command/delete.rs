//! `delete`: removes a key.

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Delete;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(session: &Session, args: &Delete, output: &Output) -> anyhow::Result<Exit> {
    session.delete(&args.key).await.with_context(|| format!("delete {:?}", args.key))?;
    output.lines(&json!({ "deleted": args.key }), String::new)?;
    Ok(Exit::Done)
}
