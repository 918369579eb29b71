//! Users, roles, and authentication; the member is thrown away afterwards.

use etcd_client::v2::Client;
use etcd_client::v2::api::{KeyPermissions, RolePut};
use etcd_client::{Config, Error, ErrorKind};
use etcd_live::etcd;
use etcd_live::members::Cluster;

use super::{on_each_client, one_member, refusal};

fn client_as(cluster: &Cluster, user: &str, password: &str) -> Result<Client, Error> {
    Client::with_config(&etcd::servers(cluster), Config::default().credentials(user, password))
}

fn permissions(keys: &[&str]) -> KeyPermissions {
    let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
    KeyPermissions { read: keys.clone(), write: keys }
}

#[tokio::test]
async fn a_password_is_asked_for_while_authentication_is_on() -> Result<(), Error> {
    let (cluster, nobody) = one_member();
    assert!(!nobody.auth_enabled().await?);
    assert_eq!(refusal(nobody.enable_auth().await), ErrorKind::Refused, "there is no root yet");
    nobody.create_user("root", "pässwörd: 1").await?;
    let root = client_as(&cluster, "root", "pässwörd: 1")?;
    root.enable_auth().await?;
    assert!(root.auth_enabled().await?);

    root.set("/a", "1").await?;
    // The role of those without a name may do everything until it is told otherwise.
    root.put_role(RolePut::new("guest").revoke(permissions(&["/*"]))).await?;
    let wrong = client_as(&cluster, "root", "wrong")?;
    for stranger in [&wrong, &nobody] {
        assert_eq!(refusal(stranger.get("/a").await), ErrorKind::Unauthorized);
        assert_eq!(refusal(stranger.set("/a", "2").await), ErrorKind::Unauthorized);
        assert_eq!(refusal(stranger.delete("/a").await), ErrorKind::Unauthorized);
        assert_eq!(refusal(stranger.disable_auth().await), ErrorKind::Unauthorized);
        assert_eq!(refusal(stranger.users().await), ErrorKind::Unauthorized);
    }
    assert_eq!(root.get("/a").await?.value.as_deref(), Some("1"));

    root.disable_auth().await?;
    assert!(!nobody.auth_enabled().await?);
    nobody.set("/a", "3").await?;
    Ok(())
}

#[tokio::test]
async fn a_role_gives_what_it_names() -> Result<(), Error> {
    let (cluster, client) = one_member();
    client.create_user("root", "r").await?;
    client.create_user("ann", "a").await?;
    client.put_role(RolePut::new("writer").permissions(permissions(&["/w/*"]))).await?;
    client.grant_roles("ann", &["writer"]).await?;
    let root = client_as(&cluster, "root", "r")?;
    root.enable_auth().await?;
    root.put_role(RolePut::new("guest").revoke(permissions(&["/*"]))).await?;

    let ann = client_as(&cluster, "ann", "a")?;
    ann.set("/w/a", "1").await?;
    assert_eq!(refusal(ann.set("/other", "1").await), ErrorKind::Unauthorized);
    assert_eq!(refusal(ann.users().await), ErrorKind::Unauthorized);
    root.change_password("ann", "b").await?;
    assert_eq!(refusal(ann.set("/w/a", "2").await), ErrorKind::Unauthorized);
    client_as(&cluster, "ann", "b")?.set("/w/a", "3").await?;
    assert_eq!(root.get("/w/a").await?.value.as_deref(), Some("3"));
    root.revoke_roles("ann", &["writer"]).await?;
    let ann = client_as(&cluster, "ann", "b")?;
    assert_eq!(refusal(ann.get("/w/a").await), ErrorKind::Unauthorized);
    root.disable_auth().await?;
    Ok(())
}

#[test]
fn users_and_roles_are_listed_and_removed() {
    on_each_client(async |client| {
        client.create_user("ann", "a").await?;
        client.put_role(RolePut::new("writer").permissions(permissions(&["/w/*"]))).await?;
        client.put_role(RolePut::new("writer").grant(permissions(&["/x"]))).await?;
        let user = client.grant_roles("ann", &["writer"]).await?;
        assert_eq!(user.roles.iter().map(|role| &role.name).collect::<Vec<_>>(), ["writer"]);
        let user = client.user("ann").await?;
        assert_eq!((user.name.as_str(), user.roles.len()), ("ann", 1));
        assert_eq!(client.users().await?.len(), 1);
        assert_eq!(client.role("writer").await?.permissions.kv, permissions(&["/w/*", "/x"]));
        assert!(client.roles().await?.iter().any(|role| role.name == "writer"));
        client.delete_user("ann").await?;
        client.delete_role("writer").await?;
        assert_eq!(refusal(client.user("ann").await), ErrorKind::Refused);
        assert_eq!(refusal(client.role("writer").await), ErrorKind::Refused);
        assert_eq!(client.users().await?, []);
        Ok(())
    });
}
