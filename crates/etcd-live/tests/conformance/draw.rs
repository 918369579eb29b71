//! Which requests there are.

use etcd_live::conformance::Dice;

/// A request for keys; its target begins below the sequence's own directory.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) method: &'static str,
    pub(crate) key: String,
    pub(crate) fields: Vec<(&'static str, Value)>,
    /// Whether the fields are in the query.
    pub(crate) in_query: bool,
}

/// What a field is set to.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(&'static str),
    /// So far from the index that the sequence began at.
    Index(i64),
}

impl Step {
    pub(crate) fn watches(&self) -> bool {
        self.method == "GET"
            && self.fields.iter().any(|field| matches!(field, ("wait", Value::Text("true"))))
    }
}

const KEYS: &[&str] = &[
    "/a", "/a", "/b", "/b", "/c", "/d", "/d/e", "/d/e", "/d/f/g", "/d/_h", "/_i", "/_i/j", "/a/k",
    "", "/d/./e", "/d/../a", "/%6c%20m", "/d/",
];
const TEXTS: &[&str] = &["1", "1", "2", "", "%3c%26%3e", "x+y", "%22%5c%0a%7f", "%c3%a9"];
const TRUTHS: &[&str] = &["true", "true", "true", "true", "false", "", "yes"];
const TTLS: &[&str] = &["1000", "1000", "", "x", "-1"];

/// How far a watch may begin after the sequence does.
pub(crate) const FURTHEST: u64 = 8;

/// Up to fourteen requests.
pub(crate) fn sequence(dice: &mut Dice) -> Vec<Step> {
    (0..dice.below(12) + 3).map(|_| step(dice)).collect()
}

fn step(dice: &mut Dice) -> Step {
    let (method, in_query) = match dice.below(20) {
        0..10 => ("PUT", dice.once_in(4)),
        10..12 => ("POST", dice.once_in(4)),
        12..15 => ("DELETE", !dice.once_in(12)),
        15..19 => ("GET", true),
        _ => (dice.pick(&["HEAD", "PATCH"]), true),
    };
    let key = dice.pick(KEYS).to_owned();
    if method == "GET" && dice.once_in(3) {
        return watch(dice);
    }
    let fields = fields(dice, method);
    Step { method, key, fields, in_query }
}

/// At names directly below the sequence's directory, where something always happens in the end.
fn watch(dice: &mut Dice) -> Step {
    let key = dice.pick(&["/a", "/b", "/d", "/_i"]).to_owned();
    let mut fields = vec![("wait", Value::Text("true"))];
    if dice.once_in(2) {
        fields.push(("recursive", Value::Text("true")));
    }
    if !dice.once_in(3) {
        let far = if dice.once_in(8) { -5000 } else { 0 };
        fields.push(("waitIndex", Value::Index(far + signed(dice.below(FURTHEST)))));
    }
    Step { method: "GET", key, fields, in_query: true }
}

fn fields(dice: &mut Dice, method: &str) -> Vec<(&'static str, Value)> {
    let mut fields = Vec::new();
    let writes = matches!(method, "PUT" | "POST");
    let refreshes = method == "PUT" && dice.once_in(10);
    if writes && !(refreshes || dice.once_in(6)) {
        fields.push(("value", Value::Text(dice.pick(TEXTS))));
    }
    if refreshes {
        fields.push(("refresh", Value::Text("true")));
    }
    if writes && (refreshes || dice.once_in(4)) && !dice.once_in(10) {
        fields.push(("ttl", Value::Text(dice.pick(TTLS))));
    }
    if method == "PUT" && dice.once_in(4) {
        fields.push(("prevExist", Value::Text(dice.pick(TRUTHS))));
    }
    if writes && dice.once_in(12) {
        fields.push(("noValueOnSuccess", Value::Text(dice.pick(TRUTHS))));
    }
    if matches!(method, "PUT" | "DELETE") && dice.once_in(5) {
        fields.push(("prevValue", Value::Text(dice.pick(TEXTS))));
    }
    if matches!(method, "PUT" | "DELETE") && dice.once_in(5) {
        let index = if dice.once_in(6) {
            Value::Text(dice.pick(&["", "0", "x", "-1"]))
        } else {
            Value::Index(signed(dice.below(10)))
        };
        fields.push(("prevIndex", index));
    }
    if method == "GET" {
        // Unsorted, etcd's order is that of a hash table.
        fields.push(("sorted", Value::Text("true")));
    }
    for (name, times) in [("dir", 6), ("recursive", 3), ("quorum", 8)] {
        let fits = (name == "dir") == writes || method == "DELETE";
        if fits && dice.once_in(times) {
            fields.push((name, Value::Text(dice.pick(TRUTHS))));
        }
    }
    if dice.once_in(60) {
        fields.push((dice.pick(&["wait", "stream", "waitIndex", "dir"]), Value::Text("x")));
    }
    fields
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(0)
}
