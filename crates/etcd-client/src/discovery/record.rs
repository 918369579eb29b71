//! What SRV records say, and in which order their servers are tried: pure.

use etcd_transport::endpoint::Endpoint;

use crate::error::Error;

/// How many servers a domain may name.
const MOST_SERVERS: usize = 64;

/// Where one record says that a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) port: u16,
    pub(crate) target: String,
}

/// The name at which a domain has its servers of one scheme, as etcd's own tools ask for it.
pub(crate) fn name(scheme: Scheme, domain: &str, service: Option<&str>) -> String {
    let service = service.map(|service| format!("-{service}")).unwrap_or_default();
    let scheme = match scheme {
        Scheme::Https => "-ssl",
        Scheme::Http => "",
    };
    // The last dot keeps a resolver from trying the name below its own domains.
    format!("_etcd-client{scheme}{service}._tcp.{domain}.")
}

/// With TLS or without it: each has a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    Http,
}

/// The servers of these records in the order in which they are to be tried: by priority, and where
/// that is the same by chance, those of more weight sooner (RFC 2782). `below` gives a number below
/// its argument.
///
/// A record whose target is the root says that there is no server.
///
/// # Errors
///
/// When a record names no server.
pub(crate) fn endpoints(
    scheme: Scheme,
    records: Vec<Record>,
    mut below: impl FnMut(u32) -> u32,
) -> Result<Vec<Endpoint>, Error> {
    let mut left: Vec<_> = records.into_iter().filter(|record| record.target != ".").collect();
    // Those without weight first, so that they have their small chance.
    left.sort_by_key(|record| (record.priority, record.weight));
    let mut endpoints: Vec<Endpoint> = Vec::new();
    while let Some(first) = left.first() {
        let same = left.iter().take_while(|record| record.priority == first.priority);
        let weights: Vec<_> = same.map(|record| u32::from(record.weight)).collect();
        let sum: u32 = weights.iter().sum();
        let record = left.remove(drawn(&weights, below(sum.saturating_add(1))));
        let endpoint = endpoint(scheme, &record)?;
        if !endpoints.contains(&endpoint) && endpoints.len() < MOST_SERVERS {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

/// The first up to which the weights come to what chance says.
fn drawn(weights: &[u32], chance: u32) -> usize {
    let mut sum: u32 = 0;
    let reaches = |weight: &u32| {
        sum = sum.saturating_add(*weight);
        sum >= chance
    };
    weights.iter().position(reaches).unwrap_or(0)
}

fn endpoint(scheme: Scheme, record: &Record) -> Result<Endpoint, Error> {
    let scheme = match scheme {
        Scheme::Https => "https",
        Scheme::Http => "http",
    };
    let host = record.target.strip_suffix('.').unwrap_or(&record.target);
    Ok(format!("{scheme}://{host}:{}", record.port).parse::<Endpoint>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record { priority, weight, port: 2379, target: target.to_owned() }
    }

    fn order(records: &[Record], below: impl FnMut(u32) -> u32) -> Vec<String> {
        let endpoints = endpoints(Scheme::Http, records.to_vec(), below).unwrap();
        endpoints.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_those_of_etcds_tools() {
        for (scheme, service, expected) in [
            (Scheme::Http, None, "_etcd-client._tcp.example.com."),
            (Scheme::Https, None, "_etcd-client-ssl._tcp.example.com."),
            (Scheme::Http, Some("blue"), "_etcd-client-blue._tcp.example.com."),
            (Scheme::Https, Some("blue"), "_etcd-client-ssl-blue._tcp.example.com."),
        ] {
            assert_eq!(name(scheme, "example.com", service), expected);
        }
    }

    #[test]
    fn priority_comes_before_weight_and_weight_before_chance() {
        let records =
            [record(2, 9, "d."), record(1, 0, "a."), record(1, 30, "c"), record(1, 10, "b.")];
        assert_eq!(order(&records, |_| 0), ["a:2379", "b:2379", "c:2379", "d:2379"]);
        assert_eq!(order(&records, |below| below - 1), ["c:2379", "b:2379", "a:2379", "d:2379"]);
        assert_eq!(order(&records, |below| below / 2), ["c:2379", "b:2379", "a:2379", "d:2379"]);
    }

    #[test]
    fn chance_is_as_the_weights_have_it() {
        let records = [record(1, 1, "a"), record(1, 3, "b")];
        let mut count = 0;
        let first = (0..5u32).filter(|&chance| {
            count = 0;
            let order = order(&records, |below| {
                count += 1;
                if count == 1 { chance } else { below - 1 }
            });
            order[0] == "a:2379"
        });
        assert_eq!(first.count(), 2);
    }

    #[test]
    fn what_is_no_server_is_said_and_there_is_an_end_to_their_number() {
        assert!(order(&[record(0, 0, ".")], |_| 0).is_empty());
        for target in ["", "a b", "x@y", "127.1", "a/b"] {
            let error = endpoints(Scheme::Http, vec![record(0, 0, target)], |_| 0).unwrap_err();
            assert!(error.to_string().contains("is not a server"), "{target}: {error}");
        }
        let no_port = Record { port: 0, ..record(0, 0, "a") };
        assert!(endpoints(Scheme::Http, vec![no_port], |_| 0).is_err());
        let many: Vec<_> = (0..100).map(|at| record(0, 1, &format!("h{at}"))).collect();
        assert_eq!(order(&many, |_| 0).len(), MOST_SERVERS);
    }
}
