//! Statistics: of the store, of a member, and of the leader.

use std::time::Duration;

use etcd_proto::v3::Member;
use http::{Method, Response, StatusCode};

use super::json::{date, string};
use super::members::id;
use super::replies::{method_not_allowed, refuse};
use crate::api::{Api, reply};
use crate::store::v2::{Count, Refusal, Stats};
use crate::v3::Body;
use crate::version::Version;

/// Answers a request for what is below `/v2/stats`.
pub(super) fn answer(api: &Api, path: &str, method: &Method) -> Option<Response<Body>> {
    let body = match path {
        "/v2/stats/store" => Some(store(api)),
        "/v2/stats/self" => Some(member(api)?),
        "/v2/stats/leader" => leader(api),
        _ => return None,
    };
    if api.version() > Version::V0_3 && method != Method::GET {
        return Some(method_not_allowed("GET"));
    }
    Some(match body {
        Some(body) => reply(StatusCode::OK, "application/json", body),
        None => refuse(&Refusal::new(403, "not current leader")),
    })
}

fn store(api: &Api) -> String {
    written(&api.v2.with(|store| *store.stats()), api.v2.watchers())
}

fn written(stats: &Stats, watchers: usize) -> String {
    let count = |name: &str, count: Count| {
        format!("\"{name}Success\":{},\"{name}Fail\":{},", count.success, count.fail)
    };
    let counts = [
        count("gets", stats.gets),
        count("sets", stats.sets),
        count("delete", stats.deletes),
        count("update", stats.updates),
        count("create", stats.creates),
        count("compareAndSwap", stats.swaps),
        count("compareAndDelete", stats.compare_deletes),
    ];
    let expired = stats.expired;
    format!("{{{}\"expireCount\":{expired},\"watchers\":{watchers}}}", counts.concat())
}

/// The members, and which of them lead and answer.
fn cluster(api: &Api) -> (Vec<Member>, Option<Member>, Option<Member>) {
    api.v3.with(|store| {
        let one = |id| store.cluster.member(id).cloned();
        (store.cluster.members.clone(), one(store.cluster.leader), one(api.v3.id()))
    })
}

fn member(api: &Api) -> Option<String> {
    let (_, leading, myself) = cluster(api);
    let myself = myself?;
    let leads = leading.as_ref().is_some_and(|leading| leading.id == myself.id);
    let state = if leads { "StateLeader" } else { "StateFollower" };
    let started = api.v2.started();
    let uptime = api.v2.clock.now().saturating_sub(started);
    let started = date(started);
    Some(format!(
        "{{\"name\":{},\"id\":{},\"state\":\"{state}\",\"startTime\":\"{started}\",\"leaderInfo\":\
         {{\"leader\":{},\"uptime\":\"{}\",\"startTime\":\"{started}\"}},\
         \"recvAppendRequestCnt\":0,\"sendAppendRequestCnt\":0}}",
        string(&myself.name),
        string(&id(&myself)),
        string(&leading.as_ref().map(id).unwrap_or_default()),
        spelled(uptime),
    ))
}

/// A duration as Go writes it.
fn spelled(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 {
        let (unit, name) = match nanos {
            0 => return "0s".to_owned(),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return decimal(u64::from(nanos / unit), u64::from(nanos % unit), unit) + name;
    }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let seconds = decimal(seconds % 60, u64::from(nanos), 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(whole: u64, rest: u64, of: u32) -> String {
    let digits = of.ilog10() as usize;
    let text = if digits == 0 { whole.to_string() } else { format!("{whole}.{rest:0digits$}") };
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// Nothing where the member does not lead.
fn leader(api: &Api) -> Option<String> {
    let (members, leading, myself) = cluster(api);
    let leading = leading.filter(|leading| Some(leading.id) == myself.map(|myself| myself.id))?;
    let others = members.iter().filter(|member| member.id != leading.id && member.is_started());
    // Followers have no latency: they share the leader's store.
    let followers: Vec<_> = others
        .map(|follower| {
            format!(
                "{}:{{\"latency\":{{\"current\":0,\"average\":0,\"standardDeviation\":0,\"minimum\":0,\
                 \"maximum\":0}},\"counts\":{{\"fail\":0,\"success\":0}}}}",
                string(&id(follower))
            )
        })
        .collect();
    let leader = string(&id(&leading));
    Some(format!("{{\"leader\":{leader},\"followers\":{{{}}}}}", followers.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_go_writes_them() {
        for (seconds, nanos, text) in [
            (0, 0, "0s"),
            (0, 7, "7ns"),
            (0, 1_500, "1.5µs"),
            (0, 20_000_000, "20ms"),
            (5, 34_224_690, "5.03422469s"),
            (60, 0, "1m0s"),
            (3723, 500_000_000, "1h2m3.5s"),
        ] {
            assert_eq!(spelled(Duration::new(seconds, nanos)), text);
        }
    }
}
