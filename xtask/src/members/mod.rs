//! Real etcd members on loopback, started and stopped by this process.
//!
//! The module needs std alone and stands alone: `cargo xtask cluster` uses it, and the live tests
//! include it by path. Nothing here prints; every failure is an [`io::Error`] that says which
//! member, and shows the end of its log.

mod etcd;
mod loopback;
mod member;
mod ports;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use self::etcd::{Etcd, Version};
pub use self::loopback::{http_get, http_post};
pub use self::member::Member;
pub use self::ports::free_ports;

use self::ports::ports_from;

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
    /// Serves clients over TLS, those alone that have a certificate of the same authority.
    pub tls: Option<TlsFiles>,
}

/// Where a member finds what it needs for TLS, in PEM format.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The authority whose certificates clients have.
    pub ca: PathBuf,
    /// The certificate that clients are shown.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
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
            tls: None,
        }
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

    /// All members' addresses for clients, `127.0.0.1:PORT` each, with `https://` where they serve TLS.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(Member::endpoint).collect()
    }

    /// Has all members serve TLS from now on, and waits until they are healthy again.
    pub fn serve_tls(&mut self, files: TlsFiles) -> io::Result<()> {
        self.options.tls = Some(files);
        for index in 0..self.members.len() {
            self.start_again(index)?;
        }
        self.wait_healthy()
    }

    /// Kills a member as a power cut would; its data and ports are kept.
    pub fn kill(&mut self, index: usize) -> io::Result<()> {
        self.members[index].kill()
    }

    /// Asks a member to end by itself: it says goodbye (GOAWAY) on its connections before.
    pub fn terminate(&mut self, index: usize) -> io::Result<()> {
        self.members[index].signal("TERM")
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
        for member in self.members.iter_mut().filter(|m| m.pid().is_some()) {
            while !(member.is_healthy() && member.lists_all(&names)) {
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
                Member::new(name, dir, pair[0], pair[1])
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

fn is_port_taken(error: &io::Error) -> bool {
    error.to_string().contains("address already in use")
}
