//! An empty file for the next draft, made while nobody waits: a new file can cost the file system more
//! than all the rest of an edit.
//!
//! There is one at most. Whoever killed its guest left it, under a name that the next guest takes over.

use super::write::create;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Its name in a `.git`.
const NAME: &str = "errand-draft-next";

static SPARE: Mutex<State> = Mutex::new(State::None);

enum State {
    None,
    Waiting(File, PathBuf),
    /// It is a draft now, and its name not free.
    Claimed,
}

/// The right to the name.
pub struct Claim(());

impl Drop for Claim {
    fn drop(&mut self) {
        *lock() = State::None;
    }
}

/// The file for this folder, if it still is what was made, and where it lies.
pub fn take(folder: &Path) -> Option<(File, PathBuf, Claim)> {
    let mut state = lock();
    if !matches!(&*state, State::Waiting(_, place) if place.parent() == Some(folder)) {
        return None;
    }
    let State::Waiting(file, place) = std::mem::replace(&mut *state, State::None) else {
        return None;
    };
    if !is_untouched(&file, &place).unwrap_or(false) {
        return None;
    }
    *state = State::Claimed;
    Some((file, place, Claim(())))
}

/// Makes one for this folder, instead of one for another.
pub fn make(folder: &Path) {
    let mut state = lock();
    match &*state {
        State::None => {}
        State::Waiting(file, place) if place.parent() != Some(folder) => {
            if is_untouched(file, place).unwrap_or(false) {
                // Empty, and in nobody's way.
                drop(std::fs::remove_file(place));
            }
        }
        State::Waiting(..) | State::Claimed => return,
    }
    let place = folder.join(NAME);
    // Without one the next draft is made when it is needed.
    *state = create(&place).map_or(State::None, |file| State::Waiting(file, place));
}

/// Whether the name still is the file's only one, and nobody has written to it.
fn is_untouched(file: &File, place: &Path) -> io::Result<bool> {
    let (held, there) = (file.metadata()?, std::fs::symlink_metadata(place)?);
    let identity = |found: &Metadata| (found.dev(), found.ino());
    Ok(identity(&held) == identity(&there) && held.len() == 0 && held.nlink() == 1)
}

fn lock() -> MutexGuard<'static, State> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spare_file_is_taken_once_only_where_it_lies_and_only_untouched() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [here, there] = folders.each_ref().map(|folder| folder.path());
        make(here);
        assert!(take(there).is_none());
        let (_file, place, claim) = take(here).unwrap();
        // While its name is in use no other takes it.
        make(here);
        assert!(take(here).is_none() && place.exists());
        std::fs::remove_file(&place).unwrap();
        drop(claim);
        make(here);
        make(there);
        assert!(!place.exists(), "two at once");
        assert!(take(here).is_none());
        for change in [
            |place: &Path| std::fs::write(place, "x").unwrap(),
            |place: &Path| std::fs::remove_file(place).unwrap(),
            |place: &Path| std::fs::hard_link(place, place.with_extension("other")).unwrap(),
        ] {
            make(there);
            change(&there.join(NAME));
            assert!(take(there).is_none());
        }
        make(there);
        assert!(take(there).is_some());
    }
}
