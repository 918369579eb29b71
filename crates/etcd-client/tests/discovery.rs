//! Endpoints from SRV records, which a server of names in this process gives.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client::discovery::Discovery;
use etcd_client::{Client, Config, Endpoint, Error, ErrorKind};
use tokio::net::UdpSocket;

/// Priority, weight, port, target.
type Srv = (u16, u16, u16, &'static str);

/// What a server of names answers.
#[derive(Clone)]
enum Says {
    Records(HashMap<&'static str, Vec<Srv>>),
    Fails,
    Garbage,
    Nothing,
}

struct Names {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    async fn start(says: Says) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let (name, question) = question(&query[..length]);
                seen.lock().unwrap().push(name.to_ascii_lowercase());
                if let Some(answer) = answer(&says, &query[..2], &name, question) {
                    socket.send_to(&answer, from).await.unwrap();
                }
            }
        });
        Self { address, asked }
    }

    async fn find(&self, domain: &str) -> Result<Vec<Endpoint>, Error> {
        let discovery = Discovery::new(domain).unwrap().name_servers([self.address]);
        discovery.deadline(Duration::from_secs(2)).find().await
    }
}

/// The name that is asked for, and the whole question.
fn question(query: &[u8]) -> (String, &[u8]) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(std::str::from_utf8(&query[at + 1..end]).unwrap());
        at = end;
    }
    (labels.join("."), &query[12..at + 5])
}

fn answer(says: &Says, id: &[u8], name: &str, question: &[u8]) -> Option<Vec<u8>> {
    let records = match says {
        Says::Records(records) => records.get(name.to_ascii_lowercase().as_str()),
        Says::Fails => None,
        Says::Garbage => return Some([id, &[0xff; 40]].concat()),
        Says::Nothing => return None,
    };
    let code = match (says, records) {
        (Says::Fails, _) => 2,
        (_, None) => 3,
        (_, Some(_)) => 0,
    };
    let records = records.map(Vec::as_slice).unwrap_or_default();
    let mut answer =
        [id, &[0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0], question].concat();
    for &(priority, weight, port, target) in records {
        // The name of the question, SRV, IN, 60 s.
        answer.extend([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60]);
        let mut data: Vec<u8> =
            [priority, weight, port].into_iter().flat_map(u16::to_be_bytes).collect();
        for label in target.split('.').filter(|label| !label.is_empty()) {
            data.push(label.len() as u8);
            data.extend(label.as_bytes());
        }
        data.push(0);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

const PLAIN: &str = "_etcd-client._tcp.example.com";
const TLS: &str = "_etcd-client-ssl._tcp.example.com";

fn shown(found: Result<Vec<Endpoint>, Error>) -> Vec<String> {
    found.unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn servers_are_found_in_the_order_of_their_priorities() {
    let records =
        vec![(20, 0, 2379, "c.example.com."), (5, 0, 4001, "a.example.com"), (10, 9, 1, "b")];
    let names = Names::start(Says::Records(HashMap::from([(PLAIN, records)]))).await;
    for domain in ["example.com", "example.com.", "EXAMPLE.com"] {
        let found = names.find(domain).await;
        assert_eq!(shown(found), ["a.example.com:4001", "b:1", "c.example.com:2379"]);
    }
    // Those with TLS are asked for first.
    assert_eq!(names.asked.lock().unwrap()[..2], [TLS, PLAIN]);
}

#[tokio::test]
async fn a_server_with_tls_is_not_left_for_one_without() {
    let records =
        HashMap::from([(TLS, vec![(1, 1, 2379, "safe")]), (PLAIN, vec![(1, 1, 2379, "not")])]);
    let names = Names::start(Says::Records(records)).await;
    assert_eq!(shown(names.find("example.com").await), ["https://safe:2379"]);
}

#[tokio::test]
async fn a_service_of_its_own_is_asked_for() {
    let records =
        HashMap::from([("_etcd-client-blue._tcp.example.com", vec![(1, 1, 2379, "blue")])]);
    let names = Names::start(Says::Records(records)).await;
    let discovery = Discovery::new("example.com").unwrap().service("blue").unwrap();
    assert_eq!(shown(discovery.name_servers([names.address]).find().await), ["blue:2379"]);
}

#[tokio::test]
async fn what_cannot_be_found_is_said() {
    let bad = Says::Records(HashMap::from([(PLAIN, vec![(1, 1, 0, "host")])]));
    let none = Says::Records(HashMap::from([(PLAIN, vec![(0, 0, 0, ".")])]));
    for (says, kind, words) in [
        (
            Says::Records(HashMap::new()),
            ErrorKind::Unreachable,
            "_etcd-client-ssl._tcp.example.com.",
        ),
        (none, ErrorKind::Unreachable, "no server is named"),
        (bad, ErrorKind::InvalidInput, "a number from 1 to 65535"),
        (Says::Fails, ErrorKind::Unreachable, "\"example.com\""),
        (Says::Garbage, ErrorKind::Timeout, "\"example.com\""),
        (Says::Nothing, ErrorKind::Timeout, "\"example.com\""),
    ] {
        let names = Names::start(says).await;
        let error = names.find("example.com").await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        // Whether silence is told by the resolver or by the deadline is a matter of time.
        let silent = kind == ErrorKind::Timeout && *error.kind() == ErrorKind::Unreachable;
        assert!(*error.kind() == kind || silent, "{error:?}");
    }
}

#[tokio::test]
async fn domains_that_are_none_are_refused() {
    for text in ["", ".", "a..b", "a b", "a/b", "a@b", "http://a", "a\u{1b}b", &"a".repeat(64)] {
        let error = Discovery::new(text).unwrap_err().to_string();
        assert!(error.contains("is no domain"), "{error}");
    }
    let of = |service| Discovery::new("a").unwrap().service(service);
    assert!(of("a.b").is_err() && of("").is_err() && of("a-b").is_ok());
}

#[tokio::test]
async fn what_was_found_can_be_called() {
    let server = etcd_test_server::TestServer::start().await.unwrap();
    let port = server.address().port();
    // Nobody is at the first.
    let records = vec![(1, 1, 1, "localhost"), (2, 1, port, "localhost")];
    let names = Names::start(Says::Records(HashMap::from([(PLAIN, records)]))).await;
    let found = names.find("example.com").await.unwrap();
    let client = Client::with_endpoints(found, Config::default());
    client.kv().put("k", "v").await.unwrap();
}
