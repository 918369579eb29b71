//! Certificates that are replaced while calls go on.

use std::fs;

use etcd_transport::Tls;

use crate::authority::{Signed, authority, client, self_signed, server};
use crate::server::{Server, Terms};
use crate::{channel, version, why};

const ROTATIONS: usize = 100;

async fn server_of(root: &Signed, terms: Terms<'_>) -> Server {
    let leaf = root.signs(server(&["127.0.0.1"]));
    Server::start(vec![leaf.der()], leaf.key.serialized_der(), terms).await
}

#[tokio::test]
async fn a_hundred_rotations_lose_no_call() {
    let root = self_signed(authority("root"));
    let server = server_of(&root, Terms { clients_of: Some(&root), ..Terms::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("key.pem"));
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, root.pem()).unwrap();
    let mut shown = root.signs(client("0"));
    fs::write(&certificate, shown.pem()).unwrap();
    fs::write(&key, shown.key_pem()).unwrap();
    let channel =
        channel(&server.url(), Tls::new().ca_file(&ca).identity_files(&certificate, &key));
    for rotation in 1..=ROTATIONS {
        // Each call has a connection of its own: the server closes it.
        version(&channel).await.unwrap();
        assert_eq!(server.last_client(), Some(shown.der()), "{rotation}");
        let next = root.signs(client(&rotation.to_string()));
        fs::write(&certificate, next.pem()).unwrap();
        // The key does not fit yet: what was there before is used on.
        version(&channel).await.unwrap();
        assert_eq!(server.last_client(), Some(shown.der()), "{rotation}, half of it");
        fs::write(&key, next.key_pem()).unwrap();
        shown = next;
    }
    version(&channel).await.unwrap();
    for broken in ["", "nonsense"] {
        fs::write(&certificate, broken).unwrap();
        version(&channel).await.unwrap();
    }
    fs::remove_file(&key).unwrap();
    version(&channel).await.unwrap();
    assert_eq!(server.last_client(), Some(shown.der()));
}

#[tokio::test]
async fn who_shows_no_certificate_is_told_to() {
    let root = self_signed(authority("root"));
    for only_tls_1_2 in [true, false] {
        let terms = Terms { clients_of: Some(&root), only_tls_1_2 };
        let server = server_of(&root, terms).await;
        let stranger = self_signed(authority("other")).signs(client("stranger"));
        let ours = Tls::new().ca_pem(root.pem());
        let theirs = ours.clone().identity_pem(stranger.pem(), stranger.key_pem());
        for tls in [ours, theirs] {
            let error = version(&channel(&server.url(), tls)).await.unwrap_err();
            assert_eq!(server.asked(), 0);
            // TLS 1.3 tells it only after the handshake.
            if only_tls_1_2 {
                assert!(!why(&error).is_empty(), "{error}");
            }
        }
    }
}
