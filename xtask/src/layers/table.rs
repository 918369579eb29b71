//! Who may know whom: the rooms of ARCHITECTURE.md, written as absences.

/// Modules of one package, and the paths that they may not mention.
pub(super) struct Room {
    pub(super) package: &'static str,
    /// Each with all below it; `""` is the whole package.
    pub(super) modules: &'static [&'static str],
    pub(super) may_not_know: &'static [&'static str],
}

/// What a package may depend on, outside of its tests.
pub(super) struct Dependencies {
    pub(super) package: &'static str,
    /// Where not empty, nothing else may be a direct dependency.
    pub(super) only: &'static [&'static str],
    /// Not as a direct dependency.
    pub(super) not_direct: &'static [&'static str],
    /// Not at all, through no other crate either.
    pub(super) never: &'static [&'static str],
}

/// In a room's list: every module that the package's `lib.rs` declares without `pub`.
pub(super) const PRIVATE: &str = "crate::(private)";

/// Modules that rules speak of already, and that are not built yet; `""` is a whole package.
///
/// Any other module that a rule names has to be there, so that renaming one cannot switch a rule
/// off; a module of this list that appears has to leave it.
pub(super) const PLANNED: &[(&str, &str)] = &[];

/// Everything that waits, and every clock: a pure room gets `now` as an argument.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "hyper_util",
    "http_body_util",
    "socket2",
    "rustls",
    "tokio_rustls",
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
];

const WIRE: &[&str] = &["hyper", "hyper_util", "http_body_util", "rustls", "tokio_rustls"];

const PUBLIC_API_ONLY: &[&str] =
    &["etcd_transport::channel", "etcd_proto::v2", "etcd_proto::v3", "etcd_proto::grpc", "hyper"];

pub(super) const ROOMS: &[Room] = &[
    Room { package: "etcd-proto", modules: &[""], may_not_know: IMPURE },
    Room {
        package: "etcd-proto",
        modules: &["ids", "key", "plain", "tree"],
        may_not_know: &["crate::v2", "crate::v3", "crate::grpc", "crate::call"],
    },
    Room { package: "etcd-proto", modules: &["v2"], may_not_know: &["crate::v3", "crate::grpc"] },
    Room { package: "etcd-proto", modules: &["v3"], may_not_know: &["crate::v2"] },
    Room { package: "etcd-transport", modules: TRANSPORT_PURE, may_not_know: IMPURE },
    Room {
        package: "etcd-transport",
        modules: TRANSPORT_PURE,
        may_not_know: &["crate::channel", "crate::conn"],
    },
    Room {
        package: "etcd-transport",
        modules: &[
            "dial",
            "conn",
            "http1",
            "http2",
            "lane",
            "line",
            "multiplexed",
            "socket",
            "tls",
        ],
        may_not_know: &["crate::channel", "crate::set", "crate::failover"],
    },
    Room {
        package: "etcd-transport",
        modules: &["channel"],
        may_not_know: &["etcd_proto::v2", "etcd_proto::v3", "serde_json", "prost"],
    },
    Room { package: "etcd-client", modules: &[""], may_not_know: WIRE },
    Room {
        package: "etcd-client",
        modules: &["error", "session::types"],
        may_not_know: &["crate::v2", "crate::blocking", "etcd_transport::channel"],
    },
    Room {
        package: "etcd-client",
        modules: &[
            "discovery::record",
            "keeper",
            "learnt",
            "v2::lock::recipe",
            "v2::lock::removal",
            "v2::watch::machine",
            "v2::watch::pace",
            "v3::range_stream::pages",
            "v3::snapshot::sum",
            "v3::watch::board",
            "v3::watch::history",
            "v3::watch::machine",
            "v3::watch::queue",
            "v3::watch::relist",
        ],
        may_not_know: IMPURE,
    },
    Room { package: "etcd-client", modules: V3_PURE, may_not_know: IMPURE },
    Room {
        package: "etcd-client",
        modules: V3_PURE,
        may_not_know: &["crate::clock", "crate::v3::core"],
    },
    Room {
        package: "etcd-client",
        modules: &["session"],
        may_not_know: &["etcd_transport::channel", "etcd_proto::v2", "etcd_proto::v3"],
    },
    Room {
        package: "etcd-client",
        modules: &["blocking"],
        may_not_know: &[PRIVATE, "etcd_transport::channel"],
    },
    Room {
        package: "etcd-test-server",
        modules: &[""],
        may_not_know: &["etcd_transport", "etcd_client"],
    },
    Room {
        package: "etcd-test-server",
        modules: &[
            "fault",
            "store",
            "v2::auth::identity",
            "v2::auth::read",
            "v2::auth::write",
            "v2::form",
            "v2::go",
            "v2::json",
            "v2::keys",
            "v2::members::read",
            "v2::path",
            "version",
        ],
        may_not_know: IMPURE,
    },
    Room { package: "etcd-test-cli", modules: &[""], may_not_know: PUBLIC_API_ONLY },
    Room { package: "etcd-capi", modules: &[""], may_not_know: PUBLIC_API_ONLY },
    Room { package: "leader-demo", modules: &[""], may_not_know: PUBLIC_API_ONLY },
    Room { package: "leader-demo", modules: &["machine", "vote"], may_not_know: IMPURE },
];

const V3_PURE: &[&str] = &[
    "moment",
    "v3::identity",
    "v3::lease::life",
    "v3::lease::machine",
    "v3::lock::place",
    "v3::lock::fence",
    "v3::election::course",
];

const TRANSPORT_PURE: &[&str] = &[
    "config",
    "credentials",
    "endpoint",
    "set",
    "status",
    "failover",
    "backoff",
    "redirect",
    "secret",
    "trust",
    "pin",
    "pieces",
    "error",
    "frames",
];

pub(super) const DEPENDENCIES: &[Dependencies] = &[
    Dependencies {
        package: "etcd-proto",
        only: &["bytes", "http", "percent-encoding", "prost", "serde", "serde_json", "thiserror"],
        not_direct: &[],
        never: &[
            "tokio",
            "hyper",
            "hyper-util",
            "h2",
            "mio",
            "socket2",
            "rustls",
            "tracing",
            "rand",
        ],
    },
    Dependencies {
        package: "etcd-transport",
        only: &[],
        not_direct: &["serde_json", "prost"],
        never: &["etcd-client"],
    },
    Dependencies {
        package: "etcd-client",
        only: &[],
        not_direct: &["hyper", "hyper-util", "http-body-util", "rustls", "socket2"],
        never: &[],
    },
    Dependencies {
        package: "etcd-test-server",
        only: &[],
        not_direct: &[],
        never: &["etcd-transport", "etcd-client"],
    },
    Dependencies {
        package: "etcd-test-cli",
        only: &[],
        not_direct: &["etcd-transport", "hyper", "hyper-util", "http-body-util"],
        never: &[],
    },
    Dependencies {
        package: "leader-demo",
        only: &[],
        not_direct: &["etcd-transport", "hyper", "hyper-util", "http-body-util"],
        never: &[],
    },
    Dependencies {
        package: "etcd-capi",
        only: &["etcd-client", "libc"],
        not_direct: &[],
        never: &["clap"],
    },
    Dependencies {
        package: "xtask",
        only: &["ctrlc", "lexopt", "rcgen", "serde_json"],
        not_direct: &[],
        never: &[],
    },
];

impl Room {
    /// The room as people call it: `etcd-proto::{ids, key, tree}`.
    pub(super) fn name(&self) -> String {
        match self.modules {
            [""] => self.package.to_owned(),
            [module] => format!("{}::{module}", self.package),
            modules => format!("{}::{{{}}}", self.package, modules.join(", ")),
        }
    }
}
