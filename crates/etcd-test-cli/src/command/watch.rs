//! `watch`: changes, as they come.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use etcd_client::plain::Lossless;
use etcd_client::session::{Change, ChangeKind, Event};
use serde_json::json;

use crate::args::Watch;
use crate::exit::{Exit, say};
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Watch, output: &Output) -> anyhow::Result<Exit> {
    let mut watcher = session.watch(args.prefix.as_bytes(), args.index)?;
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let event = watcher.next().await.context("the watch ended")?;
        match event.with_context(|| format!("watch {:?}", args.prefix))? {
            Event::Change(change) => {
                show(&change, output)?;
                left -= 1;
            }
            Event::Gap(gap) => {
                let json = json!({ "gap": { "first": gap.first, "last": gap.last } });
                output.lines(&json, String::new)?;
                say(&format!(
                    "the changes from {} to {} are no longer kept; the difference follows",
                    gap.first, gap.last
                ));
            }
            _ => {}
        }
    }
    Ok(Exit::Done)
}

fn show(change: &Change, output: &Output) -> anyhow::Result<()> {
    let kind = match change.kind {
        ChangeKind::Delete => "delete",
        ChangeKind::Expire => "expire",
        _ => "set",
    };
    let mut json = json!({ "index": change.index, "kind": kind });
    put(&mut json, "key", change.key.as_bytes());
    if let Some(value) = &change.value {
        put(&mut json, "value", value);
    }
    if change.inferred {
        json["inferred"] = true.into();
    }
    output.line(&json, || match &change.value {
        Some(value) => format!("{} {kind} {} {}", change.index, change.key, Lossless(value)),
        None => format!("{} {kind} {}", change.index, change.key),
    })?;
    Ok(())
}
