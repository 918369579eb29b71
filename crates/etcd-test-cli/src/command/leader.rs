//! `leader`: the member that leads.

use anyhow::Context as _;
use etcd_client::Session;
use serde_json::json;

use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(session: &Session, output: &Output) -> anyhow::Result<Exit> {
    let leader = session.leader().await.context("leader")?;
    let json = json!({ "id": leader.id, "name": leader.name, "client_urls": leader.client_urls });
    output.line(&json, || {
        format!("{} {} {}", leader.id, leader.name, leader.client_urls.join(","))
    })?;
    Ok(Exit::Done)
}
