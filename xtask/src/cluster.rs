//! `cargo xtask cluster`: a real local cluster to try things on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lexopt::prelude::*;
use xtask::members::{Cluster, Options};

use crate::failure::{Failure, Outcome};
use crate::secured::Secured;
use crate::setup;

pub(crate) const HELP: &str = "\
Usage: cargo xtask cluster [N] [--etcd VERSION|PATH] [--base-port PORT] [--tls] [--auth]

Runs N (1 to 9, by default 3) etcd members on 127.0.0.1 until Ctrl-C, then stops them and
removes their data. Prints the client URLs and lines that tell etcd-test and etcdctl of them.

  --etcd VERSION     the newest etcd here of that version or series, such as 3.7; a release that
                     xtask/go pins is built with Go (default: the etcd of the v2 tests)
  --etcd PATH        that program; a name alone is looked for on PATH
  --base-port PORT   client ports PORT, PORT+2, ...; peer ports between (default: free ones)
  --tls              serve clients over TLS, those alone that have a certificate; makes an authority
                     and certificates, which are removed at the end
  --auth             with users: root, and app, who may use the keys below /app/ alone
";

#[derive(Debug, PartialEq)]
struct Args {
    size: usize,
    etcd: Option<String>,
    base_port: Option<u16>,
    tls: bool,
    auth: bool,
}

/// Runs the cluster until Ctrl-C, SIGTERM, SIGHUP or the death of a member.
pub(crate) fn command(parser: lexopt::Parser) -> Outcome {
    let args = parse(parser)?;
    let etcd = match &args.etcd {
        Some(wanted) => setup::pick(wanted)?,
        None => setup::find_etcd().map_err(Failure::new)?,
    };
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
    let options =
        Options { base_port: args.base_port, own_process_group: true, ..Options::default() };
    let mut cluster = Cluster::start(&etcd, args.size, &options)?;
    let secured = Secured::new(&mut cluster, args.tls, args.auth)?;
    announce(&cluster);
    secured.announce();
    while !interrupted.load(Ordering::Relaxed) {
        if let Some(death) = cluster.first_dead()? {
            return Err(Failure::new(death.to_string()));
        }
        thread::sleep(Duration::from_millis(100));
    }
    println!("stopping");
    Ok(())
}

fn announce(cluster: &Cluster) {
    let etcd = cluster.etcd();
    println!("etcd {} ({}), Ctrl-C stops it", etcd.version, etcd.path.display());
    for member in cluster.members() {
        println!("  {}  {}", member.name, member.client_url());
    }
    println!("export ETCD_SERVERS={}", cluster.endpoints().join(","));
}

fn parse(mut parser: lexopt::Parser) -> Result<Args, lexopt::Error> {
    let mut args = Args { size: 3, etcd: None, base_port: None, tls: false, auth: false };
    let mut seen_size = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("etcd") => args.etcd = Some(parser.value()?.string()?),
            Long("base-port") => args.base_port = Some(parser.value()?.parse()?),
            Long("tls") => args.tls = true,
            Long("auth") => args.auth = true,
            Value(size) if !seen_size => {
                args.size = size.parse()?;
                seen_size = true;
            }
            other => return Err(other.unexpected()),
        }
    }
    if !(1..=9).contains(&args.size) {
        return Err(format!("{} members: a cluster has 1 to 9", args.size).into());
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Args, String> {
        parse(lexopt::Parser::from_args(args)).map_err(|error| error.to_string())
    }

    #[test]
    fn size_etcd_and_port_are_read_in_any_order() {
        let none = Args { size: 3, etcd: None, base_port: None, tls: false, auth: false };
        assert_eq!(parsed(&["--tls", "--auth"]), Ok(Args { tls: true, auth: true, ..none }));
        let none = Args { size: 3, etcd: None, base_port: None, tls: false, auth: false };
        let all = Ok(Args { size: 5, etcd: Some("3.7".to_owned()), base_port: Some(4001), ..none });
        assert_eq!(parsed(&["5", "--base-port", "4001", "--etcd", "3.7"]), all);
        assert_eq!(parsed(&["--etcd=3.7", "--base-port=4001", "5"]), all);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (args, word) in [
            (&["0"][..], "0 members"),
            (&["10"], "10 members"),
            (&["three"], "three"),
            (&["3", "4"], "4"),
            (&["--base-port", "70000"], "70000"),
            (&["--bind"], "--bind"),
        ] {
            let error = parsed(args).expect_err("nonsense");
            assert!(error.contains(word), "{error}");
        }
    }
}
