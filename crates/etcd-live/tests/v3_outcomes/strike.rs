//! Faults that strike while writes are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_client::{Client, Config};
use etcd_live::members::Cluster;
use etcd_live::proxy::{Cut, Fuse, Proxy};
use tokio::time::sleep;

use super::writes::{Log, write};

/// How many write at once, half of them by way of the struck member alone.
const WRITERS: usize = 6;
/// How long a call may take.
const DEADLINE: Duration = Duration::from_millis(800);
/// Longer than that.
const STOPPED: Duration = Duration::from_millis(1100);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The connection is reset when a request has left the client, and before it is at the member.
    ResetBefore,
    /// The connection is reset when the member has answered, and before the client hears of it.
    ResetAfter,
    /// The member is killed.
    Kill,
    /// The member is asked to end, and sends GOAWAY.
    Goaway,
    /// The member is stopped for longer than a call may take.
    Stop,
}

impl Fault {
    pub(super) const ALL: [Self; 5] =
        [Self::ResetBefore, Self::ResetAfter, Self::Kill, Self::Goaway, Self::Stop];

    /// Whether a trial takes milliseconds, and no process has to be started again.
    pub(super) fn is_quick(self) -> bool {
        matches!(self, Self::ResetBefore | Self::ResetAfter)
    }
}

/// A cluster, and what stands before its members.
pub(super) struct Struck {
    cluster: Cluster,
    proxies: Vec<Proxy>,
}

impl Struck {
    pub(super) fn new(cluster: Cluster) -> Self {
        let proxy = |to: &String| Proxy::to(to).expect("a proxy");
        let proxies = cluster.endpoints().iter().map(proxy).collect();
        Self { cluster, proxies }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Writes while a fault strikes; returns what each write reported, once all is well again.
    pub(super) async fn trial(&mut self, fault: Fault, number: usize, witness: &Client) -> Log {
        let member = number % self.proxies.len();
        let over = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let prefix = format!("/{fault:?}/{number:04}/{writer}");
            let log = Log::begin(prefix, witness).await;
            let client = self.client(fault, member, writer % 2 == 0);
            writers.push(tokio::spawn(write(client, log, Arc::clone(&over))));
        }
        // Begun, and at another moment in each trial.
        sleep(Duration::from_millis(15 + number as u64 % 7)).await;
        self.strike(fault, member, number).await;
        over.store(true, Ordering::SeqCst);
        let mut all = Log::default();
        for writer in writers {
            all.append(writer.await.expect("a writer"));
        }
        self.mend(fault, member);
        all
    }

    /// A client of all members, beginning with the struck one, or of that alone.
    fn client(&self, fault: Fault, member: usize, alone: bool) -> Client {
        let mut servers = match fault.is_quick() {
            true => self.proxies.iter().map(Proxy::endpoint).collect(),
            false => self.cluster.endpoints(),
        };
        servers.rotate_left(member);
        servers.truncate(if alone { 1 } else { servers.len() });
        let config = Config::default().deadline(DEADLINE);
        Client::with_config(&servers.join(","), config).expect("a list of servers")
    }

    async fn strike(&mut self, fault: Fault, member: usize, number: usize) {
        match fault {
            // Less than any request has, and never the same place in it.
            Fault::ResetBefore => {
                self.burn(member, Fuse::before_request(1 + number as u64 % 40)).await;
            }
            Fault::ResetAfter => {
                self.burn(member, Fuse::in_reply(number as u64 % 60, Cut::Reset)).await;
            }
            Fault::Kill => self.cluster.kill(member).expect("it can be killed"),
            Fault::Goaway => self.cluster.terminate(member).expect("it can be asked to end"),
            Fault::Stop => {
                self.cluster.pause(member).expect("it can be stopped");
                sleep(STOPPED).await;
                self.cluster.resume(member).expect("it goes on");
            }
        }
        // What comes right after it is under way too.
        sleep(Duration::from_millis(60)).await;
    }

    async fn burn(&self, member: usize, fuse: Fuse) {
        let proxy = &self.proxies[member];
        let (burnt, began) = (proxy.burnt(), Instant::now());
        proxy.set_fuse(fuse);
        while proxy.burnt() == burnt {
            assert!(began.elapsed() < etcd_live::each::PATIENCE, "nobody writes");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn mend(&mut self, fault: Fault, member: usize) {
        if matches!(fault, Fault::Kill | Fault::Goaway) {
            self.cluster.start_again(member).expect("it can be started");
        }
        self.cluster.wait_healthy().expect("all are well");
    }
}
