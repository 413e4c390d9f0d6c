//! What leaves: the commits that a remote does not have, and a pack of them with the worktree's tree.

use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::Worktree;
use super::desk::{Desk, LOOK_TIME_MAX};
use super::snapshot::{Change, Snapshot};
use crate::error::{Error, Result};
use crate::name::{BlobId, CommitId, TreeId};
use crate::repo::Repo;
use crate::runner::{Input, Overflow, Started};

const ATTEMPT: &str = "pack the objects";
/// Bytes of names and ids of all that leaves.
const LIST_MAX_BYTES: usize = 512 * 1024 * 1024;
/// Bytes of standard error that explain a failure.
const COMPLAINT_MAX_BYTES: u64 = 16 * 1024;
const CHUNK_BYTES: usize = 256 * 1024;
/// How many neighbours are tried for a delta: more cost more than a local network does.
const DELTA_WINDOW: &str = "--window=4";

/// A pack that was written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its size.
    pub bytes: u64,
    /// Digest of its bytes, in hexadecimal digits.
    pub blake3: String,
}

/// A file version that leaves with a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its content.
    pub id: BlobId,
    /// One of its paths.
    pub path: String,
}

impl Worktree {
    /// The newest commit of HEAD's own line that a branch of this remote has, as far as is known
    /// here; none where nothing is known of it.
    pub async fn known_upstream(&self, head: &CommitId, remote: &str) -> Result<Option<CommitId>> {
        let glob = format!("--remotes={remote}");
        let call = self.call("look for what the remote has");
        let call = call.args(["rev-list", "--first-parent", "--boundary"]);
        let output = call.arg(head).args(["--not", &glob]).run().await?.text();
        if output.trim().is_empty() {
            return Ok(Some(head.clone()));
        }
        let boundary = output.lines().rev().find_map(|line| line.strip_prefix('-'));
        Ok(boundary.and_then(|id| CommitId::parse(id).ok()))
    }

    /// How many commits of HEAD are not in the base's history.
    pub async fn count_commits(&self, head: &CommitId, base: Option<&CommitId>) -> Result<u64> {
        let call = self.call("count commits").args(["rev-list", "--count"]).arg(head);
        let call = base.iter().fold(call, |call, base| call.arg(format!("^{base}")));
        Ok(call.run().await?.text().trim().parse().unwrap_or(0))
    }
}

/// Which objects a pack holds.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Commits with their history, and trees.
    pub want: Vec<String>,
    /// Commits or trees that the receiver has.
    pub have: Vec<String>,
}

impl Wanted {
    /// A snapshot without what is in the history of a base.
    pub fn snapshot(head: &CommitId, tree: &TreeId, base: Option<&CommitId>) -> Self {
        let have = base.map(ToString::to_string).into_iter().collect();
        Self { want: vec![head.to_string(), tree.to_string()], have }
    }

    fn revisions(&self) -> String {
        let want = self.want.iter().map(|id| format!("{id}\n"));
        // The tree too: a wanted tree has no history by which git would find what is common.
        let have = self.have.iter().map(|id| format!("^{id}\n^{id}^{{tree}}\n"));
        want.chain(have).collect()
    }
}

impl Desk {
    /// Every version of a file that would leave.
    pub async fn outgoing(
        &self,
        snapshot: &Snapshot,
        base: Option<&CommitId>,
    ) -> Result<Vec<Outgoing>> {
        let Some(head) = &snapshot.head else { return Ok(Vec::new()) };
        let wanted = Wanted::snapshot(head, &snapshot.tree, base);
        let call = self.call("list what would be sent").args(["rev-list", "--objects", "--stdin"]);
        let call = call.args(["--filter=object:type=blob", "--filter-provided-objects"]);
        let input = Input::Bytes(wanted.revisions().into_bytes());
        let output = call.input(input).stdout_max(LIST_MAX_BYTES, Overflow::Fail).run().await?;
        let lines = output.stdout.split(|b| *b == b'\n').filter_map(|line| {
            let text = String::from_utf8_lossy(line);
            let (id, path) = text.split_once(' ')?;
            Some(Outgoing { id: BlobId::parse(id).ok()?, path: path.to_owned() })
        });
        Ok(lines.collect())
    }

    /// Hands every blob on, in the order asked, with its number.
    pub async fn each_blob(
        &self,
        ids: &[&BlobId],
        take: &mut (dyn FnMut(usize, &[u8]) + Send),
    ) -> Result<()> {
        const READ: &str = "read files";
        let io = || Error::io(READ);
        let call = self.call(READ).args(["cat-file", "--batch=%(objectsize)", "--buffer"]);
        let mut started = call.start_piped().await?;
        // Nobody reads its complaints: an answer that does not come is the complaint.
        drop(started.child.stderr.take());
        let pipes = (started.child.stdin.take(), started.child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = pipes else {
            return Err(Error::other(READ, "git was started without pipes"));
        };
        let ask: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let feed = async {
            stdin.write_all(ask.as_bytes()).await?;
            stdin.shutdown().await?;
            drop(stdin);
            Ok::<_, std::io::Error>(())
        };
        let read = async {
            let mut stdout = BufReader::with_capacity(CHUNK_BYTES, stdout);
            let (mut line, mut content) = (String::new(), Vec::new());
            for number in 0..ids.len() {
                line.clear();
                stdout.read_line(&mut line).await?;
                let Ok(size) = line.trim().parse::<u64>() else {
                    return Err(std::io::ErrorKind::InvalidData.into());
                };
                content.clear();
                (&mut stdout).take(size + 1).read_to_end(&mut content).await?;
                content.pop();
                take(number, &content);
            }
            Ok(())
        };
        let (fed, read) = tokio::join!(feed, read);
        fed.map_err(io())?;
        read.map_err(io())?;
        started.child.wait().await.map_err(io())?;
        started.group.disarm();
        Ok(())
    }

    /// Changed files that a filter of the repository turns into something else, such as Git LFS.
    pub async fn filtered(&self, changes: &[Change]) -> Result<Vec<String>> {
        let mut ask = Vec::new();
        for change in changes.iter().filter(|change| change.new.is_some()) {
            ask.extend_from_slice(&change.path);
            ask.push(0);
        }
        if ask.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.call("look for filters").args(["check-attr", "-z", "--stdin", "filter"]);
        let call = call.stdout_max(LIST_MAX_BYTES, Overflow::Fail);
        let answer = call.input(Input::Bytes(ask)).run().await?.stdout;
        let fields: Vec<&[u8]> = answer.split(|b| *b == 0).collect();
        let named = fields.chunks_exact(3).filter_map(|three| match three {
            [path, _, value] if !matches!(*value, b"unspecified" | b"unset") => {
                Some(String::from_utf8_lossy(path).into_owned())
            }
            _ => None,
        });
        Ok(named.collect())
    }

    /// Writes a pack into a file.
    pub async fn pack_to(
        &self,
        wanted: &Wanted,
        file: &Path,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Packed> {
        let call = self.call(ATTEMPT).args(["pack-objects", "--revs", "--thin", "--stdout", "-q"]);
        let mut started = call.args(["--delta-base-offset", DELTA_WINDOW]).start_piped().await?;
        let mut file = tokio::fs::File::create(file).await.map_err(Error::io(ATTEMPT))?;
        let revisions = wanted.revisions();
        let work = stream(&mut started, revisions, &mut file, progress);
        let late = |_| Error::Timeout { attempt: ATTEMPT, limit: LOOK_TIME_MAX };
        let packed = tokio::time::timeout(LOOK_TIME_MAX, work).await.map_err(late)??;
        file.sync_all().await.map_err(Error::io(ATTEMPT))?;
        Ok(packed)
    }
}

async fn stream(
    started: &mut Started,
    revisions: String,
    file: &mut tokio::fs::File,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Packed> {
    let io = || Error::io(ATTEMPT);
    let child = &mut started.child;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) = pipes else {
        return Err(Error::other(ATTEMPT, "git was started without pipes"));
    };
    // A git that wants no more input says what is wrong by its status.
    drop(stdin.write_all(revisions.as_bytes()).await);
    drop(stdin);
    let copy = async {
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0;
        loop {
            let count = stdout.read(&mut chunk).await.map_err(io())?;
            let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
            file.write_all(part).await.map_err(io())?;
            bytes += count as u64;
            progress(bytes);
        }
        file.flush().await.map_err(io())?;
        Ok::<_, Error>(Packed { bytes, blake3: hasher.finalize().to_hex().to_string() })
    };
    let complaints = async {
        let mut text = String::new();
        // Words for people; what cannot be read is not told.
        drop(stderr.take(COMPLAINT_MAX_BYTES).read_to_string(&mut text).await);
        text
    };
    let (packed, complaints) = tokio::join!(copy, complaints);
    let status = started.child.wait().await.map_err(io())?;
    started.group.disarm();
    if status.success() { packed } else { Err(crate::error::of_local(ATTEMPT, &complaints)) }
}

/// A pack that git is writing; dropping it ends git.
#[derive(Debug)]
pub struct PackStream {
    /// The pack's bytes.
    pub stdout: tokio::process::ChildStdout,
    started: Started,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl PackStream {
    /// Waits for git after its last byte was read; an error means that the pack is not whole.
    pub async fn finish(mut self) -> Result<()> {
        drop(self.stdout);
        let status = self.started.child.wait().await.map_err(Error::io(ATTEMPT))?;
        self.started.group.disarm();
        if status.success() {
            return Ok(());
        }
        Err(Error::other(ATTEMPT, "git ended before the pack was whole"))
    }
}

impl Repo {
    /// Whether an object of any kind is here.
    pub async fn has_object(&self, id: &str) -> Result<bool> {
        let call =
            self.call("look for an object").args(["cat-file", "--batch-check=%(objectname)"]);
        let answer = call.input(Input::Bytes(format!("{id}\n").into_bytes())).run().await?.text();
        Ok(answer.trim() == id)
    }

    /// Starts a pack of what is wanted without what the receiver has; ids that are not here are
    /// left out of the latter.
    pub async fn send_pack(&self, wanted: &Wanted) -> Result<PackStream> {
        let ask: String = wanted.have.iter().map(|id| format!("{id}\n")).collect();
        let mut known = Vec::new();
        if !ask.is_empty() {
            let call = self.call(ATTEMPT).args(["cat-file", "--batch-check=%(objectname)"]);
            let answer = call.input(Input::Bytes(ask.into_bytes())).run().await?.text();
            known.extend(
                answer.lines().filter(|line| !line.ends_with(" missing")).map(str::to_owned),
            );
        }
        let revisions = Wanted { want: wanted.want.clone(), have: known }.revisions();
        let place = self.git().heavy_place().await?;
        let call = self.call(ATTEMPT).args(["pack-objects", "--revs", "--thin", "--stdout", "-q"]);
        let mut started = call.args(["--delta-base-offset", DELTA_WINDOW]).start_piped().await?;
        let child = &mut started.child;
        // Nobody reads its complaints: a pack that ends early is the complaint.
        drop(child.stderr.take());
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::other(ATTEMPT, "git was started without pipes"));
        };
        stdin.write_all(revisions.as_bytes()).await.map_err(Error::io(ATTEMPT))?;
        drop(stdin);
        Ok(PackStream { stdout, started, _place: place })
    }
}
