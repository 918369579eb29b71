//! Two candidates and one who looks on, on the servers in `ETCD_SERVERS` or on 127.0.0.1:2379.
//!
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use etcd_client::v3::Leaders;
use etcd_client::{Client, Error, Ttl};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let servers = std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    let client = Client::new(&servers)?;
    let election = client.election("/example/election");
    let ttl = "5".parse::<Ttl>()?;

    // Whoever looks on is told of each leader, and of what it proclaims.
    let mut leaders = election.observe();
    let first = election.campaign("a", ttl).await?;
    tell(&mut leaders).await?;

    let (resigned, second) = tokio::join!(first.resign(), election.campaign("b", ttl));
    resigned?;
    let second = second?;
    tell(&mut leaders).await?;

    // Refused by etcd, should it lead no longer.
    second.proclaim("b, for good").await?;
    tell(&mut leaders).await?;
    second.resign().await?;
    println!("somebody leads: {}", election.leader().await?.is_some());
    Ok(())
}

async fn tell(leaders: &mut Leaders) -> Result<(), Error> {
    if let Some(leader) = leaders.next().await.transpose()? {
        println!("{} leads", String::from_utf8_lossy(&leader.value));
    }
    Ok(())
}
