//! `/v2/keys`: which operation a request asks for.

use std::time::Duration;

use http::Method;

use super::form::Form;
use crate::store::v2::{Compare, Error, Operation, Write};

/// What a request for keys asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Once { operation: Operation, silent: bool },
    Watch { recursive: bool, stream: bool, since: u64 },
}

pub(super) fn asked(method: &Method, form: &Form, now: Duration) -> Result<Asked, Error> {
    let index = form.number("prevIndex", 203)?.unwrap_or(0);
    let since = form.number("waitIndex", 203)?.unwrap_or(0);
    let recursive = form.is("recursive")?;
    form.is("sorted")?;
    let (wait, dir) = (form.is("wait")?, form.is("dir")?);
    let (quorum, stream) = (form.is("quorum")?, form.is("stream")?);
    if wait && method != Method::GET {
        return Err(Error::new(209, "\"wait\" can only be used with GET requests", 0));
    }
    let value = form.text("prevValue");
    if value == Some("") {
        return Err(Error::new(201, "\"prevValue\" cannot be empty", 0));
    }
    let silent = form.is("noValueOnSuccess")?;
    let compare = Compare { value: value.unwrap_or_default().to_owned(), index };
    let ttl = match form.text("ttl") {
        None | Some("") => None,
        Some(_) => form.number("ttl", 202)?,
    };
    let exists = form.choice("prevExist", "prevExist")?;
    let write = write(form, dir, ttl, now)?;
    let compares = compare != Compare::default();
    let operation = match *method {
        Method::PUT => match exists {
            Some(false) => Operation::Create(write),
            Some(true) if !compares => Operation::Update(write),
            None if !compares => Operation::Set(write),
            _ => Operation::CompareAndSwap(compare, write),
        },
        Method::POST => Operation::CreateInOrder(write),
        Method::DELETE if compares => Operation::CompareAndDelete(compare),
        Method::DELETE => Operation::Delete { dir, recursive },
        // A quorum read answers at once, whatever else is asked.
        _ if wait && !quorum => return Ok(Asked::Watch { recursive, stream, since }),
        _ => Operation::Get { recursive },
    };
    Ok(Asked::Once { operation, silent })
}

fn write(form: &Form, dir: bool, ttl: Option<u64>, now: Duration) -> Result<Write, Error> {
    let refresh = form.choice("refresh", "refresh")?.unwrap_or(false);
    let value = form.text("value").unwrap_or_default().to_owned();
    if refresh && !value.is_empty() {
        return Err(Error::new(211, "A value was provided on a refresh", 0));
    }
    if refresh && ttl.is_none() {
        return Err(Error::new(212, "No TTL value set", 0));
    }
    let expiration = ttl.map(|ttl| now.saturating_add(Duration::from_secs(ttl)));
    Ok(Write { value, dir, expiration, refresh })
}
