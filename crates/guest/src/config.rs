//! How a guest is set up.

use crate::sys::Ids;
use std::path::PathBuf;

/// Bytes that all operations together may keep unless configured otherwise.
pub const SPOOL_BYTES: u64 = 256 * 1024 * 1024;

/// User and group of the agent in a sandbox.
const AGENT_ID: u32 = 1000;

/// How a guest is set up.
#[derive(Debug, Clone)]
pub struct GuestConfig {
    /// Folder of the guest's own, on a file system of bounded size; nobody else can look in.
    pub run_dir: PathBuf,
    /// Folder of the repositories.
    pub workspace: PathBuf,
    /// The agent's user. Without one (no sandbox) everything runs as the guest does.
    pub agent: Option<Ids>,
    /// Home of the agent's user.
    pub home: PathBuf,
    /// Variables that every command gets unless its start says otherwise.
    pub env: Vec<(String, String)>,
    /// Whether the agent may become the namespace's root.
    pub sudo: bool,
    /// Bytes that all operations together may keep.
    pub spool_bytes: u64,
}

impl GuestConfig {
    /// A guest without a sandbox, as the user who started it.
    pub fn process(run_dir: PathBuf, workspace: PathBuf) -> Self {
        Self {
            home: run_dir.join("home"),
            run_dir,
            workspace,
            agent: None,
            env: Vec::new(),
            sudo: false,
            spool_bytes: SPOOL_BYTES,
        }
    }

    /// The guest of a sandbox, as process 1.
    pub fn sandbox(sudo: bool, env: Vec<(String, String)>) -> Self {
        // Where the namespace knows a single user, the agent is that user, and nobody is root.
        let single = !maps_other_users();
        let ids = Ids { uid: AGENT_ID, gid: AGENT_ID };
        Self {
            run_dir: PathBuf::from("/run/errand"),
            workspace: PathBuf::from("/workspace"),
            agent: (!single).then_some(ids),
            home: PathBuf::from("/home/agent"),
            env,
            sudo: sudo && !single,
            spool_bytes: SPOOL_BYTES,
        }
    }
}

/// Whether this user namespace knows more users than the guest's own.
fn maps_other_users() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let counts = map.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)?.parse().ok());
    counts.fold(0_u64, u64::saturating_add) > 1
}
