//! Reading, writing and removing single keys.

use etcd_client::ErrorKind;
use etcd_client::v2::api::{Action, Feature, Get, Head, Set};

use super::{conflict, on_each_client, refusal};

#[test]
fn a_key_lives_and_goes() {
    on_each_client(async |client| {
        assert_eq!(refusal(client.get("/a").await), ErrorKind::KeyNotFound);
        assert_eq!(client.get_opt("/a").await?, None);
        assert_eq!(refusal(client.update("/a", "1").await), ErrorKind::KeyNotFound);
        assert_eq!(refusal(client.delete("/a").await), ErrorKind::KeyNotFound);

        let set = client.set("/a", "1").await?;
        assert_eq!(set.created_index, set.modified_index);
        let got = client.get("/a").await?;
        assert_eq!((got.key.as_str(), got.value.as_deref()), ("/a", Some("1")));
        assert_eq!(got, client.get_serializable("a").await?);
        assert_eq!(client.get_opt("//a/").await?, Some(got));

        let updated = client.update("/a", "2").await?;
        assert_eq!(
            (updated.created_index, updated.value.as_deref()),
            (set.created_index, Some("2"))
        );
        let written = client.set("/a", "").await?;
        assert!(written.created_index > updated.modified_index, "a set makes the key anew");
        assert_eq!(client.get("/a").await?.value.as_deref(), Some(""));

        let removed = client.delete("/a").await?;
        assert_eq!(removed.action, Action::Delete);
        assert_eq!(removed.previous.and_then(|node| node.value).as_deref(), Some(""));
        assert_eq!(client.get_opt("/a").await?, None);
        Ok(())
    });
}

#[test]
fn a_key_is_created_once() {
    on_each_client(async |client| {
        client.create("/a", "1").await?;
        assert_eq!(refusal(client.create("/a", "2").await), conflict());
        assert_eq!(client.get("/a").await?.value.as_deref(), Some("1"));
        client.delete("/a").await?;
        client.create("/a", "3").await?;
        assert_eq!(client.get("/a").await?.value.as_deref(), Some("3"));
        Ok(())
    });
}

#[test]
fn a_reply_can_do_without_the_node() {
    on_each_client(async |client| {
        let reply = client.send(&Set::new("/a".parse()?, "1").no_value_on_success()).await?;
        let older = client.require(Feature::NoValueOnSuccess).await.is_err();
        assert_eq!((reply.action, reply.node.is_some()), (Action::Set, older));
        assert_eq!(client.get("/a").await?.value.as_deref(), Some("1"));
        let head = client.send(&Head::new("/a".parse()?)).await?;
        assert_eq!(head.etcd_index, reply.headers.etcd_index);
        assert!(head.cluster_id.is_some());
        // A reply to HEAD has no body to say why: its status does.
        assert_eq!(refusal(client.send(&Head::new("/b".parse()?)).await), ErrorKind::KeyNotFound);
        Ok(())
    });
}

#[test]
fn the_root_and_paths_that_lead_elsewhere_are_refused() {
    on_each_client(async |client| {
        for key in ["..", "/a/../b", "./a", "/a/."] {
            assert_eq!(refusal(client.set(key, "1").await), ErrorKind::InvalidInput, "{key}");
            assert_eq!(refusal(client.get(key).await), ErrorKind::InvalidInput, "{key}");
            assert_eq!(
                refusal(client.delete_recursive(key).await),
                ErrorKind::InvalidInput,
                "{key}"
            );
        }
        for dotted in ["...", "a..b", ".a", "%2e%2e"] {
            client.set(dotted, dotted).await?;
            assert_eq!(client.get(dotted).await?.value.as_deref(), Some(dotted));
        }
        assert_eq!(refusal(client.set("/", "1").await), ErrorKind::InvalidInput);
        assert_eq!(refusal(client.delete_recursive("/").await), ErrorKind::InvalidInput);
        let keys: Vec<_> = client.list("/").await?.into_iter().map(|node| node.key).collect();
        assert_eq!(keys, ["/%2e%2e", "/...", "/.a", "/a..b"]);
        Ok(())
    });
}

#[test]
fn what_a_server_refused_is_told() {
    on_each_client(async |client| {
        client.set("/dir/key", "1").await?;
        let error = client.set("/dir/key/below", "1").await.expect_err("a value stands in the way");
        assert_eq!(*error.kind(), ErrorKind::NotADirectory);
        let refused = error.v2().expect("the server's own word").to_string();
        assert!(refused.contains("Not a directory") && refused.contains("/dir/key"), "{refused}");
        let reply = client.send(&Get::new("/dir".parse()?).recursive()).await?;
        assert_eq!(reply.action, Action::Get);
        assert_eq!(reply.node.map(|node| node.nodes.len()), Some(1));
        assert!(reply.headers.raft_index > reply.headers.etcd_index);
        assert!(reply.headers.raft_term > Some(0));
        Ok(())
    });
}
