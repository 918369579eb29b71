//! `get`: the value of a key.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Get;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Get, output: &Output) -> anyhow::Result<Exit> {
    let entry =
        session.get(args.key.as_bytes()).await.with_context(|| format!("get {:?}", args.key))?;
    let mut json = json!({ "index": entry.index });
    put(&mut json, "key", entry.key.as_bytes());
    put(&mut json, "value", &entry.value);
    if let Some(ttl) = entry.ttl {
        json["ttl"] = ttl.as_secs().into();
    }
    output.value(&json, &entry.value, args.raw)?;
    Ok(Exit::Done)
}
