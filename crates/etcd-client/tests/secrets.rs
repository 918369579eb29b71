//! A password is in no `Debug`, no message and no source of an error of anything that holds one.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

use std::error::Error as _;

use etcd_client::session::SessionOptions;
use etcd_client::{Client, Config, Credentials, Error, Secret, Session, v2};

const CANARY: &str = "canary-9f2c";
/// `abc:canary-9f2c` as basic authentication has it.
const ENCODED: &str = "YWJjOmNhbmFyeS05ZjJj";

fn config() -> Config {
    Config::default().credentials("abc", CANARY).rounds(1)
}

/// A port of this machine where nobody listens.
fn nobody() -> String {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    held.local_addr().unwrap().to_string()
}

fn of_error(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?} {:?}", error.attempts());
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!("{cause} {cause:?}");
        source = cause.source();
    }
    shown
}

#[tokio::test]
async fn no_password_is_shown() {
    let server = nobody();
    let client = Client::with_config(&server, config()).unwrap();
    let old = v2::Client::with_config(&server, config()).unwrap();
    let options = SessionOptions::new().config(config());
    let with_password_in_it = format!("http://abc:{CANARY}@{server}");
    let errors = [
        client.kv().get("k").await.unwrap_err(),
        client.auth().authenticate("abc", CANARY).await.unwrap_err(),
        client.auth().user_add("abc", CANARY).await.unwrap_err(),
        client.auth().user_change_password("abc", CANARY).await.unwrap_err(),
        old.set("/k", "v").await.unwrap_err(),
        old.create_user("abc", CANARY).await.unwrap_err(),
        Session::open_with(&server, options.clone()).await.unwrap_err(),
        Client::new(&with_password_in_it).unwrap_err(),
        v2::Client::new(&with_password_in_it).unwrap_err(),
        Session::open_str(&with_password_in_it).await.unwrap_err(),
    ];
    let mut shown: Vec<_> = errors.iter().map(of_error).collect();
    shown.extend([
        format!("{client:?} {:#?} {:?}", client.kv(), client.endpoints()),
        format!("{:?} {:?} {:?}", client.auth(), client.lease(), client.maintenance()),
        format!("{:?} {:?} {:?}", client.cluster(), client.raw_lock(), client.raw_election()),
        format!("{:?}", client.watch("k")),
        format!("{old:?} {old:#?}"),
        format!("{:?} {options:#?}", config()),
        format!("{:?} {:?}", Credentials::new("abc", CANARY), Secret::new(CANARY)),
        format!("{:?} {:?}", Credentials::token(CANARY), Config::default().token(CANARY)),
        format!("{:?}", v2::api::UserPut::new("abc").password(CANARY)),
    ]);
    for text in shown {
        assert!(!text.contains(CANARY) && !text.contains(ENCODED), "{text}");
    }
}
