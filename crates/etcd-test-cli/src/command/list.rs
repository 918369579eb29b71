//! `list`: what a directory holds.

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::List;
use crate::exit::Exit;
use crate::output::{Output, json_value};

pub(crate) async fn run(session: &Session, args: &List, output: &Output) -> anyhow::Result<Exit> {
    let listed =
        session.list(&args.prefix).await.with_context(|| format!("list {:?}", args.prefix))?;
    for item in listed {
        let mut json = json!({ "key": item.key, "directory": item.directory, "index": item.index });
        if let Some(value) = &item.value {
            let (name, value) = json_value(value);
            json[name] = value;
        }
        let slash = if item.directory { "/" } else { "" };
        output.line(&json, || format!("{}{slash}", item.key))?;
    }
    Ok(Exit::Done)
}
