//! The worktree as a tree, without touching the worktree, its index or its branches.
//!
//! Works on a copy of the real index, which knows what sparse checkout leaves out, what was added
//! by force, and which files have not changed since git looked last.

use super::index::IndexCopy;
use super::{Repo, blobs};
use crate::Guest;
use protocol::link::{Answer, Checkpoint, Fault, Head, LfsPointer, Worktree};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Folder of artifacts, never part of a tree.
const ARTIFACTS: &str = ".artifacts";
/// Times that adding is tried when files change or vanish meanwhile.
const ADD_ATTEMPTS: u32 = 3;
/// Bytes of a blob that can be a pointer to a large file.
const POINTER_BYTES: u64 = 1024;
const POINTER_VERSION: &str = "version https://git-lfs.github.com/spec/v1";
const GITLINK: &str = "160000";

/// Makes the tree.
pub async fn make(guest: &Arc<Guest>, wanted: Checkpoint) -> Result<Answer, Fault> {
    let op = wanted.op.clone();
    let owner = Arc::clone(guest);
    guest
        .ops
        .once(&op, async move {
            let repo = Repo::open(&owner, &wanted.repo_path).await?;
            drop(owner);
            worktree(repo, &wanted).await.map(|worktree| Answer::Worktree(Box::new(worktree)))
        })
        .await
}

/// A change of one path between two trees.
struct Change {
    old_mode: String,
    new_mode: String,
    new_id: String,
    path: String,
}

async fn worktree(repo: Repo, wanted: &Checkpoint) -> Result<Worktree, Fault> {
    let mut head = repo.head().await?;
    let index = IndexCopy::make(&repo, &wanted.op).await?;
    let copy = Repo { index: Some(index.path().display().to_string()), ..repo.clone() };
    let (unmerged, mut embedded) = take(&repo, &copy, &wanted.exclude).await?;
    let mut tree = line(&copy.must(&["write-tree"], b"").await?);
    let (base, mut changes) = changes_since(&repo, &mut head, &tree).await?;
    let strangers = strangers(&repo, &tree, &changes).await?;
    if !strangers.is_empty() {
        remove(&copy, &strangers).await?;
        embedded.extend(strangers);
        tree = line(&copy.must(&["write-tree"], b"").await?);
        changes = differences(&repo, &base, &tree).await?;
    }
    index.settle(&tree).await;
    let submodules = changes
        .iter()
        .filter(|change| change.old_mode == GITLINK || change.new_mode == GITLINK)
        .map(|change| change.path.clone())
        .collect();
    Ok(Worktree {
        head,
        clean: changes.is_empty(),
        tree,
        unmerged: unmerged.into_iter().collect(),
        embedded: embedded.into_iter().collect(),
        submodules,
        lfs: pointers(&repo, &changes).await?,
    })
}

/// What differs from the head's commit, or from nothing without one. A head whose commit is missing
/// counts as none.
async fn changes_since(
    repo: &Repo,
    head: &mut Head,
    tree: &str,
) -> Result<(String, Vec<Change>), Fault> {
    if let Some(base) = head.commit.clone() {
        match differences(repo, &base, tree).await {
            Ok(changes) => return Ok((base, changes)),
            Err(_) if repo.word(&["cat-file", "-t", &base]).await?.is_none() => head.commit = None,
            Err(fault) => return Err(fault),
        }
    }
    let base = line(&repo.must(&["mktree"], b"").await?);
    let changes = differences(repo, &base, tree).await?;
    Ok((base, changes))
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn names<'a>(list: &'a [u8], pick: impl Fn(&str) -> Option<&str>) -> BTreeSet<String> {
    let entries: std::slice::Split<'a, u8, _> = list.split(|byte| *byte == 0);
    entries
        .filter_map(|entry| pick(&String::from_utf8_lossy(entry)).map(str::to_owned))
        .filter(|name| !name.is_empty())
        .collect()
}

/// Adds everything to the copied index; gives the paths with conflicts, and the repositories inside,
/// which are left out.
async fn take(
    repo: &Repo,
    copy: &Repo,
    exclude: &[String],
) -> Result<(BTreeSet<String>, BTreeSet<String>), Fault> {
    // Hardly ever is there such a repository: adding does not wait for the answer.
    let look = ["ls-files", "-t", "-u", "-o", "--exclude-standard", "-z"];
    let none = BTreeSet::new();
    let (odd, mut added) = tokio::join!(repo.must(&look, b""), add(copy, exclude, &none));
    let odd = odd?;
    let unmerged =
        names(&odd, |entry| entry.strip_prefix("M ")?.split_once('\t').map(|(_, path)| path));
    let embedded = names(&odd, |entry| entry.strip_prefix("? ")?.strip_suffix('/'));
    if added.is_ok() && !embedded.is_empty() {
        remove(copy, &embedded).await?;
    }
    // Files may change or vanish while git looks at them.
    for _ in 1..ADD_ATTEMPTS {
        if added.is_err() {
            added = add(copy, exclude, &embedded).await;
        }
    }
    added.map(|()| (unmerged, embedded))
}

async fn add(copy: &Repo, exclude: &[String], embedded: &BTreeSet<String>) -> Result<(), Fault> {
    let mut paths = b":(top)\0".to_vec();
    let artifacts = ARTIFACTS.to_owned();
    for path in exclude.iter().chain(embedded).chain([&artifacts]) {
        paths.extend_from_slice(b":(top,exclude,literal)");
        paths.extend_from_slice(path.as_bytes());
        paths.push(0);
    }
    let args = ["add", "-A", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul"];
    copy.must(&args, &paths).await.map(drop)
}

async fn differences(repo: &Repo, base: &str, tree: &str) -> Result<Vec<Change>, Fault> {
    if base == tree {
        return Ok(Vec::new());
    }
    let raw = repo.must(&["diff-tree", "-r", "-z", "--no-renames", base, tree], b"").await?;
    let mut fields = raw.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    while let (Some(meta), Some(path)) = (fields.next(), fields.next()) {
        let meta = String::from_utf8_lossy(meta);
        let mut words = meta.trim_start_matches(':').split(' ').map(str::to_owned);
        if let (Some(old_mode), Some(new_mode), Some(_), Some(new_id)) =
            (words.next(), words.next(), words.next(), words.next())
        {
            let path = String::from_utf8_lossy(path).into_owned();
            changes.push(Change { old_mode, new_mode, new_id, path });
        }
    }
    Ok(changes)
}

/// Paths that the tree's own `.gitmodules` names.
async fn declared_submodules(repo: &Repo, tree: &str) -> Result<BTreeSet<String>, Fault> {
    let blob = format!("{tree}:.gitmodules");
    let args = ["config", "-z", "--blob", &blob, "--get-regexp", r"^submodule\..*\.path$"];
    let finished = repo.run(&args, b"").await?;
    Ok(names(&finished.stdout, |entry| entry.split_once('\n').map(|(_, path)| path)))
}

/// Repositories that somebody added as if they were submodules.
async fn strangers(repo: &Repo, tree: &str, changes: &[Change]) -> Result<BTreeSet<String>, Fault> {
    let new_links =
        changes.iter().filter(|change| change.new_mode == GITLINK && change.old_mode != GITLINK);
    let mut links: BTreeSet<String> = new_links.map(|change| change.path.clone()).collect();
    if !links.is_empty() {
        let declared = declared_submodules(repo, tree).await?;
        links.retain(|path| !declared.contains(path));
    }
    Ok(links)
}

async fn remove(copy: &Repo, paths: &BTreeSet<String>) -> Result<(), Fault> {
    let list: Vec<u8> =
        paths.iter().flat_map(|path| path.bytes().chain(std::iter::once(0))).collect();
    copy.must(&["update-index", "--force-remove", "-z", "--stdin"], &list).await.map(drop)
}

/// Which of the changed files are pointers to large files.
async fn pointers(repo: &Repo, changes: &[Change]) -> Result<Vec<LfsPointer>, Fault> {
    let files: Vec<&Change> =
        changes.iter().filter(|change| change.new_mode.starts_with("100")).collect();
    let ids: Vec<&str> = files.iter().map(|change| change.new_id.as_str()).collect();
    let sizes = POINTER_VERSION.len() as u64..POINTER_BYTES;
    let contents = blobs::of_size(repo, &ids, sizes).await?;
    let store = repo.common_dir.join("lfs/objects");
    let mut found = Vec::new();
    for (at, content) in contents {
        let Some(change) = files.get(at) else { continue };
        if let Some((oid, size)) = parse_pointer(&String::from_utf8_lossy(&content)) {
            let present = stored(&store, &oid);
            found.push(LfsPointer { path: change.path.clone(), oid, size, present });
        }
    }
    Ok(found)
}

fn parse_pointer(text: &str) -> Option<(String, u64)> {
    let rest = text.strip_prefix(POINTER_VERSION)?;
    let oid = rest.lines().find_map(|line| line.strip_prefix("oid sha256:"))?;
    let size = rest.lines().find_map(|line| line.strip_prefix("size "))?.parse().ok()?;
    let good = oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| (oid.to_owned(), size))
}

fn stored(store: &Path, oid: &str) -> bool {
    let (Some(first), Some(second)) = (oid.get(..2), oid.get(2..4)) else { return false };
    store.join(first).join(second).join(oid).exists()
}
