//! Reading files and trees of a commit: one git process answers any number of questions.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use crate::error::{Error, Result};
use crate::name::{BlobId, CommitId, ObjectFormat, TreeId};
use crate::repo::Repo;
use crate::runner::{Group, Overflow, Started};

/// Time for one answer of a reader.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
const HEADER_MAX_BYTES: u64 = 1024;
/// A single tree larger than this is not a folder anybody made.
const TREE_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of a recursive listing.
const LISTING_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one commit.
const COMMIT_MAX_BYTES: usize = 16 * 1024 * 1024;
const READ: &str = "read objects";

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An ordinary file.
    File,
    /// A file that may be run.
    Executable,
    /// A symbolic link; its content is the target.
    Link,
    /// A folder.
    Folder,
    /// A commit of another repository.
    Submodule,
}

impl EntryKind {
    /// The kind as trees spell it.
    pub const fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Folder => "040000",
            Self::Submodule => "160000",
        }
    }

    pub(crate) fn of_mode(mode: &str) -> Option<Self> {
        match mode {
            "100644" | "100664" => Some(Self::File),
            "100755" => Some(Self::Executable),
            "120000" => Some(Self::Link),
            "40000" | "040000" => Some(Self::Folder),
            "160000" => Some(Self::Submodule),
            _ => None,
        }
    }
}

/// One line of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path below the folder asked for; not always UTF-8.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The object it points to.
    pub id: BlobId,
}

impl TreeEntry {
    /// The path for people.
    pub fn shown_path(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

/// Entries of a folder, and whether there were more than asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In git's order.
    pub entries: Vec<TreeEntry>,
    /// More entries exist.
    pub truncated: bool,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// All of it.
    Whole(Vec<u8>),
    /// Too large to be read; its size in bytes.
    TooLarge(u64),
}

impl FileContent {
    /// The content as text, if it was small enough and is UTF-8.
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Whole(bytes) => String::from_utf8(bytes).ok(),
            Self::TooLarge(_) => None,
        }
    }
}

impl Repo {
    /// Whether the commit is here.
    pub async fn has_commit(&self, id: &CommitId) -> Result<bool> {
        let spec = format!("{id}^{{commit}}");
        let output =
            self.call("look for a commit").args(["cat-file", "-e", &spec]).finish().await?;
        match output.code {
            Some(0) => Ok(true),
            Some(1 | 128) => Ok(false),
            Some(_) | None => Err(crate::error::of_local("look for a commit", &output.stderr)),
        }
    }

    /// The bytes of a commit, which are those that it is named by; none if it is not here.
    pub async fn commit_bytes(&self, id: &CommitId) -> Result<Option<Vec<u8>>> {
        if !self.has_commit(id).await? {
            return Ok(None);
        }
        let attempt = "read a commit";
        let call = self.call(attempt).args(["cat-file", "commit", id.as_str()]);
        let bytes = call.stdout_max(COMMIT_MAX_BYTES, Overflow::Fail).run().await?.stdout;
        // TRUST: git does not look whether an object is what its name says; who checks a signature has to know.
        if crate::loose::commit_id(ObjectFormat::of(id.as_str()), &bytes)? != *id {
            return Err(Error::other(attempt, format!("{id} is damaged in this repository")));
        }
        Ok(Some(bytes))
    }

    /// Starts a process that answers several reads; cheaper than one process each.
    pub async fn reader(&self) -> Result<Reader> {
        let call = self.call(READ).args(["cat-file", "--batch-command", "-z"]);
        Reader::new(call.start_piped().await?, self.format())
    }

    /// Reads one file of a commit; nothing if it is not there or not a file.
    pub async fn read_file(
        &self,
        commit: &CommitId,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<FileContent>> {
        self.reader().await?.file(commit, path, max_bytes).await
    }

    /// Lists one folder of a commit, not what lies below it; the root is the empty path.
    pub async fn list_folder(
        &self,
        commit: &CommitId,
        path: &str,
        max_entries: usize,
    ) -> Result<Option<Listing>> {
        self.reader().await?.folder(commit, path, max_entries).await
    }

    /// Lists every file below a folder of a commit.
    pub async fn list_files(
        &self,
        commit: &CommitId,
        path: &str,
        max_entries: usize,
    ) -> Result<Listing> {
        let mut call = self
            .call("list files")
            .args(["ls-tree", "-r", "-z", "--full-tree"])
            .arg(commit)
            .arg("--")
            .stdout_max(LISTING_MAX_BYTES, Overflow::Cut);
        let folder = path.trim_matches('/');
        if !folder.is_empty() {
            call = call.arg(format!("{folder}/"));
        }
        let output = call.run().await?;
        let mut records: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
        // The last is empty, or cut in the middle.
        records.pop();
        let truncated = output.cut || records.len() > max_entries;
        let entries = records.into_iter().take(max_entries).filter_map(parse_listed).collect();
        Ok(Listing { entries, truncated })
    }

    /// Number of files in a commit.
    pub async fn count_files(&self, commit: &CommitId) -> Result<usize> {
        let call =
            self.call("count files").args(["ls-tree", "-r", "-z", "--full-tree", "--name-only"]);
        let output = call.arg(commit).stdout_max(LISTING_MAX_BYTES, Overflow::Cut).run().await?;
        Ok(output.stdout.iter().filter(|b| **b == 0).count())
    }

    /// The tree of a commit.
    pub async fn tree_of(&self, commit: &CommitId) -> Result<TreeId> {
        let mut reader = self.reader().await?;
        let found = reader.info(&format!("{commit}^{{tree}}")).await?;
        let missing = || Error::RefMissing { name: format!("commit {commit}") };
        TreeId::parse(&found.ok_or_else(missing)?.id).map_err(|_| missing())
    }
}

fn parse_listed(record: &[u8]) -> Option<TreeEntry> {
    let tab = record.iter().position(|b| *b == b'\t')?;
    let (meta, path) = record.split_at_checked(tab)?;
    let mut words = std::str::from_utf8(meta).ok()?.split(' ');
    let kind = EntryKind::of_mode(words.next()?)?;
    let id = BlobId::parse(words.nth(1)?).ok()?;
    Some(TreeEntry { path: path.get(1..)?.to_vec(), kind, id })
}

/// A git process that answers reads one after the other.
#[derive(Debug)]
pub struct Reader {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    format: ObjectFormat,
    _child: tokio::process::Child,
    _group: Group,
}

struct Info {
    id: String,
    kind: String,
    size: u64,
}

impl Reader {
    fn new(started: Started, format: ObjectFormat) -> Result<Self> {
        let Started { mut child, group } = started;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::other(READ, "git was started without pipes"));
        };
        // Nobody reads its complaints: an answer that does not come is the complaint.
        drop(child.stderr.take());
        Ok(Self { stdin, stdout: BufReader::new(stdout), format, _child: child, _group: group })
    }

    /// Reads one file of a commit; nothing if it is not there or not a file.
    pub async fn file(
        &mut self,
        commit: &CommitId,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<FileContent>> {
        if !is_inside(path) {
            return Ok(None);
        }
        self.content(&format!("{commit}:{path}"), "blob", max_bytes).await
    }

    /// Reads one blob by its id.
    pub async fn blob(&mut self, id: &BlobId, max_bytes: u64) -> Result<Option<FileContent>> {
        self.content(id.as_str(), "blob", max_bytes).await
    }

    /// Lists one folder of a commit; the root is the empty path.
    pub async fn folder(
        &mut self,
        commit: &CommitId,
        path: &str,
        max_entries: usize,
    ) -> Result<Option<Listing>> {
        let path = path.trim_matches('/');
        if !path.is_empty() && !is_inside(path) {
            return Ok(None);
        }
        let Some(found) = self.content(&format!("{commit}:{path}"), "tree", TREE_MAX_BYTES).await?
        else {
            return Ok(None);
        };
        match found {
            FileContent::Whole(raw) => Ok(Some(parse_tree(&raw, self.format, max_entries))),
            FileContent::TooLarge(_) => Err(Error::TooLarge {
                attempt: READ,
                what: "the folder",
                limit_bytes: TREE_MAX_BYTES,
            }),
        }
    }

    async fn content(
        &mut self,
        spec: &str,
        kind: &str,
        max_bytes: u64,
    ) -> Result<Option<FileContent>> {
        let Some(info) = self.info(spec).await? else { return Ok(None) };
        if info.kind != kind {
            return Ok(None);
        }
        if info.size > max_bytes {
            return Ok(Some(FileContent::TooLarge(info.size)));
        }
        self.bounded(async |reader: &mut Self| {
            let Some(info) = reader.ask("contents", &info.id).await? else { return Ok(None) };
            // The size is bounded by the limit just checked, so this cannot be asked to be huge.
            let mut bytes = Vec::new();
            (&mut reader.stdout).take(info.size + 1).read_to_end(&mut bytes).await?;
            if bytes.len() as u64 != info.size + 1 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            bytes.pop();
            Ok(Some(FileContent::Whole(bytes)))
        })
        .await
    }

    async fn info(&mut self, spec: &str) -> Result<Option<Info>> {
        self.bounded(async |reader: &mut Self| reader.ask("info", spec).await).await
    }

    async fn bounded<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> std::io::Result<T>,
    ) -> Result<T> {
        match tokio::time::timeout(ANSWER_TIME_MAX, work(self)).await {
            Ok(done) => done.map_err(Error::io(READ)),
            Err(_) => Err(Error::Timeout { attempt: READ, limit: ANSWER_TIME_MAX }),
        }
    }

    async fn ask(&mut self, command: &str, spec: &str) -> std::io::Result<Option<Info>> {
        self.stdin.write_all(format!("{command} {spec}\0").as_bytes()).await?;
        let mut header = Vec::new();
        // A missing object is answered with the whole request, which may hold line breaks.
        let echo = spec.len() as u64;
        (&mut self.stdout).take(HEADER_MAX_BYTES + echo).read_until(b'\n', &mut header).await?;
        let breaks = spec.bytes().filter(|b| *b == b'\n').count();
        if let Some(info) = parse_info(&header) {
            return Ok(Some(info));
        }
        if header.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        for _ in 0..breaks {
            (&mut self.stdout).take(HEADER_MAX_BYTES + echo).read_until(b'\n', &mut header).await?;
        }
        Ok(None)
    }
}

/// Whether a path can name something in a tree. Git gives up on relative ones, and a request ends
/// at the first NUL, so a path with one would become two requests.
fn is_inside(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn parse_info(header: &[u8]) -> Option<Info> {
    let mut words = std::str::from_utf8(header).ok()?.trim_end().split(' ');
    let (id, kind, size) = (words.next()?, words.next()?, words.next()?);
    BlobId::parse(id).ok()?;
    if words.next().is_some() || !matches!(kind, "blob" | "tree" | "commit" | "tag") {
        return None;
    }
    Some(Info { id: id.to_owned(), kind: kind.to_owned(), size: size.parse().ok()? })
}

fn parse_tree(raw: &[u8], format: ObjectFormat, max_entries: usize) -> Listing {
    let mut entries = Vec::new();
    let mut rest = raw;
    while let Some((entry, after)) = split_entry(rest, format) {
        if entries.len() == max_entries {
            return Listing { entries, truncated: true };
        }
        entries.extend(entry);
        rest = after;
    }
    Listing { entries, truncated: false }
}

/// Splits `mode SP name NUL id` off a raw tree; an entry of unknown mode is skipped.
fn split_entry(raw: &[u8], format: ObjectFormat) -> Option<(Option<TreeEntry>, &[u8])> {
    let space = raw.iter().position(|b| *b == b' ')?;
    let nul = raw.iter().position(|b| *b == 0)?;
    let mode = std::str::from_utf8(raw.get(..space)?).ok()?;
    let path = raw.get(space + 1..nul)?.to_vec();
    let (id, after) = raw.get(nul + 1..)?.split_at_checked(format.id_bytes())?;
    let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = EntryKind::of_mode(mode)
        .zip(BlobId::parse(&digits).ok())
        .map(|(kind, id)| TreeEntry { path, kind, id });
    Some((entry, after))
}
