//! Ports inside on which somebody listens, and which program that is.

use crate::{Guest, sockets};
use protocol::link::{Answer, Fault, OpenPort, Transport};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Ports answered at most.
const PORTS: usize = 256;

/// Looks for them, with the rights of the agent's user.
pub async fn listening(guest: &Guest) -> Result<Answer, Fault> {
    guest.as_agent(|| Ok(look())).await
}

fn look() -> Answer {
    let mut found = sockets::all(Transport::Tcp);
    found.retain(|socket| socket.is_listening);
    let programs = if found.is_empty() { HashMap::new() } else { programs() };
    let ports: BTreeSet<OpenPort> = found
        .into_iter()
        .map(|socket| OpenPort {
            port: socket.address.port(),
            address: socket.address.ip().to_string(),
            process: programs.get(&socket.inode).cloned(),
        })
        .collect();
    let more = ports.len() > PORTS;
    Answer::Ports { ports: ports.into_iter().take(PORTS).collect(), more }
}

/// Names of programs by the sockets they hold.
fn programs() -> HashMap<u64, String> {
    let mut names = HashMap::new();
    sockets::holders(|folder, inode| {
        names.insert(inode, sockets::program(folder));
        ControlFlow::Continue(())
    });
    names
}
