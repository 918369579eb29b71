//! Servers from the SRV records of a domain.

use crate::args::Cli;

/// The servers that a domain names, as a list; nothing where no domain is given.
#[cfg(feature = "srv")]
pub(crate) async fn servers(cli: &Cli) -> anyhow::Result<Option<String>> {
    let Some(domain) = &cli.discovery_srv else { return Ok(None) };
    let mut discovery = etcd_client::discovery::Discovery::new(domain)?;
    if let Some(name) = &cli.discovery_srv_name {
        discovery = discovery.service(name)?;
    }
    let found = discovery.deadline(cli.timeout).find().await?;
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    Ok(Some(shown.join(",")))
}

/// Without the feature, a domain is refused: other servers than its own would be asked.
#[cfg(not(feature = "srv"))]
pub(crate) async fn servers(cli: &Cli) -> anyhow::Result<Option<String>> {
    match &cli.discovery_srv {
        None => Ok(None),
        Some(domain) => anyhow::bail!(
            "servers of {domain:?} cannot be found: this etcd-test was built without the feature srv; \
             build it with --features srv, or name the servers with -s"
        ),
    }
}
