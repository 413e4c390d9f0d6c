//! A directory, several levels deep if wanted.

use super::{explain, kind, resolve};
use protocol::link::{Answer, Entry, EntryKind, Fault, ListDir, Listing};
use std::path::Path;

/// Entries answered at most, whatever was asked.
const ENTRIES: usize = 20_000;
/// Levels walked at most.
const DEPTH: u32 = 32;

/// Lists the directory; git's own folder and links are shown but not entered.
pub fn directory(wanted: &ListDir) -> Result<Answer, Fault> {
    let root = resolve(&wanted.cwd, &wanted.path)?;
    let mut walk =
        Walk { limit: (wanted.limit as usize).min(ENTRIES), entries: Vec::new(), more: false };
    let depth = wanted.depth.clamp(1, DEPTH);
    walk.enter(&root, "", depth).map_err(|error| explain(&wanted.path, &error))?;
    walk.entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Answer::Listing(Listing { entries: walk.entries, more: walk.more }))
}

struct Walk {
    limit: usize,
    entries: Vec<Entry>,
    more: bool,
}

impl Walk {
    fn enter(&mut self, directory: &Path, prefix: &str, depth: u32) -> std::io::Result<()> {
        let mut inner = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if self.entries.len() >= self.limit {
                self.more = true;
                return Ok(());
            }
            let kind = kind(entry.file_type()?);
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            let size = match kind {
                EntryKind::File => entry.metadata().map_or(0, |metadata| metadata.len()),
                EntryKind::Directory | EntryKind::Link | EntryKind::Other => 0,
            };
            if kind == EntryKind::Directory && depth > 1 && name != ".git" {
                inner.push((entry.path(), format!("{path}/")));
            }
            self.entries.push(Entry { path, kind, size });
        }
        // Level by level, so that a limit cuts the depths first.
        for (path, prefix) in inner {
            // A folder that may not be read is shown without its content.
            drop(self.enter(&path, &prefix, depth - 1));
        }
        Ok(())
    }
}
