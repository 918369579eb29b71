//! One member: a process with its ports and its folder.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::Options;
use super::etcd::{Etcd, Version, clean_command};
use super::loopback::http_get;
use super::ports::free_ports;

/// How long a member may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

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
    /// Where health and metrics are served without TLS, if clients are served over it.
    metrics_port: Option<u16>,
    child: Option<Child>,
}

impl Member {
    /// The address for clients: `127.0.0.1:PORT`, or `https://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.metrics_port.is_some() { "https://" } else { "" };
        format!("{scheme}127.0.0.1:{}", self.client_port)
    }

    /// The URL for clients: `http://127.0.0.1:PORT`, or `https://127.0.0.1:PORT`.
    pub fn client_url(&self) -> String {
        let scheme = if self.metrics_port.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.client_port)
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

    /// Plain `GET path` from this member: status and body. One that serves TLS tells of its health and
    /// its metrics alone.
    pub fn get(&self, path: &str) -> io::Result<(u16, String)> {
        http_get(self.metrics_port.unwrap_or(self.client_port), path, ANSWER)
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

    pub(super) fn new(name: String, dir: PathBuf, client_port: u16, peer_port: u16) -> Self {
        Self { name, client_port, peer_port, dir, metrics_port: None, child: None }
    }

    /// Asked as another member would ask: this list is there with and without the v2 API.
    pub(super) fn lists_all(&self, names: &[String]) -> bool {
        http_get(self.peer_port, "/members", ANSWER)
            .is_ok_and(|(_, body)| names.iter().all(|name| body.contains(name)))
    }

    pub(super) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("etcd.log")
    }

    pub(super) fn spawn(
        &mut self,
        etcd: &Etcd,
        initial_cluster: &str,
        options: &Options,
    ) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        if options.tls.is_some() && self.metrics_port.is_none() {
            self.metrics_port = Some(free_ports(1)?[0]);
        }
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
        if let (Some(files), Some(port)) = (&options.tls, self.metrics_port) {
            flags.extend([
                "--client-cert-auth".to_owned(),
                format!("--trusted-ca-file={}", files.ca.display()),
                format!("--cert-file={}", files.certificate.display()),
                format!("--key-file={}", files.key.display()),
                format!("--listen-metrics-urls=http://127.0.0.1:{port}"),
            ]);
        }
        // Members of tests are killed, and machines under them are not.
        if version.may_skip_fsync() {
            flags.push("--unsafe-no-fsync".to_owned());
        }
        if version.must_enable_v2() {
            flags.push("--enable-v2=true".to_owned());
        }
        if version.has_logger_flags() {
            flags.extend(["--logger=zap", "--log-level=error"].map(str::to_owned));
        }
        flags.extend_from_slice(&options.flags);
        flags
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(super) fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = self.pid().ok_or_else(|| io::Error::other(format!("{} is down", self.name)))?;
        let status = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("kill -{signal} {pid} ({}): {status}", self.name)))
    }

    /// Why the member is not up, with the end of its log.
    pub(super) fn failure(&self, why: impl fmt::Display) -> io::Error {
        io::Error::other(format!(
            "etcd member {} {why}; its log ends:\n{}",
            self.name,
            self.log_tail()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch }
    }

    #[test]
    fn members_get_the_flags_that_their_version_knows() {
        let member = Member::new("m1".to_owned(), PathBuf::from("d"), 20_001, 20_002);
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
}
