//! The command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::on_each;

#[test]
fn commands_print_what_they_do() {
    on_each(|server, _, etcd_test| {
        let index = etcd_test.prints(["set", "/a/b", "1"]);
        let index: u64 = index.trim().parse().unwrap();
        assert_eq!(etcd_test.prints(["get", "a/b"]), "1\n");
        etcd_test.prints(["set", "/a/c/d", "2", "-t", "60"]);
        assert_eq!(etcd_test.prints(["list", "/a"]), "/a/b\n/a/c/\n");
        assert!(etcd_test.prints(["tree", "/a"]).contains("d"));
        assert_eq!(etcd_test.fails(["get", "/none"], 3).lines().count(), 1);
        etcd_test.fails(["set", "-p", "0", "/a/b", "2"], 4);
        etcd_test.prints(["set", "-p", "1", "/a/b", "2"]);
        etcd_test.prints(["delete", "/a/b"]);
        etcd_test.fails(["delete", "/a/b"], 3);
        let expected = [
            format!("{index} set /a/b 1"),
            format!("{} set /a/c/d 2", index + 1),
            format!("{} set /a/b 2", index + 2),
            format!("{} delete /a/b", index + 3),
        ];
        for from in ["1", &index.to_string()] {
            let watched = etcd_test.prints(["watch", "/a", "-i", from, "--count", "4"]);
            assert_eq!(watched.lines().collect::<Vec<_>>(), expected, "from {from}");
        }
        let leader = etcd_test.prints(["leader"]);
        assert!(leader.contains(&format!("http://{}", server.endpoint())), "{leader}");
        let json = etcd_test.prints(["-o", "json", "get", "/a/c/d"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["key"], &json["value"]), (&"/a/c/d".into(), &"2".into()));
    });
}

#[test]
fn bytes_that_are_no_text_are_typed_and_shown() {
    on_each(|_, _, etcd_test| {
        let typed = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
        let (key, value) = (typed(b"/b/\xff"), typed(b"\xfe"));
        etcd_test.prints([typed(b"set"), key, value]);
        etcd_test.prints([typed(b"set"), key, value, typed(b"-p"), value]);
        assert_eq!(etcd_test.prints(["list", "/b"]), "/b/\\xff\n");
        assert!(etcd_test.prints(["tree", "/b"]).contains("\\xff"));
        let json = etcd_test.prints([typed(b"-o"), typed(b"json"), typed(b"get"), key]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["key_hex"], &json["value_hex"]), (&"2f622fff".into(), &"fe".into()));
        let json = etcd_test.prints([typed(b"-o"), typed(b"json"), typed(b"rm"), key]);
        assert_eq!(json, "{\"deleted_hex\":\"2f622fff\"}\n");
        let gone = etcd_test.fails([typed(b"get"), key], 3);
        assert!(gone.contains(r#""/b/\xff""#), "{gone}");
    });
}

#[test]
fn what_cannot_be_is_told_with_its_status() {
    on_each(|_, _, etcd_test| {
        for args in [&["get", ".."][..], &["set", "k", "v", "-t", "0"], &["lock", "/", "-t", "9"]] {
            etcd_test.fails(args, 2);
        }
        let value = "x".repeat(100_000);
        etcd_test.prints(["set", "/large", &value]);
        assert_eq!(etcd_test.prints(["get", "/large"]), format!("{value}\n"));
    });
}

#[test]
fn the_demo_holds_on_what_it_is_given_and_leaves_nothing_there() {
    on_each(|_, session, etcd_test| {
        let said = etcd_test.prints(["demo"]);
        assert!(said.contains("\n5 of 6 steps shown in "), "{said}");
        assert!(session.list("/").unwrap().is_empty());
    });
}
