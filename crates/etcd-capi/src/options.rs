//! `etcd_set_option()`: what can be set before the first call.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use etcd_client::session::{Api, SessionOptions};
use etcd_client::{Config, Secret, Tls};

use crate::call::with_session;
use crate::fault::{EtcdResult, Fault};
use crate::handle::Handle;
use crate::input;

/// What can be set: `etcd_option`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionName {
    Api = 1,
    TimeoutMs = 2,
    ConnectTimeoutMs = 3,
    CaFile = 4,
    CertFile = 5,
    KeyFile = 6,
    ServerName = 7,
    SkipVerify = 8,
    User = 9,
    Password = 10,
    PlaintextCredentials = 11,
    Token = 12,
}

impl OptionName {
    const ALL: [Self; 12] = [
        Self::Api,
        Self::TimeoutMs,
        Self::ConnectTimeoutMs,
        Self::CaFile,
        Self::CertFile,
        Self::KeyFile,
        Self::ServerName,
        Self::SkipVerify,
        Self::User,
        Self::Password,
        Self::PlaintextCredentials,
        Self::Token,
    ];

    /// The one that C named: any number may come.
    fn from_c(number: c_int) -> Result<Self, Fault> {
        let found = Self::ALL.into_iter().find(|name| *name as c_int == number);
        found.ok_or_else(|| Fault::invalid(format!("there is no option {number}; see etcd_option")))
    }
}

/// What was set; nothing is the default of the library.
#[derive(Debug, Default)]
pub(crate) struct Options {
    api: Option<Api>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    ca_file: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
    server_name: Option<String>,
    skip_verify: bool,
    user: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    plaintext_credentials: bool,
}

impl Options {
    /// Sets one, or takes it back.
    fn set(&mut self, name: OptionName, value: Option<&str>) -> Result<(), Fault> {
        let text = || value.map(str::to_owned);
        match name {
            OptionName::Api => self.api = value.map(api).transpose()?,
            OptionName::TimeoutMs => self.timeout = value.map(milliseconds).transpose()?,
            OptionName::ConnectTimeoutMs => {
                self.connect_timeout = value.map(milliseconds).transpose()?;
            }
            OptionName::CaFile => self.ca_file = text(),
            OptionName::CertFile => self.cert_file = text(),
            OptionName::KeyFile => self.key_file = text(),
            OptionName::ServerName => self.server_name = text(),
            OptionName::SkipVerify => self.skip_verify = value.map_or(Ok(false), truth)?,
            OptionName::User => self.user = text(),
            OptionName::Password => self.password = value.map(Secret::new),
            OptionName::Token => self.token = value.map(Secret::new),
            OptionName::PlaintextCredentials => {
                self.plaintext_credentials = value.map_or(Ok(false), truth)?;
            }
        }
        Ok(())
    }

    /// What a session is opened with.
    pub(crate) fn to_session(&self) -> Result<SessionOptions, Fault> {
        let mut config = Config::default().tls(self.tls()?);
        if let Some(timeout) = self.timeout {
            config.deadline = timeout;
        }
        if let Some(timeout) = self.connect_timeout {
            config.connect = timeout;
        }
        config = match (&self.user, &self.password, &self.token) {
            (Some(user), Some(password), None) => config.credentials(user, password.clone()),
            (None, None, Some(token)) => config.token(token.clone()),
            (None, None, None) => config,
            (_, _, Some(_)) => {
                return Err(Fault::invalid("a token is set, and a user or password"));
            }
            (Some(_), None, None) => return Err(Fault::invalid("a user is set, and no password")),
            (None, Some(_), None) => {
                return Err(Fault::invalid("a password is set, and no user"));
            }
        };
        if self.plaintext_credentials {
            config = config.allow_plaintext_credentials();
        }
        Ok(SessionOptions::new().api(self.api.unwrap_or_default()).config(config))
    }

    fn tls(&self) -> Result<Tls, Fault> {
        let mut tls = Tls::new();
        if let Some(path) = &self.ca_file {
            tls = tls.ca_file(path);
        }
        tls = match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => tls.identity_files(certificate, key),
            (None, None) => tls,
            (Some(_), None) => return Err(Fault::invalid("a certificate is set, and not its key")),
            (None, Some(_)) => return Err(Fault::invalid("a key is set, and not its certificate")),
        };
        if let Some(name) = &self.server_name {
            tls = tls.server_name(name);
        }
        if self.skip_verify {
            tls = tls.danger_accept_invalid_certificates();
        }
        Ok(tls)
    }
}

fn api(text: &str) -> Result<Api, Fault> {
    text.parse()
        .map_err(|error: etcd_client::session::InvalidApi| Fault::invalid(error.to_string()))
}

fn milliseconds(text: &str) -> Result<Duration, Fault> {
    match text.parse() {
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Fault::invalid(format!("{text:?} is no time; give milliseconds, 1 or more"))),
    }
}

fn truth(text: &str) -> Result<bool, Fault> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::invalid(format!("{text:?} is neither \"true\" nor \"false\""))),
    }
}

/// See the header.
///
/// # Safety
///
/// The value has to be a text, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set_option(
    session: Handle,
    option: c_int,
    value: *const c_char,
) -> EtcdResult {
    with_session(session, |session| {
        let value = match value.is_null() {
            true => None,
            // SAFETY: the caller promises a text.
            false => Some(unsafe { input::text("option", value, usize::MAX) }?),
        };
        let name = OptionName::from_c(option)?;
        session.configure(|options| options.set(name, value))?;
        Ok(EtcdResult::Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let mut options = Options::default();
        for (option, value, named) in [
            (OptionName::Api, "v4", "v4"),
            (OptionName::TimeoutMs, "soon", "soon"),
            (OptionName::ConnectTimeoutMs, "0", "milliseconds"),
            (OptionName::SkipVerify, "yes", "true"),
        ] {
            let fault = options.set(option, Some(value)).expect_err(value);
            assert!(fault.text.contains(named), "{}", fault.text);
        }
        for number in [-1, 0, 13] {
            assert!(OptionName::from_c(number).is_err(), "{number}");
        }
        for option in OptionName::ALL {
            assert_eq!(OptionName::from_c(option as c_int), Ok(option));
        }
    }

    #[test]
    fn what_belongs_together_is_set_together() {
        let mut options = Options::default();
        use OptionName::{CertFile, KeyFile, Password, User};
        for (option, other) in
            [(CertFile, KeyFile), (KeyFile, CertFile), (User, Password), (Password, User)]
        {
            options.set(option, Some("x")).expect("it is set");
            assert!(options.to_session().is_err(), "{option:?} alone");
            options.set(other, Some("x")).expect("it is set");
            assert!(options.to_session().is_ok(), "{option:?} with {other:?}");
            options.set(option, None).expect("it is taken back");
            options.set(other, None).expect("it is taken back");
        }
        options.set(OptionName::Token, Some("x")).expect("it is set");
        assert!(options.to_session().is_ok());
        options.set(User, Some("x")).expect("it is set");
        assert!(options.to_session().is_err(), "a token with a user");
    }

    #[test]
    fn no_password_is_shown() {
        let mut options = Options::default();
        options.set(OptionName::Password, Some("correct-horse")).expect("it is set");
        options.set(OptionName::Token, Some("correct-horse")).expect("it is set");
        assert!(!format!("{options:?}").contains("horse"));
    }
}
