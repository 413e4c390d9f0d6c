//! Takes file trees away, whatever an agent has put into them.
//!
//! One rename takes a tree out of everybody's sight; removing it may take minutes, where the host tells
//! its disk about every freed block. What a launcher does not get to, the next one removes beside its
//! other work.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::record;

/// Depth to which directories are opened up before they are removed.
const REMOVE_DEPTH: usize = 256;
/// Trees of one name that may wait to be removed.
const NAMESAKES: usize = 1000;

/// A tree that nobody sees any more.
#[derive(Debug)]
#[must_use = "it takes up space until it is removed"]
pub struct Thrown(Option<PathBuf>);

impl Thrown {
    /// Removes it.
    pub fn remove(self) -> io::Result<()> {
        self.0.map_or(Ok(()), |tree| remove_tree(&tree))
    }
}

/// Takes a tree out of everybody's sight, at once; one that is not there is fine.
pub fn throw_away(tree: &Path, name: &str) -> io::Result<Thrown> {
    for number in 0..NAMESAKES {
        let place = Path::new(record::TRASH).join(format!("{name}.{number}"));
        if place.symlink_metadata().is_ok() {
            continue;
        }
        return match fs::rename(tree, &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Thrown(None)),
            other => other.map(|()| Thrown(Some(place))),
        };
    }
    Err(io::Error::other("too many trees of one name wait to be removed"))
}

/// Begins to remove what a former launcher did not get to.
pub fn empty() {
    let left: Vec<_> = fs::read_dir(record::TRASH).into_iter().flatten().flatten().collect();
    let work = move || {
        for entry in left {
            // What cannot go now is tried again at the next start.
            remove_tree(&entry.path()).ok();
        }
    };
    std::thread::Builder::new().name("trash".to_owned()).spawn(work).ok();
}

/// Removes a tree; one that is not there is fine.
pub fn remove_tree(tree: &Path) -> io::Result<()> {
    if missing_is_fine(fs::remove_dir_all(tree)).is_ok() {
        return Ok(());
    }
    // An ordinary user may not look into directories that the agent closed.
    open_up(tree, REMOVE_DEPTH)?;
    missing_is_fine(fs::remove_dir_all(tree))
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn open_up(dir: &Path, depth: usize) -> io::Result<()> {
    if depth == 0 || !dir.symlink_metadata()?.is_dir() {
        return Ok(());
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path(), depth - 1)?;
        }
    }
    Ok(())
}
