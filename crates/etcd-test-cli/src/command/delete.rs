//! `delete`: removes a key.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Delete;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Delete, output: &Output) -> anyhow::Result<Exit> {
    session.delete(args.key.as_bytes()).await.with_context(|| format!("delete {:?}", args.key))?;
    let mut json = json!({});
    put(&mut json, "deleted", args.key.as_bytes());
    output.lines(&json, String::new)?;
    Ok(Exit::Done)
}
