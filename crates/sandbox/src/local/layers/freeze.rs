//! Freezing a disk, so that a kill at any moment leaves either the old state or the new one.
//!
//! ```text
//! making/<layer>/{agent, tree/}      tree: a new disk, empty, over everything so far and this layer
//!        │ exchange                  one system call: the disk is new, what it was is the layer
//!        ▼
//! disks/<agent>  ⇄  making/<layer>/tree
//!        │ rename                    publishes the layer
//!        ▼
//! layers/<layer>/{agent, tree/}
//! ```
//! Whether the exchange took place is seen from the disk itself: it stands on the layer, or not. So
//! [`recover`] knows which way to go, and everything that needs space comes before the exchange.

use std::fs;
use std::io;

use protocol::ids::{AgentId, LayerId};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{TREE, dir, making, names};
use crate::local::disk::{self, Facts, Modes};
use crate::local::record::{self, read_fact, write_fact};
use crate::local::trash;

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is a place for the layer.
    PlaceMade,
    /// The place says whose disk is meant.
    AgentNoted,
    /// The new disk is ready.
    DiskMade,
    /// The new disk is the agent's, the old one is the layer.
    Exchanged,
    /// Sandboxes can pass to the layer's folders.
    Opened,
    /// The layer can be used.
    Published,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 6] = [
        Self::PlaceMade,
        Self::AgentNoted,
        Self::DiskMade,
        Self::Exchanged,
        Self::Opened,
        Self::Published,
    ];
}

/// Makes what the agent's disk holds into this layer, and tells of each step. The machine is stopped.
pub fn freeze(agent: AgentId, layer: LayerId, passed: &mut dyn FnMut(Step)) -> io::Result<()> {
    let old = record::disk(agent);
    let unknown = || io::Error::other("whose disk this is was never written down");
    let facts = disk::facts(&old)?.ok_or_else(unknown)?;
    let place = making(layer);
    fs::create_dir(&place)?;
    passed(Step::PlaceMade);
    write_fact(&place, "agent", &agent)?;
    passed(Step::AgentNoted);
    let new = place.join(TREE);
    record::make_private_dir(&new)?;
    let stack = facts.stack.iter().copied().chain([layer]).collect();
    let modes = Modes::of(&old, facts.ids)?;
    disk::fill(&new, &Facts { stack, ..facts }, &modes)?;
    passed(Step::DiskMade);
    renameat_with(CWD, &old, CWD, &new, RenameFlags::EXCHANGE)?;
    passed(Step::Exchanged);
    publish(layer, passed)
}

/// Lets a layer be seen that is whole.
pub fn publish(layer: LayerId, passed: &mut dyn FnMut(Step)) -> io::Result<()> {
    let place = making(layer);
    disk::open_passage(&place.join(TREE))?;
    passed(Step::Opened);
    fs::rename(place, dir(layer))?;
    passed(Step::Published);
    Ok(())
}

/// Publishes layers that have become what a disk stands on, and removes those that have not; of one
/// agent, or of all.
pub fn recover(agent: Option<AgentId>) -> io::Result<()> {
    for layer in names::<LayerId>(record::MAKING)? {
        let owner: Option<AgentId> = read_fact(&making(layer), "agent")?;
        // Who makes a place notes the agent before anybody else gets to look.
        if agent.is_some() && owner.is_some() && owner != agent {
            continue;
        }
        let stack = owner.map(|owner| disk::stack(&record::disk(owner))).transpose()?;
        if stack.is_some_and(|stack| stack.contains(&layer)) {
            publish(layer, &mut |_| ())?;
        } else {
            trash::remove_tree(&making(layer))?;
        }
    }
    Ok(())
}
