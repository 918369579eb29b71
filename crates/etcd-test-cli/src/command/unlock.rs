//! `unlock`: gives up a lock.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Unlock;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Unlock, output: &Output) -> anyhow::Result<Exit> {
    session
        .unlock(args.key.as_bytes(), args.index)
        .await
        .with_context(|| format!("unlock {:?}", args.key))?;
    let mut json = json!({});
    put(&mut json, "unlocked", args.key.as_bytes());
    output.lines(&json, String::new)?;
    Ok(Exit::Done)
}
