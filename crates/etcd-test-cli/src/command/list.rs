//! `list`: what a directory holds.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::args::List;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &List, output: &Output) -> anyhow::Result<Exit> {
    let listed = session
        .list(args.prefix.as_bytes())
        .await
        .with_context(|| format!("list {:?}", args.prefix))?;
    for item in listed {
        let mut json = json!({ "directory": item.directory, "index": item.index });
        put(&mut json, "key", item.key.as_bytes());
        if let Some(value) = &item.value {
            put(&mut json, "value", value);
        }
        let slash = if item.directory { "/" } else { "" };
        output.line(&json, || format!("{}{slash}", item.key))?;
    }
    Ok(Exit::Done)
}
