//! Ports of 127.0.0.1 for servers, below the kernel's ephemeral range.
//!
//! Processes that look for ports at the same time must not find the same: between a look and a
//! server's start, and while a server is down, a port is free to look at. So each process holds blocks
//! of ports, and holds a block by listening on its first port: no file is left behind, whatever ends it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

const FIRST: u16 = 20_000;
const BLOCKS: u16 = 120;
const BLOCK: u16 = 100;
/// One process goes round in so many blocks rather than take all there are.
const HELD_AT_MOST: usize = 20;

/// Picks ports that nobody listens on, and that no other process picks while this one lives.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    static HELD: Mutex<Held> = Mutex::new(Held { blocks: Vec::new(), given: 0 });
    HELD.lock().unwrap_or_else(PoisonError::into_inner).free_ports(count)
}

/// A port for clients and one for members, for each of so many members.
pub(super) fn ports_from(base: u16, size: usize) -> io::Result<Vec<u16>> {
    let count = u16::try_from(2 * size).map_err(io::Error::other)?;
    let end = base.checked_add(count).ok_or_else(|| {
        io::Error::other(format!(
            "base port {base} is too high: {count} ports do not fit below 65536"
        ))
    })?;
    for port in base..end {
        listen(port)
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
    }
    Ok((base..end).collect())
}

/// The blocks of one process, each with the listener that holds it.
struct Held {
    blocks: Vec<(u16, TcpListener)>,
    /// How many of their ports were given or found taken.
    given: usize,
}

impl Held {
    fn free_ports(&mut self, count: usize) -> io::Result<Vec<u16>> {
        let mut ports: Vec<u16> = Vec::with_capacity(count);
        for _ in 0..BLOCKS * BLOCK {
            if ports.len() == count {
                return Ok(ports);
            }
            let port = self.next()?;
            if !ports.contains(&port) && listen(port).is_ok() {
                ports.push(port);
            }
        }
        Err(io::Error::other(format!("fewer than {count} free ports on 127.0.0.1")))
    }

    fn next(&mut self) -> io::Result<u16> {
        let in_block = usize::from(BLOCK - 1);
        if self.given == self.blocks.len() * in_block && self.blocks.len() < HELD_AT_MOST {
            self.blocks.extend(another_block());
        }
        let place = self.given.checked_rem(self.blocks.len() * in_block);
        let none = || io::Error::other("other processes hold all ports from 20000 on");
        let place = place.ok_or_else(none)?;
        self.given = place + 1;
        let (first, _) = self.blocks[place / in_block];
        Ok(first + 1 + (place % in_block) as u16)
    }
}

/// A block that nobody held, as its first port and what holds it.
fn another_block() -> Option<(u16, TcpListener)> {
    // Not the same for all: where a process was before, its servers may be ending still.
    let start = (std::process::id() % u32::from(BLOCKS)) as u16;
    (0..BLOCKS).find_map(|nth| {
        let first = FIRST + (start + nth) % BLOCKS * BLOCK;
        Some((first, listen(first).ok()?))
    })
}

fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn nobody() -> Held {
        Held { blocks: Vec::new(), given: 0 }
    }

    #[test]
    fn picked_ports_differ_and_are_free() -> io::Result<()> {
        let ports = free_ports(6)?;
        for port in &ports {
            listen(*port)?;
        }
        assert_eq!(ports.into_iter().collect::<HashSet<_>>().len(), 6);
        Ok(())
    }

    #[test]
    fn what_one_picks_no_other_does() -> io::Result<()> {
        let (mut one, mut other) = (nobody(), nobody());
        let in_block = usize::from(BLOCK - 1);
        let mut picked = HashSet::new();
        for _ in 0..in_block + 1 {
            picked.extend(one.free_ports(1)?);
            picked.extend(other.free_ports(1)?);
        }
        assert_eq!(picked.len(), 2 * (in_block + 1));
        assert!(one.blocks.len() >= 2, "a block has {in_block} ports to give");
        Ok(())
    }

    #[test]
    fn a_port_that_is_taken_is_passed_over() -> io::Result<()> {
        let mut held = nobody();
        let port = held.free_ports(1)?[0];
        let _taken = listen(port)?;
        held.given -= 1;
        assert_ne!(held.free_ports(1)?[0], port);
        Ok(())
    }

    #[test]
    fn one_process_goes_round_in_its_blocks() -> io::Result<()> {
        let mut held = nobody();
        let in_block = usize::from(BLOCK - 1);
        let first = held.next()?;
        for _ in 1..HELD_AT_MOST * in_block {
            held.next()?;
        }
        assert_eq!((held.next()?, held.blocks.len()), (first, HELD_AT_MOST));
        Ok(())
    }

    #[test]
    fn a_base_port_that_leaves_no_room_is_refused() {
        let error = ports_from(65_534, 3).expect_err("six ports do not fit");
        assert!(error.to_string().contains("base port 65534 is too high"), "{error}");
    }
}
