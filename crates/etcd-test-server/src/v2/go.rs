//! JSON as Go reads it: names in any case, and null for whatever is left out.

use serde_json::{Deserializer, Map, Value};

pub(super) type Fields = Map<String, Value>;

/// The first value in a text; whatever follows it is not looked at.
pub(super) fn first(text: &str) -> Option<Value> {
    Deserializer::from_str(text).into_iter().next()?.ok()
}

/// A field of a name in whatever case.
pub(super) fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    let other = || fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    fields.get(name).or_else(|| other().map(|(_, value)| value))
}

/// An object, where there is one at all; none where it is something else.
pub(super) fn object(value: Option<&Value>) -> Option<Option<Fields>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::Object(fields)) => Some(Some(fields.clone())),
        Some(_) => None,
    }
}

/// A text, which is empty where there is none; none where it is something else.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    match value {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => None,
    }
}

/// Texts, where there are any at all; none where it is something else.
pub(super) fn texts(value: Option<&Value>) -> Option<Option<Vec<String>>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::Array(values)) => {
            values.iter().map(|value| text(Some(value))).collect::<Option<_>>().map(Some)
        }
        Some(_) => None,
    }
}

/// What Go calls a value that does not fit.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
