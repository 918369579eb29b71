//! Who gets to see a password: five kinds of servers that redirect, to five kinds of places.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use common::reply::redirect;
use common::script::{Act, Script};
use common::server::Server;
use common::{chain, channel, failure, get, patient, set};
use etcd_proto::call::Outcome;
use etcd_transport::endpoint::Endpoint;
use etcd_transport::error::Kind;

const PASSWORD: &str = "correct-horse-battery";

/// How the server that redirects is configured.
#[derive(Debug, Clone, Copy)]
enum From {
    Address,
    Name,
    OtherAddress,
    Ipv6,
    Socket,
}

/// Where it redirects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Configured,
    OtherPort,
    OtherName,
    OtherHost,
    OtherScheme,
}

const FROM: [From; 5] = [From::Address, From::Name, From::OtherAddress, From::Ipv6, From::Socket];
const TO: [To; 5] = [To::Configured, To::OtherPort, To::OtherName, To::OtherHost, To::OtherScheme];

/// A server that redirects to what is put into the answer's second part.
fn follower(from: From, directory: &std::path::Path) -> (Server, Arc<Mutex<String>>) {
    let location = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&location);
    let script = Script::on(move |request| match request.is_sign_of_life() {
        true => vec![Act::Send(common::reply::version())],
        false => vec![Act::Send(redirect(&to.lock().unwrap()))],
    });
    let at = |address: IpAddr| Server::start_at(address, script.clone());
    let server = match from {
        From::Address => at(Ipv4Addr::LOCALHOST.into()),
        From::Name => named(at(Ipv4Addr::LOCALHOST.into())),
        From::OtherAddress => at(Ipv4Addr::new(127, 0, 0, 2).into()),
        From::Ipv6 => at(Ipv6Addr::LOCALHOST.into()),
        From::Socket => Server::at_socket(&directory.join("etcd.sock"), script),
    };
    (server, location)
}

fn named(mut server: Server) -> Server {
    server.endpoint = by_name(&server.endpoint);
    server
}

fn by_name(endpoint: &Endpoint) -> Endpoint {
    format!("localhost:{}", endpoint.ports()[0]).parse().unwrap()
}

/// Whether each request came with a password.
fn trusted(server: &Server) -> Vec<bool> {
    server.requests().iter().map(|request| request.header("authorization").is_some()).collect()
}

#[tokio::test]
async fn a_password_reaches_no_foreign_host_and_no_other_scheme() {
    let mut cases = 0;
    for from in FROM {
        for to in TO {
            check(from, to).await;
            cases += 1;
        }
    }
    assert_eq!(cases, 25);
}

async fn check(from: From, to: To) {
    let directory = tempfile::tempdir().unwrap();
    let (follower, location) = follower(from, directory.path());
    let configured = Server::healthy();
    let foreign = match to {
        To::OtherHost => Server::start_at(Ipv4Addr::new(127, 0, 0, 3).into(), Script::healthy()),
        _ => Server::healthy(),
    };
    let target = match to {
        To::Configured => format!("http://{}", configured.endpoint),
        To::OtherPort | To::OtherHost => format!("http://{}", foreign.endpoint),
        To::OtherName => format!("http://{}", by_name(&configured.endpoint)),
        To::OtherScheme => format!("https://{}", configured.endpoint),
    };
    *location.lock().unwrap() = format!("{target}/v2/keys/k?by=redirect");
    let config = patient().credentials("user", PASSWORD).rounds(1);
    let both = channel([&follower.endpoint, &configured.endpoint], config);
    let alone = both.only(&follower.endpoint);
    for write in [false, true] {
        let answer = match write {
            false => alone.call(&get("k")).await,
            // Both together would go on to the other where the redirect is refused.
            true if to == To::OtherScheme => alone.call(&set("k")).await,
            true => both.call(&set("k")).await,
        };
        let name = format!("{from:?} to {to:?}, write: {write}");
        // Alone, the follower is all that is configured.
        let known = write && to == To::Configured;
        match to {
            To::OtherScheme => {
                let error = failure(answer);
                assert_eq!(error.kind(), &Kind::Redirect, "{name}: {error}");
                assert_eq!(error.outcome(), Outcome::NotApplied, "{name}");
                assert!(!chain(&error).contains(PASSWORD), "{name}: {error}");
            }
            _ => drop(answer.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)))),
        }
        let seen = [trusted(&configured), trusted(&foreign)].concat();
        assert_eq!(seen.contains(&true), known, "{name}: {seen:?}");
    }
    assert!(trusted(&follower).into_iter().all(|with| with), "{from:?} to {to:?}");
    let reached = configured.calls() + foreign.calls();
    assert_eq!(reached > 0, to != To::OtherScheme, "{from:?} to {to:?}");
}
