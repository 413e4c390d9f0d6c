//! How a guest is set up.

use crate::sys::Ids;
use std::path::PathBuf;

/// Bytes that all operations together may keep unless configured otherwise.
pub const SPOOL_BYTES: u64 = 256 * 1024 * 1024;

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
    /// Whether the agent may become the namespace's root.
    pub sudo: bool,
    /// Bytes that all operations together may keep.
    pub spool_bytes: u64,
}

impl GuestConfig {
    /// A guest without a sandbox, as the user who started it.
    pub fn process(run_dir: PathBuf, workspace: PathBuf) -> Self {
        let home = run_dir.join("home");
        Self { run_dir, workspace, agent: None, home, sudo: false, spool_bytes: SPOOL_BYTES }
    }

    /// The guest of a sandbox, as process 1.
    pub fn sandbox(sudo: bool) -> Self {
        Self {
            run_dir: PathBuf::from("/run/errand"),
            workspace: PathBuf::from("/workspace"),
            agent: Some(Ids { uid: 1000, gid: 1000 }),
            home: PathBuf::from("/home/agent"),
            sudo,
            spool_bytes: SPOOL_BYTES,
        }
    }
}
