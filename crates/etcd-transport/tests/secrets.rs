//! What holds a password shows none, and leaves none in memory.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use common::script::Script;
use common::server::Server;
use common::{chain, channel, failure, get, http2, patient, set};
use etcd_proto::call::Outcome;
use etcd_proto::v2;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::error::Kind;
use etcd_transport::{Config, Credentials, Secret};

#[tokio::test]
async fn a_user_with_a_colon_is_refused_before_anything_is_sent() {
    let server = Server::healthy();
    let config = || patient().credentials("root:admin", "hunter2");
    let channel = channel([&server.endpoint], config());
    for answer in [channel.call(&get("k")).await, channel.call(&set("k")).await] {
        let error = failure(answer);
        let said = error.to_string();
        assert_eq!(error.outcome(), Outcome::NotApplied);
        assert!(matches!(error.kind(), Kind::Request(_)), "{error:?}");
        assert!(said.contains("\"root:admin\" has a colon"), "{said}");
        assert!(!format!("{said} {error:?}").contains("hunter2"));
    }
    assert_eq!(server.accepted(), 0);
    // Whoever speaks v3 may have such a name, and asks for the version first.
    channel.call(&v2::GetVersion).await.unwrap();
    assert!(server.requests()[0].header("authorization").is_none());
}

/// 0.0.0.0 is another name of this machine, which nobody takes for it.
fn as_another(endpoint: &Endpoint) -> Endpoint {
    format!("0.0.0.0:{}", endpoint.ports()[0]).parse().unwrap()
}

#[tokio::test]
async fn credentials_do_not_go_over_plain_text_unless_allowed() {
    let config = || patient().credentials("user", "hunter2");
    let (server, v3) = (Server::healthy(), http2::server::Server::healthy());
    let (old, new) = (as_another(&server.endpoint), as_another(&v3.endpoint));
    let barred = |error: &etcd_transport::Error| {
        let said = error.to_string();
        assert!(matches!(error.kind(), Kind::Request(_)), "{error:?}");
        assert!(
            said.contains("0.0.0.0:") && said.contains("allow_plaintext_credentials"),
            "{said}"
        );
        assert_eq!(error.outcome(), Outcome::NotApplied);
    };
    barred(&failure(channel([&old], config()).call(&set("k")).await));
    barred(&failure(channel([&old], config()).call(&get("k")).await));
    barred(&http2::failure(channel([&new], config()).call(&http2::put("k")).await));
    assert_eq!((server.accepted(), v3.accepted()), (0, 0));

    // Where one may be told, the others are passed over.
    let local = Server::healthy();
    channel([&old, &local.endpoint], config()).call(&set("k")).await.unwrap();
    channel([&old, &local.endpoint], config()).call(&get("k")).await.unwrap();
    assert_eq!((server.accepted(), local.calls()), (0, 2));

    let allowed = || config().allow_plaintext_credentials();
    channel([&old], allowed()).call(&set("k")).await.unwrap();
    channel([&new], allowed()).call(&http2::put("k")).await.unwrap();
    channel([&new], patient()).call(&http2::put("k")).await.unwrap();
    assert!(server.requests().iter().all(|request| request.header("authorization").is_some()));
    assert_eq!((server.writes(), v3.calls()), (1, 2));
}

#[tokio::test]
async fn nothing_that_holds_a_password_shows_it() {
    const CANARY: &str = "canary-9f2c";
    let encoded = "OmNhbmFyeS05ZjJj"; // ":canary-9f2c", as it stands behind a name of three letters
    let server = Server::healthy();
    let credentials = Credentials::new("abc", CANARY);
    let config = Config::default().credentials("abc", CANARY);
    let channel = channel([&server.endpoint], config.clone());
    channel.call(&get("k")).await.unwrap();
    let sent = server.requests()[0].header("authorization").unwrap().to_owned();
    assert!(sent.ends_with(encoded), "{sent}");
    let gone = Server::start(Script::each([common::script::Act::Reset]));
    let failing = common::channel([&gone.endpoint], config.clone().rounds(1));
    let error = failing.call(&set("k")).await.unwrap_err();
    let secret = Secret::new(CANARY);
    let header = secret.header().unwrap();
    let shown = [
        format!("{secret:?} {secret:#?} {header:?}"),
        format!("{credentials:?} {credentials:#?} {:?}", Credentials::token(CANARY)),
        format!("{config:?} {config:#?}"),
        format!("{channel:?} {channel:#?} {failing:#?}"),
        format!("{:?} {:?}", channel.endpoints(), channel.counters()),
        format!("{error:?} {error:#?} {}", chain(&error)),
    ];
    for text in shown {
        assert!(!text.contains(CANARY) && !text.contains(encoded), "{text}");
    }
}

/// How often bytes stand in the writable memory of this process.
#[cfg(target_os = "linux")]
fn in_memory(what: impl Fn(usize) -> u8, length: usize) -> usize {
    use std::os::unix::fs::FileExt as _;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let (mut piece, mut found) = (vec![0; 4 << 10], 0);
    let ours = piece.as_ptr() as u64..piece.as_ptr() as u64 + piece.len() as u64;
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        while to - from >= length as u64 {
            // What is read is not to be found again where it was read to.
            let end = if from < ours.start { to.min(ours.start) } else { to };
            let most = piece.len().min((end - from) as usize);
            if ours.contains(&from) || most < length {
                from = ours.end.max(from + most as u64);
                continue;
            }
            let Ok(read @ 1..) = memory.read_at(&mut piece[..most], from) else { break };
            let is_it = |window: &&[u8]| (0..length).all(|at| window[at] == what(at));
            found += piece[..read].windows(length).filter(is_it).count();
            from += (read + 1).saturating_sub(length).max(1) as u64;
        }
    }
    piece.fill(0);
    found
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_password_is_gone_from_memory() {
    const LENGTH: usize = 40;
    // Made byte by byte, so that no constant holds it.
    let letter = |at: usize| b'!' + (at * 37 % 90) as u8;
    let password = || {
        let mut text = String::with_capacity(LENGTH);
        (0..LENGTH).for_each(|at| text.push(letter(at) as char));
        text
    };
    // An allocator writes over the first bytes of what was freed; the others are what tells.
    let count = || in_memory(|at| letter(at + 16), LENGTH - 16);
    let config = Config::default().credentials("user", password());
    assert_eq!(count(), 1);
    let held = config.clone();
    let server = "127.0.0.1:1".parse().unwrap();
    let channel = etcd_transport::Channel::new(vec![server], config);
    let header = Secret::new(password()).header().unwrap();
    assert_eq!(count(), 2);
    drop((held, channel, header));
    assert_eq!(count(), 0);
}
