//! Merging the layers below a disk into one, in a process of its own.
//!
//! The kernel does the merging: the layers are mounted over each other as for a sandbox, and what is
//! seen there is copied.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use protocol::ids::{AgentId, LayerId};
use serde::{Deserialize, Serialize};

use super::freeze::publish;
use super::{TREE, dir, making, worker};
use crate::local::disk::{self, Facts};
use crate::local::machines::Problem;
use crate::local::record::{self, read_fact, write_fact};
use crate::local::request::{Lower, UidMap};
use crate::local::stack::Disk;
use crate::provider::Layer;

/// Name of the fact that tells which layers were merged.
const MERGED: &str = "merged";

/// What the launcher tells the process that merges.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    into: LayerId,
    ids: UidMap,
    lowers: Vec<Lower>,
}

/// The layers that were merged into this one; none if it was frozen.
pub fn merged(layer: &Layer) -> io::Result<Option<Vec<LayerId>>> {
    read_fact(&dir(layer.id), MERGED)
}

/// Makes a place for the layer into which those below an agent's stopped disk will be merged.
pub fn begin(agent: AgentId, layer: LayerId, stack: &[LayerId]) -> Result<Order, Problem> {
    let unknown = || io::Error::other("whose disk this is was never written down");
    let facts = disk::facts(&record::disk(agent))?.ok_or_else(unknown)?;
    let place = making(layer);
    fs::create_dir(&place)?;
    write_fact(&place, "agent", &agent)?;
    write_fact(&place, MERGED, &stack)?;
    let tree = place.join(TREE);
    record::make_private_dir(&tree)?;
    let ids = facts.ids;
    disk::fill(&tree, &Facts { stack: Vec::new(), ..facts }, &super::top_folders(stack)?)?;
    // The copying process passes through it with the agent's ids.
    disk::open_passage(&tree)?;
    let lowers = stack.iter().map(|layer| super::lower(*layer, ids)).collect::<Result<_, _>>()?;
    Ok(Order { into: layer, ids, lowers })
}

/// Has everything copied, and lets the layer be seen.
pub fn merge(order: &Order) -> Result<(), Problem> {
    worker::ask::<()>("flatten", order, &[])
        .map_err(|error| io::Error::other(format!("merging layers: {error}")))?;
    Ok(publish(order.into, &mut |_| ())?)
}

/// The process's side.
pub fn run(launcher: OwnedFd) -> io::Result<()> {
    worker::run(launcher, |order: Order, _| {
        let own = making(order.into).join(TREE);
        let open = || Disk::open(&own, order.ids, &order.lowers);
        worker::in_namespaces(order.ids, open, |disk| disk.merge_into_own())
    })
}
