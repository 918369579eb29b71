//! Whom the program trusts, and who its user is to the servers.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use etcd_client::{Config, Tls};

use crate::exit::say;

const USER: &str = "ETCDCTL_USER";
const PASSWORD: &str = "ETCDCTL_PASSWORD";
const TOKEN: &str = "ETCDCTL_AUTH_JWT_TOKEN";
/// A password file is not read any further.
const LONGEST_PASSWORD: u64 = 4096;

/// TLS and users; the variables are those of etcdctl.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS and users")]
pub(crate) struct Access {
    /// Trust the authorities in this file, and no longer those that the system trusts
    #[arg(long, global = true, env = "ETCDCTL_CACERT", value_name = "PEM")]
    cacert: Option<PathBuf>,
    /// Show servers this certificate
    #[arg(long = "cert", global = true, env = "ETCDCTL_CERT", value_name = "PEM")]
    certificate: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long = "key", global = true, env = "ETCDCTL_KEY", value_name = "PEM")]
    private_key: Option<PathBuf>,
    /// Expect servers to have a certificate for this name
    #[arg(long, global = true, value_name = "NAME")]
    server_name: Option<String>,
    /// Take any certificate: whoever is between can read and change everything
    #[arg(long, global = true, alias = "insecure-skip-tls-verify")]
    #[arg(env = "ETCDCTL_INSECURE_SKIP_TLS_VERIFY")]
    insecure_skip_verify: bool,
    /// The user; the password is asked for, or read from --password-file or ETCDCTL_PASSWORD
    #[arg(long, global = true, env = USER, hide_env_values = true, value_name = "NAME[:PASSWORD]")]
    user: Option<Secret>,
    /// The file whose first line is the password
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The token of a user, made elsewhere, in place of user and password
    #[arg(long, global = true, env = TOKEN, hide_env_values = true, value_name = "TOKEN")]
    auth_jwt_token: Option<Secret>,
    /// Let the password or token go in the clear to servers without https://
    #[arg(long, global = true)]
    allow_plaintext_credentials: bool,
}

/// What may hold a password.
#[derive(Clone)]
struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Options that take a value.
pub(crate) const WITH_VALUE: &[&str] = &[
    "--cacert",
    "--cert",
    "--key",
    "--server-name",
    "--user",
    "--password-file",
    "--auth-jwt-token",
];

impl Access {
    /// Adds TLS and credentials for these servers; asks for a password where one is missing.
    pub(crate) fn apply(&self, mut config: Config, servers: &str) -> anyhow::Result<Config> {
        config = config.tls(self.tls(servers)?);
        if self.allow_plaintext_credentials {
            config = config.allow_plaintext_credentials();
        }
        match (&self.user, &self.auth_jwt_token) {
            (Some(_), Some(_)) => {
                bail!(Unusable(
                    "a user and a token are given; give one of --user and --auth-jwt-token".into()
                ))
            }
            (None, Some(Secret(token))) => {
                warn_of_typed(TOKEN, token);
                Ok(config.token(token))
            }
            (None, None) => {
                let unused = "--password-file is given, and no --user";
                ensure!(self.password_file.is_none(), Unusable(unused.into()));
                Ok(config)
            }
            (Some(Secret(user)), None) => {
                let (name, typed) = match user.split_once(':') {
                    Some((name, password)) => (name, Some(password)),
                    None => (user.as_str(), None),
                };
                Ok(config.credentials(name, &self.password(name, typed)?))
            }
        }
    }

    fn tls(&self, servers: &str) -> anyhow::Result<Tls> {
        let mut tls = Tls::new();
        let given =
            [&self.cacert, &self.certificate, &self.private_key].into_iter().flatten().next();
        if let Some(given) = given
            && !servers.contains("https://")
        {
            bail!(Unusable(format!(
                "{given:?} is given for TLS, and no server has https://; give https://host:port"
            )));
        }
        if let Some(path) = &self.cacert {
            tls = tls.ca_file(path);
        }
        tls = match (&self.certificate, &self.private_key) {
            (None, None) => tls,
            (Some(certificate), Some(key)) => tls.identity_files(certificate, key),
            (Some(_), None) => bail!(Unusable("--cert is given without its --key".into())),
            (None, Some(_)) => bail!(Unusable("--key is given without its --cert".into())),
        };
        if let Some(name) = &self.server_name {
            tls = tls.server_name(name);
        }
        if self.insecure_skip_verify {
            tls = tls.danger_accept_invalid_certificates();
        }
        Ok(tls)
    }

    /// The password that was given, wherever it was.
    fn password(&self, name: &str, typed: Option<&str>) -> anyhow::Result<String> {
        if let Some(path) = &self.password_file {
            return first_line(path).with_context(|| format!("reading the password from {path:?}"));
        }
        if let Some(typed) = typed {
            warn_of_typed(USER, typed);
            return Ok(typed.to_owned());
        }
        match std::env::var_os(PASSWORD).map(OsString::into_string) {
            Some(Ok(password)) => Ok(password),
            Some(Err(_)) => bail!(Unusable(format!("{PASSWORD} is not UTF-8"))),
            None if std::io::stdin().is_terminal() => {
                Ok(rpassword::prompt_password(format!("Password of {name}: "))?)
            }
            None => bail!(Unusable(format!(
                "the password of {name:?} is missing; give --password-file or {PASSWORD}"
            ))),
        }
    }
}

/// Says so where a secret was not in the variable for it, but on the command line.
fn warn_of_typed(variable: &str, secret: &str) {
    if !std::env::var(variable).is_ok_and(|value| value.ends_with(secret)) {
        say("others on this machine can see a password or token that is typed as an option");
    }
}

fn first_line(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST_PASSWORD).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Something on the command line that cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}
