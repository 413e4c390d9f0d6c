//! What the server, the launcher and the shims say to each other.
//!
//! The server is the less trusted side: it parses hostile bytes as an ordinary user, the launcher
//! may be root. So a request carries validated ids and numbers. The only path is that of a person's
//! repository, which is opened first and judged then.

use protocol::ids::{AgentId, LayerId, OrgId};
use serde::{Deserialize, Serialize};

use super::commons::CommonsId;
use super::oci::Runtime;
use crate::isolation::IsolationReport;
use crate::provider::{
    Contents, Found, Layer, Machine, Manifest, Needle, SandboxKey, SandboxSpec, SocketFamily,
    SocketKind,
};

/// What the server asks of the launcher.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Make or find a machine.
    Create {
        /// The machine wanted.
        spec: Box<SandboxSpec>,
    },
    /// Find a machine.
    Find {
        /// Which one.
        key: SandboxKey,
    },
    /// End a machine, keep the disk.
    Stop {
        /// Which one.
        key: SandboxKey,
    },
    /// End a machine and forget it.
    Destroy {
        /// Which one.
        key: SandboxKey,
    },
    /// All machines.
    List {},
    /// A fresh connection to the guest; the answer carries its descriptor.
    Connect {
        /// Which one.
        key: SandboxKey,
    },
    /// The gateway's sockets; the answer carries their descriptors.
    Sockets {
        /// Which one.
        key: SandboxKey,
    },
    /// Make what a disk holds into a layer, and go on over it.
    Freeze {
        /// Whose disk.
        agent: AgentId,
        /// The layer's name.
        layer: LayerId,
    },
    /// Write a layer out, and weigh it.
    Settle {
        /// Which one.
        layer: LayerId,
    },
    /// Merge the layers below a disk into one.
    Flatten {
        /// Whose disk.
        agent: AgentId,
        /// The layer's name.
        layer: LayerId,
    },
    /// Unpack the archives that came along, lowest first.
    Unpack {
        /// The layer's name.
        layer: LayerId,
        /// Owner of the data.
        org: OrgId,
        /// What they hold.
        contents: Contents,
    },
    /// Pack a layer, with all that it stands on, into the file that came along.
    Pack {
        /// The layer's name.
        layer: LayerId,
        /// Owner of the data.
        org: OrgId,
    },
    /// Look for bytes in a layer.
    Search {
        /// The layer's name.
        layer: LayerId,
        /// Owner of the data.
        org: OrgId,
        /// Layers that are not looked through, nor what they stand on.
        below: Vec<LayerId>,
        /// The bytes.
        needles: Vec<Needle>,
    },
    /// List what a layer itself brings that runs by itself.
    Manifest {
        /// The layer's name.
        layer: LayerId,
        /// Owner of the data.
        org: OrgId,
    },
    /// All layers.
    Layers {},
    /// Remove a layer.
    RemoveLayer {
        /// Which one.
        layer: LayerId,
    },
    /// Remove what nobody uses.
    RemoveUnusedLayers {
        /// Nor used since, in milliseconds since 1970.
        since_ms: u64,
    },
    /// Make a sandbox that ends at once, to see what this host can do.
    Probe {
        /// What its disk begins with.
        layers: Vec<LayerId>,
    },
    /// Take requests for repositories from the listening socket that came along.
    ServeFarEnds {},
    /// Work in a repository of this host as its owner, on the descriptors that came along.
    Repository {
        /// Its folder.
        path: String,
        /// The work.
        task: RepositoryTask,
    },
}

/// What may be done in a repository of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum RepositoryTask {
    /// Serve a fetch; standard input, output and error came along.
    UploadPack {},
    /// Serve a push; standard input, output and error came along.
    ReceivePack {},
    /// Write a large file into the descriptor that came along.
    GiveLargeFile {
        /// Its digest.
        oid: String,
        /// Its size.
        bytes: u64,
    },
    /// Keep a large file; its content came along.
    LargeFile {
        /// Its digest.
        oid: String,
        /// Its size.
        bytes: u64,
    },
}

/// What the launcher answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Done; nothing to say.
    Done {},
    /// The machine, if there is one.
    Machine {
        /// The machine.
        machine: Option<Machine>,
    },
    /// All machines.
    Machines {
        /// They.
        machines: Vec<Machine>,
    },
    /// The descriptor that came along is a link.
    Link {},
    /// The descriptors that came along are these sockets, in this order.
    Sockets {
        /// What they are.
        sockets: Vec<(SocketKind, SocketFamily)>,
    },
    /// The layer.
    Layer {
        /// It.
        layer: Layer,
    },
    /// All layers.
    Layers {
        /// They.
        layers: Vec<Layer>,
    },
    /// Where the bytes are.
    Found {
        /// The places.
        found: Vec<Found>,
    },
    /// What runs by itself.
    Manifest {
        /// It.
        manifest: Manifest,
    },
    /// These layers are gone.
    Removed {
        /// Their names.
        layers: Vec<LayerId>,
    },
    /// What this host can do.
    Probed {
        /// The walls.
        isolation: IsolationReport,
    },
    /// The work in a repository is over.
    Ended {
        /// Exit code of git; none if a signal ended it.
        code: Option<i32>,
    },
    /// It failed.
    Failed {
        /// What a caller does about it.
        kind: FailureKind,
        /// In words.
        reason: String,
    },
}

/// What a caller does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Ask for something else.
    Refused,
    /// Nothing runs under this key.
    NotRunning,
    /// Change the host.
    Isolation,
    /// Try again.
    Unavailable,
}

/// How the user ids of a sandbox map to the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UidMap {
    /// 65,536 ids of its own, from this one on.
    Range {
        /// First id on the host.
        base: u32,
    },
    /// Only the launcher's own user, seen inside as `agent`.
    Single {
        /// User on the host.
        uid: u32,
        /// Group on the host.
        gid: u32,
    },
}

/// A layer below a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lower {
    /// Which one.
    pub layer: LayerId,
    /// How ids map in its files.
    pub uids: UidMap,
    /// Whether it holds the root file system, or changes to it.
    pub has_root: bool,
}

/// What the launcher tells a new shim, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShimOrder {
    /// The machine wanted.
    pub spec: SandboxSpec,
    /// How ids map.
    pub uids: UidMap,
    /// What the agent's disk stands on, base first.
    pub lowers: Vec<Lower>,
    /// The guest's binary on the host.
    pub guest: std::path::PathBuf,
    /// What starts the first process, where it is not the shim itself.
    pub runtime: Option<Runtime>,
    /// What it shares with other agents, if it does.
    pub commons: Option<CommonsId>,
}

impl ShimOrder {
    /// Whether the root file system comes from a base image and not from the host.
    pub fn is_on_base(&self) -> bool {
        self.lowers.iter().any(|lower| lower.has_root)
    }
}

/// What the launcher tells the process that works in a repository, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct RepositoryOrder {
    /// The repository's folder.
    pub path: String,
    /// The work.
    pub task: RepositoryTask,
    /// Folders below which it must lie.
    pub roots: Vec<std::path::PathBuf>,
    /// User ids that belong to sandboxes.
    pub sandboxes: super::lease::UidPool,
}

/// What a new shim answers there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ShimAnswer {
    /// The guest runs.
    Started {
        /// How it is walled in.
        isolation: IsolationReport,
    },
    /// The sandbox could not be built, and nothing is left of it.
    Failed {
        /// Whether the host is at fault.
        kind: FailureKind,
        /// In words, the step first.
        reason: String,
    },
}

/// What may be asked of a running shim, over its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ShimCommand {
    /// A fresh connection to the guest.
    Connect {},
    /// The gateway's sockets.
    Sockets {},
    /// Whether it lives.
    Status {},
    /// End everything and go.
    Stop {},
}

/// What a running shim answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ShimReply {
    /// Done, or on its way.
    Done {},
    /// The descriptors that came along are these sockets, in this order.
    Sockets {
        /// What they are.
        sockets: Vec<(SocketKind, SocketFamily)>,
    },
    /// It could not be done.
    Failed {
        /// In words.
        reason: String,
    },
}
