//! What commits bring, one by one: the entries that no parent of a commit has like this.
//!
//! Unlike a comparison of two trees it misses nothing that comes in one commit and goes in the next, and what a merge
//! takes over from one of its sides is not new.

use crate::error::Result;
use crate::name::{BlobId, CommitId};
use crate::objects::EntryKind;
use crate::repo::Repo;
use crate::runner::{Input, LOCAL_TIME_MAX, Overflow};
use std::collections::HashMap;

/// Bytes of names and ids that are read.
const RECORDS_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What one commit brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The commit.
    pub commit: CommitId,
    /// Its entries.
    pub entries: Vec<BroughtEntry>,
}

/// One entry that a commit brings or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtEntry {
    /// Its path; not always UTF-8.
    pub path: Vec<u8>,
    /// What its first parent has there.
    pub old: Option<(EntryKind, BlobId)>,
    /// What it has there.
    pub new: Option<(EntryKind, BlobId)>,
}

impl Repo {
    /// What these commits bring, in their order; fails where that is too much to be listed.
    pub async fn brought(&self, commits: &[CommitId]) -> Result<Vec<Brought>> {
        let ids: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        let call = self
            .call("list what commits bring")
            .args(["diff-tree", "--stdin", "-r", "-z", "--root", "-c", "--raw", "--no-renames"])
            .args(["--no-abbrev", "--no-ext-diff"])
            .heavy(LOCAL_TIME_MAX)
            .stdout_max(RECORDS_MAX_BYTES, Overflow::Fail)
            .input(Input::Bytes(ids.into_bytes()));
        let listed = parse(&call.run().await?.stdout);
        let mut listed: HashMap<_, _> =
            listed.into_iter().map(|one| (one.commit, one.entries)).collect();
        // Those that bring nothing are not listed.
        let brought = commits.iter().map(|commit| Brought {
            commit: commit.clone(),
            entries: listed.remove(commit).unwrap_or_default(),
        });
        Ok(brought.collect())
    }
}

/// A commit's id, and then for each entry `:` once a parent, modes and ids of all parents and of the commit, and the path.
fn parse(records: &[u8]) -> Vec<Brought> {
    let mut fields = records.split(|byte| *byte == 0);
    let mut all: Vec<Brought> = Vec::new();
    while let Some(field) = fields.next() {
        let Ok(text) = std::str::from_utf8(field) else { continue };
        if !text.starts_with(':') {
            if let Ok(commit) = CommitId::parse(text.trim()) {
                all.push(Brought { commit, entries: Vec::new() });
            }
            continue;
        }
        let path = fields.next().unwrap_or_default().to_vec();
        if let (Some((old, new)), Some(last)) = (sides(text), all.last_mut()) {
            last.entries.push(BroughtEntry { path, old, new });
        }
    }
    all
}

type Entry = Option<(EntryKind, BlobId)>;

fn sides(meta: &str) -> Option<(Entry, Entry)> {
    let words: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
    let parents = meta.len() - meta.trim_start_matches(':').len();
    let side = |at: usize| -> Option<Entry> {
        let (mode, id) = (words.get(at)?, words.get(parents + 1 + at)?);
        Some(EntryKind::of_mode(mode).and_then(|kind| Some((kind, BlobId::parse(id).ok()?))))
    };
    Some((side(0)?, side(parents)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_merges_are_read_like_those_of_others() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let records = format!(
            "{a}\0::000000 100644 100755 {zero} {a} {b} AM\0x y\0::100644 100644 000000 {a} {b} {zero} DD\0gone\0{b}\0\
             :100644 120000 {a} {b} T\0link\0"
        );
        let brought = parse(records.as_bytes());
        let blob = |id: &str| BlobId::parse(id).unwrap();
        let entry = |path: &str, old, new| BroughtEntry { path: path.into(), old, new };
        assert_eq!(brought.len(), 2);
        let file = Some((EntryKind::File, blob(&a)));
        let first = [
            entry("x y", None, Some((EntryKind::Executable, blob(&b)))),
            entry("gone", file.clone(), None),
        ];
        assert_eq!(brought[0].entries, first);
        assert_eq!(brought[1].entries, [entry("link", file, Some((EntryKind::Link, blob(&b))))]);
    }
}
