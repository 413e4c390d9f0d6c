//! The time between the order for a sandbox and its record: whoever asks for it meanwhile, waits.
//!
//! The launcher may die in it, and the shim goes on. What says so is a lock: the launcher takes it and
//! hands the open file to the shim as its standard output, so there is no moment in which neither of
//! them holds it, and no pid that could be mistaken for another's.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::record;
use crate::provider::SandboxKey;

/// Time a shim has to build its sandbox.
pub const BUILD_WAIT: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(5);

fn path(key: SandboxKey) -> PathBuf {
    record::dir(key).join("building")
}

/// Begins; whoever inherits the file goes on, until [`end`].
pub fn begin(key: SandboxKey) -> io::Result<fs::File> {
    let file = fs::File::create(path(key))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Called by the shim: the record says now what came of it.
pub fn end() -> io::Result<()> {
    // The lock goes with the open file, whoever else may still have a copy of it.
    Ok(flock(io::stdout(), FlockOperation::Unlock)?)
}

/// Waits until nobody builds a sandbox under this key; false where it takes too long.
pub fn is_over(key: SandboxKey) -> io::Result<bool> {
    let file = match fs::File::open(path(key)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        opened => opened?,
    };
    let deadline = Instant::now() + BUILD_WAIT;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(POLL);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}
