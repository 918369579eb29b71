//! `/v2/auth`: users, roles, and whether anyone is asked for them.

mod identity;
mod read;
mod write;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

pub(super) use identity::identity;

use super::replies::{internal, mark_cluster, method_not_allowed, not_found, refuse};
use super::service::body_of;
use crate::api::{Api, reply};
use crate::store::v2::{Auth, AuthOperation, AuthReply, Refusal};
use crate::v3::Body;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject<'a> {
    Enabled,
    Users,
    User(&'a str),
    Roles,
    Role(&'a str),
    /// A path below users or roles that names none.
    Invalid,
}

fn subject(path: &str) -> Option<Subject<'_>> {
    // A user or a role may be named with a slash at the end.
    let names: Vec<_> = path.strip_suffix('/').unwrap_or(path).split('/').skip(3).collect();
    Some(match names[..] {
        ["enable"] if !path.ends_with('/') => Subject::Enabled,
        ["users"] => Subject::Users,
        ["users", name] => Subject::User(name),
        ["roles"] => Subject::Roles,
        ["roles", name] => Subject::Role(name),
        ["users" | "roles", ..] => Subject::Invalid,
        _ => return None,
    })
}

/// Answers a request below `/v2/auth`.
pub(super) async fn serve<B>(api: &Api, request: Request<B>) -> Response<Body>
where
    B: hyper::body::Body<Data = Bytes>,
{
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let Some(subject) = subject(&path) else { return not_found() };
    if subject == Subject::Invalid {
        return refuse(&Refusal::new(400, "Invalid path"));
    }
    let method = request.method().clone();
    let lists = matches!(subject, Subject::Users | Subject::Roles);
    let changes = matches!(method, Method::PUT | Method::DELETE);
    if method != Method::GET && (lists || !changes) {
        return method_not_allowed(if lists { "GET" } else { "GET,PUT,DELETE" });
    }
    let is_open = subject == Subject::Enabled && method == Method::GET;
    if !is_open && !is_root(api, request.headers()) {
        return no_access();
    }
    let body = body_of(request.into_body()).await.unwrap_or_default();
    let answered = match operation(subject, &method, &body) {
        Ok(None) => api.v2.with(|store| shown(store.auth(), subject)),
        Ok(Some(operation)) => change(api, operation),
        Err(refusal) => Err(refusal),
    };
    let mut reply = match answered {
        Ok((status, body)) => reply(status, "application/json", body),
        Err(refusal) => refuse(&refusal),
    };
    mark_cluster(api, &mut reply);
    reply
}

/// Whether who makes a request may do everything.
pub(super) fn is_root(api: &Api, headers: &HeaderMap) -> bool {
    api.v2.with(|store| store.auth().is_root(&identity(headers)))
}

/// What is answered to who may not do something other than with keys.
pub(super) fn no_access() -> Response<Body> {
    refuse(&Refusal::new(401, "Insufficient credentials"))
}

/// The change that is asked for, if one is.
fn operation(
    subject: Subject<'_>,
    method: &Method,
    body: &[u8],
) -> Result<Option<AuthOperation>, Refusal> {
    let invalid = || Refusal::new(400, "Invalid JSON in request body.");
    let other =
        |kind| Refusal::new(400, format!("{kind} JSON name does not match the name in the URL"));
    Ok(Some(match (method, subject) {
        (&Method::PUT, Subject::Enabled) => AuthOperation::Enable,
        (&Method::DELETE, Subject::Enabled) => AuthOperation::Disable,
        (&Method::PUT, Subject::User(name)) => {
            let user = read::user(body).ok_or_else(invalid)?;
            if user.name != name {
                return Err(other("User"));
            }
            AuthOperation::PutUser(user)
        }
        (&Method::DELETE, Subject::User(name)) => AuthOperation::DeleteUser(name.to_owned()),
        (&Method::PUT, Subject::Role(name)) => {
            let role = read::role(body).ok_or_else(invalid)?;
            if role.name != name {
                return Err(other("Role"));
            }
            AuthOperation::PutRole(role)
        }
        (&Method::DELETE, Subject::Role(name)) => AuthOperation::DeleteRole(name.to_owned()),
        _ => return Ok(None),
    }))
}

fn change(api: &Api, operation: AuthOperation) -> Result<(StatusCode, String), Refusal> {
    if api.v3.with(|store| store.cluster.leader) == 0 {
        return Err(internal());
    }
    let status = |created| if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(match api.v2.with(|store| store.apply_auth(operation))? {
        AuthReply::Done => (StatusCode::OK, String::new()),
        AuthReply::User(user, created) => (status(created), write::user(&user)),
        AuthReply::Role(role, created) => (status(created), write::role(&role) + "\n"),
    })
}

fn shown(auth: &Auth, subject: Subject<'_>) -> Result<(StatusCode, String), Refusal> {
    let body = match subject {
        Subject::Enabled => format!("{{\"enabled\":{}}}", auth.is_enabled()),
        Subject::Users => users(auth)?,
        Subject::Roles => {
            let roles: Result<Vec<_>, _> =
                auth.role_names().iter().map(|name| auth.role(name)).collect();
            format!("{{\"roles\":[{}]}}", write::joined(roles?.iter().map(write::role)))
        }
        Subject::User(name) => {
            let user = auth.user(name)?;
            let roles: Result<Vec<_>, _> = user.roles().map(|name| auth.role(name)).collect();
            write::user_with_roles(name, &roles?)
        }
        Subject::Role(name) => write::role(&auth.role(name)?),
        Subject::Invalid => String::new(),
    };
    Ok((StatusCode::OK, body + "\n"))
}

/// Every user with those of its roles that there are.
fn users(auth: &Auth) -> Result<String, Refusal> {
    let names = auth.user_names();
    if names.is_empty() {
        return Ok("{\"users\":null}".to_owned());
    }
    let mut shown = Vec::new();
    for name in names {
        let user = auth.user(&name)?;
        let roles: Vec<_> = user.roles().filter_map(|name| auth.role(name).ok()).collect();
        shown.push(write::user_with_roles(&name, &roles));
    }
    Ok(format!("{{\"users\":[{}]}}", write::joined(shown.into_iter())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_what_a_request_is_about() {
        for (path, expected) in [
            ("/v2/auth", None),
            ("/v2/auth/", None),
            ("/v2/auth/enable", Some(Subject::Enabled)),
            ("/v2/auth/enable/", None),
            ("/v2/auth/users", Some(Subject::Users)),
            ("/v2/auth/users/", Some(Subject::Users)),
            ("/v2/auth/users/a/", Some(Subject::User("a"))),
            ("/v2/auth/roles/a", Some(Subject::Role("a"))),
            ("/v2/auth/roles/a/b", Some(Subject::Invalid)),
            ("/v2/auth/others/a", None),
        ] {
            assert_eq!(subject(path), expected, "{path}");
        }
    }
}
