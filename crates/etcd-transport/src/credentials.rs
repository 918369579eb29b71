//! Who a client is to the servers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use etcd_proto::error::EncodeError;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What stands before the pair in a header of basic authentication.
const BASIC: &str = "Basic ";

/// A user and a password, or a token: ready to be sent and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    User { name: String, password: Secret },
    Token(Secret),
}

impl Credentials {
    /// The credentials of a user: v2 servers get them with every request, v3 servers for a token.
    /// Calls of the v2 API fail where the name has a colon.
    pub fn new(user: &str, password: impl Into<Secret>) -> Self {
        Self(Kind::User { name: user.to_owned(), password: password.into() })
    }

    /// A token that was made elsewhere, for v3 servers that take JSON web tokens: sent as it is, and
    /// never fetched. The v2 API has none, and its calls fail.
    pub fn token(token: impl Into<Secret>) -> Self {
        Self(Kind::Token(token.into()))
    }

    /// The user's name and the password, for whoever has to send them; nothing for a token.
    pub fn user(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Kind::User { name, password } => Some((name, password.expose())),
            Kind::Token(_) => None,
        }
    }

    /// The token as the value of a header; nothing where there is none.
    ///
    /// # Errors
    ///
    /// Where the token has a byte that no header can hold.
    pub fn token_header(&self) -> Result<Option<HeaderValue>, EncodeError> {
        match &self.0 {
            Kind::Token(token) => token.header().ok_or_else(unsendable_token).map(Some),
            Kind::User { .. } => Ok(None),
        }
    }

    /// Whether they can be sent at all.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        self.token_header().map(drop)
    }

    /// The value of an `Authorization` header, as HTTP basic authentication has it.
    pub(crate) fn header(&self) -> Result<HeaderValue, EncodeError> {
        let Some((user, password)) = self.user() else {
            let reason = "the v2 API takes none; give a user and a password";
            return Err(EncodeError::new("token", reason));
        };
        if user.contains(':') {
            let reason = format!(
                "{user:?} has a colon, where HTTP basic authentication, and so the v2 API, would end it; \
                 name a user without one"
            );
            return Err(EncodeError::new("user", reason));
        }
        // With room for all from the start, as what grows leaves copies behind.
        let pair = Zeroizing::new([user, ":", password].concat());
        let mut basic = String::with_capacity(BASIC.len() + pair.len().div_ceil(3) * 4);
        basic.push_str(BASIC);
        BASE64.encode_string(pair.as_bytes(), &mut basic);
        let unsendable = || EncodeError::new("password", "it cannot be put into a header");
        Secret::new(basic).header().ok_or_else(unsendable)
    }
}

fn unsendable_token() -> EncodeError {
    EncodeError::new("token", "it has a byte that no header can hold; give it without line breaks")
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
