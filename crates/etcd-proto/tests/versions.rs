//! Which etcd says what of itself, and what each can do.

use etcd_proto::call::{Exchange, Incoming};
use etcd_proto::v2::{Feature, GetHealth, GetVersion, ServerVersion, Version};
use http::StatusCode;

const fn v(major: u32, minor: u32, patch: u32) -> Version {
    Version::new(major, minor, patch)
}

fn read(body: &'static str) -> Option<ServerVersion> {
    GetVersion.decode(Incoming::new(StatusCode::OK, body)).ok()
}

#[test]
fn both_shapes_of_version_are_read() {
    let alone = |server| ServerVersion { server, cluster: None };
    let both = |server, cluster| ServerVersion { server, cluster: Some(cluster) };
    let table = [
        ("etcd v0.2.0", alone(v(0, 2, 0))),
        ("etcd v0.3.0", alone(v(0, 3, 0))),
        ("etcd v0.4.9\n", alone(v(0, 4, 9))),
        ("etcd 2.0.13", alone(v(2, 0, 13))),
        ("etcd 2.1.0-alpha.0", alone(v(2, 1, 0))),
        (r#"{"etcdserver":"2.3.8","etcdcluster":"2.3.0"}"#, both(v(2, 3, 8), v(2, 3, 0))),
        (r#"{"etcdserver":"2.2.5","etcdcluster":"not_decided"}"#, alone(v(2, 2, 5))),
        (r#"{"etcdserver":"3.0.0-beta.0+git"}"#, alone(v(3, 0, 0))),
        (r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#, both(v(3, 4, 23), v(3, 4, 0))),
        (
            r#"{"etcdserver":"3.7.3","etcdcluster":"3.7.0","storage":"3.7.0"}"#,
            both(v(3, 7, 3), v(3, 7, 0)),
        ),
    ];
    for (body, expected) in table {
        assert_eq!(read(body), Some(expected), "{body}");
    }
}

#[test]
fn other_texts_are_no_versions() {
    let bodies = [
        "",
        "etcd",
        "etcd v",
        "etcd v3",
        "etcd 3.4",
        "etcd 3.4.x",
        "etcd 3.4.23.1",
        "etcd -1.0.0",
        "etcd 4294967296.0.0",
        "etcdv3.4.23",
        "3.4.23",
        "{}",
        "null",
        "<html>etcd 3.4.23</html>",
        r#"{"etcdserver":3}"#,
        r#"{"etcdserver":"latest"}"#,
        r#"{"etcdcluster":"3.4.0"}"#,
    ];
    for body in bodies {
        assert_eq!(read(body), None, "{body}");
    }
    let error = "3.4".parse::<Version>().unwrap_err();
    assert_eq!(error.to_string(), "\"3.4\" is not a version such as 3.4.23");
}

#[test]
fn versions_are_ordered_by_their_numbers_and_shown_as_read() {
    let ascending = ["0.2.0", "0.4.9", "2.0.13", "2.3.8", "2.10.0", "3.0.0", "3.4.23", "10.0.0"];
    let parsed: Vec<Version> = ascending.iter().map(|text| text.parse().unwrap()).collect();
    assert!(parsed.is_sorted());
    assert_eq!(parsed.iter().map(Version::to_string).collect::<Vec<_>>(), ascending);
}

#[test]
fn a_cluster_can_do_what_its_oldest_member_can() {
    let upgrading = ServerVersion { server: v(2, 3, 8), cluster: Some(v(2, 2, 0)) };
    assert_eq!(upgrading.effective(), v(2, 2, 0));
    assert!(Feature::Refresh.require(upgrading.effective()).is_err());
    let lagging = ServerVersion { server: v(2, 2, 5), cluster: Some(v(2, 3, 0)) };
    assert_eq!(lagging.effective(), v(2, 2, 5));
    assert_eq!(ServerVersion { server: v(0, 3, 0), cluster: None }.effective(), v(0, 3, 0));
}

/// A feature, the first versions that have it, and the last before and the first after that do not.
type Gate = (Feature, &'static [Version], &'static [Version]);

const GATES: &[Gate] = &[
    (Feature::Quorum, &[v(0, 4, 0), v(2, 0, 0), v(3, 5, 0)], &[v(0, 3, 0), v(0, 2, 0)]),
    (Feature::Members, &[v(2, 0, 0), v(3, 4, 23)], &[v(0, 4, 9), v(0, 3, 0)]),
    (Feature::Auth, &[v(2, 1, 0), v(3, 4, 23)], &[v(2, 0, 13), v(0, 4, 9)]),
    (Feature::PaddedNames, &[v(2, 2, 0), v(2, 3, 8)], &[v(2, 1, 3), v(2, 0, 13), v(0, 3, 0)]),
    (
        Feature::Refresh,
        &[v(2, 3, 0), v(2, 3, 8), v(3, 0, 0), v(3, 5, 0)],
        &[v(2, 2, 5), v(2, 2, u32::MAX), v(2, 0, 13), v(0, 4, 9), v(0, 3, 0)],
    ),
    (Feature::NoValueOnSuccess, &[v(3, 1, 0), v(3, 4, 23)], &[v(3, 0, 17), v(2, 3, 8)]),
    (
        Feature::LockModule,
        &[v(0, 2, 0), v(0, 3, 0), v(0, 3, u32::MAX)],
        &[v(0, 1, 2), v(0, 4, 0), v(0, 4, 9), v(2, 0, 13), v(3, 4, 23)],
    ),
    (
        Feature::KeysV2,
        &[v(0, 2, 0), v(0, 4, 9), v(2, 3, 8), v(3, 4, 23), v(3, 5, u32::MAX)],
        &[v(0, 1, 2), v(3, 6, 0), v(3, 7, 3)],
    ),
];

#[test]
fn features_are_gated_by_version() {
    for (feature, have, lack) in GATES {
        for version in *have {
            assert_eq!(feature.require(*version), Ok(()), "{feature:?} {version}");
        }
        for version in *lack {
            let refused = feature.require(*version).unwrap_err();
            assert_eq!((refused.feature, refused.have), (*feature, *version));
        }
    }
}

#[test]
fn a_refusal_says_what_is_needed_and_what_there_is() {
    let old = Feature::Refresh.require(v(2, 2, 5)).unwrap_err();
    assert_eq!(
        old.to_string(),
        "refreshing a time to live needs etcd 2.3.0 or later; the cluster has 2.2.5"
    );
    let new = Feature::LockModule.require(v(3, 4, 23)).unwrap_err();
    assert_eq!(
        new.to_string(),
        "the lock module needs etcd 0.2.0 or later, before 0.4.0; the cluster has 3.4.23"
    );
}

#[test]
fn health_is_read_in_every_shape() {
    let read = |status, body: &'static str| GetHealth::new().decode(Incoming::new(status, body));
    let table = [
        (StatusCode::OK, r#"{"health": "true"}"#, true, ""),
        (StatusCode::OK, r#"{"health":true}"#, true, ""),
        (StatusCode::OK, r#"{"health":"true","reason":""}"#, true, ""),
        (StatusCode::OK, r#"{"health":"false"}"#, false, ""),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"health":"false","reason":"RAFT NO LEADER"}"#,
            false,
            "RAFT NO LEADER",
        ),
    ];
    for (status, body, healthy, reason) in table {
        let health = read(status, body).unwrap();
        assert_eq!((health.healthy, health.reason.as_str()), (healthy, reason), "{body}");
    }
    let absent = read(StatusCode::NOT_FOUND, "404 page not found\n").unwrap_err();
    assert!(absent.is_unsupported(), "0.x has no health report");
    assert!(read(StatusCode::SERVICE_UNAVAILABLE, "busy").is_err());
}

#[test]
fn health_is_asked_for_in_parts() {
    let target = |health: GetHealth| health.request().unwrap().target.to_string();
    assert_eq!(target(GetHealth::new()), "/health");
    let parts = GetHealth::new().exclude("NOSPACE").exclude("A&B").serializable();
    assert_eq!(target(parts), "/health?exclude=NOSPACE&exclude=A%26B&serializable=true");
}
