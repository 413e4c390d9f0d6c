//! Rules that lead what knows no proxy to the gateway's sockets, in the network namespace of a sandbox.
//!
//! A convenience and no wall: without them the same connections end at a device that leads nowhere. They are
//! told to the kernel in its own messages (nftables), so that starting a sandbox starts no program.

use std::io;

use rustix::net::netlink::NETFILTER;

use super::netlink;
use super::network::{DNS_PORT, TRANSPARENT_PORT};
use crate::provider::SocketFamily;

/// Name of the table and of its chain.
const NAME: &[u8] = b"errand\0";
/// Priority of rules that change a destination.
const PRIORITY: i32 = -100;
/// The kernel's kind of messages (`NFNL_SUBSYS_NFTABLES`).
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const NEW_CHAIN: u16 = (SUBSYSTEM << 8) | 3;
const NEW_RULE: u16 = (SUBSYSTEM << 8) | 6;
/// Where packets of this namespace's own begin (`NF_INET_LOCAL_OUT`).
const HOOK: u32 = 3;
/// The register that every expression uses.
const REGISTER: u32 = 1;
/// The protocol above IP (`NFT_META_L4PROTO`).
const PROTOCOL: u32 = 16;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const EQUAL: u32 = 0;
const DIFFERENT: u32 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Marks an attribute that holds others.
const NESTED: u16 = 0x8000;

/// Leads questions for names, and all TCP that is not for this sandbox itself, to the gateway's sockets.
pub fn install(family: SocketFamily) -> io::Result<()> {
    // All or nothing: the first answer is the first failure, or that the last rule is there.
    netlink::send(Some(NETFILTER), &batch(family))
}

/// Everything in one message, which the kernel does as a whole.
fn batch(family: SocketFamily) -> Vec<u8> {
    let (number, elsewhere) = match family {
        // Offset and bytes of the destination that stay inside: 127.0.0.0/8.
        SocketFamily::V4 => (libc::AF_INET, destination(16, &[127])),
        SocketFamily::V6 => {
            (libc::AF_INET6, destination(24, &std::net::Ipv6Addr::LOCALHOST.octets()))
        }
    };
    let number = number.to_le_bytes()[0];
    let table = attribute(1, NAME);
    let hook = [attribute(1, &HOOK.to_be_bytes()), attribute(2, &PRIORITY.to_be_bytes())].concat();
    let chain =
        [attribute(1, NAME), attribute(3, NAME), nested(4, &hook), attribute(7, b"nat\0")].concat();
    let create = libc::NLM_F_CREATE as u16;
    let append = create | libc::NLM_F_APPEND as u16;
    let last = append | libc::NLM_F_ACK as u16;
    [
        message(BATCH_BEGIN, 0, 0, SUBSYSTEM, &[]),
        message(NEW_TABLE, create, number, 0, &table),
        message(NEW_CHAIN, create, number, 0, &chain),
        message(NEW_RULE, append, number, 0, &rule(&[is(UDP), to_port(DNS_PORT), lead(DNS_PORT)])),
        message(NEW_RULE, append, number, 0, &rule(&[is(TCP), to_port(DNS_PORT), lead(DNS_PORT)])),
        message(NEW_RULE, last, number, 0, &rule(&[is(TCP), elsewhere, lead(TRANSPARENT_PORT)])),
        message(BATCH_END, 0, 0, SUBSYSTEM, &[]),
    ]
    .concat()
}

fn rule(expressions: &[Vec<u8>]) -> Vec<u8> {
    [attribute(1, NAME), attribute(2, NAME), nested(4, &expressions.concat())].concat()
}

/// What comes next counts for this protocol only.
fn is(protocol: u8) -> Vec<u8> {
    let load = [number(1, REGISTER), number(2, PROTOCOL)].concat();
    [expression(b"meta\0", &load), compare(EQUAL, &[protocol])].concat()
}

/// What comes next counts for this destination port only.
fn to_port(port: u16) -> Vec<u8> {
    [load(TRANSPORT_HEADER, 2, 2), compare(EQUAL, &port.to_be_bytes())].concat()
}

/// What comes next counts for destinations that do not begin with these bytes.
fn destination(offset: u32, not: &[u8]) -> Vec<u8> {
    let length = u32::try_from(not.len()).unwrap_or_default();
    [load(NETWORK_HEADER, offset, length), compare(DIFFERENT, not)].concat()
}

/// Sends the connection to this port here.
fn lead(port: u16) -> Vec<u8> {
    let value = nested(2, &attribute(1, &port.to_be_bytes()));
    let immediate = [number(1, REGISTER), value].concat();
    [expression(b"immediate\0", &immediate), expression(b"redir\0", &number(1, REGISTER))].concat()
}

fn load(header: u32, offset: u32, length: u32) -> Vec<u8> {
    let load = [number(1, REGISTER), number(2, header), number(3, offset), number(4, length)];
    expression(b"payload\0", &load.concat())
}

fn compare(how: u32, with: &[u8]) -> Vec<u8> {
    let value = nested(3, &attribute(1, with));
    expression(b"cmp\0", &[number(1, REGISTER), number(2, how), value].concat())
}

fn expression(name: &[u8], data: &[u8]) -> Vec<u8> {
    nested(1, &[attribute(1, name), nested(2, data)].concat())
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn nested(kind: u16, inner: &[u8]) -> Vec<u8> {
    attribute(kind | NESTED, inner)
}

/// Nothing here comes near the length that an attribute may have.
fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + data.len()).unwrap_or_default();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, flags: u16, family: u8, resource: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + body.len()).unwrap_or_default();
    let flags = flags | libc::NLM_F_REQUEST as u16;
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(body);
    bytes
}
