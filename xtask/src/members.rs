//! Real etcd members on loopback, started and stopped by this process.
//!
//! The file needs std alone and stands alone: `cargo xtask cluster` uses it, and the live tests
//! include it by path. Nothing here prints; every failure is an [`io::Error`] that says which
//! member, and shows the end of its log.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The version of an etcd server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The generation: 0, 2 or 3.
    pub major: u32,
    /// The release series.
    pub minor: u32,
    /// The patch, without any pre-release mark.
    pub patch: u32,
}

impl Version {
    /// Reads what `etcd --version` prints; `None` where its first line has no version.
    pub fn parse(output: &str) -> Option<Self> {
        output.lines().next()?.split_whitespace().find_map(Self::from_word)
    }

    /// Whether this server answers below `/v2`; 3.6 removed it.
    pub fn serves_v2(self) -> bool {
        (self.major, self.minor) < (3, 6)
    }

    /// Whether this server speaks gRPC, which came with 3.0.
    pub fn serves_v3(self) -> bool {
        self.major >= 3
    }

    /// Whether the v2 API is there, yet off unless asked for.
    fn must_enable_v2(self) -> bool {
        self.serves_v2() && (self.major, self.minor) >= (3, 4)
    }

    /// Whether `--logger` and `--log-level` are known.
    fn has_logger_flags(self) -> bool {
        (self.major, self.minor) >= (3, 4)
    }

    fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.strip_prefix('v').unwrap_or(word).splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let digits = parts.next()?.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self { major, minor, patch: digits.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An etcd program that was asked for its version.
#[derive(Clone, Debug)]
pub struct Etcd {
    /// Where the program is.
    pub path: PathBuf,
    /// What `--version` said.
    pub version: Version,
}

impl Etcd {
    /// Runs `PATH --version` and remembers the answer.
    pub fn at(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let output = clean_command(&path).arg("--version").output().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", path.display()))
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(&text).ok_or_else(|| {
            let (said, path) = (text.lines().next().unwrap_or_default(), path.display());
            io::Error::other(format!("{path} is not etcd: --version printed {said:?}"))
        })?;
        Ok(Self { path, version })
    }
}

/// How a cluster is to be run; the default is etcd's own timing on free ports.
#[derive(Clone, Debug)]
pub struct Options {
    /// The leader's heartbeat, 100 ms by default.
    pub heartbeat: Duration,
    /// Silence after which a follower stands for election, 1 s by default.
    pub election: Duration,
    /// Further flags for each member, as `--name=value`.
    pub flags: Vec<String>,
    /// Client ports are this one and every second after it; peers have those between.
    ///
    /// By default free ports below the kernel's ephemeral range are picked, so that no outgoing
    /// connection can take the port of a member while it is down.
    pub base_port: Option<u16>,
    /// Keeps a terminal's Ctrl-C from the members: the caller has to stop them.
    pub own_process_group: bool,
    /// How long members may take until they are healthy, 30 s by default.
    pub patience: Duration,
    /// Keeps data and logs in memory, below `/dev/shm`, on systems that have it.
    ///
    /// Members then wait for no disk, which makes their timing steadier.
    pub in_memory: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election: Duration::from_secs(1),
            flags: Vec::new(),
            base_port: None,
            own_process_group: false,
            patience: Duration::from_secs(30),
            in_memory: false,
        }
    }
}

/// One member: its ports and folder outlive its process.
#[derive(Debug)]
pub struct Member {
    /// The name in the cluster: `m1`, `m2` and so on.
    pub name: String,
    /// Where clients are served, on 127.0.0.1.
    pub client_port: u16,
    /// Where the other members are served, on 127.0.0.1.
    pub peer_port: u16,
    /// Holds `data/` and `etcd.log`.
    pub dir: PathBuf,
    child: Option<Child>,
}

impl Member {
    /// The address for clients: `127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    /// The URL for clients: `http://127.0.0.1:PORT`.
    pub fn client_url(&self) -> String {
        format!("http://{}", self.endpoint())
    }

    /// The process, while the member was started and not killed.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether the member answers, and has a leader to commit with.
    pub fn is_healthy(&self) -> bool {
        // 2.x and 3.x write the word as a string, some with a space before it.
        self.get("/health").is_ok_and(|(status, body)| status == 200 && body.contains("true"))
    }

    /// Whether the member says that it leads.
    pub fn is_leader(&self) -> bool {
        match self.get("/v2/stats/self") {
            // 3.6 has no v2 API, and before 3.1 there was no such metric.
            Ok((404, _)) => self
                .get("/metrics")
                .is_ok_and(|(_, metrics)| metrics.contains("\netcd_server_is_leader 1\n")),
            Ok((_, statistics)) => statistics.contains("\"StateLeader\""),
            Err(_) => false,
        }
    }

    /// Plain `GET path` from this member: status and body.
    pub fn get(&self, path: &str) -> io::Result<(u16, String)> {
        http_get(self.client_port, path, Duration::from_secs(2))
    }

    /// The last lines that the member wrote.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// How the process ended, when it did so by itself.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), Child::try_wait)
    }

    fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("etcd.log")
    }

    fn spawn(&mut self, etcd: &Etcd, initial_cluster: &str, options: &Options) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut command = clean_command(&etcd.path);
        command
            .args(self.flags(etcd.version, initial_cluster, options))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        #[cfg(unix)]
        if options.own_process_group {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        self.child = Some(command.spawn()?);
        Ok(())
    }

    fn flags(&self, version: Version, initial_cluster: &str, options: &Options) -> Vec<String> {
        let (client, peer) = (self.client_url(), self.peer_url());
        let mut flags = vec![
            format!("--name={}", self.name),
            format!("--data-dir={}", self.dir.join("data").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={initial_cluster}"),
            "--initial-cluster-state=new".to_owned(),
            format!("--heartbeat-interval={}", options.heartbeat.as_millis()),
            format!("--election-timeout={}", options.election.as_millis()),
        ];
        if version.must_enable_v2() {
            flags.push("--enable-v2=true".to_owned());
        }
        if version.has_logger_flags() {
            flags.extend(["--logger=zap", "--log-level=error"].map(str::to_owned));
        }
        flags.extend_from_slice(&options.flags);
        flags
    }

    fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = self.pid().ok_or_else(|| io::Error::other(format!("{} is down", self.name)))?;
        let status = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("kill -{signal} {pid} ({}): {status}", self.name)))
    }

    /// Why the member is not up, with the end of its log.
    fn failure(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!(
            "etcd member {} {why}; its log ends:\n{}",
            self.name,
            self.log_tail()
        ))
    }
}

/// A cluster of members that live no longer than this value.
///
/// Dropping it kills the members and removes their data. A `static` is never dropped: keep the
/// cluster in the test that uses it.
#[derive(Debug)]
pub struct Cluster {
    etcd: Etcd,
    options: Options,
    members: Vec<Member>,
    initial_cluster: String,
    root: PathBuf,
}

impl Cluster {
    /// Starts `size` members and waits until all are healthy.
    ///
    /// Picked ports that another process takes in the meantime are replaced, twice.
    pub fn start(etcd: &Etcd, size: usize, options: &Options) -> io::Result<Self> {
        let mut attempts_left = if options.base_port.is_some() { 0 } else { 2 };
        loop {
            match Self::start_once(etcd, size, options) {
                Err(error) if attempts_left > 0 && is_port_taken(&error) => attempts_left -= 1,
                result => return result,
            }
        }
    }

    /// The members, in the order of their names.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The program that the members run.
    pub fn etcd(&self) -> &Etcd {
        &self.etcd
    }

    /// All members' addresses for clients, `127.0.0.1:PORT` each.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(Member::endpoint).collect()
    }

    /// Kills a member as a power cut would; its data and ports are kept.
    pub fn kill(&mut self, index: usize) -> io::Result<()> {
        self.members[index].kill()
    }

    /// Starts a killed member again, on the same data and ports, without waiting for it.
    pub fn start_again(&mut self, index: usize) -> io::Result<()> {
        self.members[index].kill()?;
        self.members[index].spawn(&self.etcd, &self.initial_cluster, &self.options)
    }

    /// Freezes a member: its sockets stay open, and nothing is answered.
    pub fn pause(&self, index: usize) -> io::Result<()> {
        self.members[index].signal("STOP")
    }

    /// Lets a frozen member go on.
    pub fn resume(&self, index: usize) -> io::Result<()> {
        self.members[index].signal("CONT")
    }

    /// The member that says it leads, `None` during an election.
    ///
    /// A leader that was just cut off may still say so.
    pub fn leader(&self) -> Option<usize> {
        self.members.iter().position(Member::is_leader)
    }

    /// Waits until each member that was not killed is healthy and knows all members by name.
    pub fn wait_healthy(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + self.options.patience;
        let names: Vec<_> = self.members.iter().map(|m| format!("\"{}\"", m.name)).collect();
        for member in self.members.iter_mut().filter(|m| m.child.is_some()) {
            while !(member.is_healthy() && lists_all(member, &names)) {
                if let Some(status) = member.exited()? {
                    return Err(member.failure(format_args!("ended with {status}")));
                }
                if Instant::now() >= deadline {
                    let patience = self.options.patience;
                    return Err(member.failure(format_args!("is not healthy after {patience:?}")));
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// The first member whose process ended by itself, as an error with the end of its log.
    pub fn first_dead(&mut self) -> io::Result<Option<io::Error>> {
        for member in &mut self.members {
            if let Some(status) = member.exited()? {
                return Ok(Some(member.failure(format_args!("ended with {status}"))));
            }
        }
        Ok(None)
    }

    fn start_once(etcd: &Etcd, size: usize, options: &Options) -> io::Result<Self> {
        let ports = match options.base_port {
            Some(base) => ports_from(base, size)?,
            None => free_ports(2 * size)?,
        };
        let root = new_temp_dir(options.in_memory)?;
        let members: Vec<_> = ports
            .chunks_exact(2)
            .enumerate()
            .map(|(index, pair)| {
                let name = format!("m{}", index + 1);
                let dir = root.join(&name);
                Member { name, client_port: pair[0], peer_port: pair[1], dir, child: None }
            })
            .collect();
        let peers: Vec<_> =
            members.iter().map(|m| format!("{}={}", m.name, m.peer_url())).collect();
        let (etcd, options, initial_cluster) = (etcd.clone(), options.clone(), peers.join(","));
        // From here on dropping the cluster undoes whatever was started.
        let mut cluster = Self { etcd, options, members, initial_cluster, root };
        for member in &mut cluster.members {
            member.spawn(&cluster.etcd, &cluster.initial_cluster, &cluster.options)?;
        }
        cluster.wait_healthy()?;
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            // Nothing better can be done in a drop than to go on with the next one.
            let _ = member.kill();
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Sends `GET path` to a loopback port and returns status and body.
pub fn http_get(port: u16, path: &str, timeout: Duration) -> io::Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // HTTP/1.0: the body ends with the connection and is never chunked.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 8192]);
    // Ports for peers keep the connection open even so.
    while !is_complete(&reply) {
        match stream.read(&mut buffer)? {
            0 => break,
            length => reply.extend_from_slice(&buffer[..length]),
        }
    }
    parse_reply(&String::from_utf8_lossy(&reply)).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{address}{path}: not an HTTP reply"))
    })
}

/// Picks ports of 127.0.0.1 that nobody listens on, below the kernel's ephemeral range.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    const FIRST: u32 = 20_000;
    const SPAN: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that start together search from different places.
    let start = std::process::id().wrapping_mul(131);
    // Holding the listeners until the end keeps one port from being picked twice.
    let mut held = Vec::new();
    for _ in 0..SPAN {
        if held.len() == count {
            break;
        }
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % SPAN;
        let port = u16::try_from(FIRST + offset).map_err(io::Error::other)?;
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    if held.len() < count {
        return Err(io::Error::other(format!("fewer than {count} free ports on 127.0.0.1")));
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn ports_from(base: u16, size: usize) -> io::Result<Vec<u16>> {
    let count = u16::try_from(2 * size).map_err(io::Error::other)?;
    let end = base.checked_add(count).ok_or_else(|| {
        io::Error::other(format!(
            "base port {base} is too high: {count} ports do not fit below 65536"
        ))
    })?;
    for port in base..end {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
    }
    Ok((base..end).collect())
}

/// A command without the `ETCD_…` variables, which etcd would read as flags.
fn clean_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ETCD_") {
            command.env_remove(name);
        }
    }
    // etcd before 3.5 refuses to start elsewhere than on amd64 unless told that we know.
    if std::env::consts::ARCH == "aarch64" {
        command.env("ETCD_UNSUPPORTED_ARCH", "arm64");
    }
    command
}

fn new_temp_dir(in_memory: bool) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let memory = Path::new("/dev/shm");
    let base = if in_memory && memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("etcd-members-{}-{number}", std::process::id());
        let dir = base.join(name);
        match fs::create_dir(&dir) {
            // Left behind by a killed process that had the same id.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| dir),
        }
    }
}

/// Asked as another member would ask: this list is there with and without the v2 API.
fn lists_all(member: &Member, names: &[String]) -> bool {
    http_get(member.peer_port, "/members", Duration::from_secs(2))
        .is_ok_and(|(_, body)| names.iter().all(|name| body.contains(name)))
}

fn is_port_taken(error: &io::Error) -> bool {
    error.to_string().contains("address already in use")
}

fn parse_reply(reply: &str) -> Option<(u16, String)> {
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Whether a reply that says its length has come to its end.
fn is_complete(reply: &[u8]) -> bool {
    let Some(end) = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&reply[..end]);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: Option<usize> = length.and_then(|(_, value)| value.trim().parse().ok());
    length.is_some_and(|length| reply.len() >= end + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch }
    }

    #[test]
    fn versions_are_read_from_what_etcd_prints() {
        let cases = [
            ("etcd Version: 3.4.23\nGit SHA: Not provided\nGo Version: go1.19.8\n", (3, 4, 23)),
            ("etcd Version: 2.3.8\n", (2, 3, 8)),
            ("etcd Version: 3.6.0-rc.2\n", (3, 6, 0)),
            ("etcd Version: 3.5.16+dfsg\n", (3, 5, 16)),
            ("etcd version v0.4.9\n", (0, 4, 9)),
        ];
        for (output, (major, minor, patch)) in cases {
            assert_eq!(Version::parse(output), Some(version(major, minor, patch)), "{output}");
        }
        for output in ["", "etcd", "usage: foo [1.2]\n", "\n3.4.23"] {
            assert_eq!(Version::parse(output), None, "{output:?}");
        }
    }

    #[test]
    fn v2_ends_with_3_5() {
        for (v, serves, must_enable) in [
            (version(2, 0, 0), true, false),
            (version(3, 3, 27), true, false),
            (version(3, 4, 0), true, true),
            (version(3, 5, 99), true, true),
            (version(3, 6, 0), false, false),
        ] {
            assert_eq!((v.serves_v2(), v.must_enable_v2()), (serves, must_enable), "{v}");
        }
    }

    #[test]
    fn members_get_the_flags_that_their_version_knows() {
        let member = Member {
            name: "m1".to_owned(),
            client_port: 20_001,
            peer_port: 20_002,
            dir: PathBuf::from("d"),
            child: None,
        };
        let options = Options { flags: vec!["--max-wals=1".to_owned()], ..Options::default() };
        let old = member.flags(version(2, 3, 8), "m1=x", &options);
        let new = member.flags(version(3, 4, 23), "m1=x", &options);
        for flags in [&old, &new] {
            assert!(flags.contains(&"--advertise-client-urls=http://127.0.0.1:20001".to_owned()));
            assert!(flags.contains(&"--election-timeout=1000".to_owned()));
            assert_eq!(flags.last().map(String::as_str), Some("--max-wals=1"));
        }
        assert!(!old.iter().any(|f| f.starts_with("--enable-v2") || f.starts_with("--log")));
        assert!(new.contains(&"--enable-v2=true".to_owned()));
        assert!(new.contains(&"--logger=zap".to_owned()));
        let newest = member.flags(version(3, 7, 3), "m1=x", &options);
        assert!(!newest.iter().any(|f| f.starts_with("--enable-v2")));
    }

    #[test]
    fn picked_ports_differ_and_are_free() -> io::Result<()> {
        let mut ports = free_ports(6)?;
        for port in &ports {
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?;
        }
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 6);
        Ok(())
    }

    #[test]
    fn a_base_port_that_leaves_no_room_is_refused() {
        let error = ports_from(65_534, 3).expect_err("six ports do not fit");
        assert!(error.to_string().contains("base port 65534 is too high"), "{error}");
    }

    #[test]
    fn replies_are_split_into_status_and_body() {
        let reply = "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ntrue";
        assert_eq!(parse_reply(reply), Some((200, "true".to_owned())));
        assert_eq!(parse_reply("SSH-2.0\r\n\r\n"), None);
        assert_eq!(parse_reply("HTTP/1.1 200 OK\r\n"), None);
    }

    #[test]
    fn a_reply_ends_with_its_length_or_the_connection() {
        let head = "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\n";
        for (reply, ends) in [
            ("HTTP/1.0 200 OK\r\n".to_owned(), false),
            (format!("{head}tru"), false),
            (format!("{head}true"), true),
            ("HTTP/1.0 200 OK\r\n\r\ntrue".to_owned(), false),
        ] {
            assert_eq!(is_complete(reply.as_bytes()), ends, "{reply}");
        }
    }
}
