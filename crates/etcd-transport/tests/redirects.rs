//! Where redirects are followed to, and who gets to see a password.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::reply::redirect;
use common::script::{Act, Script};
use common::server::Server;
use common::{Answer, chain, channel, failure, get, ms, quick, set};
use etcd_proto::call::Outcome;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::{Channel, Config};

const PASSWORD: &str = "correct-horse-battery";
/// `user:correct-horse-battery` as basic authentication has it.
const ENCODED: &str = "dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=";

fn with_password(config: Config) -> Config {
    config.credentials("user", PASSWORD)
}

/// Whether each request that a server saw, signs of life too, came with the password.
fn trusted(server: &Server) -> Vec<bool> {
    let basic = format!("Basic {ENCODED}");
    let header = |request: &common::request::Request| {
        request.header("authorization").map(|value| assert_eq!(value, basic)).is_some()
    };
    server.requests().iter().map(header).collect()
}

fn sent_on_to(location: impl Into<String>) -> Server {
    Server::start(Script::each([Act::Send(redirect(&location.into()))]))
}

fn key_at(endpoint: &Endpoint) -> String {
    format!("http://{endpoint}/v2/keys/k")
}

async fn read_and_write(channel: &Channel) -> [Answer; 2] {
    [channel.call(&get("k")).await, channel.call(&set("k")).await]
}

#[tokio::test]
async fn a_password_goes_to_configured_endpoints_also_by_redirect() {
    let leader = Server::healthy();
    let follower = sent_on_to(key_at(&leader.endpoint));
    let order = [&follower.endpoint, &leader.endpoint];
    let reader = channel(order, with_password(quick()));
    reader.call(&get("k")).await.unwrap();
    let writer = channel(order, with_password(quick()));
    writer.call(&set("k")).await.unwrap();
    assert_eq!(leader.calls(), 2);
    for server in [&leader, &follower] {
        assert!(trusted(server).into_iter().all(|with| with));
    }
}

#[tokio::test]
async fn a_password_never_goes_to_a_foreign_server() {
    let foreign = Server::healthy();
    let follower = sent_on_to(key_at(&foreign.endpoint));
    let channel = channel([&follower.endpoint], with_password(quick()));
    for answer in read_and_write(&channel).await {
        answer.unwrap();
    }
    assert_eq!(foreign.calls(), 2);
    assert!(!trusted(&foreign).contains(&true));
    assert!(trusted(&follower).into_iter().all(|with| with));
}

#[tokio::test]
async fn a_foreign_server_has_no_say_in_what_a_password_is_used_for() {
    let target = Server::healthy();
    let foreign = sent_on_to(format!("http://{}/v2/keys/other", target.endpoint));
    let follower = sent_on_to(key_at(&foreign.endpoint));
    let order = [&follower.endpoint, &target.endpoint];
    for call in 0..2 {
        let channel = channel(order, with_password(quick()));
        let answer = match call {
            0 => channel.call(&get("k")).await,
            _ => channel.call(&set("k")).await,
        };
        answer.unwrap();
    }
    let misled = target.requests().into_iter().filter(|request| request.is_about("other"));
    let with_password: Vec<_> = misled.filter(|r| r.header("authorization").is_some()).collect();
    assert!(with_password.is_empty(), "{with_password:?}");
    assert!(!trusted(&foreign).contains(&true));
}

#[tokio::test]
async fn some_redirects_are_not_followed() {
    let elsewhere = Server::healthy();
    let to = &elsewhere.endpoint;
    for (location, reason) in [
        (format!("https://{to}/v2/keys/k"), "not configured"),
        ("/v2/keys/other".to_owned(), "no http URL"),
        (format!("//{to}/v2/keys/k"), "no"),
        (format!("ftp://{to}/v2/keys/k"), "no http URL"),
        (format!("http://user:{PASSWORD}@{to}/v2/keys/k"), "user"),
        ("http:///v2/keys/k".to_owned(), "no URL"),
        ("http://[::1%25lo]/".to_owned(), "no"),
        (format!("http://{to}:1/"), "no"),
        (format!("http://{to}@127.0.0.1:1/v2/keys/k"), "user"),
        ("\u{1b}]0;gotcha\u{7}".to_owned(), "does not speak HTTP"),
        (String::new(), "no URL"),
    ] {
        let server = sent_on_to(location.clone());
        let channel =
            channel([&server.endpoint], with_password(quick().deadline(ms(60)).rounds(1)));
        for answer in read_and_write(&channel).await {
            let error = failure(answer);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(reason), "{location}: {shown}");
            assert!(!error.to_string().contains(PASSWORD), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn three_redirects_are_followed_and_no_more() {
    let end = Server::healthy();
    let third = sent_on_to(key_at(&end.endpoint));
    let second = sent_on_to(key_at(&third.endpoint));
    let first = sent_on_to(key_at(&second.endpoint));
    let zeroth = sent_on_to(key_at(&first.endpoint));
    for answer in read_and_write(&channel([&first.endpoint], quick())).await {
        answer.unwrap();
    }
    assert_eq!((end.calls(), end.writes()), (2, 1));
    for answer in read_and_write(&channel([&zeroth.endpoint], quick())).await {
        let error = failure(answer);
        assert!(error.to_string().contains("more than 3 times"), "{error}");
        assert_eq!(error.outcome(), Outcome::NotApplied);
    }
    assert_eq!(end.calls(), 2);
}

#[tokio::test]
async fn a_password_is_never_shown() {
    let (live, dead) = (Server::healthy(), Server::start(Script::each([Act::Reset])));
    let refusing = sent_on_to("https://elsewhere/");
    let config = with_password(quick().deadline(ms(100)));
    let mut shown = vec![format!("{config:?} {config:#?}")];
    for server in [&live, &dead, &refusing] {
        let channel = channel([&server.endpoint], config.clone());
        for answer in read_and_write(&channel).await {
            shown.push(format!("{answer:?}"));
            shown.extend(answer.err().map(|error| format!("{} {error:#?}", chain(&error))));
        }
        shown.push(format!("{channel:?} {channel:#?} {:?}", channel.endpoints()));
        assert!(trusted(server).into_iter().all(|with| with));
    }
    for text in shown {
        for secret in [PASSWORD, ENCODED, &ENCODED[..12]] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
