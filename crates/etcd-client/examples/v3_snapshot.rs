//! Saves a member's database in a file, and says what each member holds.
//!
//! Servers are those in the first argument, in `ETCD_SERVERS`, or 127.0.0.1:2379; the file is the
//! second argument, or `etcd.snapshot` in the directory for temporary files.
//! `cargo xtask cluster` starts servers to try it on.

#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::PathBuf;

use etcd_client::{Client, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(&servers())?;
    let maintenance = client.maintenance();
    let mut best = None;
    for member in client.endpoints() {
        match maintenance.status(&member.endpoint).await {
            Ok(status) => {
                let leads = if status.is_leader() { ", leads" } else { "" };
                println!("{}: etcd {}{leads}", member.endpoint, status.version);
                println!("  {} of {} bytes in use", status.db_size_in_use, status.db_size);
                best = best.max(Some((status.raft_applied_index, member.endpoint.to_string())));
            }
            Err(error) => println!("{}: {error}", member.endpoint),
        }
    }
    // The one that is furthest, if any answers.
    let Some((_, endpoint)) = best else { return Ok(()) };
    let path = std::env::args().nth(2).map_or_else(default_path, PathBuf::from);
    let snapshot = maintenance.snapshot(&endpoint.parse()?).await?;
    let written = snapshot.save_to(&path).await?;
    println!("{written} bytes of {endpoint} are in {}", path.display());
    Ok(())
}

fn default_path() -> PathBuf {
    std::env::temp_dir().join("etcd.snapshot")
}

fn servers() -> String {
    let default = || std::env::var("ETCD_SERVERS").unwrap_or_else(|_| "127.0.0.1:2379".to_owned());
    std::env::args().nth(1).unwrap_or_else(default)
}
