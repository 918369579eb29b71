//! One server, and sequences played to it.

use etcd_client::KeyRange;
use etcd_client::v3::api::*;
use etcd_transport::endpoint::parse_list;
use etcd_transport::{CallOptions, Channel, Config};

use super::draw::Step;
use super::revisions::Base;
use super::shown::{Bare, refusal, shown};
use super::watch::Watches;

/// Leases that last for less are given back at once, before they run out by themselves.
const SHORT: i64 = 100;

/// A server.
pub(crate) struct Side {
    channel: Channel,
    /// Whether it says how far watches are where there are none, as before 3.4.25 and 3.5.8.
    answers_always: bool,
}

impl Side {
    pub(crate) fn at(servers: &str, answers_always: bool) -> Self {
        let channel = Channel::new(parse_list(servers).expect("servers"), Config::default());
        Self { channel, answers_always }
    }

    /// Removes everything; returns the revision.
    pub(crate) async fn clear(&self) -> i64 {
        let leases = self.channel.call(&LeaseLeasesRequest {}).await.expect("leases").leases;
        for LeaseStatus { id } in leases {
            self.channel.call(&LeaseRevokeRequest { id }).await.expect("it is revoked");
        }
        let all = DeleteRangeRequest::new(KeyRange::all());
        self.channel.call(&all).await.expect("all is removed").revision().0
    }

    /// Goes from a revision to a later one, and forgets what was before.
    pub(crate) async fn forward(&self, from: i64, to: i64) -> Base {
        let pad = PutRequest::new("pad", "");
        for _ in from..to {
            self.channel.call(&pad).await.expect("a revision");
        }
        self.channel.call(&pad).await.expect("a revision");
        let delete = self.channel.call(&DeleteRangeRequest::new("pad")).await;
        let base = delete.expect("a revision").revision().0;
        let compaction = CompactionRequest { revision: base, physical: true };
        self.channel.call(&compaction).await.expect("it is forgotten");
        Base(base)
    }

    /// Plays a sequence; returns what the server answered.
    pub(crate) async fn play(&self, base: Base, steps: &[Step]) -> Vec<String> {
        let (mut replies, mut watches) = (Vec::new(), Watches::on(&self.channel, base.0));
        for step in steps {
            self.step(base.placed(step.clone()), &mut watches, &mut replies).await;
        }
        replies.extend(watches.finish().await);
        let all = RangeRequest::new(KeyRange::all());
        replies.push(self.call(&all).await);
        replies
    }

    async fn step(&self, step: Step, watches: &mut Watches<'_>, replies: &mut Vec<String>) {
        replies.push(match step {
            Step::Range(request) => self.call(&request).await,
            Step::RangeStream(request) => self.range_stream(request).await,
            Step::Put(request) => self.call(&request).await,
            Step::Delete(request) => self.call(&request).await,
            Step::Txn(request) => self.call(&request).await,
            Step::Compact(request) => {
                // A watch that has not heard yet what is forgotten here may still hear of it.
                watches.settle().await;
                let done = self.channel.call(&request).await;
                if done.is_ok() {
                    watches.compacted(request.revision);
                }
                shown(done)
            }
            Step::Grant(request) => self.grant(request).await,
            Step::Revoke(request) => self.call(&request).await,
            Step::TimeToLive(request) => self.call(&request).await,
            Step::Leases(request) => self.call(&request).await,
            Step::KeepAlive(request) => self.keep_alive(request).await,
            Step::Watch(request) => return watches.create(&request).await,
            Step::Cancel(request) => return watches.cancel(request).await,
            Step::Progress => return watches.progress(self.answers_always).await,
        });
    }

    async fn call<R: Rpc>(&self, request: &R) -> String
    where
        R::Reply: Bare,
    {
        shown(self.channel.call(request).await)
    }

    /// Grants a lease; one that is short, or whose id the server chose, is given back.
    async fn grant(&self, request: LeaseGrantRequest) -> String {
        let mut granted = self.channel.call(&request).await;
        if let Ok(reply) = &mut granted
            && (request.id == 0 || reply.ttl < SHORT)
        {
            let revoke = LeaseRevokeRequest { id: reply.id };
            self.channel.call(&revoke).await.expect("it is revoked");
            reply.id = if request.id == 0 { reply.id.signum() } else { reply.id };
        }
        shown(granted)
    }

    async fn keep_alive(&self, request: LeaseKeepAliveRequest) -> String {
        let renewal = KeepAliveStream(request);
        let opened = self.channel.duplex(&renewal, &CallOptions::default()).await;
        let (_up, mut renewed) = opened.expect("a stream");
        match renewed.next().await {
            Ok(Some(reply)) => shown(Ok(reply)),
            Ok(None) => "the stream ended".to_owned(),
            Err(error) => refusal(&error),
        }
    }

    async fn range_stream(&self, request: RangeRequest) -> String {
        let opened = self.channel.stream(&RangeStream(request), &CallOptions::default()).await;
        let mut stream = opened.expect("a stream");
        let mut shown = String::new();
        loop {
            match stream.next().await {
                Ok(Some(mut reply)) => {
                    reply.range_response.iter_mut().for_each(Bare::bare);
                    shown += &format!("{reply:?}\n");
                }
                Ok(None) => return shown,
                Err(error) => return shown + &refusal(&error),
            }
        }
    }
}
