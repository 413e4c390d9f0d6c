//! What is known about a local sandbox on disk, so that a restarted server finds it again.
//!
//! Everything lies below the launcher's working directory, which is its state directory:
//! `sandboxes/<key>/{spec.json, shim.json, shim.sock, exit.json, log}`, `disks/<agent>/{workspace,
//! home, opt, vartmp}`, `layers/<layer>/`, `making/` for what is not whole yet, `leases/<slot>`,
//! `commons/<commons>/`, `trash/`. Paths are relative on purpose: the directory was checked once, and whoever renames its
//! parents later changes nothing.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use protocol::ids::AgentId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::posture::Record;
use crate::isolation::IsolationReport;
use crate::provider::SandboxKey;

/// Directory of the records.
pub const SANDBOXES: &str = "sandboxes";
/// Directory of the agents' disks.
pub const DISKS: &str = "disks";
/// Directory of the uid leases.
pub const LEASES: &str = "leases";
/// Directory of disks and layers on their way out.
pub const TRASH: &str = "trash";
/// Directory of the layers.
pub const LAYERS: &str = "layers";
/// Directory of disks and layers that are not whole yet.
pub const MAKING: &str = "making";
/// Directory of what shared sandboxes have in common.
pub const COMMONS: &str = "commons";

/// All of them.
pub const PLACES: [&str; 7] = [SANDBOXES, DISKS, LEASES, TRASH, LAYERS, MAKING, COMMONS];

/// A live shim, told apart from a later process that got the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimRecord {
    /// Its pid.
    pub pid: i32,
    /// Its start, in clock ticks since boot.
    pub start_time: u64,
    /// What it achieved.
    pub isolation: IsolationReport,
    /// What was measured before the guest ran.
    #[serde(default)]
    pub posture: Record,
}

/// How a sandbox ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Why, in words.
    pub reason: String,
}

/// The record's directory.
pub fn dir(key: SandboxKey) -> PathBuf {
    Path::new(SANDBOXES).join(key.to_string())
}

/// The agent's disk.
pub fn disk(agent: AgentId) -> PathBuf {
    Path::new(DISKS).join(agent.to_string())
}

/// Keys of all records, of one agent or of all.
pub fn keys(agent: Option<AgentId>) -> io::Result<Vec<SandboxKey>> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(SANDBOXES)? {
        let name = entry?.file_name();
        let key = name.to_str().and_then(|name| SandboxKey::parse(name).ok());
        keys.extend(key.filter(|key| agent.is_none_or(|agent| agent == key.agent)));
    }
    keys.sort();
    Ok(keys)
}

/// Makes a directory that only we may enter; one that exists is fine.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Writes a record whole or not at all.
pub fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    io::Write::write_all(&mut file, &text)?;
    fs::rename(temporary, path)
}

/// Reads a record; `None` if it is not there.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes down a small fact about a directory, in place of what was known before.
///
/// A link that leads nowhere carries its text from the very moment it exists, and the kernel keeps
/// the order of such changes even when the power fails: no reader ever finds half a fact.
pub fn write_fact<T: Serialize>(dir: &Path, name: &str, fact: &T) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.new"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(serde_json::to_string(fact)?, &temporary)?;
    fs::rename(temporary, dir.join(name))
}

/// Reads a fact about a directory; `None` if it was never written down.
pub fn read_fact<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read_link(dir.join(name)) {
        Ok(text) => Ok(Some(serde_json::from_slice(text.as_os_str().as_encoded_bytes())?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// When a process started, in clock ticks since boot; `None` if there is no such process.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets included.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

impl ShimRecord {
    /// Whether the very process this record names still lives.
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_with_another_start_time_is_another_process() {
        let pid = std::process::id() as i32;
        let start_time = start_time(pid).unwrap();
        let (isolation, posture) = (IsolationReport::default(), Record::default());
        let mut record = ShimRecord { pid, start_time, isolation, posture };
        assert!(record.is_alive());
        record.start_time += 1;
        assert!(!record.is_alive());
    }
}
