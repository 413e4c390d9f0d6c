//! Ports inside on which somebody listens, and which program that is.

use crate::Guest;
use protocol::link::{Answer, Fault, OpenPort};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ports answered at most.
const PORTS: usize = 256;
/// Descriptors looked at to find the programs.
const DESCRIPTORS: usize = 20_000;
/// The kernel's number for a socket that listens.
const LISTENING: &str = "0A";

/// Looks for them, with the rights of the agent's user.
pub async fn listening(guest: &Guest) -> Result<Answer, Fault> {
    guest.as_agent(|| Ok(look())).await
}

fn look() -> Answer {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(row));
    }
    let programs = if found.is_empty() { HashMap::new() } else { programs() };
    let ports: BTreeSet<OpenPort> = found
        .into_iter()
        .map(|row| OpenPort {
            port: row.port,
            address: row.address.to_string(),
            process: programs.get(&row.inode).cloned(),
        })
        .collect();
    let more = ports.len() > PORTS;
    Answer::Ports { ports: ports.into_iter().take(PORTS).collect(), more }
}

struct Row {
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// A line of the kernel's table, if it is of a socket that listens.
fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTENING {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Row {
        address: ip(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel writes addresses as words of its own byte order.
fn ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let hex = text.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(hex, 16).ok()?.to_ne_bytes())
    };
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for (at, four) in bytes.chunks_mut(4).enumerate() {
        four.copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(bytes).into())
}

/// Names of programs by the sockets they hold.
fn programs() -> HashMap<u64, String> {
    let mut names = HashMap::new();
    let mut looked_at = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let folder = entry.path();
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let mut name = None;
        for descriptor in std::fs::read_dir(folder.join("fd")).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > DESCRIPTORS {
                return names;
            }
            let Ok(target) = std::fs::read_link(descriptor.path()) else { continue };
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let Some(inode) = inode.and_then(|text| text.parse().ok()) else { continue };
            let name = name.get_or_insert_with(|| {
                let comm = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
                comm.trim().to_owned()
            });
            names.insert(inode, name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_listen_are_ports() {
        let listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0";
        let found = row(listens).unwrap();
        assert_eq!((found.port, found.inode), (8080, 4242));
        assert_eq!(found.address, IpAddr::from([127, 0, 0, 1]));
        assert!(row(&listens.replace(" 0A ", " 01 ")).is_none());
        let six = listens.replace("0100007F", "00000000000000000000000001000000");
        assert_eq!(row(&six).unwrap().address, IpAddr::from(Ipv6Addr::LOCALHOST));
        assert!(row("nonsense").is_none());
    }
}
