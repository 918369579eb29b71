//! `put`, `get`, `del`, `txn`, `compact`.

use crate::ctl::Ctl;

pub(crate) fn keys_are_written_read_and_removed(ctl: &Ctl<'_>) {
    ctl.says(&["put", "a", "1"], "OK");
    ctl.says(&["put", "a", "2", "--prev-kv"], "OK\na\n1");
    ctl.says_for("from standard input", &["put", "b"], "OK");
    ctl.says(&["get", "a"], "a\n2");
    ctl.says(&["get", "b", "--print-value-only"], "from standard input");
    ctl.says(&["get", "none"], "");
    ctl.says(&["put", "b", "--ignore-value"], "OK");
    ctl.says(&["put", "b", "again", "--ignore-lease"], "OK");
    ctl.fails(&["put", "none", "--ignore-value"], "key not found");
    ctl.fails(&["put", "", "1"], "key is not provided");
    ctl.says(&["del", "a", "--prev-kv"], "1\na\n2");
    ctl.says(&["del", "a"], "0");
    ctl.says(&["put", "p/1", "x"], "OK");
    ctl.says(&["put", "p/2", "y"], "OK");
    ctl.says(&["del", "p/", "--prefix"], "2");
    ctl.says(&["del", "a", "c"], "1");
    ctl.says(&["get", "", "--prefix"], "");
}

pub(crate) fn ranges_are_read_in_order(ctl: &Ctl<'_>) {
    for (key, value) in [("b", "3"), ("a", "1"), ("c", "2"), ("a", "4")] {
        ctl.says(&["put", key, value], "OK");
    }
    ctl.says(&["get", "a", "--prefix", "--print-value-only"], "4");
    ctl.says(&["get", "a", "c"], "a\n4\nb\n3");
    ctl.says(&["get", "b", "--from-key"], "b\n3\nc\n2");
    ctl.says(&["get", "", "--prefix", "--limit", "1"], "a\n4");
    ctl.says(&["get", "a", "z", "--keys-only", "--order", "DESCEND"], "c\n\nb\n\na");
    let sorted = |by| ctl.prints(&["get", "", "--prefix", "--print-value-only", "--sort-by", by]);
    assert_eq!(sorted("VALUE"), "2\n3\n4");
    assert_eq!(sorted("CREATE"), "3\n4\n2");
    assert_eq!(sorted("MODIFY"), "3\n2\n4");
    assert_eq!(sorted("VERSION").lines().last(), Some("4"));
    let fields = ctl.prints(&["get", "a", "--write-out=fields"]);
    for field in [r#""Key" : "a""#, r#""Version" : 2"#, r#""Value" : "4""#, r#""Lease" : 0"#] {
        assert!(fields.contains(field), "{field} in {fields}");
    }
    ctl.says(&["get", "a", "--consistency=s"], "a\n4");
}

pub(crate) fn a_transaction_takes_one_branch(ctl: &Ctl<'_>) {
    ctl.says(&["put", "a", "1"], "OK");
    let txn = "value(\"a\") = \"1\"\nversion(\"x\") = \"0\"\n\nput x 1\nget a\n\nput y 1\n\n";
    ctl.says_for(txn, &["txn"], "SUCCESS\n\nOK\n\na\n1");
    ctl.says_for(txn, &["txn"], "FAILURE\n\nOK");
    let txn = "create(\"a\") > \"1\"\nmod(\"a\") < \"1000\"\n\ndel x\nget x\n\nget y\n\n";
    ctl.says_for(txn, &["txn"], "SUCCESS\n\n1");
    ctl.says(&["get", "", "--prefix", "--keys-only"], "a\n\ny");
}

pub(crate) fn history_is_compacted(ctl: &Ctl<'_>) {
    ctl.says(&["put", "a", "1"], "OK");
    let first = ctl.revision().to_string();
    ctl.says(&["put", "a", "2"], "OK");
    let second = ctl.revision().to_string();
    ctl.says(&["get", "a", "--rev", &first], "a\n1");
    ctl.fails(&["get", "a", "--rev", "99"], "required revision is a future revision");
    ctl.says(&["compact", &second], &format!("compacted revision {second}"));
    ctl.fails(&["compact", &second], "required revision has been compacted");
    ctl.fails(&["compact", "99"], "required revision is a future revision");
    ctl.fails(&["get", "a", "--rev", &first], "required revision has been compacted");
    ctl.says(&["get", "a", "--rev", &second], "a\n2");
}
