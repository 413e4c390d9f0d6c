//! The copied index as the last call left it, so that the next one reads only what changed since:
//! uncommitted files are hashed once, not each time.
//!
//! It holds only while the person's own index is the same, and while a ref of ours keeps its objects.
//! Where it differs from the person's is listed beside it: a file that git ignores by now must not be
//! taken along, and how git reads one that changed may depend on what the person's index has there.
//! Small worktrees are read anew.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::Worktree;
use super::desk::Desk;
use super::snapshot::{self, Change, Snapshot};
use crate::commit::{CommitDraft, Signature, When};
use crate::error::{Error, Result};
use crate::name::{RefName, TreeId};
use crate::runner::{Input, Overflow};

const ATTEMPT: &str = "remember what was read";
/// Bytes of an index from which on it is worth keeping: some thousands of files.
pub(super) const KEPT_FROM_BYTES: u64 = 512 * 1024;
/// Files that differ from the person's index; with more, nothing is kept.
const DIFFERING_MAX: usize = 20_000;
const DIFFERING_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Beginning of the names of kept indexes.
const KEPT: &str = "remembered-";

/// What an index that was kept holds.
#[derive(Debug)]
pub(super) struct Remembered {
    /// The tree that it writes.
    pub tree: TreeId,
    /// What differs between that tree and the person's index.
    differing: Vec<Change>,
}

/// What stands beside a kept index.
struct Note {
    /// The file's name.
    index: String,
    /// The person's index that it was made from.
    origin: String,
    tree: TreeId,
    /// What differs, in git's words.
    differing: Vec<u8>,
}

impl Note {
    fn file(home: &Path) -> PathBuf {
        home.join("remembered")
    }

    fn write(&self, home: &Path) -> std::io::Result<()> {
        let mut text =
            format!("index {}\norigin {}\ntree {}\n", self.index, self.origin, self.tree)
                .into_bytes();
        text.extend(&self.differing);
        let fresh = Self::file(home).with_extension("new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(fresh, Self::file(home))
    }

    /// Nothing for whatever cannot be read: it is made anew.
    fn read(home: &Path) -> Option<Self> {
        let text = std::fs::read(Self::file(home)).ok()?;
        let mut lines = text.splitn(4, |b| *b == b'\n');
        let mut field = |name: &str| {
            let line = std::str::from_utf8(lines.next()?).ok()?;
            Some(line.strip_prefix(name)?.trim_start().to_owned())
        };
        let (index, origin) = (field("index")?, field("origin")?);
        let tree = TreeId::parse(&field("tree")?).ok()?;
        Some(Self { index, origin, tree, differing: lines.next()?.to_vec() })
    }
}

impl Desk {
    /// Puts the kept index in the place of the copied one, if it still holds; gives what it holds.
    pub(super) async fn recall(&self) -> Result<Option<Remembered>> {
        let home = self.worktree.home();
        let Some(note) = Note::read(&home) else { return Ok(None) };
        let kept = home.join(&note.index);
        if self.origin.as_ref() != Some(&note.origin) || kept.symlink_metadata().is_err() {
            return Ok(None);
        }
        let name = self.worktree.reading_ref()?;
        if self.worktree.tree_of(name.as_str()).await? != Some(note.tree.clone()) {
            return Ok(None);
        }
        let differing = snapshot::parse_changes(&note.differing)?;
        // Of a file whose folder is a link by now git says nothing: all is read anew.
        let Ok(ignored) = self.ignored_now(&differing).await else { return Ok(None) };
        let index = self.index();
        let put = || {
            let fresh = index.with_extension("recalled");
            // Under its second name it has the same time, by which git judges entries.
            std::fs::hard_link(&kept, &fresh)?;
            std::fs::rename(&fresh, &index)
        };
        put().map_err(Error::io(ATTEMPT))?;
        if !ignored.is_empty() {
            self.drop_entries(ignored).await?;
        }
        Ok(Some(Remembered { tree: note.tree, differing }))
    }

    /// Which of the files outside of the person's index the rules of this moment ignore.
    async fn ignored_now(&self, differing: &[Change]) -> Result<Vec<u8>> {
        const HERE: &[u8] = b"./";
        let added = differing.iter().filter(|change| change.new.is_none());
        // In front of a name that begins like a pattern it says that it is none.
        let list: Vec<u8> = added.flat_map(|change| [HERE, &change.path, b"\0"].concat()).collect();
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.call("look for ignored files").args(["check-ignore", "-z", "--stdin"]);
        let call = call.env("GIT_LITERAL_PATHSPECS", "0").input(Input::Bytes(list));
        let found = call.stdout_max(DIFFERING_MAX_BYTES, Overflow::Fail).finish().await?;
        // Its status says whether it found any.
        if !matches!(found.code, Some(0 | 1)) {
            return Err(crate::error::of_local(ATTEMPT, &found.stderr));
        }
        let names = found.stdout.split_inclusive(|b| *b == 0);
        Ok(names.filter_map(|name| name.strip_prefix(HERE)).flatten().copied().collect())
    }

    /// Keeps the index that a snapshot was made with, once all its objects are the person's.
    pub(super) async fn remember_index(&self, read: &Snapshot) -> Result<()> {
        let (home, index) = (self.worktree.home(), self.index());
        let large = index.metadata().is_ok_and(|meta| meta.len() >= self.worktree.remembers_from);
        let now = origin(&self.worktree);
        let same = now.is_some() && now == self.origin && self.is_plain.load(Ordering::Relaxed);
        let (true, true, Some(origin)) = (large, same, now) else { return Ok(()) };
        let Some(differing) = self.differing(&read.tree).await? else { return Ok(()) };
        let name = self.worktree.reading_ref()?;
        let when = When { seconds: 0, offset_minutes: 0 };
        let who =
            Signature { name: "Errand".to_owned(), email: "errand@localhost".to_owned(), when };
        let draft = CommitDraft {
            tree: read.tree.clone(),
            parents: Vec::new(),
            author: who.clone(),
            committer: who,
            message: "Worktree as last read".to_owned(),
            trailers: Vec::new(),
        };
        self.worktree.mark(&name, &draft).await?;
        let unique = self.folder.path().file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        let file = format!("{KEPT}{unique}");
        let put = || {
            std::fs::hard_link(&index, home.join(&file))?;
            let note = Note { index: file.clone(), origin, tree: read.tree.clone(), differing };
            note.write(&home)?;
            sweep(&home, &file)
        };
        // What cannot be kept is read anew: some file systems have no second names.
        drop(put());
        Ok(())
    }

    /// What differs between a tree and the person's index; nothing where it is too much.
    async fn differing(&self, tree: &TreeId) -> Result<Option<Vec<u8>>> {
        let index = self.worktree.git_dir.join("index");
        let call = self.call_at("compare with the index", &self.worktree.root, &index);
        let call = call.args(["diff-index", "--cached", "--no-renames", "--no-abbrev", "-z"]);
        let call = call.arg(tree).stdout_max(DIFFERING_MAX_BYTES, Overflow::Cut);
        let listed = call.run().await?.stdout;
        let few = listed.iter().filter(|b| **b == 0).count() <= 2 * DIFFERING_MAX;
        Ok(Some(listed).filter(|listed| few && listed.len() < DIFFERING_MAX_BYTES))
    }

    /// Reads files again that changed since, each as if what the person's index has were there; gives
    /// whether there were any.
    pub(super) async fn read_as_first(
        &self,
        known: &Remembered,
        changes: &[Change],
    ) -> Result<bool> {
        let changed: BTreeSet<&[u8]> = changes
            .iter()
            .filter(|change| change.new.is_some())
            .map(|change| change.path.as_slice())
            .collect();
        let again = known.differing.iter().filter(|change| changed.contains(&*change.path));
        let (mut entries, mut paths) = (Vec::new(), Vec::new());
        for change in again {
            let zero = "0".repeat(known.tree.as_str().len());
            let (mode, id) = match &change.new {
                Some(entry) => (entry.kind.mode(), entry.id.as_str()),
                None => ("0", zero.as_str()),
            };
            entries.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            entries.extend_from_slice(&[&change.path, &b"\0"[..]].concat());
            paths.extend_from_slice(&[&change.path, &b"\0"[..]].concat());
        }
        if paths.is_empty() {
            return Ok(false);
        }
        let call = || self.call("read files again").arg("update-index");
        let set = call().args(["--replace", "-z", "--index-info"]);
        set.input(Input::Bytes(entries)).run().await?;
        let read = call().args(["--add", "--remove", "--replace", "-z", "--stdin"]);
        read.input(Input::Bytes(paths)).run().await?;
        Ok(true)
    }
}

impl Worktree {
    /// Keeps the objects of the kept index from git's collection.
    fn reading_ref(&self) -> Result<RefName> {
        let place = blake3::hash(self.git_dir.as_os_str().as_bytes()).to_hex();
        let short: String = place.chars().take(16).collect();
        RefName::parse(&format!("refs/errand/read/{short}"))
            .map_err(|bad| Error::other(ATTEMPT, bad.to_string()))
    }
}

/// Whether rules changed by which git turns files into blobs: then all of them are read anew.
pub(super) fn touches_attributes(changes: &[Change]) -> bool {
    let is_one = |path: &[u8]| path.rsplit(|b| *b == b'/').next() == Some(b".gitattributes");
    changes.iter().any(|change| is_one(&change.path))
}

/// What tells one state of the person's index and settings from another.
pub(super) fn origin(worktree: &Worktree) -> Option<String> {
    let meta = worktree.git_dir.join("index").metadata().ok()?;
    let mut rules = blake3::Hasher::new();
    for (key, value) in &worktree.carried {
        rules.update(format!("{key}={value}\n").as_bytes());
    }
    let info = worktree.common_dir.join("info/attributes");
    let own = worktree.carried.iter().find(|(key, _)| key == "core.attributesfile");
    for file in own.map(|(_, file)| PathBuf::from(file)).iter().chain([&info]) {
        rules.update(&std::fs::read(file).unwrap_or_default());
    }
    let (node, size, rules) = (meta.ino(), meta.size(), rules.finalize().to_hex());
    Some(format!("{node} {size} {}.{:09} {rules}", meta.mtime(), meta.mtime_nsec()))
}

/// Removes indexes that no note names any more.
fn sweep(home: &Path, current: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(home)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(KEPT) && name != current {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
