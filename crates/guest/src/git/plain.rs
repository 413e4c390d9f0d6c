//! What git keeps in plain files, read and written without starting a git: `HEAD`, refs, a new
//! repository's folder, single commits. Where anything looks unusual, git itself is asked instead.

use crate::ops::fault;
use protocol::link::{CheckOut, Fault, FaultCode, Head};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Bytes of a small file of git's.
const SMALL_BYTES: u64 = 1024 * 1024;
/// Bytes of the file of packed refs.
const PACKED_BYTES: u64 = 64 * 1024 * 1024;
/// Single files of refs that are looked at.
const REF_FILES: usize = 10_000;
/// Bytes that an uncompressed block of a zlib stream holds.
const BLOCK_BYTES: usize = 65_535;
/// The modulus of zlib's checksum.
const ADLER_MOD: u32 = 65_521;
/// What a symbolic ref begins with.
const SYMBOLIC: &str = "ref: ";

/// Whether a worktree has its whole repository in `.git`, without anything that moves parts of it.
pub fn is_plain(worktree: &Path) -> bool {
    let git = worktree.join(".git");
    let shaped = git.join("HEAD").is_file()
        && git.join("objects").is_dir()
        && git.join("refs").is_dir()
        && !git.join("commondir").exists();
    let Some(config) = read(&git.join("config"), SMALL_BYTES).filter(|_| shaped) else {
        return false;
    };
    let config = config.to_ascii_lowercase();
    let moved = ["worktree", "include", "refstorage"].iter().any(|word| config.contains(word));
    let bare = config
        .lines()
        .map(str::trim)
        .any(|line| line.strip_prefix("bare").is_some_and(|rest| !rest.trim().ends_with("false")));
    !moved && !bare
}

/// Where the head of a plain repository is; nothing where only git can tell.
pub fn head(git: &Path) -> Option<Head> {
    let text = read(&git.join("HEAD"), SMALL_BYTES)?;
    let text = text.trim_end();
    let Some(name) = text.strip_prefix(SYMBOLIC) else {
        return is_id(text).then(|| Head { commit: Some(text.to_owned()), branch: None });
    };
    let branch = name.strip_prefix("refs/heads/")?;
    let plain = branch.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let commit = if plain { value(git, name)? } else { return None };
    Some(Head { commit, branch: Some(branch.to_owned()) })
}

/// What a ref says; nothing where only git can tell, `Some(None)` where there is none.
fn value(git: &Path, name: &str) -> Option<Option<String>> {
    let file = git.join(name);
    if file.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
        let text = read(&file, SMALL_BYTES)?;
        let id = text.trim_end();
        return is_id(id).then(|| Some(id.to_owned()));
    }
    let packed = git.join("packed-refs");
    if !packed.exists() {
        return Some(None);
    }
    let text = read(&packed, PACKED_BYTES)?;
    let found = text.lines().filter_map(|line| line.split_once(' ')).find(|(_, n)| *n == name);
    match found {
        Some((id, _)) => is_id(id).then(|| Some(id.to_owned())),
        None => Some(None),
    }
}

/// The commits that refs and the head of a repository name; not necessarily all.
pub fn named(git: &Path) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = head(git).and_then(|head| head.commit).into_iter().collect();
    let packed = read(&git.join("packed-refs"), PACKED_BYTES).unwrap_or_default();
    let packed = packed.lines().filter_map(|line| line.split_once(' '));
    ids.extend(packed.map(|(id, _)| id).filter(|id| is_id(id)).map(str::to_owned));
    let mut folders = vec![git.join("refs")];
    let mut left = REF_FILES;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            left = left.saturating_sub(1);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && left > 0 => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && left > 0 => {
                    let text = read(&entry.path(), SMALL_BYTES).unwrap_or_default();
                    ids.extend(Some(text.trim_end().to_owned()).filter(|id| is_id(id)));
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    ids
}

/// Writes a repository as `git clone` leaves it, its objects and its worktree still missing.
pub fn create(git: &Path, wanted: &CheckOut) -> io::Result<()> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks", "info"] {
        std::fs::create_dir_all(git.join(folder))?;
    }
    let (upstream, commit) = (&wanted.upstream, &wanted.commit);
    std::fs::write(git.join("HEAD"), format!("{SYMBOLIC}refs/heads/{upstream}\n"))?;
    std::fs::write(git.join("config"), config(wanted))?;
    std::fs::write(git.join("info/exclude"), "/.artifacts\n")?;
    let packed = format!(
        "# pack-refs with: peeled fully-peeled sorted \n{commit} refs/heads/{upstream}\n{commit} refs/remotes/origin/{upstream}\n"
    );
    std::fs::write(git.join("packed-refs"), packed)?;
    if wanted.upstream_is_default {
        std::fs::create_dir_all(git.join("refs/remotes/origin"))?;
        let head = format!("{SYMBOLIC}refs/remotes/origin/{upstream}\n");
        std::fs::write(git.join("refs/remotes/origin/HEAD"), head)?;
    }
    Ok(())
}

fn config(wanted: &CheckOut) -> String {
    let (version, extensions) = match wanted.commit.len() {
        64 => (1, "[extensions]\n\tobjectformat = sha256\n"),
        _ => (0, ""),
    };
    let (url, upstream) = (quoted(&wanted.url), quoted(&wanted.upstream));
    format!(
        "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n{extensions}\
         [remote \"origin\"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
         [branch {upstream}]\n\tremote = origin\n\tmerge = {}\n",
        quoted(&format!("refs/heads/{}", wanted.upstream))
    )
}

/// A value of git's configuration language.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Keeps a commit under its id, as a stream of uncompressed blocks, which git reads as any other.
pub fn keep_commit(git: &Path, id: &str, content: &[u8]) -> Result<(), Fault> {
    let (Some(first), Some(rest)) = (id.get(..2), id.get(2..)) else {
        return Err(fault(FaultCode::BadRequest, "not an id"));
    };
    let folder = git.join("objects").join(first);
    let target = folder.join(rest);
    let keep = || {
        if target.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&folder)?;
        // Named as git names its own, which its cleaning up knows.
        let draft = folder.join(format!("tmp_obj_{rest}"));
        drop(std::fs::remove_file(&draft));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o444).open(&draft)?;
        file.write_all(&stored(content))?;
        std::fs::rename(&draft, &target)
    };
    keep().map_err(|error: io::Error| {
        fault(FaultCode::Failed, format!("cannot keep a commit in the repository: {error}"))
    })
}

fn stored(content: &[u8]) -> Vec<u8> {
    let mut whole = format!("commit {}\0", content.len()).into_bytes();
    whole.extend_from_slice(content);
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

/// Whether this is a full id.
pub fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A plain file's text, without waiting for anything that is none.
fn read(path: &Path, max_bytes: u64) -> Option<String> {
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file: File = open.ok().filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()))?;
    let mut text = String::new();
    let read = file.take(max_bytes + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= max_bytes).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_kept_as_a_stream_that_ends_in_its_checksum() {
        let stream = stored(b"x");
        assert_eq!(stream[..7], [0x78, 0x01, 1, 10, 0, 0xf5, 0xff]);
        assert_eq!(stream[7..17], *b"commit 1\0x");
        let long = stored(&vec![b'a'; 2 * BLOCK_BYTES]);
        assert_eq!((long[2], long[2 + 5 + BLOCK_BYTES]), (0, 0));
    }

    #[test]
    fn values_cannot_leave_their_quotes() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
