//! The command line client that etcd comes with, on the test server as on a real one.

use std::io::Write;
use std::process::{Output, Stdio};

use etcd_live::etcd::etcdctl;
use etcd_test_server::{TestServer, Version};

struct Ctl {
    endpoint: String,
    user: Option<&'static str>,
}

impl Ctl {
    fn output(&self, args: &[&str], input: &str) -> Output {
        let mut command = etcdctl(&self.endpoint);
        command.args(self.user).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("etcdctl starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be over already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("etcdctl ends")
    }

    #[track_caller]
    fn says(&self, args: &[&str], expected: &str) {
        self.says_to("", args, expected);
    }

    #[track_caller]
    fn says_to(&self, input: &str, args: &[&str], expected: &str) {
        let output = self.output(args, input);
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {complaint}");
        assert_eq!(said.trim_end(), expected, "{args:?}: {complaint}");
    }

    #[track_caller]
    fn fails(&self, args: &[&str], why: &str) {
        let output = self.output(args, "");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaint.contains(why), "{args:?}: {complaint}");
    }
}

fn keys(ctl: &Ctl) {
    ctl.says(&["put", "a", "1"], "OK");
    ctl.says(&["put", "a", "2", "--prev-kv"], "OK\na\n1");
    ctl.says(&["put", "b", "3"], "OK");
    ctl.says(&["get", "a", "--prefix", "--print-value-only"], "2");
    ctl.says(&["get", "a", "z", "--keys-only", "--order", "DESCEND"], "b\n\na");
    ctl.says(&["get", "a", "--rev", "2"], "a\n1");
    ctl.fails(&["get", "a", "--rev", "99"], "required revision is a future revision");
    let txn = "value(\"a\") = \"2\"\n\nput x 1\nget a\n\nput y 1\n\n";
    ctl.says_to(txn, &["txn"], "SUCCESS\n\nOK\n\na\n2");
    ctl.fails(&["put", "", "1"], "key is not provided");
    ctl.says(&["del", "b"], "1");
    ctl.says(&["compact", "3"], "compacted revision 3");
    ctl.fails(&["compact", "3"], "required revision has been compacted");
}

fn leases_and_locks(ctl: &Ctl) {
    ctl.fails(&["put", "l", "1", "--lease", "1234"], "requested lease not found");
    let granted = ctl.output(&["lease", "grant", "100"], "");
    let granted = String::from_utf8_lossy(&granted.stdout).into_owned();
    let id = granted.split(' ').nth(1).expect("an id");
    ctl.says(&["put", "l", "1", "--lease", id], "OK");
    let kept = format!("lease {id} keepalived with TTL(100)");
    ctl.says(&["lease", "keep-alive", "--once", id], &kept);
    ctl.says(&["lease", "revoke", id], &format!("lease {id} revoked"));
    ctl.says(&["get", "l"], "");
    ctl.says(&["lock", "name", "/bin/echo", "held"], "held");
}

fn members(ctl: &Ctl) {
    ctl.fails(&["member", "remove", "123"], "member not found");
    ctl.fails(&["move-leader", "123"], "bad leader transferee");
    ctl.says(&["alarm", "list"], "");
    assert!(ctl.output(&["endpoint", "status"], "").status.success());
    assert!(ctl.output(&["endpoint", "hashkv"], "").status.success());
    let file = std::env::temp_dir().join(format!("snapshot-{}.db", std::process::id()));
    let saved = ctl.output(&["snapshot", "save", &file.to_string_lossy()], "");
    let length = std::fs::metadata(&file).map(|data| data.len());
    let _ = std::fs::remove_file(&file);
    assert!(saved.status.success() && length.is_ok_and(|length| length % 512 == 32));
}

fn users(ctl: &Ctl) {
    ctl.says(&["user", "add", "root:x"], "User root created");
    ctl.says(&["user", "add", "anna:y"], "User anna created");
    ctl.says(&["role", "add", "some"], "Role some created");
    ctl.says(&["role", "grant-permission", "some", "readwrite", "k"], "Role some updated");
    ctl.says(&["user", "grant-role", "anna", "some"], "Role some is granted to user anna");
    ctl.says(&["user", "grant-role", "root", "root"], "Role root is granted to user root");
    ctl.says(&["auth", "enable"], "Authentication Enabled");
    ctl.fails(&["put", "k", "1"], "user name is empty");
    let anna = Ctl { endpoint: ctl.endpoint.clone(), user: Some("--user=anna:y") };
    anna.says(&["put", "k", "1"], "OK");
    anna.says(&["get", "k"], "k\n1");
    anna.fails(&["get", "other"], "permission denied");
    anna.fails(&["user", "list"], "permission denied");
    let liar = Ctl { endpoint: ctl.endpoint.clone(), user: Some("--user=anna:wrong") };
    liar.fails(&["get", "k"], "authentication failed, invalid user ID or password");
    let root = Ctl { endpoint: ctl.endpoint.clone(), user: Some("--user=root:x") };
    root.says(&["user", "list"], "anna\nroot");
    root.says(&["auth", "disable"], "Authentication Disabled");
    ctl.says(&["get", "k"], "k\n1");
}

#[tokio::test(flavor = "multi_thread")]
async fn etcdctl_takes_the_test_server_for_etcd() {
    for version in [Version::V3_4, Version::V3_7] {
        let server = TestServer::builder().version(version).start().await.expect("a server");
        let ctl = Ctl { endpoint: server.endpoint(), user: None };
        let all = move || {
            for scenario in [keys, leases_and_locks, members, users] {
                scenario(&ctl);
            }
        };
        tokio::task::spawn_blocking(all).await.expect("every scenario holds");
        drop(server);
    }
}
