//! The examples of these calls, run as a user runs them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use etcd_client::{Error, KeyRange};
use etcd_live::etcd::servers;

use super::each;

/// An example of the client, which is built beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let built = test.ancestors().nth(2).expect("a directory of what was built");
    let path = built.join("examples").join(name);
    assert!(path.is_file(), "{} was not built: run cargo xtask test", path.display());
    path
}

#[tokio::test]
async fn the_examples_do_what_they_say() -> Result<(), Error> {
    for (cluster, client) in each(1, &[]) {
        client.kv().put("outside", "v").await?;
        let file = cluster.members()[0].dir.join("example.snapshot");
        let servers = servers(&cluster);
        let command = |name: &str, args: &[&str]| {
            let mut command = Command::new(example(name));
            command.args(args).env("ETCD_SERVERS", &servers);
            command
        };
        let run = |name: &str, args: &[&str]| {
            let ended = command(name, args).output().expect("it runs");
            let (said, why) = (String::from_utf8_lossy(&ended.stdout), ended.stderr);
            assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&why));
            said.into_owned()
        };
        let said = run("v3_kv", &[&servers]);
        assert!(said.contains("not written: another value stands at the key"), "{said}");
        assert!(
            said.ends_with("101 keys were removed, none outside of b\"example/kv/\"\n"),
            "{said}"
        );
        let said = run("v3_txn", &[&servers]);
        assert!(said.contains("ann has 92\nbob has 108\n"), "{said}");
        let said = run("v3_snapshot", &[&servers, file.to_str().expect("text")]);
        assert!(said.contains(", leads\n") && file.is_file(), "{said}");
        for (name, last) in [
            ("v3_blocking", "gone at revision"),
            ("v3_lease", "still there: false"),
            ("v3_lock", "handed over to token"),
            ("v3_election", " leads"),
        ] {
            assert!(run(name, &[]).contains(last), "{name}");
        }
        let mut watch = command("v3_watch", &["outside", "--count", "2"]);
        let mut watch = watch.stdout(Stdio::piped()).spawn().expect("it runs");
        while watch.try_wait().expect("a child").is_none() {
            client.kv().put("outside", "v").await?;
        }
        let watch = watch.wait_with_output().expect("a child");
        let told = String::from_utf8_lossy(&watch.stdout);
        assert!(watch.status.success() && told.matches("outside").count() >= 2, "{told}");
        let left = client.kv().range(KeyRange::all()).await?.kvs;
        assert_eq!(left.iter().map(|entry| &entry.key[..]).collect::<Vec<_>>(), [b"outside"]);
    }
    Ok(())
}
