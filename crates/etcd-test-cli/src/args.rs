//! What is said on the command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use etcd_client::session::{Api, Key, SessionOptions};
use etcd_client::{Config, Ttl};
use etcd_test_server::Version;

use crate::access::{self, Access};

/// Get, set, watch and lock keys in etcd.
#[derive(Debug, Parser)]
#[command(name = "etcd-test", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Servers, separated by commas, semicolons or white space: host:port, https://host:port, unix:/path
    /// [default: 127.0.0.1:2379]
    #[arg(
        short,
        long,
        global = true,
        env = "ETCD_SERVERS",
        // It may hold what is not to be shown.
        hide_env_values = true,
        value_name = "LIST"
    )]
    pub(crate) servers: Option<String>,
    /// Servers from the SRV records of a domain, instead of those named
    #[arg(long, global = true, env = "ETCDCTL_DISCOVERY_SRV", value_name = "DOMAIN")]
    pub(crate) discovery_srv: Option<String>,
    /// Records of this name alone, of a domain that has several clusters
    #[arg(long, global = true, env = "ETCDCTL_DISCOVERY_SRV_NAME", value_name = "NAME")]
    pub(crate) discovery_srv_name: Option<String>,
    /// The API to speak
    #[arg(long, global = true, value_enum, env = "ETCD_API", default_value_t = ApiName::Auto)]
    api: ApiName,
    /// How results are written
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// How long a call may take, in seconds
    #[arg(long, global = true, default_value = "5", value_name = "SECONDS")]
    #[arg(allow_negative_numbers = true, value_parser = seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    access: Access,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Options may stand before or after the command, and commands in upper case.
Exit status: 0 done; 1 failed; 2 usage; 3 key not found; 4 precondition failed, or lock not ours;
5 outcome unknown; 6 no server could be reached; 130 interrupted; 143 terminated.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApiName {
    /// Whichever the servers speak
    Auto,
    /// HTTP and JSON, up to etcd 3.5
    V2,
    /// gRPC
    V3,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people and simple scripts
    Text,
    /// For machines: one object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the value of a key
    Get(Get),
    /// Print what a directory holds, a key a line, directories with a trailing slash
    #[command(visible_alias = "ls")]
    List(List),
    /// Draw everything below a directory
    Tree(Tree),
    /// Write a value and print the index of the change
    Set(Set),
    /// Remove a key
    #[command(visible_alias = "rm")]
    Delete(Delete),
    /// Print the changes of a key and all below it, a line each
    Watch(Watch),
    /// Print the member that leads: id, name, client URLs
    Leader,
    /// Take a lock and print the index that renews and unlocks it, or run a command under it
    Lock(Lock),
    /// Give up a lock
    Unlock(Unlock),
    /// Run an etcd in memory, for development, until interrupted
    Serve(Serve),
    /// Show what all this is for, on servers in this process or on those that are named
    Demo,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:2379", value_parser = address, value_name = "IP:PORT")]
    pub(crate) listen: SocketAddr,
    /// The etcd to answer as: 0.3, 2.3, 3.4, 3.5 or 3.7
    #[arg(long = "version", default_value = "3.7", value_parser = served, value_name = "VERSION")]
    pub(crate) version: Version,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    #[arg(value_parser = keys())]
    pub(crate) key: OsString,
    /// Print the value as it is: no newline added, nothing escaped
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[arg(default_value = "/", value_parser = keys())]
    pub(crate) prefix: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct Tree {
    #[arg(default_value = "/", value_parser = keys())]
    pub(crate) prefix: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[arg(value_parser = keys())]
    pub(crate) key: OsString,
    /// The value; `-` reads it from standard input
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: OsString,
    /// Write only where this value stands
    #[arg(
        short,
        long,
        alias = "precond",
        allow_hyphen_values = true,
        value_name = "VALUE",
        conflicts_with = "absent"
    )]
    pub(crate) previous: Option<OsString>,
    /// Write only where nothing stands
    #[arg(long)]
    pub(crate) absent: bool,
    /// How long the value lives, in seconds; without end when left out
    #[arg(short, long, allow_hyphen_values = true, value_name = "SECONDS")]
    pub(crate) ttl: Option<Ttl>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[arg(value_parser = keys())]
    pub(crate) key: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[arg(default_value = "/", value_parser = keys())]
    pub(crate) prefix: OsString,
    /// Start with the first change at or after this index
    #[arg(short, long, allow_hyphen_values = true, value_parser = index, value_name = "INDEX")]
    pub(crate) index: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = count)]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Lock {
    #[arg(value_parser = keys())]
    pub(crate) key: OsString,
    /// How long the lock lasts without being renewed, in seconds
    #[arg(short, long, allow_hyphen_values = true, value_name = "SECONDS")]
    pub(crate) ttl: Ttl,
    /// Renew the lock that has this index, instead of taking one
    #[arg(short, long, allow_hyphen_values = true, value_parser = index, value_name = "INDEX", conflicts_with = "command")]
    pub(crate) index: Option<u64>,
    /// How long to wait for one's turn, in seconds; as long as it takes when left out
    #[arg(long, allow_negative_numbers = true, value_parser = seconds_or_none, value_name = "SECONDS")]
    pub(crate) wait: Option<Duration>,
    /// Run this while the lock is held; with all that it started it is ended when the lock is lost
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Unlock {
    #[arg(value_parser = keys())]
    pub(crate) key: OsString,
    /// The index that taking the lock printed
    #[arg(short, long, allow_hyphen_values = true, value_parser = index, value_name = "INDEX")]
    pub(crate) index: u64,
}

impl Cli {
    pub(crate) fn from_command_line(
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        Self::try_parse_from(command_first(args))
    }

    /// The servers that were named, or where a server is by default.
    pub(crate) fn servers(&self) -> &str {
        self.servers.as_deref().unwrap_or("127.0.0.1:2379")
    }

    /// The API to speak, `Auto` for whichever the servers speak.
    pub(crate) fn api(&self) -> Api {
        match self.api {
            ApiName::Auto => Api::Auto,
            ApiName::V2 => Api::V2,
            ApiName::V3 => Api::V3,
        }
    }

    pub(crate) fn session_options(&self) -> anyhow::Result<SessionOptions> {
        let config = Config::default().deadline(self.timeout);
        let config = self.access.apply(config, self.servers())?;
        Ok(SessionOptions::new().api(self.api()).config(config))
    }
}

/// Options that take a value, so that the word after them is no command.
const WITH_VALUE: &[&str] = &[
    "-s",
    "--servers",
    "--discovery-srv",
    "--discovery-srv-name",
    "--api",
    "-o",
    "--output",
    "--timeout",
    "-p",
    "--previous",
    "--precond",
    "-t",
    "--ttl",
    "-i",
    "--index",
    "--count",
    "--wait",
    "--listen",
    // Alone it asks for ours, and no command follows.
    "--version",
];

/// Moves the command to the front and writes it in lower case, so that it takes options that
/// stand before it, as the C tool did.
fn command_first(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let mut at = 1;
    while let Some(text) = args.get(at).and_then(|arg| arg.to_str()) {
        match text {
            "--" => return args,
            option if WITH_VALUE.contains(&option) => at += 2,
            option if access::WITH_VALUE.contains(&option) => at += 2,
            option if option.starts_with('-') => at += 1,
            command => {
                let command = command.to_ascii_lowercase();
                args.remove(at);
                args.insert(1, command.into());
                return args;
            }
        }
    }
    args
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || {
        format!(
            "{text:?} is no address; one is an IP and a port, such as 127.0.0.1:2379 or [::1]:0"
        )
    };
    text.parse().map_err(|_| wrong())
}

fn served(text: &str) -> Result<Version, String> {
    let minor = |version: &Version| version.number().rsplit_once('.').map(|(minor, _)| minor);
    let mut known = Version::ALL.into_iter();
    let found = known.find(|known| minor(known) == Some(text) || known.number() == text);
    found.ok_or_else(|| format!("{text:?} is not offered; give one of 0.3, 2.3, 3.4, 3.5, 3.7"))
}

/// Keys as they are typed, in bytes that need not be text.
fn keys() -> impl TypedValueParser<Value = OsString> {
    let usable = |typed: OsString| Key::parse(typed.as_bytes()).map(|_| typed);
    OsStringValueParser::new().try_map(usable)
}

fn index(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!("{text:?} is no index; one is a number from 1 on, as set, watch and lock print it")
    };
    text.parse().ok().filter(|&index| index > 0).ok_or_else(wrong)
}

fn count(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no count; one is a number from 1 on");
    text.parse().ok().filter(|&count| count > 0).ok_or_else(wrong)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let time = seconds_or_none(text)?;
    if time.is_zero() {
        Err(format!("{text:?} is too short; give more than 0 seconds"))
    } else {
        Ok(time)
    }
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; one is seconds, such as 5 or 0.5, up to a year");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let year = 365.0 * 24.0 * 3600.0;
    Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= year).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, String> {
        let args =
            std::iter::once("etcd-test").chain(line.split(' ').filter(|word| !word.is_empty()));
        Cli::from_command_line(args.map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn options_stand_anywhere_and_commands_in_any_case() {
        for line in [
            "-s a:1 -t 5 SET k v",
            "set -t 5 k v -s a:1",
            "--ttl 5 Set --servers=a:1 k v",
            "-s a:1 set k -t 5 v",
            "-s a:1 --discovery-srv a --discovery-srv-name b set k -t 5 v",
        ] {
            let cli = parse(line).unwrap();
            let Command::Set(set) = &cli.command else { panic!("{line}") };
            assert_eq!(
                (cli.servers(), set.key.to_str(), set.value.to_str()),
                ("a:1", Some("k"), Some("v")),
                "{line}"
            );
            assert_eq!(set.ttl, Ttl::from_seconds(5), "{line}");
        }
    }

    #[test]
    fn a_server_is_described_before_or_after_its_command() {
        for line in [
            "serve --listen 127.0.0.1:0 --version 3.4",
            "--version 3.4 --listen 127.0.0.1:0 Serve",
            "--listen 127.0.0.1:0 serve --version 3.4.23",
        ] {
            let cli = parse(line).unwrap();
            let Command::Serve(serve) = &cli.command else { panic!("{line}") };
            assert_eq!((serve.listen.port(), serve.version), (0, Version::V3_4), "{line}");
        }
        for line in ["--version", "-V"] {
            assert!(parse(line).unwrap_err().starts_with("etcd-test "), "{line}");
        }
    }

    #[test]
    fn values_may_begin_with_a_hyphen() {
        let Command::Set(set) = parse("set k -5").unwrap().command else { panic!() };
        assert_eq!(set.value, "-5");
        let Command::Set(set) = parse("set -p -1 k -").unwrap().command else { panic!() };
        assert_eq!((set.previous.unwrap(), set.value), ("-1".into(), "-".into()));
        let Command::Lock(lock) = parse("lock -t 5 k -- sh -c GET").unwrap().command else {
            panic!()
        };
        assert_eq!(lock.command, ["sh", "-c", "GET"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (line, input, right) in [
            ("set -t 0 k v", "\"0\"", "from 1"),
            ("set -t -1 k v", "\"-1\"", "from 1"),
            ("lock -t abc k", "\"abc\"", "from 1"),
            ("lock k", "--ttl", "required"),
            ("watch -i x /", "\"x\"", "from 1"),
            ("unlock -i 0 k", "\"0\"", "from 1"),
            ("watch --count 0 /", "\"0\"", "from 1"),
            ("--timeout 0 get k", "\"0\"", "more than 0"),
            ("--timeout inf get k", "\"inf\"", "seconds"),
            ("--api v9 get k", "v9", "auto"),
            ("serve --listen here", "\"here\"", "127.0.0.1:2379"),
            ("serve --version 9", "\"9\"", "3.7"),
            ("get ..", "\"..\"", "name the key itself"),
            ("list a/../b", "\"a/../b\"", "name the key itself"),
            ("lock -t 5 . -- true", "\".\"", "name the key itself"),
            ("fetch k", "fetch", "get"),
            ("get", "<KEY>", "required"),
            ("lock -t 5 -i 3 k -- true", "--index", "cannot be used"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(
                error.contains(input) && (error.contains(right) || error.contains("Usage")),
                "{line}: {error}"
            );
        }
    }

    #[test]
    fn the_description_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
