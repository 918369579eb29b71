//! Leases of a user whose token expires.

use std::time::Duration;

use etcd_client::{Client, Config};
use etcd_live::each::{PATIENCE, run};
use etcd_live::etcd::{cluster_of, oldest_and_newest};
use etcd_live::members::Options;
use etcd_live::proxy::{Cut, Proxy};
use tokio::time::sleep;

use crate::{exists, seconds};

#[test]
fn a_lease_is_kept_while_tokens_expire() {
    for etcd in oldest_and_newest() {
        // Before 3.5 a token lives for five minutes, whatever one says.
        let has_ttl = (etcd.version.major, etcd.version.minor) >= (3, 5);
        let flags = if has_ttl { vec!["--auth-token-ttl=2".to_owned()] } else { Vec::new() };
        let options = Options { in_memory: true, flags, patience: PATIENCE, ..Options::default() };
        let cluster = cluster_of(&etcd, 1, &options);
        println!("etcd {}", etcd.version);
        run(async {
            let anybody = Client::new(&cluster.endpoints()[0]).expect("a server");
            let auth = anybody.auth();
            auth.user_add("root", "secret").await.expect("no such user yet");
            auth.user_grant_role("root", "root").await.expect("the role is there");
            auth.enable().await.expect("it was off");

            let proxy = Proxy::to(&cluster.endpoints()[0]).expect("a proxy");
            let config = Config::default().credentials("root", "secret");
            let client = Client::with_config(&proxy.endpoint(), config).expect("a server");
            let kept = client.lease().grant_and_keep(seconds(6)).await.expect("a lease");
            let lock = client.lock("l", seconds(6)).await.expect("it is free");
            for cut in 0..6 {
                sleep(Duration::from_millis(2500)).await;
                proxy.cut(Cut::Reset).expect("a proxy");
                assert!(!kept.surely_held_for().is_zero(), "lost after {cut} cuts: {kept:?}");
                assert!(!lock.surely_held_for().is_zero(), "lost after {cut} cuts: {lock:?}");
            }
            assert!(exists(&client, kept.id()).await);
            lock.put("k", "v").await.expect("it is held");
            lock.release().await.expect("it is held");
        });
    }
}
