//! Members that come and go, and endpoints that are learnt from them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::v3::api::Member;
use etcd_client::{Client, Error};
use etcd_live::members::{Cluster, free_ports};

use super::{each, endpoint, refusal};

/// How long a learner may take to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A fourth member, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) id: u64,
    pub(super) client_port: u16,
    child: Child,
    dir: PathBuf,
}

impl Joined {
    /// Adds a learner to the cluster, and starts it.
    pub(super) async fn as_learner(cluster: &Cluster, client: &Client) -> Result<Self, Error> {
        let ports = free_ports(2).expect("free ports");
        let [peer, served] = [ports[0], ports[1]].map(|port| format!("http://127.0.0.1:{port}"));
        let added = client.cluster().member_add_as_learner([&peer]).await?;
        let id = added.member.expect("the member").id;
        let name = |member: &Member| if member.id == id { "m4" } else { &member.name }.to_owned();
        let peers: Vec<_> = added
            .members
            .iter()
            .map(|member| format!("{}={}", name(member), member.peer_urls[0]))
            .collect();
        let dir = cluster.members()[0].dir.with_file_name("m4");
        let child = Command::new(&cluster.etcd().path)
            .env_clear()
            .arg("--name=m4")
            .arg(format!("--data-dir={}", dir.display()))
            .arg(format!("--listen-client-urls={served}"))
            .arg(format!("--advertise-client-urls={served}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster={}", peers.join(",")))
            .args(["--initial-cluster-state=existing", "--logger=zap", "--log-level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd starts");
        Ok(Self { id, client_port: ports[1], child, dir })
    }

    /// Gives it a vote, as soon as it has caught up.
    pub(super) async fn promoted(&self, client: &Client) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            match client.cluster().member_promote(self.id).await {
                Ok(reply) => {
                    let own = reply.members.iter().find(|member| member.id == self.id);
                    assert!(own.is_some_and(|member| !member.is_learner), "{reply:?}");
                    return Ok(());
                }
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        // Nothing better can be done in a drop than to go on.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Each member has applied what was done so far.
///
/// A leader that has not drops another change of members, and nobody ever answers it.
pub(super) async fn settled(cluster: &Cluster, client: &Client) -> Result<(), Error> {
    for member in 0..cluster.members().len() {
        client.only(&endpoint(cluster, member)).kv().get("any").await?;
    }
    Ok(())
}

#[tokio::test]
async fn endpoints_are_learnt_from_members_that_serve() -> Result<(), Error> {
    for (mut cluster, client) in each(3, &["--strict-reconfig-check=false"]) {
        let one = Client::new(&cluster.endpoints()[0]).expect("a server");
        let texts = |endpoints: Vec<etcd_client::Endpoint>| -> BTreeSet<_> {
            endpoints.iter().map(ToString::to_string).collect()
        };
        let three: BTreeSet<_> = cluster.endpoints().into_iter().collect();
        assert_eq!(texts(one.sync().await?), three);

        // Added and not started, then a learner, then a member like the others.
        let url = format!("http://127.0.0.1:{}", free_ports(1).expect("a port")[0]);
        let added = client.cluster().member_add_as_learner([&url]).await?.member.expect("it");
        assert_eq!(texts(one.sync().await?), three);
        settled(&cluster, &client).await?;
        client.cluster().member_remove(added.id).await?;
        settled(&cluster, &client).await?;
        let joined = Joined::as_learner(&cluster, &client).await?;
        assert_eq!(texts(one.sync().await?), three);
        joined.promoted(&client).await?;
        let mut four = three.clone();
        four.insert(format!("127.0.0.1:{}", joined.client_port));
        let began = Instant::now();
        while texts(one.sync().await?) != four {
            assert!(began.elapsed() < PATIENCE, "its address is not listed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        settled(&cluster, &client).await?;
        client.cluster().member_remove(joined.id).await?;
        assert_eq!(texts(one.sync().await?), three);

        // What was configured may be gone: the others are known.
        cluster.kill(0).expect("it can be killed");
        one.kv().get("k").await?;
        one.kv().put("k", "v").await?;
        assert_eq!(texts(one.sync().await?), three);
    }
    Ok(())
}

#[tokio::test]
async fn endpoints_are_learnt_in_the_background() -> Result<(), Error> {
    let (cluster, _) = each(3, &[]).last().expect("an etcd");
    let one = Client::new(&cluster.endpoints()[1]).expect("a server");
    let syncing = one.sync_every(Duration::from_secs(3600));
    let began = Instant::now();
    while one.endpoints().len() < 3 {
        assert!(began.elapsed() < PATIENCE, "{:?}", one.endpoints());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(syncing);
    Ok(())
}

#[tokio::test]
async fn the_leader_is_found_that_is_to_let_another_lead() -> Result<(), Error> {
    for (cluster, client) in each(3, &[]) {
        let leader = client.cluster().leader().await?;
        let leads = cluster.leader().expect("a leader");
        assert_eq!(leader.name, cluster.members()[leads].name);
        let followers: Vec<_> = (0..3).filter(|&member| member != leads).collect();
        let (one, other) = (endpoint(&cluster, followers[0]), endpoint(&cluster, followers[1]));

        // A client that knows none but a follower finds the leader by the member list.
        let target = client.maintenance().status(&other).await?.header.expect("a header").member();
        client.only(&one).maintenance().move_leader(target).await?;
        assert_eq!(client.cluster().leader().await?.id, target.0);
        // Where it leads already, nothing changes.
        client.maintenance().move_leader(target).await?;
        assert_eq!(client.cluster().leader().await?.id, target.0);
        let error = client.maintenance().move_leader(1).await.expect_err("no such member");
        assert!(error.is_definitely_not_applied(), "{error:?}");
        refusal::<()>(Err(error));
    }
    Ok(())
}
