//! Who belongs to the cluster, and who leads it.

use http::Method;
use serde::{Deserialize, Serialize};

use super::encode::Target;
use super::error::Error;
use super::reply::{self, null_as_default};
use crate::call::{Exchange, HttpVersion, Incoming, Outgoing, Replay};
use crate::error::EncodeError;
use crate::ids::MemberId;

/// A member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The member's id.
    pub id: MemberId,
    /// Its name; empty until it has started.
    #[serde(default)]
    pub name: String,
    /// Where other members reach it.
    #[serde(default, rename = "peerURLs", deserialize_with = "null_as_default")]
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started.
    #[serde(default, rename = "clientURLs", deserialize_with = "null_as_default")]
    pub client_urls: Vec<String>,
}

/// Lists the members (2.0 and later).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberList;

impl Exchange for MemberList {
    type Reply = Vec<Member>;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::new("/v2/members").bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<Vec<Member>, Error> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(deserialize_with = "null_as_default")]
            members: Vec<Member>,
        }
        Ok(reply::json::<Body>("a list of members", &reply)?.members)
    }
}

#[derive(Serialize)]
struct PeerUrls<'a> {
    #[serde(rename = "peerURLs")]
    peer_urls: &'a [String],
}

/// Adds a member by its peer URLs (2.0 and later); it is answered as it is known so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAdd {
    peer_urls: Vec<String>,
}

impl MemberAdd {
    /// Adds a member that other members will reach at these URLs.
    pub fn new(peer_urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { peer_urls: peer_urls.into_iter().map(Into::into).collect() }
    }
}

impl Exchange for MemberAdd {
    type Reply = Member;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::new("/v2/members").json(Method::POST, &PeerUrls { peer_urls: &self.peer_urls })
    }

    fn decode(&self, reply: Incoming) -> Result<Member, Error> {
        reply::json("a member", &reply)
    }
}

/// Removes a member (2.0 and later).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRemove {
    id: MemberId,
}

impl MemberRemove {
    /// Removes the member with this id.
    pub fn new(id: MemberId) -> Self {
        Self { id }
    }
}

impl Exchange for MemberRemove {
    type Reply = ();
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::name("/v2/members", &self.id.to_string())?.bare(Method::DELETE)
    }

    fn decode(&self, reply: Incoming) -> Result<(), Error> {
        reply::nothing(&reply)
    }
}

/// Gives a member other peer URLs (2.0 and later).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberUpdate {
    id: MemberId,
    peer_urls: Vec<String>,
}

impl MemberUpdate {
    /// Other members will reach the member with this id at these URLs.
    pub fn new(id: MemberId, peer_urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { id, peer_urls: peer_urls.into_iter().map(Into::into).collect() }
    }
}

impl Exchange for MemberUpdate {
    type Reply = ();
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Once
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        let target = Target::name("/v2/members", &self.id.to_string())?;
        target.json(Method::PUT, &PeerUrls { peer_urls: &self.peer_urls })
    }

    fn decode(&self, reply: Incoming) -> Result<(), Error> {
        reply::nothing(&reply)
    }
}

/// Asks which member leads (2.0 and later); any member answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leader;

impl Exchange for Leader {
    type Reply = Member;
    type Refusal = Error;
    const HTTP: HttpVersion = HttpVersion::Http1;

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&self) -> Result<Outgoing, EncodeError> {
        Target::new("/v2/members/leader").bare(Method::GET)
    }

    fn decode(&self, reply: Incoming) -> Result<Member, Error> {
        reply::json("the leader", &reply)
    }
}

/// Lists the client URLs of all members, as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machines;

/// Lists what 0.x calls peers: the same text as [`Machines`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peers;

/// Asks 0.x for the peer URL of the member that leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerLeader;

macro_rules! text_exchange {
    ($name:ident, $target:literal, $message:literal, $reply:ty, $read:expr) => {
        impl Exchange for $name {
            type Reply = $reply;
            type Refusal = Error;
            const HTTP: HttpVersion = HttpVersion::Http1;

            fn replay(&self) -> Replay {
                Replay::Safe
            }

            fn request(&self) -> Result<Outgoing, EncodeError> {
                Target::new($target).bare(Method::GET)
            }

            fn decode(&self, reply: Incoming) -> Result<$reply, Error> {
                $read($message, &reply, reply::text($message, &reply)?.trim())
            }
        }
    };
}

text_exchange!(Machines, "/v2/machines", "a list of machines", Vec<String>, urls);
text_exchange!(Peers, "/v2/peers", "a list of peers", Vec<String>, urls);
text_exchange!(PeerLeader, "/v2/leader", "the leader's URL", String, url);

fn urls(message: &'static str, reply: &Incoming, text: &str) -> Result<Vec<String>, Error> {
    let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    texts.map(|text| url(message, reply, text)).collect()
}

/// A page of some other server must not pass for an address.
fn url(message: &'static str, reply: &Incoming, text: &str) -> Result<String, Error> {
    match text.starts_with("http://") || text.starts_with("https://") {
        true => Ok(text.to_owned()),
        false => Err(Error::unreadable(message, reply, "no URL")),
    }
}
