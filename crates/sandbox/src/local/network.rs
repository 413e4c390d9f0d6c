//! The network namespace of a sandbox: `lo` and the gateway's sockets, nothing else.
//!
//! The missing route is the security. What is set up here only makes programs find the gateway: its
//! sockets are opened inside and served from outside, since a socket belongs to the namespace in
//! which it was made, whoever holds it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use super::netlink;
use crate::provider::{SocketFamily, SocketKind};

/// Port of the explicit proxy, inside.
pub const PROXY_PORT: u16 = 3128;
/// Port of redirected connections, inside.
pub const TRANSPARENT_PORT: u16 = 3129;
/// Port of DNS, inside.
pub const DNS_PORT: u16 = 53;
/// Connections that wait while the server is away.
const BACKLOG: i32 = 1024;
/// Interface index of `lo` in every fresh network namespace.
const LO_INDEX: i32 = 1;

/// A socket with what it is for.
#[derive(Debug)]
pub struct Listening {
    /// What it is for.
    pub kind: SocketKind,
    /// Which loopback address it is bound to.
    pub family: SocketFamily,
    /// The socket.
    pub fd: OwnedFd,
}

/// Brings `lo` up, so that 127.0.0.1 and ::1 answer.
pub fn bring_up() -> io::Result<()> {
    let mut body = Vec::new();
    body.extend([0_u8, 0]);
    body.extend(0_u16.to_ne_bytes());
    body.extend(LO_INDEX.to_ne_bytes());
    let up = libc::IFF_UP.unsigned_abs();
    body.extend(up.to_ne_bytes());
    body.extend(up.to_ne_bytes());
    request(libc::RTM_NEWLINK, 0, &body)
}

/// Makes every address local, so that a connection anywhere reaches a listener inside or is refused.
pub fn accept_every_address(family: SocketFamily) -> io::Result<()> {
    let family = match family {
        SocketFamily::V4 => libc::AF_INET,
        SocketFamily::V6 => libc::AF_INET6,
    };
    let mut body = vec![
        family.to_le_bytes()[0],
        0,
        0,
        0,
        libc::RT_TABLE_LOCAL,
        libc::RTPROT_BOOT,
        libc::RT_SCOPE_HOST,
        libc::RTN_LOCAL,
    ];
    body.extend(0_u32.to_ne_bytes());
    body.extend(8_u16.to_ne_bytes());
    body.extend(libc::RTA_OIF.to_ne_bytes());
    body.extend(LO_INDEX.to_ne_bytes());
    let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    request(libc::RTM_NEWROUTE, flags as u16, &body)
}

/// Opens the gateway's sockets on one loopback address.
pub fn open(family: SocketFamily) -> io::Result<Vec<Listening>> {
    let wanted = [
        (SocketKind::Proxy, PROXY_PORT, SocketType::STREAM),
        (SocketKind::Transparent, TRANSPARENT_PORT, SocketType::STREAM),
        (SocketKind::DnsUdp, DNS_PORT, SocketType::DGRAM),
        (SocketKind::DnsTcp, DNS_PORT, SocketType::STREAM),
    ];
    wanted
        .into_iter()
        .map(|(kind, port, r#type)| {
            Ok(Listening { kind, family, fd: open_one(family, port, r#type)? })
        })
        .collect()
}

fn open_one(family: SocketFamily, port: u16, r#type: SocketType) -> io::Result<OwnedFd> {
    let (domain, address) = match family {
        SocketFamily::V4 => (AddressFamily::INET, IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SocketFamily::V6 => (AddressFamily::INET6, IpAddr::V6(Ipv6Addr::LOCALHOST)),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(domain, r#type, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if family == SocketFamily::V6 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &SocketAddr::new(address, port))?;
    if r#type == SocketType::STREAM {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

/// One routing request and its acknowledgement.
fn request(r#type: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let length = u32::try_from(16 + body.len()).map_err(io::Error::other)?;
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(r#type.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    netlink::send(None, &message)
}
