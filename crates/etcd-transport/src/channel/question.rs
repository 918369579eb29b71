//! An exchange without its types: what carries it is compiled once, and not for each of them.

use etcd_proto::call::{
    Exchange, HttpVersion, Incoming, Outcome, Outgoing, Refusal, Remedy, Replay,
};
use etcd_proto::error::EncodeError;
use etcd_proto::ids::ClusterId;

use crate::endpoint::Endpoint;
use crate::error::{CallError, Error, Kind};

/// How the carrying of a question ended: with the reply that it heard last, or without one.
pub(super) type Ended = Result<(), Error>;

/// A question on its way.
pub(super) type Asked<'a> = &'a mut (dyn Ask + 'a);

/// What those who carry a question need to know of it.
pub(super) trait Ask: Send {
    fn http(&self) -> HttpVersion;
    fn replay(&self) -> Replay;
    fn request(&self) -> Result<Outgoing, EncodeError>;
    fn cluster(&self, reply: &Incoming) -> Option<ClusterId>;

    /// Reads a reply, and keeps what it says.
    fn hear(&mut self, reply: Incoming, endpoint: &Endpoint) -> Heard;

    /// An attempt before the reply that was heard last may have been processed all the same.
    fn left_open(&mut self);
}

/// What a reply comes to.
pub(super) struct Heard {
    /// Whether the operation took effect.
    pub(super) outcome: Outcome,
    /// Where it is a refusal, and another endpoint, or the same one later, may well answer otherwise.
    pub(super) passing: Option<Passing>,
}

impl Heard {
    /// What a refusal comes to.
    // Made once for each API, and not for each of its calls.
    #[inline(never)]
    fn of(refusal: &impl Refusal, replay: Replay) -> Self {
        let outcome = taken(replay, refusal.outcome());
        let passing = refusal.may_pass().then(|| Passing {
            outcome,
            remedy: refusal.remedy(),
            said: refusal.to_string(),
        });
        Self { outcome, passing }
    }
}

/// What a reply proves: reads take no effect, whatever it says.
fn taken(replay: Replay, said: Outcome) -> Outcome {
    match replay {
        Replay::Safe => Outcome::NotApplied,
        Replay::Guarded | Replay::Once => said,
    }
}

/// A refusal that may be none elsewhere or later.
pub(super) struct Passing {
    pub(super) outcome: Outcome,
    pub(super) remedy: Remedy,
    /// The server's words.
    pub(super) said: String,
}

/// An exchange, and what was heard of it so far.
pub(super) struct Question<'a, E: Exchange> {
    exchange: &'a E,
    heard: Result<E::Reply, CallError<E::Refusal>>,
}

impl<'a, E: Exchange> Question<'a, E> {
    pub(super) fn new(exchange: &'a E) -> Self {
        let nobody = Error::new(Kind::Unreachable, Outcome::NotApplied, Vec::new());
        Self { exchange, heard: Err(CallError::Failed(nobody)) }
    }

    /// What the call comes to.
    pub(super) fn answer(self, ended: Ended) -> Result<E::Reply, CallError<E::Refusal>> {
        match ended {
            Ok(()) => self.heard,
            Err(error) => Err(CallError::Failed(error)),
        }
    }
}

impl<E: Exchange> Ask for Question<'_, E> {
    fn http(&self) -> HttpVersion {
        E::HTTP
    }

    fn replay(&self) -> Replay {
        self.exchange.replay()
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        self.exchange.request()
    }

    fn cluster(&self, reply: &Incoming) -> Option<ClusterId> {
        E::cluster(reply)
    }

    fn hear(&mut self, reply: Incoming, endpoint: &Endpoint) -> Heard {
        let replay = self.exchange.replay();
        match self.exchange.decode(reply) {
            Ok(reply) => {
                self.heard = Ok(reply);
                Heard { outcome: taken(replay, Outcome::Applied), passing: None }
            }
            Err(refusal) => {
                let heard = Heard::of(&refusal, replay);
                let (endpoint, outcome) = (endpoint.clone(), heard.outcome);
                self.heard = Err(CallError::Refused { refusal, endpoint, outcome });
                heard
            }
        }
    }

    fn left_open(&mut self) {
        if let Err(error) = &mut self.heard {
            error.leave_open();
        }
    }
}
