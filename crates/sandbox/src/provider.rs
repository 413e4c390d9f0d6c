//! The contract between the server and whatever makes its machines.
//!
//! Who owes what:
//! - The **caller** records its intent before `create`, never runs two epochs of one agent on
//!   purpose, and compares `list` with its own log before it destroys anything it does not know.
//! - The **provider** makes every verb idempotent under the key (`<agent>-e<epoch>`): a repeated
//!   `create` finds the first machine, `stop` and `destroy` of something gone succeed. The key names
//!   the incarnation; the *disk* belongs to the agent and is found again by the next epoch, until
//!   `destroy`.
//! - A lower epoch that still lives is ended before a higher one starts; a lower one asked for after
//!   a higher is refused. So two machines never share a disk.
//! - A **layer** is what a disk held when it was frozen, for ever. The caller mints its id before it
//!   asks, so asking twice gives the first. Several disks may stand on one layer; each writes to a
//!   part of its own that nobody else has.

mod layer;

pub use layer::{Contents, Entry, EntryKind, Found, Layer, LayerSize, Manifest, Needle};

use std::os::fd::OwnedFd;

use async_trait::async_trait;
use protocol::ids::{AgentId, BadId, Epoch, LayerId, OrgId};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::isolation::IsolationReport;

/// Bytes of a sandbox's own small mounts (`/`, `/run`, `/dev`), beside the tmpfs sizes of the spec.
pub const FIXED_TMPFS_BYTES: u64 = 48 * 1024 * 1024;
/// Smallest memory limit with which a guest and a shell still work.
pub const MEMORY_MIN_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of the certificate of a spec.
const CERTIFICATE_BYTES: usize = 64 * 1024;
/// Longest host name inside a sandbox, in characters.
pub const HOSTNAME_CHARS: usize = 63;
/// Layers that one disk may stand on.
pub const STACK_LAYERS: usize = 64;

const MIB: u64 = 1024 * 1024;

/// Names one incarnation of one agent's sandbox; the idempotency key of every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxKey {
    /// The owner of the disk.
    pub agent: AgentId,
    /// The incarnation.
    pub epoch: Epoch,
}

impl SandboxKey {
    /// Parses `<agent>-e<epoch>`, refusing every other spelling.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            expected: "a sandbox key (<agent>-e<epoch>)",
            given: text.chars().take(80).collect(),
        };
        let (agent, epoch) = text.rsplit_once("-e").ok_or_else(bad)?;
        let key =
            Self { agent: AgentId::parse(agent)?, epoch: Epoch(epoch.parse().map_err(|_| bad())?) };
        if key.to_string() == text { Ok(key) } else { Err(bad()) }
    }
}

impl std::fmt::Display for SandboxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-e{}", self.agent, self.epoch)
    }
}

impl From<SandboxKey> for String {
    fn from(key: SandboxKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for SandboxKey {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

/// Whether the agent may ask for the namespace's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    /// `sudo` runs a command as the sandbox's own root with a small capability set.
    #[default]
    Sudo,
    /// `sudo` answers with a refusal.
    None,
}

/// What one sandbox may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxLimits {
    /// Processor time, in thousandths of one processor.
    pub cpu_millis: u32,
    /// Memory, tmpfs contents included.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
    /// The agent's disk.
    pub disk_bytes: u64,
    /// `/tmp`.
    pub tmp_bytes: u64,
    /// `/dev/shm`.
    pub shm_bytes: u64,
    /// `/run/errand`, where the guest spools output.
    pub spool_bytes: u64,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            cpu_millis: 2000,
            memory_bytes: 4096 * MIB,
            pids: 4096,
            disk_bytes: 10 * 1024 * MIB,
            tmp_bytes: 1024 * MIB,
            shm_bytes: 256 * MIB,
            spool_bytes: 288 * MIB,
        }
    }
}

/// Where a sandbox has the certificate of its spec.
pub const CA_CERTIFICATE: &str = "/opt/errand/ca.crt";
/// Where it has that together with all that is trusted anyway.
pub const CA_BUNDLE: &str = "/opt/errand/ca-bundle.crt";
/// What tells apt, which takes no variable for it, to trust all of them; inside, where there is a certificate.
pub const APT_CONFIG: &str = "/opt/errand/apt.conf";

/// What the caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// Incarnation asked for.
    pub key: SandboxKey,
    /// Owner of the data.
    pub org: OrgId,
    /// What it may use.
    pub limits: SandboxLimits,
    /// Whether `sudo` works.
    pub posture: Posture,
    /// Life until the hard end, in milliseconds from its start.
    pub lifetime_ms: u64,
    /// Host name inside.
    pub hostname: String,
    /// Variables of the guest, handed on to what it starts; never a live credential.
    pub env: Vec<(String, String)>,
    /// Content of `/etc/gitconfig`.
    pub gitconfig: String,
    /// Certificate (PEM) added to the trusted ones inside, at [`CA_CERTIFICATE`]. Never with its key.
    pub ca_certificate: Option<String>,
    /// What the agent's disk begins with, base first: a later layer lies over earlier ones, and each
    /// brings along what it was made upon. Empty: an empty disk. A disk that exists keeps what it
    /// stands on, and is refused under a spec that says it began with something else.
    #[serde(default)]
    pub layers: Vec<LayerId>,
}

impl SandboxSpec {
    /// A spec with default limits, for the caller to change.
    pub fn new(key: SandboxKey, org: OrgId) -> Self {
        Self {
            key,
            org,
            limits: SandboxLimits::default(),
            posture: Posture::Sudo,
            lifetime_ms: protocol::limits::SANDBOX_HARD_MS,
            hostname: "errand".to_owned(),
            env: Vec::new(),
            gitconfig: String::new(),
            ca_certificate: None,
            layers: Vec::new(),
        }
    }

    /// Refuses in words what no provider could honour.
    pub fn check(&self) -> Result<(), ProviderError> {
        let refuse = |words: &str| Err(ProviderError::Refused(words.to_owned()));
        let limits = &self.limits;
        if limits.memory_bytes < MEMORY_MIN_BYTES {
            return refuse("the memory limit is below 64 MiB: raise it");
        }
        if limits.pids < 16 || limits.cpu_millis < 10 {
            return refuse(
                "a sandbox needs at least 16 processes and 10 thousandths of a processor",
            );
        }
        let tmpfs = [limits.tmp_bytes, limits.shm_bytes, limits.spool_bytes, FIXED_TMPFS_BYTES]
            .iter()
            .fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        // A full tmpfs counts as memory: above this the writer is killed instead of told.
        if tmpfs > limits.memory_bytes / 4 * 3 {
            return refuse(
                "the tmpfs sizes add up to more than three quarters of the memory limit",
            );
        }
        if self.lifetime_ms == 0 {
            return refuse("the lifetime is zero");
        }
        if !is_hostname(&self.hostname) {
            return refuse(
                "the host name may hold lower-case letters, digits and inner hyphens only",
            );
        }
        if !self.env.iter().all(|(name, value)| is_variable(name) && !value.contains('\0')) {
            return refuse("a variable's name may hold letters, digits and underscores only");
        }
        let is_too_long = |text: &String| text.len() > CERTIFICATE_BYTES;
        if self.ca_certificate.as_ref().is_some_and(is_too_long) {
            return refuse("the certificate is longer than 64 KiB");
        }
        if self.layers.len() > STACK_LAYERS {
            return refuse("a disk stands on 64 layers at most: flatten one");
        }
        let named_before = |(index, id)| self.layers.iter().take(index).any(|other| other == id);
        if self.layers.iter().enumerate().any(named_before) {
            return refuse("a layer is named twice");
        }
        Ok(())
    }
}

fn is_hostname(text: &str) -> bool {
    (1..=HOSTNAME_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= protocol::limits::ENV_NAME_BYTES
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What a provider can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Name of the provider, for people.
    pub name: String,
    /// `stop` keeps the agent's disk.
    pub stop_keeps_disk: bool,
    /// It hands out listening sockets inside the sandbox's network namespace.
    pub gateway_sockets: bool,
    /// Disks can be frozen, and others begin with what they held.
    pub snapshots: bool,
}

/// Where a machine is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MachineState {
    /// It runs and can be connected to.
    Running,
    /// It ended; the agent's disk is kept.
    Ended {
        /// Why, in words.
        reason: String,
    },
}

/// One incarnation of a sandbox, as its provider sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Which one.
    pub key: SandboxKey,
    /// Where it is in its life.
    pub state: MachineState,
    /// How it is walled in.
    pub isolation: IsolationReport,
}

/// What a gateway socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketKind {
    /// Explicit proxy, TCP port 3128.
    Proxy,
    /// Redirected connections, TCP port 3129.
    Transparent,
    /// DNS over UDP, port 53.
    DnsUdp,
    /// DNS over TCP, port 53.
    DnsTcp,
}

/// Which loopback address a gateway socket is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketFamily {
    /// 127.0.0.1
    V4,
    /// ::1
    V6,
}

/// A socket that was bound inside a sandbox's network namespace and is served from outside.
#[derive(Debug)]
pub struct GatewaySocket {
    /// What it is for.
    pub kind: SocketKind,
    /// Which loopback address it is bound to.
    pub family: SocketFamily,
    /// The socket; listening already where it is a TCP one.
    pub fd: OwnedFd,
}

/// Bytes to and from a guest.
pub trait LinkIo: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> LinkIo for T {}

/// A fresh connection to a guest.
pub type LinkStream = Box<dyn LinkIo>;

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The caller must ask for something else; trying again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// There is no running machine under this key.
    #[error("no running sandbox under {0}")]
    NotRunning(SandboxKey),
    /// The host cannot wall a sandbox in; a person must change the host.
    #[error("this host cannot isolate a sandbox: {0}")]
    Isolation(String),
    /// Something outside failed; trying again may help.
    #[error("the sandbox provider failed: {0}")]
    Unavailable(String),
}

/// Makes, finds, stops, destroys and lists machines. See the module for who owes what.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What this provider can do; constant over its life.
    fn capabilities(&self) -> Capabilities;

    /// Proves by doing that a sandbox can be made here that begins with these layers, and reports how
    /// well it would be walled in.
    async fn validate(&self, layers: &[LayerId]) -> Result<IsolationReport, ProviderError>;

    /// Makes the machine of `spec.key`, or finds it if it was made already.
    async fn create(&self, spec: &SandboxSpec) -> Result<Machine, ProviderError>;

    /// The machine under this key, running or ended; `None` if never made or destroyed.
    async fn find(&self, key: SandboxKey) -> Result<Option<Machine>, ProviderError>;

    /// Ends every process of the machine and keeps the agent's disk.
    async fn stop(&self, key: SandboxKey) -> Result<(), ProviderError>;

    /// Ends the machine and forgets it; the agent's disk goes too unless a later epoch uses it.
    async fn destroy(&self, key: SandboxKey) -> Result<(), ProviderError>;

    /// Every machine this provider knows, running or ended.
    async fn list(&self) -> Result<Vec<Machine>, ProviderError>;

    /// Opens a fresh connection to the machine's guest.
    async fn connect(&self, key: SandboxKey) -> Result<LinkStream, ProviderError>;

    /// The machine's gateway sockets; may be asked again after a restart of the server.
    async fn gateway_sockets(&self, key: SandboxKey) -> Result<Vec<GatewaySocket>, ProviderError>;

    /// Makes what the agent's disk holds now into a layer; the disk goes on, empty, over it. Refused
    /// while the machine runs. Under an id made before it only gives that layer.
    async fn freeze(&self, _agent: AgentId, _layer: LayerId) -> Result<Layer, ProviderError> {
        Err(no_layers())
    }

    /// Writes a layer out to stable storage and weighs it; how long that takes goes with its size.
    async fn settle(&self, _layer: LayerId) -> Result<Layer, ProviderError> {
        Err(no_layers())
    }

    /// Merges all that the agent's disk stands on into one layer, and stands it on that. Refused
    /// while the machine runs. Under an id made before it only gives that layer.
    async fn flatten(&self, _agent: AgentId, _layer: LayerId) -> Result<Layer, ProviderError> {
        Err(no_layers())
    }

    /// Makes a layer out of archives (`tar`, also with gzip or zstd), lowest first. Under an id made
    /// before it only gives that layer.
    async fn unpack(
        &self,
        _layer: LayerId,
        _org: &OrgId,
        _contents: Contents,
        _archives: &[OwnedFd],
    ) -> Result<Layer, ProviderError> {
        Err(no_layers())
    }

    /// Writes a layer, with all that it stands on, to this file or pipe: an archive for `unpack`, here
    /// or at another server.
    async fn pack(
        &self,
        _layer: LayerId,
        _org: &OrgId,
        _into: OwnedFd,
    ) -> Result<(), ProviderError> {
        Err(no_layers())
    }

    /// Looks for bytes in a layer and what it stands on, as far as that is not below any of these
    /// others; gives the places, or the first of many.
    async fn search(
        &self,
        _layer: LayerId,
        _org: &OrgId,
        _below: &[LayerId],
        _needles: Vec<Needle>,
    ) -> Result<Vec<Found>, ProviderError> {
        Err(no_layers())
    }

    /// Lists what a layer itself brings that runs although nobody calls it by its path.
    async fn manifest(&self, _layer: LayerId, _org: &OrgId) -> Result<Manifest, ProviderError> {
        Err(no_layers())
    }

    /// Every layer.
    async fn layers(&self) -> Result<Vec<Layer>, ProviderError> {
        Ok(Vec::new())
    }

    /// Removes a layer; refused while a disk or another layer stands on it.
    async fn remove_layer(&self, _layer: LayerId) -> Result<(), ProviderError> {
        Err(no_layers())
    }

    /// Removes layers on which nothing stands and no machine started since this time; names them.
    async fn remove_unused_layers(&self, _since_ms: u64) -> Result<Vec<LayerId>, ProviderError> {
        Ok(Vec::new())
    }
}

fn no_layers() -> ProviderError {
    ProviderError::Refused("this provider cannot freeze disks".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> SandboxSpec {
        let key = SandboxKey::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab-e3").unwrap();
        SandboxSpec::new(key, OrgId::default_org())
    }

    #[test]
    fn keys_have_one_spelling() {
        let text = "bc-0190b5a4-7c3e-7bde-8f00-0123456789ab-e3";
        assert_eq!(SandboxKey::parse(text).map(|key| key.to_string()), Ok(text.to_owned()));
        for bad in ["", "x-e1", "bc-0190b5a4-7c3e-7bde-8f00-0123456789ab", "../bc-e1"] {
            assert!(SandboxKey::parse(bad).is_err(), "{bad}");
        }
        for bad in ["-e", "-e03", "-e+3", "-e-3", "-e3/..", "-e18446744073709551616"] {
            let text = format!("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab{bad}");
            assert!(SandboxKey::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_spec_is_sound() {
        assert!(spec().check().is_ok());
    }

    #[test]
    fn tmpfs_sizes_must_leave_memory_over() {
        let mut spec = spec();
        spec.limits.tmp_bytes = spec.limits.memory_bytes;
        assert!(
            matches!(spec.check(), Err(ProviderError::Refused(words)) if words.contains("tmpfs"))
        );
    }

    #[test]
    fn no_layer_is_named_twice() {
        let mut spec = spec();
        let layer = LayerId::parse("layer-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap();
        spec.layers = vec![layer];
        assert!(spec.check().is_ok());
        spec.layers = vec![layer, layer];
        assert!(spec.check().is_err());
    }

    #[test]
    fn host_names_and_variables_are_plain() {
        for bad in ["", "-a", "a-", "A", "a.b", "a\n"] {
            let mut spec = spec();
            spec.hostname = bad.to_owned();
            assert!(spec.check().is_err(), "{bad:?}");
        }
        for bad in ["", "1A", "A=B", "A B"] {
            let mut spec = spec();
            spec.env.push((bad.to_owned(), String::new()));
            assert!(spec.check().is_err(), "{bad:?}");
        }
    }
}
