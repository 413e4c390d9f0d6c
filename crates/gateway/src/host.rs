//! The one spelling of a host name, used by the judge and by the dialler alike.
//!
//! Whatever a sandbox writes is brought to one canonical form here or refused: the name that is
//! judged is the name that is resolved and the name that is sent upstream. Address literals are
//! recognised in every spelling that a C library accepts (`127.1`, `0x7f.1`, `2130706433`,
//! `::ffff:127.0.0.1`), because those would otherwise pass as names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest host name, in bytes, without the trailing dot.
const NAME_BYTES: usize = 253;
/// Longest label of a host name, in bytes.
const LABEL_BYTES: usize = 63;

/// A host in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Lower-case ASCII labels without a trailing dot.
    Name(String),
    /// An address literal; an IPv4-mapped address is always the IPv4 one.
    Address(IpAddr),
}

/// Why a text is no host. Every text here reads after "failed to read the host:".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// Nothing was given.
    #[error("the host is empty")]
    Empty,
    /// The name or one label is too long.
    #[error("the host name is too long")]
    TooLong,
    /// A character that no host name has.
    #[error(
        "the host name has a character that is not allowed (write international names as xn--…)"
    )]
    Character,
    /// Empty label, or a label that starts or ends with a hyphen.
    #[error("the host name has an empty or malformed label")]
    Label,
    /// Looks like an address but is none.
    #[error("the address is malformed")]
    Address,
    /// An IPv6 address with a zone.
    #[error("an address with a zone is never reachable")]
    Zone,
    /// User information before the host.
    #[error("user information is not allowed in an address")]
    UserInfo,
    /// The port is missing, zero or no number.
    #[error("the port is missing or malformed")]
    Port,
}

impl Host {
    /// Parses a name, an IPv4 address in any spelling, or an IPv6 address in brackets.
    pub fn parse(text: &str) -> Result<Self, BadHost> {
        if text.is_empty() {
            return Err(BadHost::Empty);
        }
        if text.contains('@') {
            return Err(BadHost::UserInfo);
        }
        if let Some(rest) = text.strip_prefix('[') {
            return parse_ipv6(rest.strip_suffix(']').ok_or(BadHost::Address)?);
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        check_name(&name)?;
        if ends_in_number(&name) {
            return parse_ipv4(&name).map(|address| Self::Address(IpAddr::V4(address)));
        }
        Ok(Self::Name(name))
    }

    /// The host of an address that was parsed elsewhere.
    pub fn from_address(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }

    /// The name, unless the host is an address.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A host with its port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Authority {
    /// The host.
    pub host: Host,
    /// The port, never zero.
    pub port: u16,
}

impl Authority {
    /// Parses `host:port`; the port may be absent where the scheme has one.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, BadHost> {
        let (host, port) = split_port(text)?;
        let port = match port {
            Some(digits) => parse_port(digits)?,
            None => default_port.ok_or(BadHost::Port)?,
        };
        Ok(Self { host: Host::parse(host)?, port })
    }

    /// The value of a `Host` header: without the port where it is the scheme's own.
    pub fn header(&self, default_port: u16) -> String {
        if self.port == default_port { self.host.to_string() } else { self.to_string() }
    }
}

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), BadHost> {
    if text.contains('@') {
        return Err(BadHost::UserInfo);
    }
    if text.starts_with('[') {
        let end = text.find(']').ok_or(BadHost::Address)?;
        let (host, rest) = text.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(BadHost::Port),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(BadHost::Address),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(digits: &str) -> Result<u16, BadHost> {
    if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadHost::Port);
    }
    digits.parse().ok().filter(|port| *port != 0).ok_or(BadHost::Port)
}

fn check_name(name: &str) -> Result<(), BadHost> {
    if name.len() > NAME_BYTES {
        return Err(BadHost::TooLong);
    }
    for label in name.split('.') {
        // Underscores are no host names by the book, but object stores and service records use them.
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(BadHost::Character);
        }
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
            return Err(BadHost::Label);
        }
        if label.len() > LABEL_BYTES {
            return Err(BadHost::TooLong);
        }
    }
    Ok(())
}

/// Whether a resolver may read the name as a number: no top-level domain is one.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The forms of `inet_aton`: one to four parts, each decimal, octal or hexadecimal.
fn parse_ipv4(name: &str) -> Result<Ipv4Addr, BadHost> {
    let mut parts: Vec<u64> = Vec::with_capacity(4);
    for part in name.split('.') {
        if parts.len() == 4 {
            return Err(BadHost::Address);
        }
        parts.push(parse_number(part)?);
    }
    let (last, leading) = parts.split_last().ok_or(BadHost::Address)?;
    let mut value: u64 = 0;
    for part in leading {
        if *part > 255 {
            return Err(BadHost::Address);
        }
        value = (value << 8) | part;
    }
    let free_bytes = 4 - leading.len();
    if *last >= 1_u64 << (8 * free_bytes) {
        return Err(BadHost::Address);
    }
    let value = (value << (8 * free_bytes)) | last;
    u32::try_from(value).map(Ipv4Addr::from).map_err(|_| BadHost::Address)
}

fn parse_number(part: &str) -> Result<u64, BadHost> {
    let parsed = if let Some(hex) = part.strip_prefix("0x") {
        if hex.is_empty() { Ok(0) } else { u64::from_str_radix(hex, 16) }
    } else if part.len() > 1 && part.starts_with('0') {
        u64::from_str_radix(part, 8)
    } else if part.bytes().all(|byte| byte.is_ascii_digit()) {
        part.parse()
    } else {
        return Err(BadHost::Address);
    };
    parsed.map_err(|_| BadHost::Address)
}

fn parse_ipv6(text: &str) -> Result<Host, BadHost> {
    if text.contains('%') {
        return Err(BadHost::Zone);
    }
    let address: Ipv6Addr = text.parse().map_err(|_| BadHost::Address)?;
    Ok(Host::from_address(IpAddr::V6(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, BadHost> {
        Host::parse(text).map(|host| host.to_string())
    }

    #[test]
    fn every_spelling_of_a_name_becomes_one() {
        for text in ["example.com", "EXAMPLE.com", "example.com.", "Example.COM."] {
            assert_eq!(shown(text), Ok("example.com".to_owned()), "{text}");
        }
        assert_eq!(shown("xn--bcher-kva.example"), Ok("xn--bcher-kva.example".to_owned()));
        assert_eq!(shown("my_bucket.s3.example"), Ok("my_bucket.s3.example".to_owned()));
    }

    #[test]
    fn every_spelling_of_an_address_becomes_one() {
        for text in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0x7f.1",
            "0x7F000001",
            "2130706433",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "[::ffff:127.0.0.1]",
            "[::FFFF:7f00:1]",
            "0x7f.0.0.0x1",
        ] {
            assert_eq!(shown(text), Ok("127.0.0.1".to_owned()), "{text}");
        }
        assert_eq!(shown("0x"), Ok("0.0.0.0".to_owned()));
        assert_eq!(shown("[0:0::1]"), Ok("[::1]".to_owned()));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let table = [
            ("", BadHost::Empty),
            (".", BadHost::Label),
            ("..", BadHost::Label),
            ("a..b", BadHost::Label),
            ("example.com..", BadHost::Label),
            ("-a.example", BadHost::Label),
            ("a-.example", BadHost::Label),
            ("evil\0.allowed.example", BadHost::Character),
            ("evil%00.allowed.example", BadHost::Character),
            ("bücher.example", BadHost::Character),
            ("ex\u{430}mple.com", BadHost::Character),
            ("a b.example", BadHost::Character),
            ("a/b", BadHost::Character),
            ("a\\b", BadHost::Character),
            ("user@host.example", BadHost::UserInfo),
            ("::1", BadHost::Character),
            ("[::1", BadHost::Address),
            ("[::1%eth0]", BadHost::Zone),
            ("[fe80::1%25eth0]", BadHost::Zone),
            ("[127.0.0.1]", BadHost::Address),
            ("1.2.3.4.5", BadHost::Address),
            ("256.1.1.1", BadHost::Address),
            ("1.2.3.256", BadHost::Address),
            ("4294967296", BadHost::Address),
            ("08.0.0.1", BadHost::Address),
            ("example.1", BadHost::Address),
            ("example.0x7f", BadHost::Address),
            ("99999999999999999999999", BadHost::Address),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), Err(expected), "{text:?}");
        }
        assert_eq!(shown(&"a".repeat(64)), Err(BadHost::TooLong));
        assert_eq!(shown(&"a.".repeat(200)), Err(BadHost::TooLong));
    }

    #[test]
    fn a_port_is_digits_only() {
        let parse = |text| Authority::parse(text, None).map(|authority| authority.to_string());
        assert_eq!(parse("a.example:443"), Ok("a.example:443".to_owned()));
        assert_eq!(parse("[::1]:80"), Ok("[::1]:80".to_owned()));
        for text in
            ["a.example", "a:0", "a:65536", "a:+80", "a: 80", "a:", "[::1]80", "a:8x", "a:000080"]
        {
            assert_eq!(parse(text), Err(BadHost::Port), "{text}");
        }
        assert_eq!(parse("::1:80"), Err(BadHost::Address));
        assert_eq!(parse("u:p@a.example:80"), Err(BadHost::UserInfo));
        assert_eq!(Authority::parse("a.example", Some(80)).map(|a| a.port), Ok(80));
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form() {
        // A small generator of hostile hosts: whatever parses must parse to itself again.
        let alphabet: Vec<char> = "aZ09xX.-_:[]%@/\\ \0é0127f".chars().collect();
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut parsed = 0_u32;
        for _ in 0..200_000 {
            let mut text = String::new();
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let mut bits = state;
            for _ in 0..(1 + (state >> 60)) {
                text.push(alphabet[usize::try_from(bits >> 40).unwrap() % alphabet.len()]);
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            }
            if let Ok(host) = Host::parse(&text) {
                parsed += 1;
                assert_eq!(Host::parse(&host.to_string()), Ok(host), "{text:?}");
            }
        }
        assert!(parsed > 1000, "the generator makes valid hosts too: {parsed}");
    }
}
