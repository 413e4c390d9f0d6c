//! File tools, with exactly the rights of the agent's user.
//!
//! A link out of the workspace is followed: the boundary is the sandbox, not the folder.

mod edit;
pub mod foreseen;
mod glob;
mod grep;
mod list;
mod read;
mod spare;
mod transfer;
mod write;

use crate::Guest;
use crate::channel::Channel;
use crate::ops::fault;
use protocol::link::{Answer, EntryKind, Fault, FaultCode, Found, Request};
use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Carries out one file request.
pub async fn request(
    guest: &Arc<Guest>,
    channel: &mut Channel,
    request: Request,
) -> Result<Answer, Fault> {
    match request {
        Request::ReadFile(wanted) => guest.as_agent(move || read::file(&wanted)).await,
        Request::ListDir(wanted) => guest.as_agent(move || list::directory(&wanted)).await,
        Request::Glob(wanted) => guest.as_agent(move || glob::paths(&wanted)).await,
        Request::Grep(wanted) => guest.as_agent(move || grep::lines(&wanted)).await,
        Request::Stat { cwd, path, follow } => {
            guest.as_agent(move || stat(&cwd, &path, follow)).await
        }
        Request::MakeDir { op, cwd, path } => {
            once(guest, &op, move || make_directory(&cwd, &path)).await
        }
        Request::Download { cwd, path } => transfer::download(guest, channel, cwd, path).await,
        Request::Upload { op, cwd, path, mode, expect } => {
            let wanted = transfer::Wanted { cwd, path, mode, expect };
            transfer::upload(guest, channel, &op, wanted).await
        }
        Request::WriteFile(wanted) => {
            let op = wanted.op.clone();
            let owner = Arc::clone(guest);
            let work = async move { owner.as_agent(move || write::file(&wanted)).await };
            replace(guest, &op, work).await
        }
        Request::EditFile(wanted) => {
            let (op, owner) = (wanted.op.clone(), Arc::clone(guest));
            let work = async move {
                match owner.foreseen.make(&wanted).await {
                    Some(made) => Ok(made),
                    None => owner.as_agent(move || edit::file(&wanted)).await,
                }
            };
            replace(guest, &op, work).await
        }
        Request::DraftEdit(wanted) => {
            guest.foreseen.begin(guest, wanted);
            Ok(Answer::Done)
        }
        Request::Remove { op, cwd, path, recursive } => {
            once(guest, &op, move || remove(&cwd, &path, recursive)).await
        }
        Request::Start(_)
        | Request::Follow { .. }
        | Request::Wait { .. }
        | Request::Read { .. }
        | Request::Input { .. }
        | Request::Attach { .. }
        | Request::Exec(_)
        | Request::Ports
        | Request::Owner { .. }
        | Request::Resize { .. }
        | Request::Kill { .. }
        | Request::Signal { .. }
        | Request::KillAll { .. }
        | Request::Ack { .. }
        | Request::Ops
        | Request::Head { .. }
        | Request::CheckOut(_)
        | Request::Checkpoint(_)
        | Request::Pack(_)
        | Request::Unpack(_)
        | Request::AddCommits(_)
        | Request::MoveBranch(_)
        | Request::Connect { .. }
        | Request::Stats => Err(fault(FaultCode::BadRequest, "not a request about files")),
    }
}

async fn once<W>(guest: &Arc<Guest>, op: &protocol::link::OpId, work: W) -> Result<Answer, Fault>
where
    W: FnOnce() -> Result<Answer, Fault> + Send + 'static,
{
    let agent = guest.config.agent;
    guest.ops.once(op, crate::as_agent(agent, work)).await
}

/// The same for work that leaves a draft, which is removed beside the answer and not before it.
async fn replace<W>(guest: &Arc<Guest>, op: &protocol::link::OpId, work: W) -> Result<Answer, Fault>
where
    W: Future<Output = Result<(Answer, write::Draft), Fault>> + Send + 'static,
{
    let owner = Arc::clone(guest);
    let work = async move {
        let (answer, draft) = work.await?;
        transfer::discard(&owner, draft);
        Ok(answer)
    };
    guest.ops.once(op, work).await
}

/// The path meant, from the working directory on.
fn resolve(cwd: &str, path: &str) -> Result<PathBuf, Fault> {
    let bad = |text: String| Err(fault(FaultCode::BadRequest, text));
    if path.is_empty() || path.contains('\0') {
        return bad("the path is empty or contains a zero byte".to_owned());
    }
    let whole = Path::new(cwd).join(path);
    if !whole.is_absolute() {
        return bad(format!("{path} is relative, and no absolute working directory was given"));
    }
    Ok(whole)
}

/// Opens a plain file to read it. Pipes and devices are refused without waiting for them.
fn open(path: &Path, shown: &str) -> Result<(File, u64), Fault> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| explain(shown, &error))?;
    let metadata = file.metadata().map_err(|error| explain(shown, &error))?;
    if metadata.is_dir() {
        return Err(fault(FaultCode::Unsuitable, format!("{shown} is a directory")));
    }
    if !metadata.is_file() {
        return Err(fault(FaultCode::Unsuitable, format!("{shown} is not a plain file")));
    }
    Ok((file, metadata.len()))
}

/// What failed file accesses are called.
const FAILURES: [(io::ErrorKind, FaultCode, &str); 8] = [
    (io::ErrorKind::NotFound, FaultCode::NotFound, "does not exist"),
    (io::ErrorKind::PermissionDenied, FaultCode::Denied, "may not be accessed by the agent's user"),
    (
        io::ErrorKind::NotADirectory,
        FaultCode::NotFound,
        "leads through something that is no directory",
    ),
    (io::ErrorKind::IsADirectory, FaultCode::Unsuitable, "is a directory"),
    (io::ErrorKind::DirectoryNotEmpty, FaultCode::Unsuitable, "is a directory that is not empty"),
    (io::ErrorKind::ReadOnlyFilesystem, FaultCode::Denied, "is on a read-only file system"),
    (io::ErrorKind::StorageFull, FaultCode::Failed, "does not fit: the disk is full"),
    (io::ErrorKind::QuotaExceeded, FaultCode::Failed, "does not fit: the disk is full"),
];

/// A failed file access in words.
fn explain(shown: &str, error: &io::Error) -> Fault {
    match FAILURES.iter().find(|(kind, _, _)| *kind == error.kind()) {
        Some((_, code, what)) => fault(*code, format!("{shown} {what}")),
        None => fault(FaultCode::Failed, format!("{shown} cannot be used: {error}")),
    }
}

fn kind(file_type: FileType) -> EntryKind {
    if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        EntryKind::Link
    } else {
        EntryKind::Other
    }
}

fn stat(cwd: &str, path: &str, follow: bool) -> Result<Answer, Fault> {
    let whole = resolve(cwd, path)?;
    let looked = if follow { std::fs::metadata(&whole) } else { std::fs::symlink_metadata(&whole) };
    let metadata = looked.map_err(|error| explain(path, &error))?;
    let target = std::fs::read_link(&whole).ok();
    Ok(Answer::Found(Found {
        kind: kind(metadata.file_type()),
        size: metadata.len(),
        mode: metadata.mode() & 0o7777,
        modified_ms: metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000,
        target: target.map(|target| target.to_string_lossy().into_owned()),
        version: version(&metadata),
    }))
}

/// Another text after every change: a file that is replaced has another number, one that is written
/// to another time of change.
fn version(metadata: &std::fs::Metadata) -> String {
    let (inode, size) = (metadata.ino(), metadata.len());
    format!("{inode:x}-{size:x}-{:x}.{:x}", metadata.ctime(), metadata.ctime_nsec())
}

/// Whether the file is the one that was expected; empty: none.
fn expected(path: &Path, shown: &str, expect: &str) -> Result<(), Fault> {
    let now = match std::fs::metadata(path) {
        Ok(metadata) => version(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(explain(shown, &error)),
    };
    if now == expect {
        return Ok(());
    }
    Err(fault(FaultCode::Changed, format!("{shown} has changed since it was read")))
}

fn make_directory(cwd: &str, path: &str) -> Result<Answer, Fault> {
    let whole = resolve(cwd, path)?;
    std::fs::create_dir_all(&whole).map(|()| Answer::Done).map_err(|error| explain(path, &error))
}

fn remove(cwd: &str, path: &str, recursive: bool) -> Result<Answer, Fault> {
    let whole = resolve(cwd, path)?;
    let metadata = std::fs::symlink_metadata(&whole).map_err(|error| explain(path, &error))?;
    let removed = match (metadata.is_dir(), recursive) {
        (false, _) => std::fs::remove_file(&whole),
        (true, false) => std::fs::remove_dir(&whole),
        (true, true) => std::fs::remove_dir_all(&whole),
    };
    removed.map(|()| Answer::Done).map_err(|error| explain(path, &error))
}
