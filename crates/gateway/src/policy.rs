//! Which hosts a sandbox may reach: the mode and the allow-list of its environment, judged by name.
//!
//! Pure, and the first of two judges: this one sees names and ports before anything is resolved,
//! so a name that is not allowed never reaches a resolver. The second, [`crate::address`], sees
//! the addresses.

use crate::address::Refused;
use crate::host::{Authority, BadHost, Host};
use crate::packages::REGISTRIES;
use crate::pattern::{Ask, Pattern, Scheme, is_reading};
use std::net::IpAddr;
use std::sync::Arc;

/// The host inside every sandbox's proxy that the gateway answers itself.
pub const INTERNAL_HOST: &str = "errand.internal";
/// Port of plain HTTP.
pub const HTTP_PORT: u16 = 80;
/// Port of HTTP over TLS.
pub const HTTPS_PORT: u16 = 443;
/// What stands for all hosts among those where data could be carried.
pub const ANY_HOST: &str = "any host";
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

impl EgressMode {
    /// Its word in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Packages => "packages",
            Self::Allowlist => "allowlist",
            Self::Open => "open",
        }
    }
}

/// What is about to be done with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// A connection, before anything was said on it.
    Connect,
    /// A request that the gateway reads.
    Request(&'a Ask<'a>),
}

/// How a connection that may be made is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// TLS is opened, and each request inside judged.
    Opened,
    /// Requests in the clear, each judged.
    Plain,
    /// TLS whose greeting is read and whose content is not.
    Greeted,
    /// Bytes of whatever protocol.
    Raw,
}

/// What is allowed beyond the request itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permit {
    /// The sandbox may bring credentials of its own.
    pub credentials: bool,
    /// The host is a public registry, from which things are only fetched.
    pub registry: bool,
    /// What a request may carry.
    pub carries: Carries,
}

/// What a request may carry out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Carries {
    /// Whatever it says.
    #[default]
    Anything,
    /// No more than asking needs: no body, and heads as bounded as those for a registry.
    Little,
    /// Anything, if it uses a grant: whose account it goes to is known.
    WithGrant,
}

/// What is left of a policy once data may not be carried out: reading, and requests that use a grant.
///
/// TRUST: a host that is on a list learns no more than what it is asked for. One that no list names may be anybody's,
/// so where any host is allowed only those are read that a list or the registries name.
#[derive(Debug, Clone)]
pub struct Closed {
    /// The hosts of the agent's own grants.
    pub own: Vec<Pattern>,
    /// Whether a person is asked or not.
    pub code: DenialCode,
    /// Why, and who can change it.
    pub words: String,
}

impl Closed {
    /// What a sandbox is told of a request that is not sent for that.
    pub fn denial(&self, target: &Authority) -> Denial {
        let words = format!("Errand denied the connection to {target}: {}", self.words);
        Denial { code: self.code, host: target.host.to_string(), port: target.port, words }
    }
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
    /// The host is on the list for other methods, or a registry, which is only read.
    MethodNotAllowed,
    /// The host is on the list for other paths.
    PathNotAllowed,
    /// The host is on the list, but not for WebSockets.
    WebsocketNotAllowed,
    /// A credential that is not of this agent's grants.
    ForeignCredential,
    /// A grant was used at a host that it is not bound to.
    GrantNotForHost,
    /// More was sent out than this host or agent may be sent.
    UploadBudget,
    /// It leads to a private, special or own address.
    AddressNotAllowed,
    /// The name shown in the TLS greeting is not the one that was asked for.
    NameMismatch,
    /// The agent read what nobody here wrote, and has secrets.
    FlowClosed,
    /// The same, and a person is asked.
    FlowWaiting,
    /// A model that the server does not list.
    ModelNotAllowed,
    /// The limit of what models may use is reached.
    BudgetExhausted,
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
            Self::PathNotAllowed => "path_not_allowed",
            Self::WebsocketNotAllowed => "websocket_not_allowed",
            Self::ForeignCredential => "foreign_credential",
            Self::GrantNotForHost => "grant_not_for_host",
            Self::UploadBudget => "upload_budget",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NameMismatch => "name_mismatch",
            Self::FlowClosed => "flow_closed",
            Self::FlowWaiting => "flow_waiting",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::BudgetExhausted => "budget_exhausted",
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
    closed: Option<Arc<Closed>>,
}

impl Policy {
    /// A policy; entries beyond [`ALLOW_ENTRIES`] are the caller's to refuse.
    pub fn new(mode: EgressMode, allow: Vec<Pattern>) -> Self {
        Self { mode, allow, closed: None }
    }

    /// Whether all that another one allows is allowed by this one, too.
    pub fn holds_all_of(&self, other: &Self) -> bool {
        let goes_as_far = match (self.mode, other.mode) {
            (EgressMode::Open, _) | (_, EgressMode::Offline) => true,
            (EgressMode::Packages, theirs) => theirs != EgressMode::Open,
            (EgressMode::Allowlist, theirs) => theirs == EgressMode::Allowlist,
            (EgressMode::Offline, _) => false,
        };
        goes_as_far
            && (self.closed.is_none() || other.closed.is_some())
            && other.allow.iter().all(|entry| self.allow.contains(entry))
    }

    /// The same with more entries, up to [`ALLOW_ENTRIES`].
    #[must_use]
    pub fn and(mut self, more: Vec<Pattern>) -> Self {
        self.allow.extend(more);
        self.allow.truncate(ALLOW_ENTRIES);
        self
    }

    /// The same where nothing may be carried out.
    #[must_use]
    pub fn closed(mut self, closed: Closed) -> Self {
        self.closed = Some(Arc::new(closed));
        self
    }

    /// Why nothing may be carried out, if so.
    pub fn why_closed(&self) -> Option<&Closed> {
        self.closed.as_deref()
    }

    /// Where data could be carried, besides the hosts of the agent's own grants.
    pub fn outward(&self, own: &[Pattern]) -> Vec<String> {
        let is_way_out = |pattern: &&Pattern| {
            !pattern.is_read_only() && !own.iter().any(|own| pattern.is_within(own))
        };
        let listed = self.allow.iter().filter(is_way_out).map(Pattern::to_string);
        match self.mode {
            EgressMode::Offline => Vec::new(),
            EgressMode::Packages | EgressMode::Allowlist => listed.collect(),
            EgressMode::Open => std::iter::once(ANY_HOST.to_owned()).chain(listed).collect(),
        }
    }

    /// The entries of its allow-list.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.allow.iter().map(Pattern::to_string)
    }

    /// The mode.
    pub const fn mode(&self) -> EgressMode {
        self.mode
    }

    /// Judges a destination by name, and a request to it by all that it says.
    pub fn judge(&self, target: &Authority, access: Access<'_>) -> Result<Permit, Denial> {
        let permit = self.judge_open(target, access)?;
        match &self.closed {
            Some(closed) => self.judge_closed(closed, target, access, permit),
            None => Ok(permit),
        }
    }

    fn judge_closed(
        &self,
        closed: &Closed,
        target: &Authority,
        access: Access<'_>,
        permit: Permit,
    ) -> Result<Permit, Denial> {
        let covers = |own: &Pattern| own.covers_host(&target.host) && own.covers_port(target.port);
        let is_own = closed.own.iter().any(covers);
        let is_named = is_own
            || self.covering(target).next().is_some()
            || target.host.name().is_some_and(is_registry);
        if !is_named {
            return Err(closed.denial(target));
        }
        let permit = Permit { credentials: false, ..permit };
        match (access, self.carriage(target)) {
            (_, Carriage::Greeted | Carriage::Raw) => Err(closed.denial(target)),
            (Access::Connect, Carriage::Opened | Carriage::Plain) => Ok(permit),
            (Access::Request(ask), _) if is_reading(ask.method) && !ask.websocket => {
                Ok(Permit { carries: Carries::Little, ..permit })
            }
            (Access::Request(ask), _) if is_own && !ask.websocket => {
                Ok(Permit { carries: Carries::WithGrant, ..permit })
            }
            (Access::Request(_), _) => Err(closed.denial(target)),
        }
    }

    fn judge_open(&self, target: &Authority, access: Access<'_>) -> Result<Permit, Denial> {
        match self.mode {
            EgressMode::Offline => Err(denial(target, DenialCode::Offline)),
            EgressMode::Allowlist => self.judge_list(target, access),
            EgressMode::Packages => match self.judge_list(target, access) {
                Err(listed) => judge_packages(target, access).unwrap_or(Err(listed)),
                permitted => permitted,
            },
            EgressMode::Open => {
                let web = target.port == HTTP_PORT || target.port == HTTPS_PORT;
                // TRUST: mail, remote shells and directory services are what a sandbox would be
                // abused for; each needs an entry with its port.
                if web || target.port >= FIRST_UNPRIVILEGED_PORT {
                    return Ok(Permit { credentials: true, ..Permit::default() });
                }
                self.judge_list(target, access)
                    .map_err(|_| denial(target, DenialCode::PortNotAllowed))
            }
        }
    }

    /// How a connection is carried that may be made.
    pub fn carriage(&self, target: &Authority) -> Carriage {
        let covering = || self.covering(target);
        let named = |scheme| covering().any(|pattern| pattern.scheme() == Some(scheme));
        let unopened = self.mode == EgressMode::Open && self.closed.is_none()
            || covering().any(|pattern| pattern.options().passthrough);
        match target.port {
            HTTPS_PORT if unopened => Carriage::Greeted,
            HTTPS_PORT => Carriage::Opened,
            HTTP_PORT => Carriage::Plain,
            _ if named(Scheme::Https) && unopened => Carriage::Greeted,
            _ if named(Scheme::Https) => Carriage::Opened,
            _ if named(Scheme::Http) => Carriage::Plain,
            _ => Carriage::Raw,
        }
    }

    fn covering(&self, target: &Authority) -> impl Iterator<Item = &Pattern> {
        let covers = |pattern: &&Pattern| {
            pattern.covers_host(&target.host) && pattern.covers_port(target.port)
        };
        self.allow.iter().filter(covers)
    }

    fn judge_list(&self, target: &Authority, access: Access<'_>) -> Result<Permit, Denial> {
        let Access::Request(ask) = access else {
            if self.covering(target).next().is_some() {
                return Ok(Permit::default());
            }
            let listed = self.allow.iter().any(|pattern| pattern.covers_host(&target.host));
            let code = if listed { DenialCode::PortNotAllowed } else { DenialCode::HostNotAllowed };
            return Err(denial(target, code));
        };
        // The denial of the entry that came nearest says best what is missing.
        let mut nearest = DenialCode::HostNotAllowed;
        let mut permit = None;
        for pattern in self.allow.iter().filter(|pattern| pattern.covers_host(&target.host)) {
            let code = if !(pattern.covers_port(target.port) && pattern.covers_scheme(ask.scheme)) {
                DenialCode::PortNotAllowed
            } else if !pattern.covers_path(ask.path) {
                DenialCode::PathNotAllowed
            } else if !pattern.covers_method(ask.method) {
                DenialCode::MethodNotAllowed
            } else if ask.websocket && !pattern.options().websocket {
                DenialCode::WebsocketNotAllowed
            } else {
                let permit = permit.get_or_insert_with(Permit::default);
                permit.credentials |= pattern.options().credentials;
                continue;
            };
            nearest = nearer(nearest, code);
        }
        permit.ok_or_else(|| denial(target, nearest))
    }
}

/// Of two reasons the one that was found later.
fn nearer(one: DenialCode, other: DenialCode) -> DenialCode {
    let order = [
        DenialCode::HostNotAllowed,
        DenialCode::PortNotAllowed,
        DenialCode::PathNotAllowed,
        DenialCode::MethodNotAllowed,
        DenialCode::WebsocketNotAllowed,
    ];
    let at = |code| order.iter().position(|listed| *listed == code);
    if at(other) > at(one) { other } else { one }
}

/// None: the host is no registry.
fn judge_packages(target: &Authority, access: Access<'_>) -> Option<Result<Permit, Denial>> {
    target.host.name().filter(|name| is_registry(name))?;
    if target.port != HTTP_PORT && target.port != HTTPS_PORT {
        return Some(Err(denial(target, DenialCode::PortNotAllowed)));
    }
    Some(match access {
        Access::Request(Ask { websocket: true, .. }) => {
            Err(denial(target, DenialCode::WebsocketNotAllowed))
        }
        Access::Connect | Access::Request(Ask { method: "GET" | "HEAD", .. }) => {
            Ok(Permit { registry: true, ..Permit::default() })
        }
        Access::Request(_) => Err(denial(target, DenialCode::MethodNotAllowed)),
    })
}

/// Whether an entry covers a public registry, which is only read unless somebody lists it.
pub fn covers_registry(pattern: &Pattern) -> bool {
    let hosts = REGISTRIES.iter().flat_map(|registry| registry.hosts);
    hosts.filter_map(|host| Host::parse(host.trim_start_matches("*.")).ok()).any(|host| {
        pattern.covers_host(&host)
            || host.name().is_some_and(|name| {
                Host::parse(&format!("any.{name}")).is_ok_and(|below| pattern.covers_host(&below))
            })
    })
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

/// The denial of a credential that is none of this agent's grants for the host.
pub fn credential_denial(target: &Authority, code: DenialCode, words: String) -> Denial {
    let words = format!("Errand denied the request to {target}: {words}.");
    Denial { code, host: target.host.to_string(), port: target.port, words }
}

/// The denial of a request that tells a registry more than fetching needs.
pub fn spelling_denial(target: &Authority) -> Denial {
    let words = format!(
        "Errand denied the request to {target}: names and queries that were sent there say more than fetching needs. \
         A host on the environment's list of its own may be sent more."
    );
    let code = DenialCode::UploadBudget;
    Denial { code, host: target.host.to_string(), port: target.port, words }
}

/// A denial in the words of its code.
pub fn denial(target: &Authority, code: DenialCode) -> Denial {
    let host = target.host.to_string();
    let (what, how) = match code {
        DenialCode::Offline => (
            "this environment has no network".to_owned(),
            format!("give the environment another egress mode and list {host}"),
        ),
        DenialCode::PortNotAllowed => (
            format!("port {} is not allowed for this host", target.port),
            format!("add \"{target}\" to the allowed hosts of the environment"),
        ),
        DenialCode::MethodNotAllowed => (
            "this method is not allowed for this host, and package hosts are only read".to_owned(),
            format!("add \"{host}\" to the allowed hosts of the environment"),
        ),
        DenialCode::PathNotAllowed => (
            "this path is not allowed for this host".to_owned(),
            format!(
                "add \"{host}\", or the path after it, to the allowed hosts of the environment"
            ),
        ),
        DenialCode::WebsocketNotAllowed => (
            "this host may not be connected to by WebSocket".to_owned(),
            format!("add \"{host} +websocket\" to the allowed hosts of the environment"),
        ),
        DenialCode::UploadBudget => (
            "more was sent there than this agent may send".to_owned(),
            "raise `upload_mib` under [network] of errand.toml".to_owned(),
        ),
        DenialCode::HostNotAllowed
        | DenialCode::BadHost
        | DenialCode::AddressNotAllowed
        | DenialCode::ForeignCredential
        | DenialCode::GrantNotForHost
        | DenialCode::FlowClosed
        | DenialCode::FlowWaiting
        | DenialCode::ModelNotAllowed
        | DenialCode::BudgetExhausted
        | DenialCode::NameMismatch => (
            "the host is not on the environment's list".to_owned(),
            format!("add \"{host}\" to the allowed hosts of the environment"),
        ),
    };
    let words = format!("Errand denied the connection to {target}: {what}. To allow it, {how}.");
    Denial { code, host, port: target.port, words }
}

#[cfg(test)]
mod tests;
