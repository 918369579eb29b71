//! `get`: the value of a key.

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::Get;
use crate::exit::Exit;
use crate::output::{Output, json_value};

pub(crate) async fn run(session: &Session, args: &Get, output: &Output) -> anyhow::Result<Exit> {
    let entry = session.get(&args.key).await.with_context(|| format!("get {:?}", args.key))?;
    let (name, value) = json_value(&entry.value);
    let mut json = json!({ "key": entry.key, name: value, "index": entry.index });
    if let Some(ttl) = entry.ttl {
        json["ttl"] = ttl.as_secs().into();
    }
    output.value(&json, &entry.value, args.raw)?;
    Ok(Exit::Done)
}
