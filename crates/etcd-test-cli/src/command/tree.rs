//! `tree`: everything below a directory, drawn.

use std::os::unix::ffi::OsStrExt as _;

use anyhow::Context as _;
use etcd_client::Session;
use etcd_client::plain::{Lossless, Plain};
use etcd_client::session::Entry;
use etcd_client::tree::Node;
use serde_json::{Value, json};

use crate::args::Tree;
use crate::exit::Exit;
use crate::output::{Output, put};

pub(crate) async fn run(session: &Session, args: &Tree, output: &Output) -> anyhow::Result<Exit> {
    let tree = session
        .tree(args.prefix.as_bytes())
        .await
        .with_context(|| format!("tree {:?}", args.prefix))?;
    let top = Lossless(args.prefix.as_bytes()).to_string();
    output.lines(&as_json(&tree), || format!("{}\n{}", Plain(&top), tree.draw(label)))?;
    Ok(Exit::Done)
}

fn label(node: &Node<Entry>) -> String {
    let slash = if node.is_directory() { "/" } else { "" };
    format!("{}{slash}", Plain(&node.name))
}

fn as_json(node: &Node<Entry>) -> Value {
    let mut json = json!({ "name": node.name });
    if let Some(entry) = &node.value {
        put(&mut json, "value", &entry.value);
        json["index"] = entry.index.into();
    }
    if node.is_directory() {
        json["children"] = node.children.iter().map(as_json).collect();
    }
    json
}
