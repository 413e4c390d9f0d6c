//! Takes file trees away, whatever an agent has put into them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::record;

/// Depth to which directories are opened up before they are removed.
const REMOVE_DEPTH: usize = 256;

/// Moves a tree out of everybody's sight, at once; [`empty`] or [`take_out`] removes it.
pub fn throw_away(tree: &Path, name: &str) -> io::Result<()> {
    missing_is_fine(fs::rename(tree, Path::new(record::TRASH).join(name)))
}

/// Removes what was thrown away under this name.
pub fn take_out(name: &str) -> io::Result<()> {
    remove_tree(&Path::new(record::TRASH).join(name))
}

/// Removes what a former launcher did not get to.
pub fn empty(trash: &Path) {
    for entry in fs::read_dir(trash).into_iter().flatten().flatten() {
        // What cannot go now is tried again at the next start.
        remove_tree(&entry.path()).ok();
    }
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
