//! Locks of a git that is gone: one that was killed, with the server or by it, cannot remove its own, and every
//! later one would give up before it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long git waits for a lock, in milliseconds: what a killed server has started may still be at work.
pub(crate) const WAIT_MS: &str = "5000";
/// Age of a lock that somebody who has waited for that long finds in place.
const AGE: Duration = Duration::from_secs(4);

/// Removes the lock by which a call in this repository of ours was stopped, if nobody is left who could hold
/// it; the next attempt goes on.
pub(crate) async fn clear(stderr: String, repo: PathBuf) {
    let Some(lock) = named(&stderr).filter(|lock| lock.starts_with(&repo)) else { return };
    let removing = tokio::task::spawn_blocking(move || remove(&lock, &repo));
    if let Err(error) = removing.await {
        tracing::warn!(%error, "a lock could not be looked at");
    }
}

fn remove(lock: &Path, repo: &Path) {
    // Of two who find the same lock the second must not remove that of a third.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = lock.symlink_metadata().and_then(|it| it.modified());
    let is_old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= AGE));
    if !is_old || is_used(repo) {
        return;
    }
    let removed = std::fs::remove_file(lock);
    tracing::warn!(lock = %lock.display(), ?removed, "a lock was left behind by a git that was killed");
}

fn named(stderr: &str) -> Option<PathBuf> {
    let (_, rest) = stderr.split_once("Unable to create '")?;
    let (path, _) = rest.split_once("': File exists")?;
    path.ends_with(".lock").then(|| PathBuf::from(path))
}

/// Whether any process works in the repository; one that cannot be looked at is somebody else's.
fn is_used(repo: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let repo = repo.as_os_str().as_bytes();
    let names = |file: PathBuf| {
        let told = std::fs::read(file).unwrap_or_default();
        // `GIT_DIR=` of its environment, or an argument.
        told.split(|byte| *byte == 0)
            .any(|word| word == repo || word.strip_prefix(b"GIT_DIR=".as_slice()) == Some(repo))
    };
    let Ok(all) = std::fs::read_dir("/proc") else { return true };
    let processes = all
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    processes
        .map(|entry| entry.path())
        .any(|process| names(process.join("environ")) || names(process.join("cmdline")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lock_of_a_message_is_meant() {
        let words = "fatal: cannot lock ref 'refs/heads/x': Unable to create '/a/b.git/refs/heads/x.lock': \
                     File exists.\n\nAnother git process seems to be running";
        assert_eq!(named(words), Some(PathBuf::from("/a/b.git/refs/heads/x.lock")));
        assert_eq!(named("Unable to create '/a/b.git/config': File exists"), None);
        assert_eq!(named("fatal: Unable to create '/a/x.lock': Permission denied"), None);
    }
}
