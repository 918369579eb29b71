//! Members, leader, statistics, version, health; changing the members of a cluster.

use std::collections::BTreeSet;

use etcd_client::v2::Client;
use etcd_client::v2::api::{Feature, LockAcquire, LockField, LockRead};
use etcd_client::{Error, ErrorKind, Session};
use etcd_live::etcd;
use etcd_live::members::{Options, free_ports};

use super::{on_each_client, one_member, refusal, seconds};

#[tokio::test]
async fn a_member_says_who_it_is() -> Result<(), Error> {
    let (cluster, client) = one_member();
    let member = &cluster.members()[0];
    assert_eq!(client.machines().await?, [member.client_url()]);
    let members = client.members().await?;
    let [only] = members.as_slice() else { panic!("{members:?}") };
    assert_eq!((only.name.as_str(), &only.client_urls), ("m1", &vec![member.client_url()]));
    assert_eq!(only.peer_urls, [format!("http://127.0.0.1:{}", member.peer_port)]);
    assert_eq!(client.leader().await?, *only);

    let version = client.version().await?;
    assert_eq!(version.server.to_string(), cluster.etcd().version.to_string());
    assert!(version.effective() <= version.server);
    assert!(client.health().await?.healthy);
    client.require(Feature::Refresh).await?;
    assert_eq!(refusal(client.require(Feature::LockModule).await), ErrorKind::Unsupported);

    let own = client.stats_self().await?;
    assert_eq!((own.name.as_str(), own.state.as_str()), ("m1", "StateLeader"));
    assert_eq!(own.leader_info.leader, only.id.to_string());
    assert_eq!(client.stats_leader().await?.leader, only.id.to_string());
    Ok(())
}

#[test]
fn the_store_counts_what_was_done() {
    on_each_client(async |client| {
        let index = client.set("/a", "1").await?.modified_index;
        let before = client.stats_store().await?;
        client.compare_and_swap("/a", index, "2").await?;
        refusal(client.compare_and_swap("/a", index, "3").await);
        client.delete("/a").await?;
        refusal(client.delete("/a").await);
        let after = client.stats_store().await?;
        assert_eq!(after.compare_and_swap_success - before.compare_and_swap_success, 1);
        assert_eq!(after.compare_and_swap_fail - before.compare_and_swap_fail, 1);
        assert_eq!(after.delete_success - before.delete_success, 1);
        assert_eq!(after.delete_fail - before.delete_fail, 1);
        Ok(())
    });
}

#[test]
fn what_only_older_servers_have_is_unsupported() {
    on_each_client(async |client| {
        let acquire = LockAcquire::new("/a".parse()?, seconds(10));
        assert_eq!(refusal(client.send(&acquire).await), ErrorKind::Unsupported);
        let read = LockRead::new("/a".parse()?, LockField::Index);
        assert_eq!(refusal(client.send(&read).await), ErrorKind::Unsupported);
        Ok(())
    });
}

#[tokio::test]
async fn members_come_and_change_and_go() -> Result<(), Error> {
    // Without the flag members are changed only after five seconds in touch with all others.
    let flags = vec!["--strict-reconfig-check=false".to_owned()];
    let cluster = etcd::cluster_with(3, &Options { flags, ..Options::default() });
    let client = Client::new(&etcd::servers(&cluster))?;
    let ports = free_ports(2).expect("free ports");
    let [first, second] = [ports[0], ports[1]].map(|port| format!("http://127.0.0.1:{port}"));

    let added = client.add_member(&[&first]).await?;
    assert_eq!((added.name.as_str(), &added.peer_urls), ("", &vec![first.clone()]));
    let again = client.add_member(&[&first]).await.expect_err("the URL is taken");
    assert_eq!(*again.kind(), ErrorKind::Refused);
    client.update_member(added.id, &[&second]).await?;
    let listed = client.members().await?;
    let announced = listed.iter().find(|member| member.id == added.id).expect("the member");
    assert_eq!(announced.peer_urls, [second]);
    client.remove_member(added.id).await?;
    let gone = client.remove_member(added.id).await.expect_err("it is gone");
    assert_eq!(*gone.kind(), ErrorKind::Refused);

    let names: BTreeSet<_> = client.members().await?.into_iter().map(|m| m.name).collect();
    assert_eq!(names, BTreeSet::from(["m1", "m2", "m3"].map(str::to_owned)));
    client.set("/still", "works").await?;
    Ok(())
}

#[tokio::test]
async fn the_leader_is_known_from_any_member() -> Result<(), Error> {
    let cluster = etcd::cluster(3);
    let leader = cluster.leader().expect("a leader");
    let expected = &cluster.members()[leader];
    for endpoint in cluster.endpoints() {
        let session = Session::open_with(&endpoint, etcd::v2()).await?;
        let leader = session.leader().await?;
        assert_eq!(
            (&leader.name, leader.client_urls),
            (&expected.name, vec![expected.client_url()])
        );
        let client = Client::new(&endpoint)?;
        let statistics = client.stats_leader().await;
        match endpoint == expected.endpoint() {
            true => assert_eq!(statistics?.followers.len(), 2),
            false => assert_eq!(refusal(statistics), ErrorKind::Refused),
        }
    }
    Ok(())
}
