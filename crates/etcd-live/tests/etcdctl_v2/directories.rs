//! `ls`, `mkdir`, `setdir`, `updatedir`, `rmdir`, `rm`; members.

use crate::ctl::on_each_server;

#[test]
fn etcdctl_v2_lists_directories() {
    on_each_server(|ctl| {
        ctl.says(&["ls"], "");
        for key in ["/d/b", "/d/a/x", "/e", "/d/_hidden"] {
            ctl.says(&["set", key, "v"], "v\n");
        }
        ctl.says(&["ls", "--sort"], "/d\n/e\n");
        ctl.says(&["ls", "--sort", "-p", "/"], "/d/\n/e\n");
        ctl.says(&["ls", "--sort", "--quorum", "/d"], "/d/a\n/d/b\n");
        ctl.says(&["ls", "--sort", "--recursive", "/"], "/d\n/d/a\n/d/a/x\n/d/b\n/e\n");
        ctl.says(&["ls", "/e"], "/e\n");
        ctl.fails(&["ls", "/none"], 4, "100: Key not found (/none)");
    });
}

#[test]
fn etcdctl_v2_makes_and_changes_directories() {
    on_each_server(|ctl| {
        ctl.says(&["mkdir", "/d"], "");
        ctl.fails(&["mkdir", "/d"], 4, "105: Key already exists (/d)");
        ctl.says(&["set", "/d/k", "v"], "v\n");
        ctl.fails(&["mkdir", "/d/k/below"], 4, "104: Not a directory (/d/k)");
        ctl.says(&["setdir", "/set"], "");
        ctl.fails(&["setdir", "/set"], 4, "102: Not a file (/set)");
        ctl.says(&["updatedir", "/set", "--ttl", "60"], "");
        ctl.fails(&["updatedir", "/none", "--ttl", "60"], 4, "100: Key not found (/none)");
        ctl.says(&["mkdir", "/brief", "--ttl", "1"], "");
        ctl.says(&["set", "/brief/k", "v"], "v\n");
        ctl.until_gone("/brief/k");
        ctl.fails(&["get", "/brief"], 4, "100: Key not found (/brief)");
        ctl.says(&["ls", "--sort"], "/d\n/set\n");
    });
}

#[test]
fn etcdctl_v2_removes_directories() {
    on_each_server(|ctl| {
        ctl.says(&["set", "/d/k", "v"], "v\n");
        ctl.says(&["mkdir", "/empty"], "");
        ctl.says(&["mkdir", "/other"], "");
        ctl.fails(&["rm", "/d"], 4, "102: Not a file (/d)");
        ctl.fails(&["rm", "--dir", "/d"], 4, "108: Directory not empty (/d)");
        ctl.fails(&["rmdir", "/d"], 4, "108: Directory not empty (/d)");
        ctl.says(&["rm", "--dir", "/empty"], "");
        ctl.says(&["rmdir", "/other"], "");
        ctl.says(&["rm", "--recursive", "/d"], "");
        ctl.fails(&["rm", "--recursive", "/d"], 4, "100: Key not found (/d)");
        ctl.fails(&["rmdir", "/none"], 4, "100: Key not found (/none)");
        ctl.says(&["ls"], "");
    });
}

#[test]
fn etcdctl_v2_finds_members_well() {
    on_each_server(|ctl| {
        let listed = ctl.prints(&["member", "list"]);
        assert!(listed.contains(": name=m1 peerURLs=http://127.0.0.1:"), "{listed}");
        assert!(listed.ends_with("isLeader=true\n"), "{listed}");
        let health = ctl.prints(&["cluster-health"]);
        assert!(health.contains(" is healthy: got healthy result from http://"), "{health}");
        assert!(health.ends_with("cluster is healthy\n"), "{health}");
    });
}
