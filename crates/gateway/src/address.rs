//! Which addresses may be dialled after a name was resolved: public ones, and nothing else.
//!
//! Pure. No rule of an environment gets past this; only the operator's own upstreams do
//! ([`Floor`]), and not even those to a metadata service.

use crate::host::Host;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Private, shared, loopback, link-local, multicast, documentation, reserved or translated.
    #[error("it leads to a private or special address")]
    Special,
    /// The metadata service of a cloud.
    #[error("it leads to a metadata service")]
    Metadata,
    /// An address of this server.
    #[error("it leads to this server")]
    Own,
}

/// Metadata services outside the link-local range.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

/// IPv4 ranges that are not the public internet: first address and prefix length.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Parts of 2000::/3 that are not the public internet: protocol assignments with Teredo,
/// documentation, 6to4 (which carries an IPv4 address that nobody judged), documentation again.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Judges one address by itself.
pub fn judge_address(address: IpAddr) -> Result<(), Refused> {
    let address = address.to_canonical();
    if is_metadata(address) {
        return Err(Refused::Metadata);
    }
    match address {
        IpAddr::V4(v4) => judge_v4(v4),
        IpAddr::V6(v6) => match translated(v6) {
            Some(inner) => judge_address(IpAddr::V4(inner)),
            None => judge_v6(v6),
        },
    }
}

/// Whether an address is a metadata service, link-local ones included.
pub fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA.contains(&IpAddr::V4(v4)),
        IpAddr::V6(v6) => {
            METADATA.contains(&IpAddr::V6(v6))
                || translated(v6).is_some_and(|inner| is_metadata(IpAddr::V4(inner)))
        }
    }
}

/// The IPv4 address inside a NAT64 address of the well-known prefix `64:ff9b::/96`.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

fn judge_v4(address: Ipv4Addr) -> Result<(), Refused> {
    let bits = u32::from(address);
    let special = SPECIAL_V4
        .iter()
        .any(|(network, length)| (bits ^ u32::from(*network)) >> (32 - length) == 0);
    if special { Err(Refused::Special) } else { Ok(()) }
}

fn judge_v6(address: Ipv6Addr) -> Result<(), Refused> {
    let bits = u128::from(address);
    let global = bits >> 125 == 0b001;
    let special = SPECIAL_V6
        .iter()
        .any(|(network, length)| (bits ^ u128::from(*network)) >> (128 - length) == 0);
    if global && !special { Ok(()) } else { Err(Refused::Special) }
}

/// Where an operator's upstream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upstream {
    /// The address that is dialled for the name, private or not.
    pub address: IpAddr,
    /// The port that is dialled; none = the port that was asked for.
    pub port: Option<u16>,
}

/// An upstream that no operator may configure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the upstream {name} points at a metadata service, which is never reachable")]
pub struct MetadataUpstream {
    /// The upstream's name.
    pub name: String,
}

/// What holds for every sandbox, whatever its policy allows.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    upstreams: BTreeMap<Host, Upstream>,
    own: Vec<IpAddr>,
}

impl Floor {
    /// The floor of an installation: the operator's upstreams and this server's own addresses.
    pub fn new(
        upstreams: BTreeMap<Host, Upstream>,
        own: Vec<IpAddr>,
    ) -> Result<Self, MetadataUpstream> {
        for (name, upstream) in &upstreams {
            if is_metadata(upstream.address) {
                return Err(MetadataUpstream { name: name.to_string() });
            }
        }
        let own = own.into_iter().map(|address| address.to_canonical()).collect();
        Ok(Self { upstreams, own })
    }

    /// The operator's upstream of a name, if there is one.
    pub fn upstream(&self, host: &Host) -> Option<Upstream> {
        self.upstreams.get(host).copied()
    }

    /// Judges an address that a name resolved to.
    pub fn judge(&self, address: IpAddr) -> Result<(), Refused> {
        judge_address(address)?;
        if self.own.contains(&address.to_canonical()) { Err(Refused::Own) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<(), Refused> {
        judge_address(text.parse().unwrap())
    }

    const PUBLIC: &str = "1.1.1.1 8.8.8.8 172.32.0.1 100.128.0.1 198.20.0.1 223.255.255.255 \
        2606:4700::1111 2a00:1450::1 ::ffff:1.1.1.1 64:ff9b::1.1.1.1";
    const SPECIAL: &str = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 \
        127.255.255.255 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.1.1 \
        198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.1.1.1 240.0.0.1 \
        255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:10.0.0.1 fe80::1 fec0::1 fc00::1 fd12::1 ff02::1 \
        2001::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 \
        64:ff9b:1::1 100::1 3fff::1 4000::1";
    const METADATA_SPELLINGS: &str = "169.254.169.254 169.254.170.2 ::ffff:169.254.169.254 \
        fd00:ec2::254 168.63.129.16 100.100.100.200 192.0.0.192 64:ff9b::a9fe:a9fe";

    #[test]
    fn only_public_addresses_are_dialled() {
        let table = [
            (PUBLIC, Ok(())),
            (SPECIAL, Err(Refused::Special)),
            (METADATA_SPELLINGS, Err(Refused::Metadata)),
        ];
        for (addresses, expected) in table {
            for address in addresses.split_ascii_whitespace() {
                assert_eq!(judged(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn no_operator_can_open_the_metadata_service() {
        let name = Host::parse("inner.example").unwrap();
        let upstream = |text: &str| {
            BTreeMap::from([(
                name.clone(),
                Upstream { address: text.parse().unwrap(), port: None },
            )])
        };
        assert!(Floor::new(upstream("169.254.169.254"), vec![]).is_err());
        assert!(Floor::new(upstream("::ffff:169.254.169.254"), vec![]).is_err());
        let floor =
            Floor::new(upstream("10.0.0.5"), vec!["93.184.216.34".parse().unwrap()]).unwrap();
        assert!(floor.upstream(&name).is_some());
        assert_eq!(floor.judge("93.184.216.34".parse().unwrap()), Err(Refused::Own));
        assert_eq!(floor.judge("::ffff:93.184.216.34".parse().unwrap()), Err(Refused::Own));
    }
}
