//! Lists of servers that were typed.

use etcd_transport::endpoint::Endpoint;

use crate::error::Error;

/// Checks a list of servers that a person gave, before a session is opened with it.
///
/// White space separates servers, and a port may be left out; so a host with a space in it, as in
/// `my host:2379`, reads as two servers, of which the first is some other host. Where white space
/// alone stands between a server without a port and one with a port, the list is refused: a comma
/// says that two are meant. Everything else is left to the session.
///
/// ```
/// use etcd_client::servers;
///
/// assert!(servers::check("my host:2379").is_err());
/// for list in ["my, host:2379", "a:2379 b:2379", "a b c"] {
///     servers::check(list)?;
/// }
/// # Ok::<(), etcd_client::Error>(())
/// ```
///
/// # Errors
///
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the text that may mean either.
pub fn check(list: &str) -> Result<(), Error> {
    match list.split([',', ';']).find(|text| may_be_a_host_with_a_space(text)) {
        None => Ok(()),
        Some(text) => Err(Error::invalid(format!(
            "{:?} is not a list of servers: a host cannot have a space, and commas separate \
             servers; give host:port,host:port",
            text.trim()
        ))),
    }
}

fn may_be_a_host_with_a_space(text: &str) -> bool {
    let ports = |word: &str| word.parse().map_or(0, |endpoint: Endpoint| endpoint.ports().len());
    let words: Vec<_> = text.split_whitespace().map(ports).collect();
    // Without a port there are two to try.
    words.windows(2).any(|pair| pair[0] > 1 && pair[1] == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_a_space_is_refused_and_named() {
        for (list, named) in [
            ("my host:2379", "\"my host:2379\""),
            ("http://my host:2379", "\"http://my host:2379\""),
            ("a:1, my\thost:2379 ;b:2", "\"my\\thost:2379\""),
            ("my own host:2379", "\"my own host:2379\""),
            ("::1 [::1] [::1]:2379", "\"::1 [::1] [::1]:2379\""),
        ] {
            let error = check(list).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("commas"), "{list}: {error}");
        }
    }

    #[test]
    fn other_lists_are_left_to_the_session() {
        for list in ["", "a:1 b:2", "a b", "a, b:1", "a:1 b", "unix:/a b:1", "root:x@my host:1"] {
            check(list).unwrap_or_else(|error| panic!("{list}: {error}"));
        }
    }
}
