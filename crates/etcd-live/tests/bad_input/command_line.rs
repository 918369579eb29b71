//! Input that cannot be used: named, with what would be right, before anything is sent.

use etcd_live::blackhole::refused;
use etcd_live::program::{EtcdTest, run};

/// Nobody is asked: this server is not there.
fn etcd_test() -> EtcdTest {
    EtcdTest::on(refused().expect("a free port"))
}

#[test]
fn servers_that_cannot_be() {
    let cases = [
        ("", "\"\" is not a server", "the list is empty; give host:port"),
        (" ,; ", "\" ,; \" is not a server", "the list is empty; give host:port"),
        ("host:0", "\"host:0\"", "\"0\" is no port; one is a number from 1 to 65535"),
        ("host:70000", "\"host:70000\"", "\"70000\" is no port; one is a number from 1 to 65535"),
        ("host:", "\"host:\"", "a number from 1 to 65535"),
        ("host:2379,other:x", "\"other:x\"", "a number from 1 to 65535"),
        ("http://my%20host:2379", "\"http://my%20host:2379\"", "a host cannot have '%'"),
        (
            "my host:2379",
            "\"my host:2379\"",
            "a host cannot have a space, and commas separate servers",
        ),
        ("a:1,http://my host:2379", "\"http://my host:2379\"", "give host:port,host:port"),
        ("http://my host:", "\"host:\"", "a number from 1 to 65535"),
        ("::1", "\"::1\"", "an IPv6 address stands in brackets; give [::1]:2379"),
        ("http://host:2379/v2", "\"http://host:2379/v2\"", "give host:port"),
        ("ftp://host", "\"ftp://host\"", "none of http, https and unix"),
        ("root:secret@host", "@host\"", "a user does not belong here"),
        ("unix:", "\"unix:\"", "give unix:/path"),
    ];
    for (list, named, right) in cases {
        let said = etcd_test().fails(["-s", list, "get", "k"], 2);
        assert!(said.contains(named) && said.contains(right), "{list:?}: {said}");
        assert!(!said.contains("secret"), "{said}");
        let from_environment = run(EtcdTest::on(list).command(["get", "k"]));
        assert_eq!(from_environment.stderr, said, "{list:?}");
    }
}

#[test]
fn users_that_cannot_be() {
    let cases: [(&[&str], &str); 4] = [
        (&["--auth-jwt-token", "canary", "--user", "ann", "get", "k"], "give one of --user and"),
        (&["--password-file", "canary", "get", "k"], "no --user"),
        (&["--user", "ann", "get", "k"], "give --password-file or ETCDCTL_PASSWORD"),
        (&["--auth-jwt-token", "canary\n", "get", "k"], "no header can hold"),
    ];
    for (args, right) in cases {
        let said = etcd_test().fails(args, 2);
        assert!(said.contains(right) && !said.contains("canary"), "{args:?}: {said}");
    }
}

#[test]
fn numbers_that_cannot_be() {
    let cases: [(&[&str], &str, &str); 14] = [
        (&["set", "-t", "0", "k", "v"], "\"0\"", "whole seconds, from 1"),
        (&["set", "-t", "-1", "k", "v"], "\"-1\"", "whole seconds, from 1"),
        (&["set", "-t", "abc", "k", "v"], "\"abc\"", "whole seconds, from 1"),
        (&["set", "--ttl=", "k", "v"], "\"\"", "whole seconds, from 1"),
        (&["lock", "k", "-t", "0"], "\"0\"", "whole seconds, from 1"),
        (&["lock", "k", "-t", "1.5"], "\"1.5\"", "whole seconds, from 1"),
        (&["lock", "k", "--ttl", "99999999999999999999"], "99999999999999999999", "from 1"),
        (&["lock", "k"], "--ttl <SECONDS>", "required"),
        (&["watch", "-i", "-3"], "\"-3\"", "a number from 1 on"),
        (&["watch", "--count", "none"], "\"none\"", "a number from 1 on"),
        (&["unlock", "k", "-i", "0"], "\"0\"", "a number from 1 on"),
        (&["--timeout", "soon", "get", "k"], "\"soon\"", "seconds, such as 5 or 0.5"),
        (&["--timeout", "-1", "get", "k"], "\"-1\"", "seconds, such as 5 or 0.5"),
        (&["lock", "k", "-t", "5", "--wait", "-3"], "\"-3\"", "seconds, such as 5 or 0.5"),
    ];
    for (args, named, right) in cases {
        let said = etcd_test().fails(args, 2);
        assert!(said.contains(named) && said.contains(right), "{args:?}: {said}");
    }
}

#[test]
fn options_that_cannot_be() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&["--api", "v9", "get", "k"], "'v9'", "possible values: auto, v2, v3"),
        (&["-o", "xml", "get", "k"], "'xml'", "possible values: text, json"),
        (&["get", "k", "--colour"], "'--colour'", "Usage: etcd-test get"),
        (&["sett", "k", "v"], "'sett'", "set"),
        (&["set", "k"], "<VALUE>", "Usage: etcd-test set"),
        (&["lock", "k", "-t", "5", "-i", "3", "--", "true"], "--index", "cannot be used with"),
    ];
    for (args, named, right) in cases {
        let said = etcd_test().fails(args, 2);
        assert!(said.contains(named) && said.contains(right), "{args:?}: {said}");
    }
}

#[test]
fn keys_that_a_server_would_take_for_others() {
    for key in ["..", "a/../b", ".", "/a/./b"] {
        let shown = format!("{key:?} is not a key");
        let commands: [&[&str]; 7] = [
            &["get", key],
            &["set", key, "v"],
            &["delete", key],
            &["list", key],
            &["watch", key],
            &["lock", "-t", "5", key],
            &["unlock", "-i", "1", key],
        ];
        for args in commands {
            let said = etcd_test().fails(args, 2);
            assert!(said.contains(&shown) && said.contains("name the key itself"), "{said}");
        }
    }
    // Only a server knows this one.
    let cluster = etcd_live::etcd::cluster(1);
    let etcd_test = EtcdTest::on(etcd_live::etcd::servers(&cluster));
    let said = etcd_test.fails(["set", "/", "v"], 2);
    assert!(said.contains("set \"/\"") && said.contains("Root is read only"), "{said}");
}
