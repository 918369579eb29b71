//! `member`, `endpoint`, `alarm`, `move-leader`, `defrag`, `snapshot`.

use crate::ctl::Ctl;

pub(crate) fn members_are_listed(ctl: &Ctl<'_>) {
    let listed = ctl.prints(&["member", "list"]);
    let fields: Vec<_> = listed.split(", ").collect();
    let [id, state, name, _, client, learner] = fields[..] else { panic!("{listed}") };
    assert!(i64::from_str_radix(id, 16).is_ok() || id.len() == 16, "{listed}");
    let url = format!("http://{}", ctl.server.endpoint());
    assert_eq!((state, name, client, learner), ("started", "m1", url.as_str(), "false"));
    let fields = ctl.prints(&["member", "list", "--write-out=fields"]);
    assert!(fields.contains(&format!(r#""ClientURL" : "{url}""#)), "{fields}");
    // Replies about members tell no revision.
    let reply = ctl.prints(&["member", "list", "--write-out=json"]);
    let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
    assert!(reply["header"]["revision"].is_null(), "{reply}");
    ctl.fails(&["member", "remove", "123"], "member not found");
    ctl.fails(&["move-leader", "123"], "bad leader transferee");
}

pub(crate) fn an_endpoint_tells_how_it_is(ctl: &Ctl<'_>) {
    ctl.says(&["put", "k", "v"], "OK");
    let endpoint = ctl.server.endpoint();
    let health = ctl.prints(&["endpoint", "health", "--write-out=json"]);
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    assert_eq!(health[0]["endpoint"].as_str(), Some(endpoint));
    assert_eq!(health[0]["health"].as_bool(), Some(true), "{health}");
    ctl.prints(&["endpoint", "health"]);
    let status = ctl.prints(&["endpoint", "status", "--write-out=json"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let (own, header) = (&status[0]["Status"], &status[0]["Status"]["header"]);
    assert_eq!(own["leader"], header["member_id"], "{status}");
    assert_eq!(header["revision"].as_i64(), Some(ctl.revision()), "{status}");
    let version = own["version"].as_str().expect("a version");
    assert!(ctl.server.name().ends_with(version), "{version} on {}", ctl.server.name());
    let status = ctl.prints(&["endpoint", "status"]);
    assert!(status.starts_with(&format!("{endpoint}, ")) && status.contains(version), "{status}");
    let hash = ctl.prints(&["endpoint", "hashkv"]);
    assert!(hash.starts_with(&format!("{endpoint}, ")), "{hash}");
    ctl.says(&["alarm", "list"], "");
    ctl.says(&["alarm", "disarm"], "");
    let done = ctl.prints(&["defrag"]);
    assert!(done.starts_with("Finished defragmenting etcd member"), "{done}");
}

/// The file is not etcd's own where the server is not: `snapshot status` cannot read it.
pub(crate) fn a_snapshot_is_saved(ctl: &Ctl<'_>) {
    ctl.says(&["put", "k", "v"], "OK");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("snapshot.db");
    let said = ctl.prints(&["snapshot", "save", &file.to_string_lossy()]);
    assert!(said.contains(&format!("Snapshot saved at {}", file.display())), "{said}");
    let length = std::fs::metadata(&file).expect("a file").len();
    assert_eq!(length % 512, 32, "pages, and a checksum behind them");
}
