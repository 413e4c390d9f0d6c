//! One entry of an allow-list: a host, and what may be done with it. Pure.
//!
//! `[METHOD,… ][scheme://]host[:port][/path][ +option …]`, for example `api.example.com`,
//! `*.example.com:8443`, `GET https://api.example.com/v1/*`, `db.example.com:5432`,
//! `stream.example.com +websocket`. Without a scheme or port both ports of the web are meant.

use crate::address::Refused;
use crate::host::{Authority, BadHost, Host};
use crate::policy::{HTTP_PORT, HTTPS_PORT};
use std::fmt;
use std::net::IpAddr;

/// Characters of an entry that are repeated in an error.
const SHOWN_CHARS: usize = 300;

/// How a request is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Inside TLS.
    Https,
}

impl Scheme {
    /// The scheme's own port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => HTTP_PORT,
            Self::Https => HTTPS_PORT,
        }
    }

    /// The scheme as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request as it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// How it is carried.
    pub scheme: Scheme,
    /// Its method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// Whether it asks to become a WebSocket.
    pub websocket: bool,
}

/// What an entry allows besides plain requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `+websocket`: connections may become WebSockets.
    pub websocket: bool,
    /// `+credentials`: the sandbox may bring credentials of its own.
    pub credentials: bool,
    /// `+passthrough`: TLS is not opened, for clients that insist on the host's own certificate.
    pub passthrough: bool,
}

/// One entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    shape: Shape,
    port: Option<u16>,
    scheme: Option<Scheme>,
    methods: Vec<String>,
    path: Option<PathRule>,
    options: Options,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Exact(Host),
    /// Every name below this one, not the name itself; matched by label.
    Below(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathRule {
    Exact(String),
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
    /// Its words are not in the order of an entry.
    #[error(
        "{entry:?} is no entry: {what} (as in \"GET https://api.example.com/v1/* +websocket\")"
    )]
    Words {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Pattern {
    /// Parses an entry.
    pub fn parse(entry: &str) -> Result<Self, BadPattern> {
        let shown = || entry.chars().take(SHOWN_CHARS).collect::<String>();
        let bad = |what| BadPattern::Words { entry: shown(), what };
        let (methods, place, options) = split(entry).map_err(bad)?;
        let (scheme, place) = match place.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err(bad("its scheme is neither http nor https")),
            None => (None, place),
        };
        let (authority, path) = match place.find('/') {
            Some(at) => place.split_at(at),
            None => (place, ""),
        };
        let path = (!path.is_empty()).then(|| PathRule::parse(path)).transpose().map_err(bad)?;
        if options.passthrough && (path.is_some() || !methods.is_empty() || options.credentials) {
            return Err(bad("what is passed through unopened has no methods, path or credentials"));
        }
        let (shape, port) = shape(authority, shown)?;
        Ok(Self { shape, port, scheme, methods, path, options })
    }

    /// The same where requests are to be read, as a credential needs: a port alone says nothing of what is spoken.
    #[must_use]
    pub fn opened(mut self) -> Self {
        if self.port.is_some_and(|port| port != HTTP_PORT) {
            self.scheme.get_or_insert(Scheme::Https);
        }
        self
    }

    /// What it allows besides plain requests.
    pub const fn options(&self) -> Options {
        self.options
    }

    /// The scheme it names.
    pub const fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// Whether a host is covered, whatever is done with it.
    pub fn covers_host(&self, host: &Host) -> bool {
        match (&self.shape, host) {
            (Shape::Exact(own), host) => own == host,
            (Shape::Below(suffix), Host::Name(name)) => name
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            (Shape::Below(_), Host::Address(_)) => false,
        }
    }

    /// Whether a port of a covered host is.
    pub fn covers_port(&self, port: u16) -> bool {
        match (self.port, self.scheme) {
            (Some(own), _) => own == port,
            (None, Some(scheme)) => scheme.port() == port,
            (None, None) => port == HTTP_PORT || port == HTTPS_PORT,
        }
    }

    /// Whether connections to a covered host and port may carry anything: nothing more is said of them.
    pub fn is_of_connections(&self) -> bool {
        self.methods.is_empty() && self.path.is_none()
    }

    /// Whether all that it allows is reading.
    pub fn is_read_only(&self) -> bool {
        let reads = !self.methods.is_empty() && self.methods.iter().all(|own| is_reading(own));
        reads && self.options == Options::default()
    }

    /// Whether it allows nothing at a host that another does not cover.
    pub fn is_within(&self, other: &Self) -> bool {
        self.shape == other.shape
            || matches!(&self.shape, Shape::Exact(host) if other.covers_host(host))
    }

    /// Whether requests with this method are covered.
    pub fn covers_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|own| own == method)
    }

    /// Whether a path is.
    pub fn covers_path(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|rule| rule.covers(path))
    }

    /// Whether a scheme is.
    pub fn covers_scheme(&self, scheme: Scheme) -> bool {
        self.scheme.is_none_or(|own| own == scheme)
    }
}

impl PathRule {
    fn parse(path: &str) -> Result<Self, &'static str> {
        let (path, below) = match path.strip_suffix('*') {
            Some(path) => (path, true),
            None => (path, false),
        };
        if path.contains(['*', '?', '#']) || !is_plain(path) {
            return Err("its path is not plain: only a * at its end stands for anything");
        }
        Ok(if below { Self::Below(path.to_owned()) } else { Self::Exact(path.to_owned()) })
    }

    fn covers(&self, path: &str) -> bool {
        // A path that two programs could read as two places is in none of them.
        is_plain(path)
            && match self {
                Self::Exact(own) => own == path,
                Self::Below(own) => path.starts_with(own.as_str()),
            }
    }
}

/// Whether requests with this method only read.
pub fn is_reading(method: &str) -> bool {
    method == "GET" || method == "HEAD"
}

impl fmt::Display for Pattern {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            write!(to, "{} ", self.methods.join(","))?;
        }
        if let Some(scheme) = self.scheme {
            write!(to, "{}://", scheme.as_str())?;
        }
        match &self.shape {
            Shape::Exact(Host::Address(IpAddr::V6(address))) => write!(to, "[{address}]")?,
            Shape::Exact(host) => write!(to, "{host}")?,
            Shape::Below(suffix) => write!(to, "*.{suffix}")?,
        }
        if let Some(port) = self.port {
            write!(to, ":{port}")?;
        }
        match &self.path {
            Some(PathRule::Exact(path)) => write!(to, "{path}")?,
            Some(PathRule::Below(path)) => write!(to, "{path}*")?,
            None => {}
        }
        let Options { websocket, credentials, passthrough } = self.options;
        let options =
            [(websocket, "websocket"), (credentials, "credentials"), (passthrough, "passthrough")];
        options
            .iter()
            .filter(|(is_set, _)| *is_set)
            .try_for_each(|(_, word)| write!(to, " +{word}"))
    }
}

/// Whether every program reads the same place from a path.
fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let ambiguous = ["%2e", "%2f", "%5c", "%00", "\\", ";", "//"];
    path.bytes().all(|byte| byte.is_ascii_graphic())
        && !ambiguous.iter().any(|part| lower.contains(part))
        && !path.split('/').any(|part| part == "." || part == "..")
}

type Words<'a> = (Vec<String>, &'a str, Options);

fn split(entry: &str) -> Result<Words<'_>, &'static str> {
    let mut options = Options::default();
    let mut words: Vec<&str> = Vec::new();
    for word in entry.split_ascii_whitespace() {
        match word.strip_prefix('+') {
            Some("websocket") => options.websocket = true,
            Some("credentials") => options.credentials = true,
            Some("passthrough") => options.passthrough = true,
            Some(_) => return Err("its options are +websocket, +credentials and +passthrough"),
            None if options != Options::default() => return Err("options stand at the end"),
            None => words.push(word),
        }
    }
    let is_method = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase());
    match words.as_slice() {
        [] => Ok((Vec::new(), "", options)),
        [place] => Ok((Vec::new(), place, options)),
        [methods, place] if methods.split(',').all(is_method) => {
            Ok((methods.split(',').map(str::to_owned).collect(), place, options))
        }
        [_, _] => Err("its methods are written in capitals, with commas between them"),
        _ => Err("it has too many words"),
    }
}

fn shape(authority: &str, shown: impl Fn() -> String) -> Result<(Shape, Option<u16>), BadPattern> {
    let bad = |reason| BadPattern::Host { entry: shown(), reason };
    let (below, rest) = match authority.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None if authority == "*" => return Err(BadPattern::TooWide { entry: shown() }),
        None => (false, authority),
    };
    // Port 1 only stands for "none given": a real port is looked at below.
    let parsed = Authority::parse(rest, Some(1)).map_err(bad)?;
    let port = has_port(rest).then_some(parsed.port);
    match (below, parsed.host) {
        (true, Host::Name(name)) if !name.contains('.') => {
            Err(BadPattern::TooWide { entry: shown() })
        }
        (true, Host::Name(name)) => Ok((Shape::Below(name), port)),
        (true, Host::Address(_)) => Err(bad(BadHost::Address)),
        (false, Host::Address(address)) if crate::address::is_metadata(address) => {
            Err(BadPattern::Unreachable { entry: shown(), reason: Refused::Metadata })
        }
        (false, host) => Ok((Shape::Exact(host), port)),
    }
}

fn has_port(rest: &str) -> bool {
    rest.rsplit_once(']').map_or(rest, |(_, tail)| tail).contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_cover_too_much_are_refused() {
        for entry in ["*", "*.com", "*.com:443", "*.localhost", "GET *", "https://*"] {
            assert!(matches!(Pattern::parse(entry), Err(BadPattern::TooWide { .. })), "{entry}");
        }
        for entry in
            ["", "a.*.example", "exa*mple.com", "*.1.2.3.4", "u@a.example", "*.", "a:0", "/x"]
        {
            assert!(matches!(Pattern::parse(entry), Err(BadPattern::Host { .. })), "{entry}");
        }
        for entry in ["169.254.169.254", "http://169.254.169.254/latest/*"] {
            assert!(matches!(Pattern::parse(entry), Err(BadPattern::Unreachable { .. })));
        }
    }

    #[test]
    fn what_is_no_entry_says_what_is_wrong() {
        for (entry, words) in [
            ("ftp://a.example", "neither http nor https"),
            ("get a.example", "in capitals"),
            ("GET a.example b.example", "too many words"),
            ("a.example +fast", "its options are"),
            ("+websocket a.example", "at the end"),
            ("a.example/a/../b", "not plain"),
            ("a.example/a*b", "not plain"),
            ("a.example/%2e%2e/x", "not plain"),
            ("GET a.example +passthrough", "passed through unopened"),
        ] {
            let error = Pattern::parse(entry).unwrap_err().to_string();
            assert!(error.contains(words), "{entry}: {error}");
        }
    }

    #[test]
    fn an_entry_is_written_as_it_was_read() {
        for entry in [
            "a.example",
            "*.a.example:8443",
            "GET,HEAD https://a.example/v1/*",
            "http://a.example:8080/x",
            "db.example:5432",
            "[2001:db8::1]:443",
            "stream.example +websocket +credentials",
            "pinned.example +passthrough",
        ] {
            assert_eq!(Pattern::parse(entry).unwrap().to_string(), entry);
        }
    }

    #[test]
    fn what_only_reads_says_so_and_nothing_more() {
        for (entry, expected) in [
            ("GET a.example", true),
            ("GET,HEAD a.example/x", true),
            ("a.example", false),
            ("GET,POST a.example", false),
            ("GET a.example +credentials", false),
            ("GET a.example +websocket", false),
        ] {
            assert_eq!(Pattern::parse(entry).unwrap().is_read_only(), expected, "{entry}");
        }
        let within =
            |one, other| Pattern::parse(one).unwrap().is_within(&Pattern::parse(other).unwrap());
        assert!(within("POST a.example/x", "a.example") && within("b.a.example", "*.a.example"));
        assert!(!within("a.example", "*.a.example") && !within("*.a.example", "a.example"));
    }

    #[test]
    fn paths_are_covered_where_everybody_reads_the_same_place() {
        let below = Pattern::parse("GET,HEAD https://a.example/org/repo/*").unwrap();
        for path in ["/org/repo/", "/org/repo/x/y", "/org/repo/..x"] {
            assert!(below.covers_path(path), "{path}");
        }
        for path in [
            "/org/repo",
            "/org/repository/x",
            "/org/repo/../other/x",
            "/org/repo/%2e%2e/other",
            "/org/repo/..%2fother",
            "/org/repo/x\\..\\y",
            "/org/repo//x",
            "/org/repo/./x",
            "/ORG/repo/x",
            "/org/repo/..;/x",
            "/org/repo/é",
        ] {
            assert!(!below.covers_path(path), "{path}");
        }
        assert!(below.covers_method("HEAD") && !below.covers_method("head"));
        assert!(below.covers_port(443) && !below.covers_port(80));
        assert!(!below.is_of_connections());
        let port = |entry| Pattern::parse(entry).unwrap().opened().scheme();
        assert_eq!((port("a.example:8443"), port("a.example")), (Some(Scheme::Https), None));
        assert_eq!(port("http://a.example:8080"), Some(Scheme::Http));
        let exact = Pattern::parse("a.example/x").unwrap();
        assert!(exact.covers_path("/x") && !exact.covers_path("/x/") && exact.covers_port(80));
    }
}
