//! The worktree as a tree: commits, uncommitted and untracked files; ignored ones stay out.
//!
//! Works on the copied index, which knows which files have not changed since git looked last.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::desk::Desk;
use super::remembered::touches_attributes;
use crate::error::{Error, Result};
use crate::name::{BlobId, CommitId, TreeId};
use crate::objects::EntryKind;
use crate::runner::{Input, Overflow};

/// Bytes of names and ids that one comparison may give: some millions of files.
const RECORDS_MAX_BYTES: usize = 512 * 1024 * 1024;
/// Blobs from this size on are written straight into one pack: a hundred thousand files of their own
/// would take longer than everything else.
const PACKED_FROM_BYTES: &str = "1";

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its content.
    pub id: BlobId,
}

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From the top folder; not always UTF-8.
    pub path: Vec<u8>,
    /// What was there.
    pub old: Option<Entry>,
    /// What is there.
    pub new: Option<Entry>,
}

impl Change {
    /// The path for people.
    pub fn shown_path(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    fn is_link_to_commit(&self) -> bool {
        let is = |entry: &Option<Entry>| {
            entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Submodule)
        };
        is(&self.new) && !is(&self.old)
    }
}

/// A worktree at a moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit it stands at.
    pub head: Option<CommitId>,
    /// That commit's tree, or the empty one.
    pub head_tree: TreeId,
    /// All its files.
    pub tree: TreeId,
    /// What differs from the commit.
    pub changes: Vec<Change>,
    /// Repositories inside that are no submodules; they are no part of the tree.
    pub embedded: Vec<String>,
}

/// What becomes of files whose changes git was told to overlook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlooked {
    /// They count as unchanged, as everywhere in git.
    Stay,
    /// They are looked at, so that nothing in them gets lost.
    Seen,
}

impl Desk {
    /// Reads the worktree.
    pub async fn snapshot(&self, overlooked: Overlooked) -> Result<Snapshot> {
        let read = self.read(overlooked).await?;
        let recalled = self.recalled.lock().map_err(|_| poisoned())?.take();
        let Some(known) = recalled else { return Ok(read) };
        let changes = self.changes(&known.tree, &read.tree).await?;
        if touches_attributes(&changes) {
            self.copy_index().map_err(Error::io("copy the index"))?;
            return self.read(overlooked).await;
        }
        if !self.read_as_first(&known, &changes).await? {
            return Ok(read);
        }
        let mut again = self.written().await?;
        again.embedded.extend(read.embedded);
        Ok(again)
    }

    async fn read(&self, overlooked: Overlooked) -> Result<Snapshot> {
        let embedded = match overlooked {
            Overlooked::Stay => self.add().await?,
            Overlooked::Seen => {
                // Hardly ever is there one: git is not made to wait for the answer.
                let (hidden, embedded) = tokio::join!(self.overlooked(), self.add());
                match self.show(&hidden?).await? {
                    true => self.add().await?,
                    false => embedded?,
                }
            }
        };
        let mut read = self.written().await?;
        read.embedded.extend(shown(&embedded));
        Ok(read)
    }

    /// What the copied index holds by now.
    async fn written(&self) -> Result<Snapshot> {
        let head = self.worktree.head().await?;
        let head_tree = match &head {
            Some(head) => self.repo.tree_of(head).await?,
            None => self.empty_tree()?,
        };
        let mut tree = self.write_tree().await?;
        let mut changes = self.changes(&head_tree, &tree).await?;
        let strangers = self.strangers(&tree, &changes).await?;
        if !strangers.is_empty() {
            let list = strangers.iter().flat_map(|path| [path.as_slice(), b"\0"].concat());
            self.drop_entries(list.collect()).await?;
            tree = self.write_tree().await?;
            changes = self.changes(&head_tree, &tree).await?;
        }
        Ok(Snapshot { head, head_tree, tree, changes, embedded: shown(&strangers) })
    }

    /// Takes paths out of the copied index, each with a NUL behind it.
    pub(super) async fn drop_entries(&self, list: Vec<u8>) -> Result<()> {
        let call = self.call("leave files out");
        let call = call.args(["update-index", "--force-remove", "-z", "--stdin"]);
        call.input(Input::Bytes(list)).run().await.map(drop)
    }

    /// The tree of nothing, which every repository knows.
    pub fn empty_tree(&self) -> Result<TreeId> {
        TreeId::parse(self.repo.format().empty_tree())
            .map_err(|bad| Error::other("name the empty tree", bad.to_string()))
    }

    /// Files that git was told to overlook, each with a NUL behind it.
    async fn overlooked(&self) -> Result<Vec<u8>> {
        let call = self.call("look for overlooked files").args(["ls-files", "-v", "-z"]);
        let listed = call.stdout_max(RECORDS_MAX_BYTES, Overflow::Fail).run().await?.stdout;
        let overlooked = listed.split(|b| *b == 0).filter_map(|entry| match entry {
            [mark, b' ', path @ ..] if mark.is_ascii_lowercase() => Some([path, b"\0"].concat()),
            _ => None,
        });
        Ok(overlooked.flatten().collect())
    }

    /// Lets git see these files again; whether there are any.
    async fn show(&self, list: &[u8]) -> Result<bool> {
        if list.is_empty() {
            return Ok(false);
        }
        let call = self.call("look at overlooked files");
        let call = call.args(["update-index", "--no-assume-unchanged", "-z", "--stdin"]);
        call.input(Input::Bytes(list.to_vec())).run().await?;
        self.is_plain.store(false, Ordering::Relaxed);
        Ok(true)
    }

    /// Adds everything to the copied index; gives repositories inside that had to be left out.
    async fn add(&self) -> Result<BTreeSet<Vec<u8>>> {
        let add = || {
            self.call("read the worktree")
                .config("core.bigFileThreshold", PACKED_FROM_BYTES)
                .args(["add", "-A", "--sparse"])
        };
        if add().finish().await?.code == Some(0) {
            return Ok(BTreeSet::new());
        }
        // A repository inside without a commit is what git cannot add.
        let call = self.call("look for repositories inside");
        let call = call.args(["ls-files", "-o", "--exclude-standard", "-z"]);
        let listed = call.stdout_max(RECORDS_MAX_BYTES, Overflow::Fail).run().await?.stdout;
        let inside = listed.split(|b| *b == 0).filter_map(|path| path.strip_suffix(b"/"));
        let inside: BTreeSet<Vec<u8>> = inside.map(<[u8]>::to_vec).collect();
        let mut paths = b":(top)\0".to_vec();
        for path in &inside {
            paths.extend_from_slice(&[b":(top,exclude,literal)", path.as_slice(), b"\0"].concat());
        }
        add()
            .args(["--pathspec-from-file=-", "--pathspec-file-nul"])
            .env("GIT_LITERAL_PATHSPECS", "0")
            .input(Input::Bytes(paths))
            .run()
            .await?;
        Ok(inside)
    }

    async fn write_tree(&self) -> Result<TreeId> {
        let text = self.call("write the tree").arg("write-tree").run().await?.text();
        TreeId::parse(text.trim()).map_err(|bad| Error::other("write the tree", bad.to_string()))
    }

    /// What differs between two trees, file by file.
    pub async fn changes(&self, old: &TreeId, new: &TreeId) -> Result<Vec<Change>> {
        if old == new {
            return Ok(Vec::new());
        }
        let call = self.call("compare trees").args(["diff-tree", "-r", "-z", "--raw"]);
        let call = call.args(["--no-renames", "--no-abbrev"]).args([old, new]);
        parse_changes(&call.stdout_max(RECORDS_MAX_BYTES, Overflow::Fail).run().await?.stdout)
    }

    /// Repositories that look like submodules, but that nobody declared.
    async fn strangers(&self, tree: &TreeId, changes: &[Change]) -> Result<BTreeSet<Vec<u8>>> {
        let links = changes.iter().filter(|change| change.is_link_to_commit());
        let mut links: BTreeSet<Vec<u8>> = links.map(|change| change.path.clone()).collect();
        if links.is_empty() {
            return Ok(links);
        }
        let blob = format!("{tree}:.gitmodules");
        let call = self.call("read the submodules").args(["config", "-z", "--blob", &blob]);
        let listed = call.args(["--get-regexp", r"^submodule\..*\.path$"]).finish().await?.stdout;
        for entry in listed.split(|b| *b == 0) {
            if let Some(end) = entry.iter().position(|b| *b == b'\n') {
                links.remove(entry.get(end + 1..).unwrap_or_default());
            }
        }
        Ok(links)
    }

    /// Whether any of these files was edited since the snapshot; no others are looked at.
    pub(super) async fn are_edited(&self, since: &TreeId, paths: &[&[u8]]) -> Result<bool> {
        let list: Vec<u8> = paths.iter().flat_map(|path| [path, &b"\0"[..]].concat()).collect();
        if list.is_empty() {
            return Ok(false);
        }
        let call = self.call("look for new edits").args(["update-index", "--remove"]);
        let call = call.args(["--ignore-skip-worktree-entries", "-z", "--stdin"]);
        // What git cannot read any more was edited.
        let looked = call.input(Input::Bytes(list)).finish().await?;
        Ok(looked.code != Some(0) || self.write_tree().await? != *since)
    }

    /// Sizes of blobs, in the order asked; 0 for what is not here.
    pub async fn sizes(&self, ids: &[&BlobId]) -> Result<Vec<u64>> {
        let ask: String = ids.iter().map(|id| format!("{id}\n")).collect();
        if ask.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.call("measure files").args(["cat-file", "--batch-check=%(objectsize)"]);
        let call = call.stdout_max(RECORDS_MAX_BYTES, Overflow::Fail);
        let text = call.input(Input::Bytes(ask.into_bytes())).run().await?.text();
        Ok(text.lines().map(|line| line.parse().unwrap_or(0)).collect())
    }
}

fn poisoned() -> Error {
    Error::other("read the worktree", "an earlier look at it failed")
}

fn shown(paths: &BTreeSet<Vec<u8>>) -> Vec<String> {
    paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
}

/// Reads git's list of differences.
pub(super) fn parse_changes(raw: &[u8]) -> Result<Vec<Change>> {
    let mut fields = raw.split(|b| *b == 0);
    let mut changes = Vec::new();
    while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
        let odd = || Error::BadObjects { detail: "a tree entry of unknown kind".to_owned() };
        changes.push(parse_change(meta, path).ok_or_else(odd)?);
    }
    Ok(changes)
}

fn parse_change(meta: &[u8], path: &[u8]) -> Option<Change> {
    let meta = std::str::from_utf8(meta).ok()?.strip_prefix(':')?;
    let words: Vec<&str> = meta.split(' ').collect();
    let [old_mode, new_mode, old_id, new_id, _status] = words.as_slice() else { return None };
    let entry = |mode: &str, id: &str| -> Option<Option<Entry>> {
        if mode == "000000" {
            return Some(None);
        }
        Some(Some(Entry { kind: EntryKind::of_mode(mode)?, id: BlobId::parse(id).ok()? }))
    };
    let (old, new) = (entry(old_mode, old_id)?, entry(new_mode, new_id)?);
    Some(Change { path: path.to_vec(), old, new })
}
