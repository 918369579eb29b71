//! What has to be found out beside a stream of watches.

use std::time::{Duration, Instant};

use etcd_proto::key::KeyRange;
use etcd_proto::v2::{GetVersion, Version};
use etcd_proto::v3::{RangeRequest, StatusRequest};
use etcd_transport::CallOptions;
use etcd_transport::endpoint::Endpoint;

use super::board::{Finding, Question};
use super::history::History;
use crate::v3::core::Core;

/// How long to wait before asking again. Members have answered with what is old when they had been
/// stopped for a while, once.
const AGAIN: Duration = Duration::from_millis(500);

/// How long a member may take to say that it is there.
const PRESENCE: Duration = Duration::from_secs(3);

pub(super) async fn answer(core: Core, endpoint: Endpoint, question: Question) -> Finding {
    match question {
        Question::History(history, key) => {
            Finding::History(contradiction(&core, history, key).await)
        }
        Question::Progress => Finding::Progress(tells_progress(&core, &endpoint).await),
        Question::Presence => {
            let asked = Instant::now();
            Finding::Presence(is_present(&core, &endpoint).await, asked)
        }
    }
}

/// Why the history does not hold; nothing where it does, or where nobody may say.
async fn contradiction(core: &Core, history: History, key: KeyRange) -> Option<String> {
    let request = RangeRequest::new(key).count_only();
    let mut doubted = false;
    loop {
        match core.call(&request).await {
            Ok(reply) => match reply.header.and_then(|header| history.contradiction(&header)) {
                Some(why) if doubted => return Some(why),
                Some(_) => doubted = true,
                None => return None,
            },
            Err(error) if error.is_transient() => {}
            Err(_) => return None,
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether the member is there: whatever it answers.
async fn is_present(core: &Core, endpoint: &Endpoint) -> bool {
    let options = CallOptions::default().deadline(PRESENCE);
    let status = core.only(endpoint).call_with(&StatusRequest {}, &options).await;
    status.map_or_else(|error| error.v3().is_some(), |_| true)
}

/// Whether the member tells progress only when it has told all changes.
async fn tells_progress(core: &Core, endpoint: &Endpoint) -> bool {
    match core.channel().only(endpoint).call(&GetVersion).await {
        Ok(versions) => has_honest_progress(versions.server),
        Err(_) => false,
    }
}

/// Whether etcd of this version does (etcd-io/etcd#15220).
fn has_honest_progress(version: Version) -> bool {
    match (version.major, version.minor) {
        (3, 4) => version.patch >= 25,
        (3, 5) => version.patch >= 8,
        (major, minor) => (major, minor) >= (3, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_progress_came_with_a_patch() {
        for (version, honest) in [
            ("3.3.27", false),
            ("3.4.24", false),
            ("3.4.25", true),
            ("3.5.7", false),
            ("3.5.8", true),
            ("3.6.0", true),
            ("4.0.0", true),
        ] {
            assert_eq!(has_honest_progress(version.parse().unwrap()), honest, "{version}");
        }
    }
}
