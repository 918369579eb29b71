//! Whom a server took a caller for that it refused, and what may let the call through.

use etcd_proto::v3::Error as Refusal;
use etcd_proto::v3::error::message;

/// What a caller showed a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) token: bool,
    pub(super) certificate: bool,
    /// The call was repeated already with what it shows.
    pub(super) again: bool,
}

/// What may let a refused call through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// A new token, or the first one.
    Token,
    /// The same call with the same token.
    Repetition,
    Nothing,
}

/// What a refusal calls for; none of those that call for something leaves an effect.
///
/// While authentication is off, a server looks at no token: it takes the name in the certificate,
/// and refuses that where authentication is on by the time that the call is applied.
pub(super) fn remedy(refusal: &Refusal, shown: Shown) -> Remedy {
    if refusal.wants_new_token() {
        Remedy::Token
    } else if names_another(refusal) {
        shown.denied()
    } else {
        Remedy::Nothing
    }
}

impl Shown {
    /// What may let a call through that another user's name may have been refused.
    pub(super) fn denied(self) -> Remedy {
        match self {
            Self { token: false, .. } => Remedy::Token,
            Self { certificate: true, again: false, .. } => Remedy::Repetition,
            _ => Remedy::Nothing,
        }
    }
}

/// Whether a refusal may be of another user than the caller's.
fn names_another(refusal: &Refusal) -> bool {
    [
        message::PERMISSION_DENIED,
        message::USER_NOT_FOUND,
        message::BARE_PERMISSION_DENIED,
        message::BARE_USER_NOT_FOUND,
    ]
    .iter()
    .any(|message| refusal.says(message))
}

#[cfg(test)]
mod tests {
    use etcd_proto::grpc::{Code, Status};

    use super::*;

    #[test]
    fn a_refusal_of_another_user_is_not_believed_at_once() {
        let shown = |token, certificate, again| Shown { token, certificate, again };
        let (nobody, named) = (shown(false, false, false), shown(false, true, false));
        let (ann, both) = (shown(true, false, false), shown(true, true, false));
        let twice = shown(true, true, true);
        for text in [
            message::PERMISSION_DENIED,
            message::USER_NOT_FOUND,
            message::BARE_PERMISSION_DENIED,
            message::BARE_USER_NOT_FOUND,
        ] {
            let refusal = Refusal::Status(Status::new(Code::UNKNOWN, text));
            for (shown, expected) in [
                (nobody, Remedy::Token),
                (named, Remedy::Token),
                (ann, Remedy::Nothing),
                (both, Remedy::Repetition),
                (twice, Remedy::Nothing),
            ] {
                assert_eq!(remedy(&refusal, shown), expected, "{text} {shown:?}");
            }
        }
        for (text, expected) in [
            (message::INVALID_TOKEN, Remedy::Token),
            (message::BARE_USER_EMPTY, Remedy::Token),
            (message::LEASE_NOT_FOUND, Remedy::Nothing),
            (message::ROLE_NOT_FOUND, Remedy::Nothing),
        ] {
            for shown in [nobody, named, ann, both, twice] {
                let refusal = Refusal::Status(Status::new(Code::UNKNOWN, text));
                assert_eq!(remedy(&refusal, shown), expected, "{text} {shown:?}");
            }
        }
    }
}
