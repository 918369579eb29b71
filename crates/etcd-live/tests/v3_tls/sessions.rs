//! The ten calls over TLS, and who is not let in.

use etcd_client::session::{Api, SessionOptions};
use etcd_client::{Config, Error, ErrorKind, Outcome, Session, Tls};
use etcd_live::etcd::oldest_and_newest;

use super::Secure;

#[tokio::test]
async fn the_calls_of_a_session() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let mut secure = Secure::start(&etcd, 3, Vec::new());
        let apis: &[_] = if etcd.version.serves_v2() { &[Api::V2, Api::V3] } else { &[Api::V3] };
        for &api in apis {
            let options = SessionOptions::new().api(api).config(secure.config());
            let session = Session::open_with(&secure.servers(), options).await?;
            let set = session.set("/a", "1").await?;
            assert_eq!(session.get("/a").await?.value, "1");
            let mut watcher = session.watch("/a", Some(set + 1))?;
            let ticket = session.lock("/l", "5".parse()?).await?;
            session.set("/a", "2").await?;
            let told = watcher.next().await.expect("no end")?;
            assert!(format!("{told:?}").contains("/a"), "{told:?}");
            session.unlock(&ticket.key, ticket.index).await?;
            assert!(session.leader().await?.client_urls[0].starts_with("https://"));
            // A follower fewer, and all goes on.
            let led = secure.cluster.leader().expect("healthy members have a leader");
            let follower = (led + 1) % 3;
            secure.cluster.kill(follower).expect("it can be killed");
            session.set("/a", "3").await?;
            assert_eq!(session.get("/a").await?.value, "3");
            secure.cluster.start_again(follower).expect("it can be started");
            secure.cluster.wait_healthy().expect("all are well");
        }
    }
    Ok(())
}

#[tokio::test]
async fn strangers_are_not_let_in_and_not_trusted() -> Result<(), Error> {
    for etcd in oldest_and_newest() {
        let (secure, other) =
            (Secure::start(&etcd, 1, Vec::new()), Secure::start(&etcd, 1, Vec::new()));
        let nobody = Tls::new().ca_file(&secure.ca);
        let (certificate, key) = (&other.client.certificate, &other.client.key);
        let stranger = nobody.clone().identity_files(certificate, key);
        let distrustful = Tls::new().ca_file(&other.ca);
        for tls in [nobody, stranger, distrustful] {
            let config = Config::default().rounds(1).tls(tls);
            let client = etcd_client::Client::with_config(&secure.servers(), config)?;
            let error = client.kv().put("a", "1").await.expect_err("not let in");
            assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
        assert!(secure.client().kv().get("a").await?.is_none());
        let plain = secure.servers().replace("https://", "");
        let error =
            etcd_client::Client::new(&plain)?.kv().get("a").await.expect_err("it wants TLS");
        assert_ne!(error.kind(), &ErrorKind::KeyNotFound);
    }
    Ok(())
}
