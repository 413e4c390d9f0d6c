//! The worktree as a tree, without touching the worktree, its index or its branches.
//!
//! Works on a copy of the real index, which knows what sparse checkout leaves out, what was added
//! by force, and which files have not changed since git looked last.

use super::{Repo, complaint};
use crate::Guest;
use crate::ops::fault;
use protocol::link::{Answer, Checkpoint, Fault, FaultCode, Head, LfsPointer, OpId, Worktree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
    let (commit, base) = head(&repo).await?;
    let branch = repo.word(&["symbolic-ref", "-q", "--short", "HEAD"]).await?;
    let odd = repo.must(&["ls-files", "-t", "-u", "-o", "--exclude-standard", "-z"], b"").await?;
    let unmerged =
        names(&odd, |entry| entry.strip_prefix("M ")?.split_once('\t').map(|(_, path)| path));
    let mut embedded = names(&odd, |entry| entry.strip_prefix("? ")?.strip_suffix('/'));
    let index = IndexCopy::make(&repo, &wanted.op).await?;
    let copy = Repo { index: Some(index.path.display().to_string()), ..repo.clone() };
    add(&copy, &wanted.exclude, &embedded).await?;
    let mut tree = line(&copy.must(&["write-tree"], b"").await?);
    let mut changes = differences(&repo, &base, &tree).await?;
    let strangers = strangers(&repo, &tree, &changes).await?;
    if !strangers.is_empty() {
        remove(&copy, &strangers).await?;
        embedded.extend(strangers);
        tree = line(&copy.must(&["write-tree"], b"").await?);
        changes = differences(&repo, &base, &tree).await?;
    }
    index.discard().await;
    let submodules = changes
        .iter()
        .filter(|change| change.old_mode == GITLINK || change.new_mode == GITLINK)
        .map(|change| change.path.clone())
        .collect();
    Ok(Worktree {
        head: Head { commit, branch },
        clean: tree == base,
        tree,
        unmerged: unmerged.into_iter().collect(),
        embedded: embedded.into_iter().collect(),
        submodules,
        lfs: pointers(&repo, &changes).await?,
    })
}

/// The head commit, if there is one, and its tree or the empty one.
async fn head(repo: &Repo) -> Result<(Option<String>, String), Fault> {
    let check = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];
    let answer = repo.must(&check, b"HEAD^{commit}\nHEAD^{tree}\n").await?;
    let answer = String::from_utf8_lossy(&answer);
    let of =
        |kind: &str| answer.lines().find_map(|line| line.strip_prefix(kind)).map(str::to_owned);
    match (of("commit "), of("tree ")) {
        (Some(commit), Some(tree)) => Ok((Some(commit), tree)),
        (Some(_), None) => Err(fault(FaultCode::Failed, "the head commit has no tree")),
        (None, _) => Ok((None, line(&repo.must(&["mktree"], b"").await?))),
    }
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

/// Adds everything to the copied index; files may change while it looks.
async fn add(copy: &Repo, exclude: &[String], embedded: &BTreeSet<String>) -> Result<(), Fault> {
    let mut paths = b":(top)\0".to_vec();
    let artifacts = ARTIFACTS.to_owned();
    for path in exclude.iter().chain(embedded).chain([&artifacts]) {
        paths.extend_from_slice(b":(top,exclude,literal)");
        paths.extend_from_slice(path.as_bytes());
        paths.push(0);
    }
    let args = ["add", "-A", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul"];
    let mut attempt = 1;
    loop {
        let finished = copy.run(&args, &paths).await?;
        if finished.code == 0 {
            return Ok(());
        }
        if attempt == ADD_ATTEMPTS {
            return Err(complaint(&args, &finished.stderr));
        }
        attempt += 1;
    }
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
    let ask: String = files.iter().map(|change| format!("{}\n", change.new_id)).collect();
    if ask.is_empty() {
        return Ok(Vec::new());
    }
    let sizes = repo.must(&["cat-file", "--batch-check=%(objectsize)"], ask.as_bytes()).await?;
    let sizes = String::from_utf8_lossy(&sizes).into_owned();
    let small = files.iter().zip(sizes.lines()).filter(|(_, size)| {
        size.parse()
            .is_ok_and(|size: u64| size < POINTER_BYTES && size >= POINTER_VERSION.len() as u64)
    });
    let small: Vec<&Change> = small.map(|(change, _)| *change).collect();
    let ask: String = small.iter().map(|change| format!("{}\n", change.new_id)).collect();
    if ask.is_empty() {
        return Ok(Vec::new());
    }
    let contents = repo.must(&["cat-file", "--batch=%(objectsize)"], ask.as_bytes()).await?;
    let store = repo.common_dir.join("lfs/objects");
    let mut rest = contents.as_slice();
    let mut found = Vec::new();
    for change in small {
        let Some(content) = next_object(&mut rest) else { break };
        if let Some((oid, size)) = parse_pointer(&String::from_utf8_lossy(content)) {
            let present = stored(&store, &oid);
            found.push(LfsPointer { path: change.path.clone(), oid, size, present });
        }
    }
    Ok(found)
}

/// One object of a batch: its size on a line, its bytes, the end of a line.
fn next_object<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (size, after) = rest.split_at_checked(end)?;
    let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
    let (content, after) = after.get(1..)?.split_at_checked(size)?;
    *rest = after.get(1..)?;
    Some(content)
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

/// A copy of the real index beside it, removed at the end whatever happens.
struct IndexCopy {
    path: PathBuf,
    guest: Arc<Guest>,
    kept: bool,
}

impl IndexCopy {
    async fn make(repo: &Repo, op: &OpId) -> Result<Self, Fault> {
        let real = repo.real_index.clone();
        let path = real.with_file_name(format!("errand-index-{op}"));
        let target = path.clone();
        repo.guest
            .as_agent(move || match std::fs::copy(&real, &target) {
                Ok(_) => Ok(()),
                // A repository without a commit and without an added file has none.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                Err(error) => {
                    Err(fault(FaultCode::Failed, format!("cannot copy git's index: {error}")))
                }
            })
            .await?;
        Ok(Self { path, guest: Arc::clone(&repo.guest), kept: true })
    }

    async fn discard(mut self) {
        self.kept = false;
        let (path, guest) = (self.path.clone(), Arc::clone(&self.guest));
        delete(guest, path).await;
    }
}

impl Drop for IndexCopy {
    fn drop(&mut self) {
        if self.kept {
            let (path, guest) = (self.path.clone(), Arc::clone(&self.guest));
            self.guest.ops.spawn(delete(guest, path));
        }
    }
}

async fn delete(guest: Arc<Guest>, path: PathBuf) {
    let work = move || {
        // One that was never written needs no removal.
        drop(std::fs::remove_file(path));
        Ok(())
    };
    drop(guest.as_agent(work).await);
}
