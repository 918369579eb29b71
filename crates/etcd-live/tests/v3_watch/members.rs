//! Members that are stopped, lose their quorum, or come back with another history.

use std::path::Path;
use std::time::{Duration, Instant};

use etcd_client::v3::{Update, Watcher};
use etcd_client::{Client, Cluster as Allowed, Config, Error, ErrorKind, KeyRange};
use etcd_live::changes::next;
use etcd_live::each::{PATIENCE, until};
use etcd_live::etcd::{cluster_of, oldest_and_newest, servers};
use etcd_live::members::{Cluster, Etcd, Options};
use etcd_live::proxy::{Proxy, Way};

fn members(etcd: &Etcd, size: usize) -> Cluster {
    cluster_of(etcd, size, &Options { in_memory: true, ..Options::default() })
}

/// Puts so many keys, and waits until the watch has told each once.
async fn told_of_all(client: &Client, watcher: &mut Watcher, count: usize) -> Result<(), Error> {
    let mut due = Vec::new();
    for i in 0..count {
        due.push(client.kv().put("/w", format!("{i}")).await?.revision().0);
    }
    let mut told = Vec::new();
    while told.len() < count {
        if let Update::Changes(changes) = next(watcher).await {
            let revisions = changes.events.iter().filter_map(|event| event.kv.as_ref());
            told.extend(revisions.map(|entry| entry.mod_revision));
        }
    }
    assert_eq!(told, due);
    Ok(())
}

/// The member whose sockets stay open while it answers nothing is left, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_leaves_a_member_that_is_stopped() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let cluster = members(&etcd, 3);
        let proxies: Vec<_> =
            cluster.endpoints().iter().map(|member| Proxy::to(member).expect("a proxy")).collect();
        let through = proxies.iter().map(Proxy::endpoint).collect::<Vec<_>>().join(",");
        let mut watcher = Client::new(&through)?.watch("/w");
        watcher.created().await.expect("it stands");
        let heard = |proxy: &Proxy| proxy.carried(Way::ToClient);
        let busy = (0..3).max_by_key(|&member| heard(&proxies[member])).expect("a member");
        let mut others = cluster.endpoints();
        others.remove(busy);
        let writing = Client::new(&others.join(","))?;
        told_of_all(&writing, &mut watcher, 10).await?;
        cluster.pause(busy).expect("a member can be stopped");
        let began = Instant::now();
        until("a put while a member is stopped", async || writing.kv().put("/x", "").await.is_ok())
            .await;
        told_of_all(&writing, &mut watcher, 100).await?;
        println!(
            "etcd {}: told again {:.1} s after its member was stopped",
            etcd.version,
            began.elapsed().as_secs_f64()
        );
        assert_eq!(watcher.status().resumes, 1);
        cluster.resume(busy).expect("a member goes on");
    }
    Ok(())
}

/// Without a quorum a member's watches end, and go on once there is one again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_outlasts_the_loss_of_the_quorum() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let mut cluster = members(&etcd, 3);
        let client = Client::new(&servers(&cluster))?;
        let mut watcher = client.watch("/w");
        watcher.created().await.expect("it stands");
        told_of_all(&client, &mut watcher, 10).await?;
        for member in [1, 2] {
            cluster.pause(member).expect("a member can be stopped");
        }
        let began = Instant::now();
        while watcher.status().stands {
            assert!(began.elapsed() < PATIENCE, "a watch without a leader stands");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let noticed = began.elapsed();
        for member in [1, 2] {
            cluster.resume(member).expect("a member goes on");
        }
        cluster.wait_healthy().expect("the cluster gets well");
        told_of_all(&client, &mut watcher, 100).await?;
        println!(
            "etcd {}: the loss was noticed after {:.1} s",
            etcd.version,
            noticed.as_secs_f64()
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_does_not_go_on_in_another_cluster() -> Result<(), Error> {
    let etcds = oldest_and_newest();
    let tries = etcds.iter().flat_map(|etcd| [(etcd, Allowed::First), (etcd, Allowed::Any)]);
    for (etcd, allowed) in tries {
        let (mut one, another) = (members(etcd, 1), members(etcd, 1));
        let list = [servers(&one), servers(&another)].join(",");
        let client = Client::with_config(&list, Config::default().cluster(allowed))?;
        let mut watcher = client.watch("/w");
        watcher.created().await.expect("it stands");
        one.kill(0).expect("a member can be killed");
        let error = watcher.next().await.expect("an end").expect_err("an error");
        assert_eq!(error.kind(), &ErrorKind::AnotherHistory, "{error}");
        assert!(watcher.next().await.is_none());
        // Who watches from now on, watches what there is now, where that is allowed.
        let mut again = client.watch("/w");
        assert_eq!(again.created().await.is_some(), allowed == Allowed::Any, "{allowed:?}");
    }
    Ok(())
}

/// The same cluster from a backup: revisions that were told will come again with other changes.
#[tokio::test]
async fn a_watch_does_not_go_on_in_a_history_that_went_back() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let mut cluster = members(&etcd, 1);
        let client = Client::new(&servers(&cluster))?;
        client.kv().put("/w", "before").await?;
        let dir = cluster.members()[0].dir.clone();
        let (data, backup) = (dir.join("data"), dir.join("backup"));
        cluster.kill(0).expect("a member can be killed");
        copy(&data, &backup);
        cluster.start_again(0).expect("a member starts again");
        cluster.wait_healthy().expect("a member gets well");
        let mut watcher = client.watch(KeyRange::prefix("/w"));
        watcher.created().await.expect("it stands");
        // A connection from before is found to be gone by what may be repeated.
        client.kv().get("/w").await?;
        told_of_all(&client, &mut watcher, 20).await?;
        cluster.kill(0).expect("a member can be killed");
        std::fs::remove_dir_all(&data).expect("the data goes");
        std::fs::rename(&backup, &data).expect("the backup takes its place");
        cluster.start_again(0).expect("a member starts again");
        let error = watcher.next().await.expect("an end").expect_err("an error");
        assert_eq!(error.kind(), &ErrorKind::AnotherHistory, "{error}");
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}
