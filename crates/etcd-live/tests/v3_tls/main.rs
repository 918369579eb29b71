//! Members that serve TLS, to those alone who have a certificate.

mod changes;
mod given_tokens;
mod roles;
mod sessions;

use std::path::Path;
use std::time::Duration;

use etcd_client::v3::api::Permission;
use etcd_client::{Client, Config, Error, KeyRange, Tls};
use etcd_live::certificates::{Authority, Files};
use etcd_live::etcd::{cluster_of, servers};
use etcd_live::members::{Cluster, Etcd, Options, TlsFiles};
use rcgen::KeyPair;

/// Members, and what their clients need.
struct Secure {
    cluster: Cluster,
    client: Files,
    ca: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Secure {
    fn start(etcd: &Etcd, size: usize, flags: Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path()).expect("an authority");
        let Files { certificate, key } = authority.server().expect("a certificate");
        let tls = Some(TlsFiles { ca: authority.ca.clone(), certificate, key });
        let options = Options { in_memory: true, flags, tls, ..Options::default() };
        let cluster = cluster_of(etcd, size, &options);
        let client = authority.client().expect("a certificate");
        Self { cluster, client, ca: authority.ca.clone(), _folder: folder }
    }

    fn servers(&self) -> String {
        servers(&self.cluster)
    }

    /// How those speak to the members who may.
    fn config(&self) -> Config {
        let Files { certificate, key } = &self.client;
        Config::default().tls(Tls::new().ca_file(&self.ca).identity_files(certificate, key))
    }

    fn client(&self) -> Client {
        Client::with_config(&self.servers(), self.config()).expect("servers")
    }

    fn as_user(&self, user: &str, password: &str) -> Client {
        let config = self.config().credentials(user, password);
        Client::with_config(&self.servers(), config).expect("servers")
    }

    /// Has users from now on: root, and ann with what begins with `a/`.
    async fn enable_auth(&self) -> Result<(Client, Client), Error> {
        let auth = self.client().auth();
        auth.user_add("root", "r").await?;
        auth.user_grant_role("root", "root").await?;
        auth.user_add("ann", "a").await?;
        auth.role_add("a").await?;
        auth.role_grant_permission("a", Permission::read_write(KeyRange::prefix("a/"))).await?;
        auth.user_grant_role("ann", "a").await?;
        auth.enable().await?;
        Ok((self.as_user("root", "r"), self.as_user("ann", "a")))
    }
}

/// The flags of members that sign their tokens, with a key in this folder.
fn signed_tokens(folder: &Path, ttl: Duration) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let (public, private) = (folder.join("public.pem"), folder.join("private.pem"));
    std::fs::write(&private, key.serialize_pem())?;
    std::fs::write(&public, key.public_key_pem())?;
    let (public, private, ttl) = (public.display(), private.display(), ttl.as_secs());
    let token = format!(
        "--auth-token=jwt,pub-key={public},priv-key={private},sign-method=ES256,ttl={ttl}s"
    );
    Ok(vec!["--bcrypt-cost=4".to_owned(), token])
}
