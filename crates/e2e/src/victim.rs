//! The two processes on which an agent's machine hangs, to be killed from outside.

use crate::host;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It builds the sandbox and stays with it.
    Shim,
    /// The sandbox's first process, which becomes the guest.
    Guest,
}

/// One process, held so that no later one is taken for it.
#[derive(Debug)]
pub struct Victim {
    process: OwnedFd,
}

impl Victim {
    /// The one of this agent, if there is one now.
    pub fn find(agent: &str, part: Part) -> Option<Self> {
        let pid = pid_of(agent, part)?;
        let held = pidfd_open(Pid::from_raw(pid.cast_signed())?, PidfdFlags::empty()).ok()?;
        // Only now is it certain that the descriptor means what was found.
        (pid_of(agent, part) == Some(pid)).then_some(Self { process: held })
    }

    /// Kills it as nobody can prevent; false where it is gone already.
    pub fn kill(&self) -> bool {
        pidfd_send_signal(&self.process, Signal::KILL).is_ok()
    }
}

fn pid_of(agent: &str, part: Part) -> Option<u32> {
    let shims = host::shims_of_agent(agent);
    // Its child looks like it for a while.
    let is_child = |pid: u32| {
        host::parent(pid).is_some_and(|parent| shims.iter().any(|shim| shim.pid == parent))
    };
    let shim = shims.iter().map(|shim| shim.pid).find(|pid| !is_child(*pid))?;
    match part {
        Part::Shim => Some(shim),
        Part::Guest => host::processes(|folder| {
            let pid = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
            pid.and_then(host::parent) == Some(shim)
        })
        .first()
        .map(|child| child.pid),
    }
}
