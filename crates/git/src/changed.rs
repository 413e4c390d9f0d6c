//! What differs between two commits, file by file, with the ids of what is on both sides: for whoever reads the contents.
//!
//! [`diff`](crate::diff) is what people are shown. This keeps names as bytes and leaves out lines and counts, so ten
//! thousand files are one listing.

use crate::error::Result;
use crate::name::{BlobId, CommitId};
use crate::objects::EntryKind;
use crate::repo::Repo;
use crate::runner::{LOCAL_TIME_MAX, Overflow};

/// Bytes of names and ids that are read.
const RECORDS_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Files on either side beyond which only those with the same content count as renamed.
const RENAMES: &str = "-l1000";

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// In git's order.
    pub entries: Vec<ChangedEntry>,
    /// There are more than are listed.
    pub truncated: bool,
}

/// One entry that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedEntry {
    /// Where it is, or was where it is gone; not always UTF-8.
    pub path: Vec<u8>,
    /// Where it was before it was renamed.
    pub old_path: Option<Vec<u8>>,
    /// What was there.
    pub old: Option<(EntryKind, BlobId)>,
    /// What is there.
    pub new: Option<(EntryKind, BlobId)>,
}

impl Repo {
    /// What differs between two commits, renamed files as one.
    pub async fn changed(&self, old: &CommitId, new: &CommitId) -> Result<Changed> {
        let output = self
            .call("list what differs")
            .args(["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--find-renames", RENAMES])
            .args(["--ignore-submodules=none", "--no-ext-diff", "--end-of-options"])
            .arg(old)
            .arg(new)
            .arg("--")
            .heavy(LOCAL_TIME_MAX)
            .stdout_max(RECORDS_MAX_BYTES, Overflow::Cut)
            .run()
            .await?;
        Ok(Changed { entries: parse(&output.stdout), truncated: output.cut })
    }
}

/// `:` modes, ids and a status, then the path, or both paths of what was renamed. A record that was cut is left out.
fn parse(records: &[u8]) -> Vec<ChangedEntry> {
    let mut fields: Vec<&[u8]> = records.split(|byte| *byte == 0).collect();
    // The last is empty, or cut in the middle.
    fields.pop();
    let mut fields = fields.into_iter();
    let mut entries = Vec::new();
    while let Some(meta) = fields.next() {
        let Some((old, new, is_moved)) = std::str::from_utf8(meta).ok().and_then(sides) else {
            continue;
        };
        let Some(first) = fields.next() else { break };
        let (path, old_path) = if is_moved {
            let Some(second) = fields.next() else { break };
            (second, Some(first.to_vec()))
        } else {
            (first, None)
        };
        entries.push(ChangedEntry { path: path.to_vec(), old_path, old, new });
    }
    entries
}

type Entry = Option<(EntryKind, BlobId)>;

fn sides(meta: &str) -> Option<(Entry, Entry, bool)> {
    let mut words = meta.strip_prefix(':')?.split(' ');
    let modes = [words.next()?, words.next()?];
    let ids = [words.next()?, words.next()?];
    let is_moved = words.next()?.starts_with(['R', 'C']);
    let [old, new] = [0, 1].map(|at: usize| {
        let (mode, id) = (modes.get(at)?, ids.get(at)?);
        EntryKind::of_mode(mode).and_then(|kind| Some((kind, BlobId::parse(id).ok()?)))
    });
    Some((old, new, is_moved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_and_cut_records_are_read_as_what_they_are() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let records = format!(
            ":000000 100755 {zero} {b} A\0:x\ny\0:100644 120000 {a} {b} R090\0was\0is\0:160000 000000 {a} {zero} D\0\
             gone\0:100644 100644 {a} {b} M\0cut"
        );
        let blob = |id: &str| BlobId::parse(id).unwrap();
        let entry = |path: &str, old_path: Option<&str>, old, new| ChangedEntry {
            path: path.into(),
            old_path: old_path.map(Into::into),
            old,
            new,
        };
        let expected = [
            entry(":x\ny", None, None, Some((EntryKind::Executable, blob(&b)))),
            entry(
                "is",
                Some("was"),
                Some((EntryKind::File, blob(&a))),
                Some((EntryKind::Link, blob(&b))),
            ),
            entry("gone", None, Some((EntryKind::Submodule, blob(&a))), None),
        ];
        assert_eq!(parse(records.as_bytes()), expected);
    }
}
