//! People at their computers: every command into a machine, with the real binary, at a real terminal.

mod person;
mod terminal;

mod attach;
mod builds;
mod environments;
mod files;
mod hostile;
mod ports;
mod records;
mod screen;
mod secrets;
mod servers;
mod shells;
mod signing;
mod ssh;

use e2e::world::{Job, World};
use fakes::scripted::script::Turn;

/// An agent with nothing left to do, whose machine is up.
async fn idle(world: &World) -> Job {
    let job = world.chore(&[Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    job
}
