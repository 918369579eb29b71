//! Compare-and-swap and compare-and-delete.

use etcd_client::ErrorKind;
use etcd_client::v2::api::{Action, Condition, Set};

use super::{conflict, on_each_client, refusal};

#[test]
fn a_swap_by_value_or_index() {
    on_each_client(async |client| {
        let first = client.set("/a", "1").await?;
        assert_eq!(refusal(client.compare_value_and_swap("/a", "x", "2").await), conflict());
        let second = client.compare_value_and_swap("/a", "1", "2").await?;
        assert!(second.modified_index > first.modified_index);
        assert_eq!(
            refusal(client.compare_and_swap("/a", first.modified_index, "3").await),
            conflict()
        );
        let third = client.compare_and_swap("/a", second.modified_index, "3").await?;
        assert_eq!(client.get("/a").await?, third);

        let both = Condition::ValueAndIndex("2".to_owned(), third.modified_index);
        let swap = Set::new("/a".parse()?, "4").condition(both);
        assert_eq!(refusal(client.send(&swap).await), conflict());
        let both = Condition::ValueAndIndex("3".to_owned(), third.modified_index);
        let reply = client.send(&Set::new("/a".parse()?, "4").condition(both)).await?;
        assert_eq!(reply.action, Action::CompareAndSwap);
        assert_eq!(reply.previous.and_then(|node| node.value).as_deref(), Some("3"));

        for index in [0, third.modified_index] {
            refusal(client.compare_and_swap("/a", index, "5").await);
        }
        let missing = client.compare_and_swap("/none", 1, "5").await;
        assert_eq!(refusal(missing), ErrorKind::KeyNotFound);
        assert_eq!(client.get("/a").await?.value.as_deref(), Some("4"));
        Ok(())
    });
}

/// Servers refuse to compare with an empty value.
#[test]
fn a_swap_by_an_empty_value() {
    on_each_client(async |client| {
        client.set("/a", "").await?;
        client.compare_value_and_swap("/a", "", "1").await?;
        assert_eq!(refusal(client.compare_value_and_swap("/a", "", "2").await), conflict());
        assert_eq!(client.get("/a").await?.value.as_deref(), Some("1"));
        let missing = client.compare_value_and_swap("/none", "", "2").await;
        assert_eq!(refusal(missing), ErrorKind::KeyNotFound);
        client.set("/dir/a", "1").await?;
        let directory = client.compare_value_and_swap("/dir", "", "2").await;
        assert_eq!(refusal(directory), ErrorKind::IsDirectory);
        Ok(())
    });
}

#[test]
fn a_removal_by_value_or_index() {
    on_each_client(async |client| {
        let first = client.set("/a", "1").await?.modified_index;
        assert_eq!(refusal(client.compare_value_and_delete("/a", "2").await), conflict());
        assert_eq!(refusal(client.compare_and_delete("/a", first + 1).await), conflict());
        assert_eq!(refusal(client.compare_and_delete("/a", 0).await), ErrorKind::InvalidInput);
        let removed = client.compare_and_delete("/a", first).await?;
        assert_eq!(removed.action, Action::CompareAndDelete);
        assert_eq!(client.get_opt("/a").await?, None);
        client.set("/a", "2").await?;
        client.compare_value_and_delete("/a", "2").await?;
        assert_eq!(client.get_opt("/a").await?, None);
        Ok(())
    });
}
