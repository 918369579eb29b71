//! Snapshots: saved whole, opened again, and nothing left of what was cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcd_client::{Client, Endpoint, Error, ErrorKind, KeyRange};
use etcd_live::proxy::{Cut, Fuse, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{each, endpoint, fill, is_since};

const SUM: usize = 32;
/// How often it is looked whether a member has got somewhere.
const LOOK: Duration = Duration::from_millis(20);

/// A directory that goes when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("etcd-live-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn save(client: &Client, member: &Endpoint, path: &Path) -> Result<u64, Error> {
    client.maintenance().snapshot(member).await?.save_to(path).await
}

#[tokio::test]
async fn a_member_starts_from_what_was_saved() -> Result<(), Error> {
    let scratch = Scratch::new("saved");
    for (mut cluster, client) in each(1, &[]) {
        fill(&client, "s/", 5_000, &[b'v'; 256]).await?;
        let before = client.kv().range(KeyRange::all()).await?.kvs;
        let path = scratch.0.join("a.snapshot");
        let written = save(&client, &endpoint(&cluster, 0), &path).await?;
        assert_eq!(scratch.names(), ["a.snapshot"]);
        let file = fs::read(&path).expect("it was saved");
        assert_eq!((written, file.len() % 512), (file.len() as u64, SUM));
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&path).expect("metadata").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);

        // The log has what came later; all else is in the database, which is now the saved one.
        client.kv().put("later", "too").await?;
        cluster.kill(0).expect("it can be killed");
        let database = cluster.members()[0].dir.join("data/member/snap/db");
        fs::write(&database, &file[..file.len() - SUM]).expect("written");
        cluster.start_again(0).expect("it can be started");
        cluster.wait_healthy().expect("it takes the database");
        let after = client.kv().range(KeyRange::prefix("s/")).await?.kvs;
        assert_eq!(after.len(), 5_000);
        assert!(after == before, "the same keys, at the same revisions");
        assert_eq!(client.kv().get("later").await?.expect("from the log").value, "too");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_cut_leaves_nothing() -> Result<(), Error> {
    let scratch = Scratch::new("cut");
    for (cluster, client) in each(1, &[]) {
        fill(&client, "s/", 5_000, &[b'v'; 256]).await?;
        let path = scratch.0.join("a.snapshot");
        let whole = save(&client, &endpoint(&cluster, 0), &path).await?;
        fs::remove_file(&path).expect("it was there");
        let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
        let through = proxy.endpoint().parse().expect("an endpoint");
        for (cut, how) in [
            (1_000, Cut::Finish),
            (whole / 2, Cut::Reset),
            // Within the sum, and behind it.
            (whole + 1_000, Cut::Finish),
        ] {
            let client = Client::new(&proxy.endpoint()).expect("a server");
            proxy.set_fuse(Fuse::in_reply(cut, how));
            match save(&client, &through, &path).await {
                Ok(written) => {
                    assert_eq!((written, cut > whole), (whole, true));
                    fs::remove_file(&path).expect("it was saved");
                }
                Err(error) => {
                    assert_eq!(*error.kind(), ErrorKind::Interrupted, "{cut}: {error:?}");
                    assert!(scratch.names().is_empty(), "{cut}: {:?}", scratch.names());
                }
            }
            proxy.clear_fuse();
        }
        // Nor does one that nobody waits for any more.
        let snapshot = client.maintenance().snapshot(&endpoint(&cluster, 0)).await?;
        let saved = tokio::time::timeout(Duration::ZERO, snapshot.save_to(&path)).await;
        assert!(saved.is_err());
        let began = std::time::Instant::now();
        while !scratch.names().is_empty() {
            assert!(began.elapsed().as_secs() < 30, "{:?}", scratch.names());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

/// Stands between a client and a member, and turns a bit in what the member answers on each
/// connection, so far in.
async fn turning(member: String, at: usize) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let here = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&member).await else { return };
            let ((mut client, mut up), (mut server, mut down)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut client, &mut down).await });
            tokio::spawn(async move {
                let (mut buffer, mut carried) = (vec![0; 16 << 10], 0);
                while let Ok(length @ 1..) = server.read(&mut buffer).await {
                    if (carried..carried + length).contains(&at) {
                        buffer[at - carried] ^= 1;
                    }
                    carried += length;
                    if up.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    here.parse().expect("an endpoint")
}

#[tokio::test]
async fn what_is_damaged_leaves_nothing() -> Result<(), Error> {
    let scratch = Scratch::new("damaged");
    for (cluster, client) in each(1, &[]) {
        fill(&client, "s/", 5_000, &[b'v'; 256]).await?;
        let path = scratch.0.join("a.snapshot");
        fs::write(&path, "an older one").expect("written");
        let through = turning(cluster.endpoints()[0].clone(), 500_000).await;
        let error = save(&client, &through, &path).await.expect_err("it is damaged");
        assert!(error.to_string().contains("checksum"), "{error:?}");
        assert_eq!(scratch.names(), ["a.snapshot"]);
        assert_eq!(fs::read(&path).expect("it is there"), b"an older one");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_left_of_a_cluster_can_be_saved() -> Result<(), Error> {
    let scratch = Scratch::new("left");
    for (mut cluster, client) in each(3, &[]) {
        client.kv().put("k", "v").await?;
        let last = endpoint(&cluster, 2);
        if is_since(&cluster, 3, 6) {
            // A cluster settles on it some time after it has begun, which those that are left cannot.
            while client.maintenance().status(&last).await?.storage_version.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
        for member in [0, 1] {
            cluster.kill(member).expect("it can be killed");
        }
        let mut snapshot = client.maintenance().snapshot(&last).await?;
        let mut length = 0;
        while let Some(piece) = snapshot.next().await.transpose()? {
            length += piece.len() as u64;
            assert!(snapshot.remaining().is_some());
        }
        assert_eq!((length % 512, snapshot.remaining()), (SUM as u64, Some(0)));
        let version = cluster.etcd().version;
        let storage = format!("{}.{}.0", version.major, version.minor);
        let expected = if is_since(&cluster, 3, 6) { storage.as_str() } else { "" };
        assert_eq!(snapshot.version(), expected);
        save(&client, &last, &scratch.0.join("left.snapshot")).await?;
    }
    Ok(())
}
