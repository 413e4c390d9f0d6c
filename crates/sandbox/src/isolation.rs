//! How well a machine is walled in: what was achieved, never what was configured.

use serde::{Deserialize, Serialize};

/// Why no sandbox is a virtual machine. One would have to boot a probe before anybody believed in it.
pub const NO_VM: &str = "no runtime for virtual machines is supported yet, so none can boot a probe here, \
                         and /dev/kvm alone never counts";

/// Name of the wall between agents; a report names it only where it is missing.
pub const OWN_SANDBOX: &str = "own_sandbox";

/// How far one wall stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "reason", rename_all = "snake_case")]
pub enum WallState {
    /// It stands.
    Enforced,
    /// It stands partly, for this reason.
    Reduced(String),
    /// It does not stand, for this reason.
    Missing(String),
}

/// One wall around a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    /// Stable name, for programs.
    pub name: String,
    /// How far it stands.
    pub state: WallState,
    /// What it protects from, in words.
    pub protects: String,
    /// What a person can do to make it stand, in words; empty where it does.
    pub improve: String,
}

/// Every wall of one sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationReport {
    /// The walls, outermost first.
    pub walls: Vec<Wall>,
}

impl IsolationReport {
    /// Adds a wall that stands.
    pub fn enforced(&mut self, name: &str, protects: &str) {
        self.push(name, WallState::Enforced, protects, "");
    }

    /// Adds a wall that stands partly.
    pub fn reduced(&mut self, name: &str, reason: &str, protects: &str, improve: &str) {
        self.push(name, WallState::Reduced(reason.to_owned()), protects, improve);
    }

    /// Adds a wall that does not stand.
    pub fn missing(&mut self, name: &str, reason: &str, protects: &str, improve: &str) {
        self.push(name, WallState::Missing(reason.to_owned()), protects, improve);
    }

    /// The wall of this name.
    pub fn wall(&self, name: &str) -> Option<&Wall> {
        self.walls.iter().find(|wall| wall.name == name)
    }

    /// The walls that do not stand fully; empty means full isolation of this kind.
    pub fn weak(&self) -> impl Iterator<Item = &Wall> {
        self.walls.iter().filter(|wall| wall.state != WallState::Enforced)
    }

    fn push(&mut self, name: &str, state: WallState, protects: &str, improve: &str) {
        self.walls.push(Wall {
            name: name.to_owned(),
            state,
            protects: protects.to_owned(),
            improve: improve.to_owned(),
        });
    }
}
