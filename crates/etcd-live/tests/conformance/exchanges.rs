//! Users, roles, permissions and members of v2: what the test server's own tests say that etcd answered.

use etcd_live::conformance::Dice;

use crate::Pair;
use crate::http::{Head, Line};

/// What was asked of etcd 3.4.23, one after the other, and what it answered.
const EXCHANGES: &str = include_str!("../../../etcd-test-server/tests/v2_exchanges/exchanges.txt");

/// How many of them are played again in any order. etcd takes a tenth of a second for a password.
const AGAIN: usize = 150;

#[derive(Clone, Copy)]
struct Exchange {
    request: &'static str,
    reply: &'static str,
}

impl Exchange {
    /// A watch that is allowed would wait, and what is listed unsorted is in the order of a hash table.
    fn is_fit_for_any_order(&self) -> bool {
        let lists =
            self.request.starts_with("GET /v2/keys |") || self.request.contains("recursive");
        let is_sorted = self.request.contains("sorted") || !self.request.starts_with("GET");
        !self.request.contains("wait=true") && (is_sorted || !lists)
    }
}

fn exchanges() -> Vec<Exchange> {
    let mut lines = EXCHANGES.lines().filter(|line| !line.starts_with('#'));
    let next = || {
        let (request, reply) = (lines.next()?, lines.next()?.strip_prefix("  = ")?);
        Some(Exchange { request, reply })
    };
    // Servers say where they are in different words.
    std::iter::from_fn(next).filter(|one| !one.request.contains("/v2/machines")).collect()
}

fn ask(line: &mut Line, exchange: Exchange) -> String {
    let mut parts = exchange.request.splitn(3, " | ");
    let [first, authorization, body] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let (method, target) = first.split_once(' ').expect("a method and a target");
    let keys = target.starts_with("/v2/keys");
    let kind = if keys { "x-www-form-urlencoded" } else { "json" };
    let mut headers = format!("content-type: application/{kind}\r\n");
    if authorization != "-" {
        headers += &format!("authorization: {authorization}\r\n");
    }
    let (head, body) = line.ask_with(method, target, &headers, body);
    shown(&head, &body)
}

fn shown(head: &Head, body: &str) -> String {
    let [index, allow] = ["x-etcd-index", "allow"].map(|name| head.get(name));
    let cluster = if head.get("x-etcd-cluster-id").is_empty() { "no" } else { "yes" };
    let status = head.status();
    let shown = format!("{status} index={index} allow={allow} cluster={cluster} | {body}");
    shown.trim_end().to_owned()
}

#[test]
fn requests_beside_keys_are_answered_alike() {
    let mut pair = Pair::start();
    pair.play(0, &[]);
    let exchanges = exchanges();
    for &exchange in &exchanges {
        let replies = (ask(&mut pair.real, exchange), ask(&mut pair.ours, exchange));
        assert_eq!(replies.0, replies.1, "{}", exchange.request);
        // Indexes are those of a new member.
        let (status, _) = exchange.reply.split_once(' ').expect("a status");
        assert!(replies.0.starts_with(status), "{}: {}", exchange.request, replies.0);
    }
    let listed = exchanges.len();
    let exchanges: Vec<_> = exchanges.into_iter().filter(Exchange::is_fit_for_any_order).collect();
    let mut dice = Dice::new(1, 0);
    for nth in 0..AGAIN {
        let exchange = dice.pick(&exchanges);
        let replies = (ask(&mut pair.real, exchange), ask(&mut pair.ours, exchange));
        assert_eq!(replies.0, replies.1, "{nth}: {}", exchange.request);
    }
    println!("{listed} exchanges, {AGAIN} again");
}
