//! Layers as the server sees them: what disks held, what is looked for in them, and what of it runs by itself.

use protocol::ids::{AgentId, LayerId, OrgId};
use serde::{Deserialize, Serialize};

/// What a disk held when it was frozen; read-only for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Which one.
    pub id: LayerId,
    /// What it lies upon, base first. It holds only what differs from these.
    pub below: Vec<LayerId>,
    /// Whose disk it was; of a base image, nobody's.
    pub agent: AgentId,
    /// Owner of the data.
    pub org: OrgId,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When a machine last started on it, in milliseconds since 1970.
    pub last_used_ms: u64,
    /// What it holds itself; known once it was settled.
    pub size: Option<LayerSize>,
    /// Whether it has a root file system, or a part of one, in place of the provider's own.
    #[serde(default)]
    pub has_root: bool,
    /// Of a base image: programs that agents need and it does not have.
    #[serde(default)]
    pub lacks: Vec<String>,
}

impl Layer {
    /// The layer right below.
    pub fn parent(&self) -> Option<LayerId> {
        self.below.last().copied()
    }
}

/// What archives hold of which a layer is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// An image: a root file system in place of the provider's own.
    Image,
    /// What [`Provider::pack`](super::Provider::pack) wrote.
    Packed {
        /// Whether a root file system is in it.
        has_root: bool,
    },
}

/// Bytes to look for. What they are is shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needle {
    /// What they are called.
    pub name: String,
    /// They.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Needle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Needle({:?})", self.name)
    }
}

/// Where bytes were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What they are called.
    pub name: String,
    /// The file, by the folder of a disk: `home/.npmrc`.
    pub path: String,
}

/// What a layer itself brings that runs although nobody calls it by its path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// By path.
    pub entries: Vec<Entry>,
    /// Nothing was left out.
    pub is_whole: bool,
}

/// A program where programs are looked for, or what is read at a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The file, by the folder of a disk: `home/.bashrc`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Names its content, or where the link leads.
    pub digest: String,
}

/// What runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// What shells, git and others read when they start.
    Startup,
    /// A program under a name that everybody calls: `git`.
    KnownProgram,
    /// Another program.
    Program,
}

/// How much a layer holds, without the layers below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSize {
    /// Space taken.
    pub bytes: u64,
    /// Entries that are not directories.
    pub files: u64,
}
