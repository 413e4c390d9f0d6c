//! The sockets inside, and the processes that hold them.

use protocol::link::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;

/// Descriptors looked at to find who holds a socket.
const DESCRIPTORS: usize = 20_000;
/// The kernel's number for a socket that listens.
const LISTENING: &str = "0A";

/// A line of the kernel's tables.
pub struct Socket {
    /// Its own address.
    pub address: SocketAddr,
    /// Whether it waits for connections.
    pub is_listening: bool,
    /// By which descriptors name it; 0 once nobody holds it.
    pub inode: u64,
}

/// All of a kind.
pub fn all(transport: Transport) -> Vec<Socket> {
    let tables = match transport {
        Transport::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let mut found = Vec::new();
    for table in tables {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(socket));
    }
    found
}

fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Socket {
        address: SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?),
        is_listening: *fields.get(3)? == LISTENING,
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

/// Shows the folder of each process with each socket it holds, as far as this thread's rights go, until told to stop.
pub fn holders(mut show: impl FnMut(&Path, u64) -> ControlFlow<()>) {
    let mut looked_at = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let folder = entry.path();
        for descriptor in std::fs::read_dir(folder.join("fd")).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > DESCRIPTORS {
                return;
            }
            let Ok(target) = std::fs::read_link(descriptor.path()) else { continue };
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let Some(inode) = inode.and_then(|text| text.parse().ok()) else { continue };
            if show(&folder, inode).is_break() {
                return;
            }
        }
    }
}

/// The name of the program that a process runs.
pub fn program(folder: &Path) -> String {
    let name = std::fs::read(folder.join("comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernels_tables_are_read() {
        let listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0";
        let found = socket(listens).unwrap();
        assert_eq!(found.address, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert_eq!((found.is_listening, found.inode), (true, 4242));
        assert!(!socket(&listens.replace(" 0A ", " 01 ")).unwrap().is_listening);
        let six = listens.replace("0100007F", "00000000000000000000000001000000");
        assert_eq!(socket(&six).unwrap().address.ip(), IpAddr::from(Ipv6Addr::LOCALHOST));
        assert!(socket("nonsense").is_none());
    }
}
