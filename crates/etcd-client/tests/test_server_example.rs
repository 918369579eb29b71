//! The example of the test server holds, and that crate's README has it word for word.

use std::time::Duration;

#[allow(dead_code, unreachable_pub, reason = "it is a program of its own")]
#[path = "../examples/test_server.rs"]
mod example;

const SOURCE: &str = include_str!("../examples/test_server.rs");
const README: &str = include_str!("../../etcd-test-server/README.md");

#[tokio::test]
async fn nothing_is_lost_where_connections_break() {
    let holds = example::nothing_is_lost_where_connections_break();
    let ended = tokio::time::timeout(Duration::from_secs(30), holds).await;
    ended.expect("it takes milliseconds").expect("it holds");
}

#[test]
fn the_readme_shows_the_example() {
    let (_, source) = SOURCE.split_once("\n\n").expect("a line that says what it is");
    let (shown, _) = source.split_once("\n\n#[tokio::main").expect("a main");
    let (_, rest) = README.split_once("```rust\n").expect("a block of Rust");
    let (block, _) = rest.split_once("\n```").expect("its end");
    assert_eq!(block, shown);
}
