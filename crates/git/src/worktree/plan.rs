//! What a merge would do to the worktree, before anything of it is done.

use std::collections::BTreeSet;

use super::check::{self, Fault};
use super::desk::Desk;
use super::merge::Conflict;
use super::snapshot::{Change, Entry, Overlooked, Snapshot};
use crate::error::{Error, Result};
use crate::name::TreeId;
use crate::objects::EntryKind;
use crate::runner::{Input, Overflow};

/// Files of one tree that comes in.
pub const FILES_MAX: usize = 1_000_000;
/// Bytes of all files that one call writes.
pub const BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of all paths of one tree.
const NAMES_MAX_BYTES: usize = 256 * 1024 * 1024;

/// A path that is not written, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// From the top folder.
    pub path: String,
    /// The reason.
    pub fault: Fault,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The worktree as it was read.
    pub ours: Snapshot,
    /// What comes, as it came.
    pub theirs: TreeId,
    /// What the worktree shall be.
    pub merged: TreeId,
    /// What differs between the two.
    pub changes: Vec<Change>,
    /// Where a person has to decide.
    pub conflicts: Vec<Conflict>,
    /// Names that are never written; one is enough to stop everything.
    pub refused: Vec<Refused>,
    /// Submodules that were moved or removed; they stay as they are here.
    pub submodules: Vec<String>,
    /// New names that fall together on other file systems than this one.
    pub warnings: Vec<Refused>,
    /// Bytes that would be written.
    pub bytes: u64,
}

impl Plan {
    /// Files of the worktree that would be replaced or removed.
    pub(super) fn replaced(&self) -> Vec<&[u8]> {
        let is_file = |entry: &Entry| entry.kind != EntryKind::Submodule;
        let known = self.changes.iter().filter(|c| c.old.as_ref().is_some_and(is_file));
        known.map(|change| change.path.as_slice()).collect()
    }
}

impl Desk {
    /// Reads the worktree and merges what comes.
    pub async fn plan(&self, base: &TreeId, theirs: &TreeId) -> Result<Plan> {
        let ours = self.snapshot(Overlooked::Seen).await?;
        self.plan_from(ours, base, theirs).await
    }

    /// Merges what comes into the worktree as it was read.
    pub async fn plan_from(&self, ours: Snapshot, base: &TreeId, theirs: &TreeId) -> Result<Plan> {
        self.bound(theirs).await?;
        let coming = self.changes(base, theirs).await?;
        let (wanted, submodules) = self.without_submodules(theirs, &coming).await?;
        let merged = self.merge(base, &ours.tree, &wanted).await?;
        let aside = merged.set_aside.iter().map(|(path, entry)| Change {
            path: path.clone(),
            old: None,
            new: Some(entry.clone()),
        });
        let aside: Vec<Change> = aside.collect();
        let tree = self.edit_tree(&merged.tree, &aside).await?;
        let changes = match ours.tree == *base && tree == *theirs {
            true => coming,
            false => self.changes(&ours.tree, &tree).await?,
        };
        let (refused, warnings) = self.judge(&ours.tree, &tree, &changes).await?;
        let bytes = self.weigh(&changes).await?;
        Ok(Plan {
            theirs: theirs.clone(),
            merged: tree,
            conflicts: merged.conflicts,
            ours,
            changes,
            refused,
            submodules,
            warnings,
            bytes,
        })
    }

    /// TRUST: a small pack can hold a tree of endless files; it is counted before it is used. No
    /// comparison would do, since git keeps all of one in memory before it tells of it.
    async fn bound(&self, tree: &TreeId) -> Result<()> {
        let listed = self.listed(tree).await?;
        if listed.iter().filter(|b| **b == 0).count() > FILES_MAX {
            let limit_bytes = FILES_MAX as u64;
            return Err(Error::TooLarge {
                attempt: "count files",
                what: "the number of files",
                limit_bytes,
            });
        }
        Ok(())
    }

    async fn names(&self, tree: &TreeId) -> Result<Vec<Vec<u8>>> {
        let listed = self.listed(tree).await?;
        let names = listed.split(|b| *b == 0).filter(|name| !name.is_empty());
        Ok(names.map(<[u8]>::to_vec).collect())
    }

    async fn listed(&self, tree: &TreeId) -> Result<Vec<u8>> {
        let call =
            self.call("list files").args(["ls-tree", "-r", "-z", "--full-tree", "--name-only"]);
        let call = call.arg(tree).stdout_max(NAMES_MAX_BYTES, Overflow::Fail);
        Ok(call.run().await?.stdout)
    }

    async fn weigh(&self, changes: &[Change]) -> Result<u64> {
        let ids: Vec<_> = changes
            .iter()
            .filter_map(|change| change.new.as_ref())
            .map(|entry| &entry.id)
            .collect();
        let bytes =
            self.sizes(&ids).await?.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
        if bytes > BYTES_MAX {
            let (attempt, what) = ("measure files", "what would be written");
            return Err(Error::TooLarge { attempt, what, limit_bytes: BYTES_MAX });
        }
        Ok(bytes)
    }

    /// What comes, with every submodule as it was in the base.
    async fn without_submodules(
        &self,
        theirs: &TreeId,
        coming: &[Change],
    ) -> Result<(TreeId, Vec<String>)> {
        let is = |entry: &Option<Entry>| {
            entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Submodule)
        };
        let moved = coming.iter().filter(|change| is(&change.old) || is(&change.new));
        let back = |change: &Change| Change { new: change.old.clone(), ..change.clone() };
        let edits: Vec<Change> = moved.map(back).collect();
        let names = edits.iter().map(Change::shown_path).collect();
        Ok((self.edit_tree(theirs, &edits).await?, names))
    }

    /// Names that must not be written, and those that other systems could not tell apart.
    async fn judge(
        &self,
        ours: &TreeId,
        merged: &TreeId,
        changes: &[Change],
    ) -> Result<(Vec<Refused>, Vec<Refused>)> {
        let mut refused = BTreeSet::new();
        for change in changes {
            let kind =
                change.new.as_ref().or(change.old.as_ref()).map_or(EntryKind::File, |e| e.kind);
            let fault = check::fault_of(&change.path, kind);
            refused.extend(fault.map(|fault| Refused { path: change.shown_path(), fault }));
        }
        let inside = self.repositories(ours, merged, changes).await?;
        refused.extend(inside.into_iter().map(|path| Refused { path, fault: Fault::Repository }));
        let mut warnings = Vec::new();
        let is_new = |change: &&Change| change.old.is_none() && change.new.is_some();
        let added: BTreeSet<&[u8]> =
            changes.iter().filter(is_new).map(|change| change.path.as_slice()).collect();
        if !added.is_empty() {
            let found = check::collisions(&self.names(merged).await?, &added);
            let found = found.into_iter().map(|path| Refused {
                path: String::from_utf8_lossy(&path).into_owned(),
                fault: Fault::Collision,
            });
            match self.ignores_case() {
                true => refused.extend(found),
                false => warnings.extend(found),
            }
        }
        Ok((refused.into_iter().collect(), warnings))
    }

    /// Folders that would become repositories by what comes: git commands inside them would obey
    /// their configuration.
    async fn repositories(
        &self,
        ours: &TreeId,
        merged: &TreeId,
        changes: &[Change],
    ) -> Result<Vec<String>> {
        let folders: Vec<Vec<u8>> = check::suspect_folders(changes).into_iter().collect();
        if folders.is_empty() {
            return Ok(Vec::new());
        }
        let (after, before) =
            (self.look_like(merged, &folders).await?, self.look_like(ours, &folders).await?);
        let made = folders.iter().zip(after.iter().zip(before));
        let made = made.filter(|(_, (after, before))| **after && !before);
        Ok(made.map(|(folder, _)| String::from_utf8_lossy(folder).into_owned()).collect())
    }

    async fn look_like(&self, tree: &TreeId, folders: &[Vec<u8>]) -> Result<Vec<bool>> {
        const PARTS: [&str; 4] = ["HEAD", "objects", "refs", "commondir"];
        let mut ask = Vec::new();
        for folder in folders {
            for part in PARTS {
                ask.extend_from_slice(format!("{tree}:").as_bytes());
                if !folder.is_empty() {
                    ask.extend_from_slice(folder);
                    ask.push(b'/');
                }
                ask.extend_from_slice(part.as_bytes());
                ask.push(0);
            }
        }
        let call = self.call("look for repositories").args([
            "cat-file",
            "--batch-check=%(objecttype)",
            "-z",
        ]);
        let answer = call.input(Input::Bytes(ask)).run().await?.text();
        let mut has = answer.lines().map(|line| matches!(line, "blob" | "tree"));
        let mut found = Vec::new();
        for _ in folders {
            let parts: Vec<bool> = has.by_ref().take(PARTS.len()).collect();
            let is_one = match parts.as_slice() {
                [head, objects, refs, commondir] => *head && ((*objects && *refs) || *commondir),
                _ => return Err(Error::other("look for repositories", "git gave too few answers")),
            };
            found.push(is_one);
        }
        Ok(found)
    }

    /// Whether the worktree's file system takes upper and lower case for the same.
    fn ignores_case(&self) -> bool {
        let told = |(key, value): &(String, String)| key == "core.ignorecase" && value == "true";
        self.worktree.carried.iter().any(told)
            || self.worktree.root.join(".GIT").symlink_metadata().is_ok()
    }
}
