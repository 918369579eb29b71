//! Which API servers speak.

use etcd_proto::tree::Path;
use etcd_transport::endpoint::Endpoint;

use super::Session;
use super::types::{Api, SessionOptions};
use crate::error::{Error, ErrorKind};
use crate::v2::api::{Get, Version};
use crate::{v2, v3};

/// Opens a session over the API that is asked for, or that the servers speak.
pub(super) async fn open(
    endpoints: Vec<Endpoint>,
    options: SessionOptions,
) -> Result<Session, Error> {
    if endpoints.is_empty() {
        return Err(Error::invalid("there is no server to open a session with; give at least one"));
    }
    let client = v2::Client::with_endpoints(endpoints.clone(), options.config.clone());
    let version = client.version().await?;
    let has_v3 = version.server.major >= 3;
    match options.api {
        Api::V3 if !has_v3 => Err(Error::unsupported(format!(
            "etcd {} does not serve the v3 API, which came with 3.0",
            version.server
        ))),
        Api::V2 | Api::Auto if !has_v3 => Ok(Session::over_v2(client, version.effective())),
        Api::V2 => {
            check_v2(&client, version.server).await?;
            Ok(Session::over_v2(client, version.effective()))
        }
        Api::V3 | Api::Auto => {
            Ok(Session::over_v3(v3::Client::with_endpoints(endpoints, options.config)))
        }
    }
}

/// From 3.4 on the v2 API is off unless the server is started with it, and 3.6 has none.
async fn check_v2(client: &v2::Client, version: Version) -> Result<(), Error> {
    match client.send(&Get::new(Path::root()).serializable()).await {
        Err(error) if *error.kind() == ErrorKind::Unsupported => Err(Error::unsupported(format!(
            "etcd {version} does not serve the v2 API (3.4 and 3.5 do with --enable-v2=true); take v3"
        ))),
        // A user or a token that v2 cannot be told.
        Err(error) if *error.kind() == ErrorKind::InvalidInput => Err(error),
        Err(error) if error.is_transient() => Err(error),
        _ => Ok(()),
    }
}
