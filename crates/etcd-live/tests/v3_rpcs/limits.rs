//! What members refuse, and what that proves.

use etcd_client::v3::Kv;
use etcd_client::v3::api::{AlarmType, CompactionRequest};
use etcd_client::{Error, ErrorKind, KeyRange, Outcome};
use etcd_live::each::try_on_each_server;

use super::{each, endpoint, is_since, refusal};

/// Writes until a write is refused; its key, and why.
async fn fill_up(kv: Kv, writer: usize) -> (String, Error) {
    let value = vec![b'x'; 16 << 10];
    for n in 0.. {
        let key = format!("f/{writer}/{n:03}");
        if let Err(error) = kv.put(&key, &value).await {
            return (key, error);
        }
    }
    unreachable!("a store that never fills up")
}

#[tokio::test]
async fn a_write_that_fills_the_store_may_have_taken_effect() -> Result<(), Error> {
    for (cluster, client) in each(1, &["--quota-backend-bytes=1048576"]) {
        let kv = client.kv();
        let writers: Vec<_> =
            (0..32).map(|writer| tokio::spawn(fill_up(client.kv(), writer))).collect();
        let mut applied = 0;
        for writer in writers {
            let (key, error) = writer.await.expect("no panic");
            assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
            assert!(error.to_string().contains("may have taken effect"), "{error}");
            applied += usize::from(kv.get(&key).await?.is_some());
        }
        // Whoever is under way when the store fills up is told so after it was applied.
        println!("of 32 that were refused, {applied} were applied");

        let alarms = client.maintenance().alarm_list().await?.alarms;
        assert_eq!((alarms.len(), alarms[0].alarm()), (1, AlarmType::NOSPACE));
        assert_eq!(refusal(kv.put("g", "v").await), ErrorKind::Refused);
        let revision = kv.delete(KeyRange::prefix("f/")).await?.revision();
        kv.compact(CompactionRequest::new(revision).physical()).await?;
        client.maintenance().defragment(&endpoint(&cluster, 0)).await?;
        client.maintenance().alarm_deactivate(AlarmType::NOSPACE, alarms[0].member_id).await?;
        kv.put("g", "v").await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_release_does_not_know_is_said_with_the_one_that_does() -> Result<(), Error> {
    for (cluster, client) in each(1, &[]) {
        let (auth, maintenance) = (client.auth(), client.maintenance());
        let version = cluster.etcd().version.to_string();
        for (name, result) in [
            ("AuthStatus", auth.status().await.map(drop)),
            ("Downgrade", maintenance.downgrade_validate("3.3.0").await.map(drop)),
            ("Downgrade", maintenance.downgrade_enable("3.3.0").await.map(drop)),
            ("Downgrade", maintenance.downgrade_cancel().await.map(drop)),
        ] {
            if is_since(&cluster, 3, 5) {
                let other = result.err().map(|error| error.kind().clone());
                assert_ne!(other, Some(ErrorKind::Unsupported), "{name}");
                continue;
            }
            let error = result.expect_err("it is not known");
            assert_eq!(*error.kind(), ErrorKind::Unsupported);
            assert_eq!(error.outcome(), Outcome::NotApplied);
            let (needed, found) = (format!("{name} needs etcd 3.5"), format!("has {version}"));
            let text = error.to_string();
            assert!(text.contains(&needed) && text.contains(&found), "{text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_downgrade_is_begun_and_ended() -> Result<(), Error> {
    for (cluster, client) in each(1, &[]) {
        if !is_since(&cluster, 3, 6) {
            continue;
        }
        let (maintenance, member) = (client.maintenance(), endpoint(&cluster, 0));
        let version = cluster.etcd().version;
        let older = format!("{}.{}.0", version.major, version.minor - 1);
        maintenance.downgrade_enable(&older).await?;
        let info = maintenance.status(&member).await?.downgrade_info.expect("since 3.6");
        assert_eq!((info.enabled, info.target_version.as_str()), (true, older.as_str()));
        assert_eq!(refusal(maintenance.downgrade_enable(&older).await), ErrorKind::Refused);
        maintenance.downgrade_cancel().await?;
        // These members say yes to ending what is not there.
        maintenance.downgrade_cancel().await?;
        let info = maintenance.status(&member).await?.downgrade_info.expect("since 3.6");
        assert!(!info.enabled);
        let error = maintenance.downgrade_validate("nonsense").await.expect_err("no release");
        assert_eq!(*error.kind(), ErrorKind::InvalidInput);
    }
    Ok(())
}

#[test]
fn a_checksum_up_to_a_revision_is_refused_where_history_is_gone() {
    try_on_each_server(async |server, client| {
        let (maintenance, member) =
            (client.maintenance(), server.endpoint().parse().expect("an endpoint"));
        let first = client.kv().put("k", "1").await?.revision();
        let second = client.kv().put("k", "2").await?.revision();
        let third = client.kv().put("k", "3").await?.revision();
        let one = maintenance.hash_kv(&member, Some(second)).await?;
        assert_ne!(one.hash, maintenance.hash_kv(&member, None).await?.hash);
        client.kv().compact(second).await?;
        let gone = maintenance.hash_kv(&member, Some(first)).await;
        assert_eq!(refusal(gone), ErrorKind::HistoryCleared);
        let later = maintenance.hash_kv(&member, Some((third.0 + 1).into())).await;
        assert_eq!(refusal(later), ErrorKind::Refused);
        Ok(())
    });
}
