//! `set` on a condition, and for a time.

use crate::{json, one_member};

#[test]
fn a_previous_value_is_compared_also_an_empty_one() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "k", "1"]);
    etcd_test.prints(["set", "-p", "1", "k", ""]);
    let said = etcd_test.fails(["set", "--previous", "1", "k", "x"], 4);
    assert!(said.starts_with("etcd-test: set \"k\": "), "{said}");
    assert!(said.contains("the value there is \"\""), "{said}");

    etcd_test.prints(["set", "k", "2", "--precond", ""]);
    let said = etcd_test.fails(["set", "-p", "", "k", "x"], 4);
    assert!(said.contains("the value there is \"2\""), "{said}");
    assert_eq!(etcd_test.prints(["get", "k"]), "2\n");

    etcd_test.prints(["set", "-p=2", "k", "-1"]);
    etcd_test.prints(["set", "-p", "-1", "k", "3"]);
    for previous in ["", "3"] {
        let said = etcd_test.fails(["set", "-p", previous, "nowhere", "x"], 3);
        assert!(said.contains("nowhere"), "{said}");
    }
}

#[test]
fn absent_means_that_nothing_stands_there() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "--absent", "k", "mine"]);
    let said = etcd_test.fails(["set", "--absent", "k", "other"], 4);
    assert!(said.contains("the value there is \"mine\""), "{said}");
    let said = etcd_test.fails(["set", "--absent", "-p", "x", "k", "other"], 2);
    assert!(said.contains("--absent") && said.contains("--previous"), "{said}");
    assert_eq!(etcd_test.prints(["get", "k"]), "mine\n");
}

#[test]
fn a_ttl_ends_and_setting_without_one_keeps_the_value() {
    let (_cluster, etcd_test) = one_member();
    etcd_test.prints(["set", "-t", "600", "kept", "x"]);
    etcd_test.prints(["set", "kept", "y"]);
    etcd_test.prints(["set", "-t", "1", "short", "x"]);
    let expired = etcd_test.prints(["watch", "-i", "1", "--count", "4", "/", "-o", "json"]);
    let kinds: Vec<_> = json(&expired).into_iter().map(|change| change["kind"].clone()).collect();
    assert_eq!(kinds, ["set", "set", "set", "expire"]);
    etcd_test.fails(["get", "short"], 3);
    assert_eq!(etcd_test.prints(["get", "kept"]), "y\n");
    assert!(json(&etcd_test.prints(["get", "kept", "-o", "json"]))[0].get("ttl").is_none());
}
