//! A member that listens on a unix socket.

use std::path::Path;
use std::time::Duration;

use etcd_client::v2::WatchOptions;
use etcd_client::{Error, ErrorKind, Session, v2};
use etcd_live::etcd;
use etcd_live::members::{Cluster, Etcd, Options, free_ports};

/// etcd makes the socket in its working directory, under a name of the form `host:port`.
const SOCKET: &str = "127.0.0.1:1";

#[tokio::test]
async fn a_unix_socket_is_an_endpoint() -> Result<(), Error> {
    let directory = std::env::temp_dir().join(format!("etcd-live-unix-{}", std::process::id()));
    let member = member_in(&directory);
    let socket = directory.join(SOCKET);
    let server = format!("unix:{}", socket.display());

    let session = Session::open_with(&server, etcd::v2()).await?;
    let index = session.set("/a", "1").await?;
    assert_eq!(session.get("/a").await?.index, index);
    let client = v2::Client::new(&server)?;
    let mut watcher = client.watch("/a", WatchOptions::new().from_index(index))?;
    watcher.next().await.expect("an event")?;

    drop(member);
    let config = etcd_client::Config::default().deadline(Duration::from_secs(2));
    let gone = v2::Client::with_config(&server, config)?.get("/a").await;
    assert_eq!(*gone.expect_err("nobody listens").kind(), ErrorKind::Unreachable);
    std::fs::remove_dir_all(&directory).expect("a directory can be removed");
    Ok(())
}

/// A member whose working directory this is.
fn member_in(directory: &Path) -> Cluster {
    let etcd = etcd::etcd();
    let path = etcd.path.canonicalize().expect("etcd has a path");
    std::fs::create_dir_all(directory).expect("a directory can be made");
    std::env::set_current_dir(directory).expect("a directory can be entered");
    // The member takes the one after it too.
    let base = free_ports(2).expect("free ports")[0];
    let urls = format!("--listen-client-urls=http://127.0.0.1:{base},unix://{SOCKET}");
    let options = Options { base_port: Some(base), flags: vec![urls], ..Options::default() };
    let etcd = Etcd { path, ..etcd };
    Cluster::start(&etcd, 1, &options).expect("etcd can listen on a unix socket")
}
