//! Key replies of any depth.
//!
//! A reader that calls itself for what lies below stops at some depth, or runs out of stack; this
//! one keeps a list of what is open. It is for the few replies that are too deep for the other.

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::{Deserializer, Error};

use super::node::{KeyReplyBody, Node};

/// Nodes that lie deeper are held by the one at this depth, each with its whole key as ever, so
/// that whatever walks, copies or drops nodes needs little stack.
const DEEPEST: usize = 128;
/// How deep a reply may be: no key that fits into one has more segments.
const LIMIT: usize = 1 << 16;

/// Reads the body of a key reply.
pub(super) fn read(text: &str) -> Result<KeyReplyBody, Error> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.take(b'{')?;
    let (mut own, mut node, mut previous) = (Fields::default(), None, None);
    let mut first = true;
    while let Some((raw, name)) = cursor.field(first)? {
        first = false;
        let nested = cursor.peek() == Some(b'{');
        match &*name {
            "node" if nested => node = Some(read_node(&mut cursor)?),
            "prevNode" if nested => previous = Some(read_node(&mut cursor)?),
            _ => own.push(raw, cursor.value()?),
        }
    }
    match cursor.peek() {
        None => Ok(own.close::<KeyReplyBody>()?.with_nodes(node, previous)),
        Some(_) => Err(Error::custom("trailing characters")),
    }
}

fn read_node(cursor: &mut Cursor<'_>) -> Result<Node, Error> {
    cursor.take(b'{')?;
    let mut open = vec![Open::default()];
    while let Some(mut innermost) = open.pop() {
        let another = match innermost.goes_below(cursor)? {
            true => {
                open.push(innermost);
                true
            }
            false => {
                let node = innermost.close()?;
                let Some(holder) = open.len().min(DEEPEST).checked_sub(1) else { return Ok(node) };
                open[holder].nodes.push(node);
                cursor.goes_on(b']')?
            }
        };
        if another {
            cursor.take(b'{')?;
            open.push(Open::default());
        }
        if open.len() > LIMIT {
            break;
        }
    }
    Err(Error::custom(format!("nested deeper than {LIMIT}")))
}

/// A node whose end has not been reached.
#[derive(Default)]
struct Open {
    /// Whether a field was read.
    begun: bool,
    own: Fields,
    nodes: Vec<Node>,
}

impl Open {
    /// Reads on until the first of the nodes below, or to the end of this one.
    fn goes_below(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Error> {
        while let Some((raw, name)) = cursor.field(!self.begun)? {
            self.begun = true;
            if name != "nodes" || cursor.peek() != Some(b'[') {
                self.own.push(raw, cursor.value()?);
                continue;
            }
            cursor.take(b'[')?;
            match cursor.peek() {
                Some(b']') => cursor.take(b']')?,
                _ => return Ok(true),
            }
        }
        Ok(false)
    }

    fn close(self) -> Result<Node, Error> {
        let mut node: Node = self.own.close()?;
        node.nodes = self.nodes;
        Ok(node)
    }
}

/// The fields of an object without what lies deep in it, to be read as any other.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn push(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.extend([name, ":", value]);
    }

    fn close<T: for<'de> Deserialize<'de>>(mut self) -> Result<T, Error> {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        serde_json::from_str(&self.0)
    }
}

/// Where in a text the reader is.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The next byte that is no white space, without taking it.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let space = rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.at += space;
        rest.get(space).copied()
    }

    fn take(&mut self, expected: u8) -> Result<(), Error> {
        if self.peek() != Some(expected) {
            let (expected, at) = (char::from(expected), self.at);
            return Err(Error::custom(format!("expected `{expected}` at byte {at}")));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether a comma follows, and not the end.
    fn goes_on(&mut self, end: u8) -> Result<bool, Error> {
        let goes_on = self.peek() == Some(b',');
        self.take(if goes_on { b',' } else { end })?;
        Ok(goes_on)
    }

    /// The name of the next field, as it is written and as it is meant; nothing at the end.
    fn field(&mut self, first: bool) -> Result<Option<(&'a str, String)>, Error> {
        let more = match first {
            true if self.peek() == Some(b'}') => self.goes_on(b'}')?,
            true => true,
            false => self.goes_on(b'}')?,
        };
        if !more {
            return Ok(None);
        }
        let raw = self.value()?;
        let name = serde_json::from_str(raw)?;
        self.take(b':')?;
        Ok(Some((raw, name)))
    }

    /// The next value, whole; it may be nested in any way.
    fn value(&mut self) -> Result<&'a str, Error> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next().unwrap_or_else(|| Err(Error::custom("the end, where a value should be")))?;
        let length = values.byte_offset();
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;

    use super::*;
    use crate::v2::node;

    /// A chain of directories, and its deepest key.
    fn chain(depth: usize) -> (String, String) {
        let key = |depth: usize| "/d".repeat(depth);
        let mut text = String::from(r#"{"action":"get","node":{"dir":true"#);
        for depth in 1..=depth {
            text += &format!(r#","nodes":[{{"key":"{}","dir":true"#, key(depth));
        }
        text += &"}]".repeat(depth);
        (text + "}}", key(depth))
    }

    /// All nodes below one, and the greatest depth.
    fn below(node: &Node) -> (Vec<&str>, usize) {
        let (mut keys, mut deepest, mut open) = (Vec::new(), 0, vec![(node, 0)]);
        while let Some((node, depth)) = open.pop() {
            open.extend(node.nodes.iter().map(|below| (below, depth + 1)));
            keys.push(node.key.as_str());
            deepest = deepest.max(depth);
        }
        (keys, deepest)
    }

    #[test]
    fn nothing_is_lost_however_deep() {
        for depth in [1, 61, 62, 63, 127, 128, 129, 500, 2000] {
            let (text, key) = chain(depth);
            let node = node::read(&text).unwrap().with_headers(&HeaderMap::new()).node.unwrap();
            let (keys, deepest) = below(&node);
            assert_eq!((keys.len(), deepest), (depth + 1, depth.min(DEEPEST)));
            assert!(keys.contains(&key.as_str()));
        }
    }

    #[test]
    fn what_no_key_reaches_is_refused_and_so_is_what_is_cut_off() {
        let (text, _) = chain(70);
        for length in 0..text.len() {
            assert!(read(&text[..length]).is_err(), "{length}");
        }
        for opening in [r#"{"nodes":["#, r#"{"nodes":[{},"#] {
            let text = format!(r#"{{"action":"get","node":{}"#, opening.repeat(200_000));
            assert!(node::read(&text).is_err());
        }
    }

    #[test]
    fn wrong_grammar_is_refused() {
        let wrong = [
            "",
            "{",
            "[]",
            "{}",
            "null",
            r#"{"action":"get"}}"#,
            r#"{"action":"get",}"#,
            r#"{,"action":"get"}"#,
            r#"{"action" "get"}"#,
            r#"{action:"get"}"#,
            r#"{"action":}"#,
            r#"{"action":"get" "node":{}}"#,
            r#"{"action":"get","node":{"nodes":[{},]}}"#,
            r#"{"action":"get","node":{"nodes":[{}{}]}}"#,
            r#"{"action":"get","node":{"nodes":[1]}}"#,
            r#"{"action":"get","node":{"nodes":[{}}}"#,
            r#"{"action":"get","node":{"key":1}}"#,
            r#"{"action":"get","node":{"nodes":{}}}"#,
        ];
        for text in wrong {
            assert!(read(text).is_err(), "{text}");
        }
    }

    fn nodes() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            Just(r#""dir" : true"#.to_owned()),
            "[a-z\\\\\"é😀/]{0,6}"
                .prop_map(|value| format!(r#""value":{}"#, serde_json::json!(value))),
            "/[a-z]{1,3}".prop_map(|key| format!(r#""key":"{key}""#)),
            any::<u64>().prop_map(|index| format!(r#""modifiedIndex":{index}"#)),
            Just(r#""shard":[{"nodes":[{}]},-1.5e3,"}]"]"#.to_owned()),
            Just(r#""nodes":null"#.to_owned()),
        ];
        let leaf = field.prop_map(|field| format!("{{{field}}}"));
        leaf.prop_recursive(6, 40, 4, |below| {
            proptest::collection::vec(below, 0..4).prop_map(|below| {
                format!(
                    r#"{{ "ttl":5, "\u006eodes" : [ {} ] , "createdIndex":1}}"#,
                    below.join(" , ")
                )
            })
        })
    }

    proptest! {
        #[test]
        fn both_readers_read_the_same(node in nodes(), previous in nodes()) {
            let text = format!(r#" {{"node":{node}, "action":"set","prevNode" : {previous} }} "#);
            let usual: KeyReplyBody = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read(&text).unwrap(), usual);
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[{}\[\]",:a0n \\é]{0,40}"#, at: proptest::sample::Index) {
            let (mut whole, _) = chain(3);
            whole.insert_str(at.index(whole.len()), &text);
            prop_assert_eq!(read(&whole).ok(), serde_json::from_str(&whole).ok());
        }
    }
}
