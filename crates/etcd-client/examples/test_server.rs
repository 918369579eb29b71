//! A test that a program on etcd may have: the server is in this process, and its connections break.

use std::error::Error;

use etcd_client::Client;
use etcd_client::v3::Update;
use etcd_test_server::TestServer;
use etcd_test_server::fault::{Fault, Rule};

/// What is to hold in any program that writes and watches. Yours would be a `#[tokio::test]`.
pub async fn nothing_is_lost_where_connections_break() -> Result<(), Box<dyn Error>> {
    let server = TestServer::start().await?;
    let client = Client::new(&server.endpoint())?;
    let mut watcher = client.watch("stock");
    watcher.created().await.ok_or("no watch")?;

    // The connection ends after the write was done: nobody can know, and it is not sent again.
    server.faults().add(Rule::new(Fault::ResetAfter).path("/etcdserverpb.KV/Put").times(1));
    let error = client.kv().put("stock", "7").await.expect_err("there is no reply");
    assert!(error.is_outcome_unknown());

    // All connections end: calls take new ones, and the watch goes on where it was.
    server.cluster().cut(0);
    server.cluster().resume(0);
    assert_eq!(client.kv().get("stock").await?.ok_or("not written")?.value, "7");
    client.kv().put("stock", "6").await?;
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Update::Changes(changes) = watcher.next().await.ok_or("the watch ended")?? {
            told.extend(changes.events.into_iter().filter_map(|event| event.kv));
        }
    }
    assert_eq!([&told[0].value[..], &told[1].value[..]], [b"7", b"6"]);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "a program, not a library")]
async fn main() -> Result<(), Box<dyn Error>> {
    let began = std::time::Instant::now();
    nothing_is_lost_where_connections_break().await?;
    println!("it holds, seen in {:.1?}", began.elapsed());
    Ok(())
}
