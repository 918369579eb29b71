//! `set`: writes a value.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::{Context as _, bail};
use etcd_client::Session;
use etcd_client::session::SetOptions;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::args::Set;
use crate::exit::Exit;
use crate::output::Output;

/// The longest value that is read from standard input: more than any etcd takes by default.
const MOST: u64 = 64 << 20;

pub(crate) async fn run(session: &Session, args: &Set, output: &Output) -> anyhow::Result<Exit> {
    let value = match args.value.as_bytes() {
        b"-" => standard_input().await?,
        value => value.to_vec(),
    };
    let mut options = SetOptions::new().ttl(args.ttl);
    if let Some(previous) = &args.previous {
        options = options.previous(previous.as_bytes().to_vec());
    }
    if args.absent {
        options = options.absent();
    }
    let written = session.set_with(args.key.as_bytes(), value, &options).await;
    let index = written.with_context(|| format!("set {:?}", args.key))?;
    output.line(&json!({ "index": index }), || index.to_string())?;
    Ok(Exit::Done)
}

async fn standard_input() -> anyhow::Result<Vec<u8>> {
    let mut value = Vec::new();
    let mut input = tokio::io::stdin().take(MOST + 1);
    input.read_to_end(&mut value).await.context("reading the value from standard input")?;
    if value.len() as u64 > MOST {
        bail!("the value on standard input is longer than {MOST} bytes");
    }
    Ok(value)
}
