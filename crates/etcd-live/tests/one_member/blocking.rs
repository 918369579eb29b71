//! The same calls without async.

use std::time::{Duration, Instant};

use etcd_client::blocking::Session;
use etcd_client::blocking::v2::Client;
use etcd_client::session::{Api, Event, SetOptions};
use etcd_client::v2::api::{Feature, Head, KeyPermissions, RolePut, Set};
use etcd_client::v2::{self, LockOptions, WatchOptions};
use etcd_client::{CallOptions, Error, ErrorKind};
use etcd_live::etcd;
use etcd_live::members::{Cluster, Options};

use super::{PATIENCE, conflict, refusal, seconds};

fn one_member() -> Result<(Cluster, Client), Error> {
    let cluster = etcd::cluster(1);
    let client = Client::new(&etcd::servers(&cluster))?;
    Ok((cluster, client))
}

#[test]
fn keys() -> Result<(), Error> {
    let (_cluster, client) = one_member()?;
    assert_eq!(refusal(client.get("/a")), ErrorKind::KeyNotFound);
    assert_eq!(client.get_opt("/a")?, None);
    let made = client.create("/a", "1")?;
    assert_eq!(refusal(client.create("/a", "1")), conflict());
    let updated = client.update("/a", "2")?;
    let swapped = client.compare_and_swap("/a", updated.modified_index, "3")?;
    let by_value = client.compare_value_and_swap("/a", "3", "4")?;
    assert_eq!(refusal(client.compare_and_swap("/a", swapped.modified_index, "5")), conflict());
    assert_eq!(client.get("/a")?, by_value);
    assert_eq!(client.get_serializable("/a")?.created_index, made.created_index);
    client.set_with_ttl("/a", "6", seconds(60))?;
    assert!(client.refresh("/a", seconds(600))?.ttl > Some(60));
    let last = client.set("/a", "7")?.modified_index;
    client.compare_and_delete("/a", last)?;
    client.set("/a", "8")?;
    client.compare_value_and_delete("/a", "8")?;
    client.set("/a", "9")?;
    client.delete("/a")?;
    assert_eq!(client.get_opt("/a")?, None);
    Ok(())
}

#[test]
fn directories() -> Result<(), Error> {
    let (_cluster, client) = one_member()?;
    client.create_directory("/d/e")?;
    let first = client.create_in_order("/d", "1")?;
    let names = |nodes: Vec<v2::api::Node>| nodes.into_iter().map(|n| n.key).collect::<Vec<_>>();
    assert_eq!(names(client.list("/d")?), [first.key.clone(), "/d/e".to_owned()]);
    assert_eq!(names(client.list_recursive("/")?), ["/d"]);
    client.delete_directory("/d/e")?;
    client.delete_recursive("/d")?;
    assert_eq!(client.list("/")?, []);
    Ok(())
}

#[test]
fn cluster() -> Result<(), Error> {
    let (cluster, client) = one_member()?;
    let member = &cluster.members()[0];
    assert_eq!(client.machines()?, [member.client_url()]);
    let members = client.members()?;
    assert_eq!(client.leader()?, members[0]);
    assert_eq!(client.stats_self()?.name, "m1");
    assert_eq!(client.stats_leader()?.leader, members[0].id.to_string());
    assert_eq!(client.stats_store()?.watchers, 0);
    assert!(client.health()?.healthy);
    assert_eq!(client.version()?.server.to_string(), cluster.etcd().version.to_string());
    client.require(Feature::Refresh)?;
    assert_eq!(client.sync_endpoints()?.len(), 1);
    assert_eq!(client.endpoints().len(), 1);
    let head = Head::new("/".parse()?);
    let within = CallOptions::default().deadline(Duration::from_secs(1));
    assert_eq!(client.send(&head)?.etcd_index, client.send_with(&head, &within)?.etcd_index);
    let failures = client.counters().failures;
    let set = Set::new("/a".parse()?, "1");
    client.send(&set)?;
    assert_eq!(client.counters().failures, failures);
    Ok(())
}

#[test]
fn members() -> Result<(), Error> {
    let flags = vec!["--strict-reconfig-check=false".to_owned()];
    let cluster = etcd::cluster_with(3, &Options { flags, ..Options::default() });
    let client = Client::new(&etcd::servers(&cluster))?;
    let added = client.add_member(&["http://127.0.0.1:1"])?;
    client.update_member(added.id, &["http://127.0.0.1:2"])?;
    let listed = client.members()?;
    let announced = listed.iter().find(|member| member.id == added.id).expect("the member");
    assert_eq!(announced.peer_urls, ["http://127.0.0.1:2"]);
    client.remove_member(added.id)?;
    assert_eq!(client.members()?.len(), 3);
    Ok(())
}

#[test]
fn auth() -> Result<(), Error> {
    let (cluster, client) = one_member()?;
    client.create_user("root", "r")?;
    client.create_user("ann", "a")?;
    let all = KeyPermissions { read: vec!["/*".to_owned()], write: vec!["/*".to_owned()] };
    client.put_role(RolePut::new("all").permissions(all))?;
    client.grant_roles("ann", &["all"])?;
    assert_eq!(client.user("ann")?.roles.len(), 1);
    assert_eq!(client.users()?.len(), 2);
    assert_eq!(client.role("all")?.name, "all");
    assert!(client.roles()?.len() >= 2);
    client.change_password("ann", "b")?;
    let config = etcd_client::Config::default().credentials("root", "r");
    let root = Client::with_config(&etcd::servers(&cluster), config)?;
    root.enable_auth()?;
    assert!(root.auth_enabled()?);
    assert_eq!(refusal(client.users()), ErrorKind::Unauthorized);
    root.revoke_roles("ann", &["all"])?;
    root.delete_user("ann")?;
    root.delete_role("all")?;
    root.disable_auth()?;
    assert!(!client.auth_enabled()?);
    Ok(())
}

#[test]
fn watches() -> Result<(), Error> {
    let (_cluster, client) = one_member()?;
    let first = client.set("/w/a", "1")?.modified_index;
    let options = WatchOptions::new().recursive().from_index(first);
    let mut watcher = client.watch("/w", options)?;
    let event = watcher.next().expect("an event")?;
    assert!(matches!(event, v2::Event::Change(change) if change.index == first));
    let began = Instant::now();
    assert_eq!(watcher.next_within(Duration::from_millis(200))?, None);
    assert!(began.elapsed() >= Duration::from_millis(200));
    client.set("/w/b", "2")?;
    let event = watcher.next_within(PATIENCE)?.expect("an event");
    assert!(matches!(event, v2::Event::Change(change) if change.key == "/w/b"));
    Ok(())
}

#[test]
fn locks() -> Result<(), Error> {
    let (_cluster, client) = one_member()?;
    let mut lock = client.lock("/l", seconds(60))?;
    let deadline = lock.deadline();
    lock.renew()?;
    assert!(lock.deadline() > deadline);
    let busy = client.lock_with("/l", &LockOptions::new(seconds(60)).wait(Duration::ZERO));
    assert_eq!(refusal(busy), ErrorKind::LockBusy);
    let taken_up = client.renew_lock("/l", lock.index(), seconds(60))?;
    assert_eq!(taken_up.fencing_token(), lock.fencing_token());
    lock.unlock()?;
    assert_eq!(refusal(taken_up.unlock()), ErrorKind::LockLost);
    Ok(())
}

#[test]
fn a_session() -> Result<(), Error> {
    let (cluster, _client) = one_member()?;
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2())?;
    assert_eq!((session.api(), session.endpoints().len()), (Api::V2, 1));
    let index = session.set("/s/a", "1")?;
    assert_eq!(session.get("/s/a")?.index, index);
    assert_eq!(session.get_opt("/s/b")?, None);
    let swap = SetOptions::new().previous("1");
    let swapped = session.set_with("/s/a", "2", &swap)?;
    let refused = refusal(session.set_with("/s/a", "3", &swap));
    assert_eq!(refused, ErrorKind::PreconditionFailed { current: Some("2".into()) });
    assert_eq!(session.list("/s")?.len(), 1);
    assert_eq!(session.tree("/")?.walk().count(), 2);
    assert_eq!(session.leader()?.name, "m1");
    let mut watcher = session.watch("/s", Some(swapped))?;
    assert!(matches!(watcher.next(), Some(Ok(Event::Change(change))) if change.index == swapped));
    assert_eq!(watcher.next_within(Duration::from_millis(50))?, None);
    session.delete_if("/s/a", "2")?;
    session.set("/s/a", "4")?;
    session.delete("/s/a")?;
    session.close();

    let again = Session::open_with(&etcd::servers(&cluster), etcd::v2())?;
    assert_eq!(again.get_opt("/s/a")?, None);
    Ok(())
}

#[test]
fn a_lock_is_renewed_while_work_goes_on() -> Result<(), Error> {
    let (cluster, _client) = one_member()?;
    let session = Session::open_with(&etcd::servers(&cluster), etcd::v2())?;
    let mut ticket = session.lock("/l", seconds(5))?;
    let held = session.hold(&mut ticket, |held| {
        std::thread::sleep(Duration::from_secs(6));
        held.is_held()
    })?;
    assert!(held);
    let renewed = session.renew("/l", ticket.index, seconds(10))?;
    assert_eq!(renewed.index, ticket.index);
    session.unlock("/l", ticket.index)?;
    let next = session.lock_within("/l", seconds(10), Some(Duration::ZERO))?;
    assert!(next.index > ticket.index);
    Ok(())
}

#[test]
fn a_blocking_call_in_async_code_is_an_error_and_no_panic() -> Result<(), Error> {
    let (_cluster, client) = one_member()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = runtime.block_on(async { client.get("/a") });
    assert_eq!(refusal(refused), ErrorKind::InvalidInput);
    Ok(())
}
