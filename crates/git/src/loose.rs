//! Single commits and refs in git's own files: their form is fixed, and a process for each is not.
//!
//! Only repositories that we made are written to, which keep their refs as files. Where anything is
//! unusual the caller asks git.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::error::{Error, Result};
use crate::name::{CommitId, ObjectFormat, RefName};
use crate::refs::Expected;

/// Bytes of a file with a single ref.
const REF_BYTES: u64 = 4096;
/// Bytes that an uncompressed block of a zlib stream holds.
const BLOCK_BYTES: usize = 65_535;
/// The modulus of zlib's checksum.
const ADLER_MOD: u32 = 65_521;

/// Writes a commit and gives its id; one that is there already is the same.
pub(crate) fn write_commit(
    objects: &Path,
    format: ObjectFormat,
    content: &[u8],
) -> Result<CommitId> {
    let attempt = "write a commit";
    let whole = whole(content);
    let id = name(format, &whole, attempt)?;
    let target = object_path(objects, &id);
    if !target.exists() {
        store(&target, &zlib(&whole)).map_err(Error::io(attempt))?;
    }
    Ok(id)
}

/// The id of the commit with this content.
pub(crate) fn commit_id(format: ObjectFormat, content: &[u8]) -> Result<CommitId> {
    name(format, &whole(content), "name a commit")
}

fn whole(content: &[u8]) -> Vec<u8> {
    let mut whole = format!("commit {}\0", content.len()).into_bytes();
    whole.extend_from_slice(content);
    whole
}

fn name(format: ObjectFormat, whole: &[u8], attempt: &'static str) -> Result<CommitId> {
    let digits = match format {
        ObjectFormat::Sha1 => hex(&Sha1::digest(whole)),
        ObjectFormat::Sha256 => hex(&Sha256::digest(whole)),
    };
    CommitId::parse(&digits).map_err(|bad| Error::other(attempt, bad.to_string()))
}

/// Whether a commit lies in a file of its own here; one in a pack does not.
pub(crate) fn has_own_file(objects: &Path, id: &CommitId) -> bool {
    object_path(objects, id).is_file()
}

fn object_path(objects: &Path, id: &CommitId) -> PathBuf {
    let (folder, name) = id.as_str().split_at_checked(2).unwrap_or_default();
    objects.join(folder).join(name)
}

fn store(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = target.parent().ok_or(ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    // Named as git names its own, which its cleaning up knows.
    let mut draft = tempfile::Builder::new().prefix("tmp_obj_").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(target).map(drop).map_err(|error| error.error)
}

/// A stream of uncompressed blocks, which git reads as any other.
fn zlib(whole: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = whole.chunks(BLOCK_BYTES).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (low, high) = whole.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % ADLER_MOD;
        (low, (high + low) % ADLER_MOD)
    });
    stream.extend_from_slice(&((high << 16) | low).to_be_bytes());
    stream
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the files say of a ref.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is here.
    At(CommitId),
    /// There is none.
    Absent,
    /// Only git can tell.
    Unclear,
}

/// Reads a branch.
pub(crate) fn branch(dir: &Path, name: &RefName) -> std::io::Result<Known> {
    if !name.as_str().starts_with("refs/heads/") {
        // A tag may have to be followed to its commit.
        return Ok(Known::Unclear);
    }
    match File::open(dir.join(name.as_str())) {
        Ok(file) => {
            let mut text = String::new();
            return match file.take(REF_BYTES).read_to_string(&mut text) {
                Ok(_) => Ok(CommitId::parse(text.trim_end()).map_or(Known::Unclear, Known::At)),
                // A folder that only looks like the ref.
                Err(_) => Ok(Known::Unclear),
            };
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(error),
    }
    let packed = packed(dir)?;
    let found =
        packed.lines().filter_map(|line| line.split_once(' ')).find(|(_, n)| *n == name.as_str());
    Ok(match found {
        Some((id, _)) => CommitId::parse(id).map_or(Known::Unclear, Known::At),
        None => Known::Absent,
    })
}

fn packed(dir: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(dir.join("packed-refs")) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// What became of moving a ref.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It is moved.
    Yes,
    /// It is not where it was expected.
    Elsewhere,
    /// Only git can do it.
    Unclear,
}

/// Moves a branch under the lock that git itself uses.
pub(crate) fn move_branch(
    dir: &Path,
    name: &RefName,
    new: &CommitId,
    expected: Expected<'_>,
) -> std::io::Result<Moved> {
    let path = dir.join(name.as_str());
    let Some(parent) = path.parent().filter(|_| !path.is_dir()) else {
        return Ok(Moved::Unclear);
    };
    let lock = dir.join(format!("{name}.lock"));
    if std::fs::create_dir_all(parent).is_err() {
        return Ok(Moved::Unclear);
    }
    let Ok(mut file) = File::options().write(true).create_new(true).open(&lock) else {
        return Ok(Moved::Unclear);
    };
    let held = Lock(Some(lock.clone()));
    let is_there = match (branch(dir, name)?, expected) {
        (Known::Unclear, _) => return Ok(Moved::Unclear),
        (Known::Absent, _) if clashes(&packed(dir)?, name) => return Ok(Moved::Unclear),
        (Known::At(_) | Known::Absent, Expected::Any) => true,
        (Known::At(now), Expected::At(old)) => now == *old,
        (Known::Absent, Expected::Absent) => true,
        (Known::At(_), Expected::Absent) | (Known::Absent, Expected::At(_)) => false,
    };
    if !is_there {
        return Ok(Moved::Elsewhere);
    }
    writeln!(file, "{new}")?;
    file.sync_all()?;
    std::fs::rename(&lock, &path)?;
    held.done();
    Ok(Moved::Yes)
}

/// Whether a packed ref is where this one needs a folder, or the other way round.
fn clashes(packed: &str, name: &RefName) -> bool {
    let below =
        |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    let names = packed.lines().filter_map(|line| line.split_once(' ')).map(|(_, name)| name);
    names.into_iter().any(|other| below(other, name.as_str()) || below(name.as_str(), other))
}

/// A lock file that goes unless it became the ref.
struct Lock(Option<PathBuf>);

impl Lock {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(%error, path = %path.display(), "a ref stays locked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> CommitId {
        CommitId::parse(&digit.repeat(40)).unwrap()
    }

    #[test]
    fn a_branch_moves_only_from_where_it_was_expected() {
        let dir = tempfile::tempdir().unwrap();
        let packed = format!("# pack-refs with: sorted \n{} refs/heads/a/b\n", id("1"));
        std::fs::write(dir.path().join("packed-refs"), packed).unwrap();
        let name = |text: &str| RefName::parse(text).unwrap();
        fn moved(dir: &Path, text: &str, expected: Expected<'_>) -> Moved {
            move_branch(dir, &RefName::parse(text).unwrap(), &id("2"), expected).unwrap()
        }
        let moved = |text: &str, expected: Expected<'_>| moved(dir.path(), text, expected);
        assert_eq!(branch(dir.path(), &name("refs/heads/a/b")).unwrap(), Known::At(id("1")));
        assert_eq!(moved("refs/heads/a/b", Expected::Absent), Moved::Elsewhere);
        assert_eq!(moved("refs/heads/a/b", Expected::At(&id("3"))), Moved::Elsewhere);
        assert_eq!(moved("refs/heads/a/b", Expected::At(&id("1"))), Moved::Yes);
        assert_eq!(branch(dir.path(), &name("refs/heads/a/b")).unwrap(), Known::At(id("2")));
        assert_eq!(moved("refs/heads/c", Expected::Absent), Moved::Yes);
        assert_eq!(moved("refs/heads/a", Expected::Any), Moved::Unclear);
        assert_eq!(moved("refs/heads/a/b/c", Expected::Any), Moved::Unclear);
        std::fs::write(dir.path().join("refs/heads/d.lock"), "").unwrap();
        assert_eq!(moved("refs/heads/d", Expected::Any), Moved::Unclear);
        let left = std::fs::read_dir(dir.path().join("refs/heads")).unwrap().flatten();
        let locks = left.filter(|entry| entry.path().extension().is_some_and(|e| e == "lock"));
        assert_eq!(locks.count(), 1, "only the one that somebody else holds");
    }
}
