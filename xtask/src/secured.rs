//! A cluster with users, and with TLS.

use std::path::PathBuf;
use std::time::Duration;

use xtask::certificates::{Authority, Files};
use xtask::members::{Cluster, TlsFiles, http_post};

use crate::failure::{Failure, Outcome};

/// How long a member may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The password of every user: the cluster is to play with, on this machine alone.
const PASSWORD: &str = "etcd";

/// Makes users with the role `root`, and with one that has the keys below `/app/`.
const USERS: [(&str, &str); 7] = [
    ("user/add", r#"{"name":"root","password":"PASSWORD"}"#),
    ("user/grant", r#"{"user":"root","role":"root"}"#),
    ("role/add", r#"{"name":"app"}"#),
    // Keys and ends of ranges in base64: "/app/" and "/app0".
    (
        "role/grant",
        r#"{"name":"app","perm":{"permType":"READWRITE","key":"L2FwcC8=","range_end":"L2FwcDA="}}"#,
    ),
    ("user/add", r#"{"name":"app","password":"PASSWORD"}"#),
    ("user/grant", r#"{"user":"app","role":"app"}"#),
    ("enable", "{}"),
];

/// What clients need.
pub(crate) struct Secured {
    client: Option<(PathBuf, Files)>,
    auth: bool,
    folder: PathBuf,
}

impl Secured {
    /// Makes users and certificates, as far as they are asked for.
    pub(crate) fn new(cluster: &mut Cluster, tls: bool, auth: bool) -> Outcome<Self> {
        if auth {
            for (path, json) in USERS {
                let port = cluster.members()[0].client_port;
                let (path, json) = (format!("/v3/auth/{path}"), json.replace("PASSWORD", PASSWORD));
                let (status, body) = http_post(port, &path, &json, ANSWER)?;
                if status != 200 {
                    return Err(Failure::new(format!("{path} was answered {status}: {body}")));
                }
            }
        }
        let folder = std::env::temp_dir().join(format!("etcd-certificates-{}", std::process::id()));
        let mut secured = Self { client: None, auth, folder };
        if tls {
            let authority = Authority::new(&secured.folder)?;
            let Files { certificate, key } = authority.server()?;
            cluster.serve_tls(TlsFiles { ca: authority.ca.clone(), certificate, key })?;
            secured.client = Some((authority.ca.clone(), authority.client()?));
        }
        Ok(secured)
    }

    /// Lines to export what a client needs with.
    pub(crate) fn announce(&self) {
        if let Some((ca, Files { certificate, key })) = &self.client {
            println!("export ETCDCTL_CACERT={}", ca.display());
            println!("export ETCDCTL_CERT={}", certificate.display());
            println!("export ETCDCTL_KEY={}", key.display());
        }
        if self.auth {
            println!(
                "export ETCDCTL_USER=root ETCDCTL_PASSWORD={PASSWORD}   # or app, for /app/ alone"
            );
        }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        if self.client.is_some() {
            // What is left is of no use to anybody: the authority is gone.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
