//! Which hosts a sandbox may reach: the mode and the allow-list of its environment, judged by name.
//!
//! Pure, and the first of two judges: this one sees names and ports before anything is resolved,
//! so a name that is not allowed never reaches a resolver. The second, [`crate::address`], sees
//! the addresses.

use crate::address::Refused;
use crate::host::{Authority, BadHost, Host};
use crate::packages::REGISTRIES;
use std::net::IpAddr;

/// The host inside every sandbox's proxy that the gateway answers itself.
pub const INTERNAL_HOST: &str = "errand.internal";
/// Port of plain HTTP.
pub const HTTP_PORT: u16 = 80;
/// Port of HTTP over TLS.
pub const HTTPS_PORT: u16 = 443;
/// Entries of one allow-list.
pub const ALLOW_ENTRIES: usize = 1000;
/// From here on ports are nobody's well-known service; `open` reaches them.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// How far a sandbox may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressMode {
    /// Nothing but Errand itself.
    Offline,
    /// The public package registries and the allow-list.
    Packages,
    /// The allow-list only.
    Allowlist,
    /// Every public address; private ones stay out of reach.
    Open,
}

/// One entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    shape: Shape,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Exact(Host),
    /// Every name below this one, not the name itself; matched by label.
    Below(String),
}

/// Why an entry of an allow-list is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// The host in it is malformed.
    #[error("{entry:?} is no host: {reason}")]
    Host {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: BadHost,
    },
    /// It would cover a whole top-level domain, or everything.
    #[error(
        "{entry:?} covers too much: name at least a domain and its ending, as in *.example.com"
    )]
    TooWide {
        /// The entry.
        entry: String,
    },
    /// A metadata service or another address that no list can allow.
    #[error("{entry:?} can never be reached: {reason}")]
    Unreachable {
        /// The entry.
        entry: String,
        /// Why not.
        reason: Refused,
    },
}

impl Pattern {
    /// Parses `host`, `*.suffix`, each with an optional `:port`.
    pub fn parse(entry: &str) -> Result<Self, BadPattern> {
        let bad = |reason| BadPattern::Host { entry: entry.chars().take(300).collect(), reason };
        let (below, rest) = match entry.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None if entry == "*" => return Err(BadPattern::TooWide { entry: entry.to_owned() }),
            None => (false, entry),
        };
        // Port 1 only stands for "none given": a real port is looked at below.
        let authority = Authority::parse(rest, Some(1)).map_err(bad)?;
        let port = has_port(rest).then_some(authority.port);
        match (below, authority.host) {
            (true, Host::Name(name)) if !name.contains('.') => {
                Err(BadPattern::TooWide { entry: entry.to_owned() })
            }
            (true, Host::Name(name)) => Ok(Self { shape: Shape::Below(name), port }),
            (true, Host::Address(_)) => Err(bad(BadHost::Address)),
            (false, Host::Address(address)) if crate::address::is_metadata(address) => {
                let reason = Refused::Metadata;
                Err(BadPattern::Unreachable { entry: entry.to_owned(), reason })
            }
            (false, host) => Ok(Self { shape: Shape::Exact(host), port }),
        }
    }

    fn covers_host(&self, host: &Host) -> bool {
        match (&self.shape, host) {
            (Shape::Exact(own), host) => own == host,
            (Shape::Below(suffix), Host::Name(name)) => name
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            (Shape::Below(_), Host::Address(_)) => false,
        }
    }

    fn covers_port(&self, port: u16) -> bool {
        match self.port {
            Some(own) => own == port,
            None => port == HTTP_PORT || port == HTTPS_PORT,
        }
    }
}

fn has_port(rest: &str) -> bool {
    rest.rsplit_once(']').map_or(rest, |(_, tail)| tail).contains(':')
}

/// What is about to be done with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// A tunnel whose content the gateway does not see.
    Tunnel,
    /// A plain HTTP request with this method.
    Plain {
        /// The method.
        method: &'a str,
    },
}

/// Stable code of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialCode {
    /// The text is no host.
    BadHost,
    /// The environment has no network.
    Offline,
    /// The host is not on the list.
    HostNotAllowed,
    /// The host is on the list, the port is not.
    PortNotAllowed,
    /// Writing to a package host over plain HTTP.
    MethodNotAllowed,
    /// It leads to a private, special or own address.
    AddressNotAllowed,
    /// The name shown in the TLS greeting is not the one that was asked for.
    NameMismatch,
}

impl DenialCode {
    /// The code's text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadHost => "bad_host",
            Self::Offline => "offline",
            Self::HostNotAllowed => "host_not_allowed",
            Self::PortNotAllowed => "port_not_allowed",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NameMismatch => "name_mismatch",
        }
    }
}

/// A denial as the sandbox and the user read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Stable code.
    pub code: DenialCode,
    /// The host as it was judged, or as it was written where it is none.
    pub host: String,
    /// The port, 0 where none could be read.
    pub port: u16,
    /// Plain words: what was denied and how to allow it.
    pub words: String,
}

/// The egress of one sandbox.
#[derive(Debug, Clone)]
pub struct Policy {
    mode: EgressMode,
    allow: Vec<Pattern>,
}

impl Policy {
    /// A policy; entries beyond [`ALLOW_ENTRIES`] are the caller's to refuse.
    pub fn new(mode: EgressMode, allow: Vec<Pattern>) -> Self {
        Self { mode, allow }
    }

    /// The mode.
    pub const fn mode(&self) -> EgressMode {
        self.mode
    }

    /// Judges a destination by name.
    pub fn judge(&self, target: &Authority, access: Access<'_>) -> Result<(), Denial> {
        match self.mode {
            EgressMode::Offline => Err(denial(target, DenialCode::Offline)),
            EgressMode::Allowlist => self.judge_list(target),
            EgressMode::Packages => {
                if self.judge_list(target).is_ok() {
                    return Ok(());
                }
                self.judge_packages(target, access)
            }
            EgressMode::Open => {
                let web = target.port == HTTP_PORT || target.port == HTTPS_PORT;
                // TRUST: mail, remote shells and directory services are what a sandbox would be
                // abused for; each needs an entry with its port.
                if web || target.port >= FIRST_UNPRIVILEGED_PORT {
                    return Ok(());
                }
                self.judge_list(target).map_err(|_| denial(target, DenialCode::PortNotAllowed))
            }
        }
    }

    fn judge_list(&self, target: &Authority) -> Result<(), Denial> {
        let mut host_listed = false;
        for pattern in self.allow.iter().filter(|pattern| pattern.covers_host(&target.host)) {
            host_listed = true;
            if pattern.covers_port(target.port) {
                return Ok(());
            }
        }
        let code =
            if host_listed { DenialCode::PortNotAllowed } else { DenialCode::HostNotAllowed };
        Err(denial(target, code))
    }

    fn judge_packages(&self, target: &Authority, access: Access<'_>) -> Result<(), Denial> {
        let Host::Name(name) = &target.host else { return self.judge_list(target) };
        if !is_registry(name) {
            return self.judge_list(target);
        }
        if target.port != HTTP_PORT && target.port != HTTPS_PORT {
            return Err(denial(target, DenialCode::PortNotAllowed));
        }
        match access {
            Access::Tunnel | Access::Plain { method: "GET" | "HEAD" } => Ok(()),
            Access::Plain { .. } => Err(denial(target, DenialCode::MethodNotAllowed)),
        }
    }
}

fn is_registry(name: &str) -> bool {
    REGISTRIES.iter().flat_map(|registry| registry.hosts).any(|host| {
        match host.strip_prefix("*.") {
            Some(suffix) => {
                name.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            None => *host == name,
        }
    })
}

/// The denial of a host that could not be read.
pub fn bad_host_denial(given: &str, reason: BadHost) -> Denial {
    let host: String =
        given.chars().take(300).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let words = format!("Errand denied the connection to {host:?}: {reason}.");
    Denial { code: DenialCode::BadHost, host, port: 0, words }
}

/// The denial of a name that leads to an address nobody may reach.
pub fn address_denial(target: &Authority, address: IpAddr, reason: Refused) -> Denial {
    let words = format!(
        "Errand denied the connection to {target} ({address}): {reason}. No environment can allow \
         this; the operator can name an own upstream under [gateway.upstreams] in errand.toml."
    );
    Denial {
        code: DenialCode::AddressNotAllowed,
        host: target.host.to_string(),
        port: target.port,
        words,
    }
}

/// The denial of a tunnel whose TLS greeting names another host than the one judged.
pub fn name_mismatch_denial(target: &Authority, why: &str) -> Denial {
    let words = format!("Errand closed the connection to {target}: {why}.");
    Denial {
        code: DenialCode::NameMismatch,
        host: target.host.to_string(),
        port: target.port,
        words,
    }
}

fn denial(target: &Authority, code: DenialCode) -> Denial {
    let host = target.host.to_string();
    let words = match code {
        DenialCode::Offline => format!(
            "Errand denied the connection to {target}: this environment has no network. To allow \
             it, give the environment another egress mode and list {host}."
        ),
        DenialCode::PortNotAllowed => format!(
            "Errand denied the connection to {target}: port {} is not allowed for this host. To \
             allow it, add \"{target}\" to the allowed hosts of the environment.",
            target.port
        ),
        DenialCode::MethodNotAllowed => format!(
            "Errand denied the request to {target}: package hosts may only be read. To allow \
             everything, add \"{host}\" to the allowed hosts of the environment."
        ),
        DenialCode::HostNotAllowed
        | DenialCode::BadHost
        | DenialCode::AddressNotAllowed
        | DenialCode::NameMismatch => format!(
            "Errand denied the connection to {target}: the host is not on the environment's list. \
             To allow it, add \"{host}\" to the allowed hosts of the environment."
        ),
    };
    Denial { code, host, port: target.port, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(mode: EgressMode, allow: &[&str]) -> Policy {
        Policy::new(mode, allow.iter().map(|entry| Pattern::parse(entry).unwrap()).collect())
    }

    fn judged(policy: &Policy, target: &str) -> Result<(), DenialCode> {
        let target = Authority::parse(target, None).unwrap();
        policy.judge(&target, Access::Tunnel).map_err(|denial| denial.code)
    }

    #[test]
    fn matching_is_by_label_and_by_port() {
        let list = policy(
            EgressMode::Allowlist,
            &["Example.com.", "*.corp.example", "db.example:5432", "93.184.216.34"],
        );
        let table = [
            ("example.com:443", Ok(())),
            ("EXAMPLE.com.:80", Ok(())),
            ("example.com:22", Err(DenialCode::PortNotAllowed)),
            ("www.example.com:443", Err(DenialCode::HostNotAllowed)),
            ("example.com.evil.test:443", Err(DenialCode::HostNotAllowed)),
            ("notexample.com:443", Err(DenialCode::HostNotAllowed)),
            ("a.corp.example:443", Ok(())),
            ("a.b.corp.example:443", Ok(())),
            ("corp.example:443", Err(DenialCode::HostNotAllowed)),
            ("evilcorp.example:443", Err(DenialCode::HostNotAllowed)),
            ("db.example:5432", Ok(())),
            ("db.example:443", Err(DenialCode::PortNotAllowed)),
            ("93.184.216.34:443", Ok(())),
            ("0x5db8d822:443", Ok(())),
            ("93.184.216.35:443", Err(DenialCode::HostNotAllowed)),
            ("crates.io:443", Err(DenialCode::HostNotAllowed)),
        ];
        for (target, expected) in table {
            assert_eq!(judged(&list, target), expected, "{target}");
        }
    }

    #[test]
    fn each_mode_reaches_what_it_says() {
        let table = [
            (EgressMode::Offline, "crates.io:443", Err(DenialCode::Offline)),
            (EgressMode::Offline, "listed.example:443", Err(DenialCode::Offline)),
            (EgressMode::Packages, "crates.io:443", Ok(())),
            (EgressMode::Packages, "de.archive.ubuntu.com:80", Ok(())),
            (EgressMode::Packages, "xarchive.ubuntu.com:80", Err(DenialCode::HostNotAllowed)),
            (EgressMode::Packages, "crates.io:8443", Err(DenialCode::PortNotAllowed)),
            (EgressMode::Packages, "listed.example:443", Ok(())),
            (EgressMode::Packages, "other.example:443", Err(DenialCode::HostNotAllowed)),
            (EgressMode::Open, "other.example:443", Ok(())),
            (EgressMode::Open, "other.example:8080", Ok(())),
            (EgressMode::Open, "other.example:25", Err(DenialCode::PortNotAllowed)),
            (EgressMode::Open, "1.1.1.1:443", Ok(())),
        ];
        for (mode, target, expected) in table {
            assert_eq!(
                judged(&policy(mode, &["listed.example"]), target),
                expected,
                "{mode:?} {target}"
            );
        }
    }

    #[test]
    fn package_hosts_are_only_read_where_the_method_is_seen() {
        let packages = policy(EgressMode::Packages, &["open.example"]);
        let plain = |host: &str, method| {
            let target = Authority::parse(host, Some(80)).unwrap();
            packages.judge(&target, Access::Plain { method }).map_err(|denial| denial.code)
        };
        assert_eq!(plain("deb.debian.org", "GET"), Ok(()));
        assert_eq!(plain("deb.debian.org", "PUT"), Err(DenialCode::MethodNotAllowed));
        assert_eq!(plain("open.example", "PUT"), Ok(()));
    }

    #[test]
    fn a_denial_says_how_to_allow() {
        let denial = policy(EgressMode::Packages, &[])
            .judge(&Authority::parse("api.example:443", None).unwrap(), Access::Tunnel)
            .unwrap_err();
        assert_eq!((denial.host.as_str(), denial.port), ("api.example", 443));
        assert!(
            denial.words.contains("add \"api.example\" to the allowed hosts"),
            "{}",
            denial.words
        );
    }

    #[test]
    fn entries_that_cover_too_much_are_refused() {
        for entry in ["*", "*.com", "*.com:443", "*.localhost"] {
            assert!(matches!(Pattern::parse(entry), Err(BadPattern::TooWide { .. })), "{entry}");
        }
        for entry in [
            "",
            "a.*.example",
            "exa*mple.com",
            "*.1.2.3.4",
            "https://a.example",
            "a.example/x",
            "u@a.example",
            "*.",
            "a:0",
        ] {
            assert!(matches!(Pattern::parse(entry), Err(BadPattern::Host { .. })), "{entry}");
        }
        assert!(matches!(Pattern::parse("169.254.169.254"), Err(BadPattern::Unreachable { .. })));
    }

    #[test]
    fn the_built_in_hosts_are_patterns() {
        for host in REGISTRIES.iter().flat_map(|registry| registry.hosts) {
            assert!(Pattern::parse(host).is_ok(), "{host}");
        }
    }
}
