//! Pointers to large files (Git LFS) among what commits bring with them.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::name::CommitId;
use crate::repo::Repo;
use crate::runner::{Input, Overflow};

/// Bytes of a pointer, as its specification bounds them.
const POINTER_BYTES: usize = 1024;
/// How a pointer begins.
const VERSION: &str = "version https://git-lfs.github.com/spec/v1\n";
/// Small files that one process reads.
const READ_AT_ONCE: usize = 20_000;
const LISTING_MAX_BYTES: usize = 64 * 1024 * 1024;
const READ: &str = "read pointers to large files";

/// A file whose content lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeFile {
    /// A path at which the pointer lies.
    pub path: String,
    /// SHA-256 of the content, in hexadecimal digits.
    pub oid: String,
    /// Its bytes.
    pub size: u64,
}

impl Repo {
    /// The large files that a commit and what it follows point to, without what `known` commits have; each once.
    pub async fn new_large_files(
        &self,
        tip: &CommitId,
        known: &[CommitId],
    ) -> Result<Vec<LargeFile>> {
        let small = self.new_small_files(tip, known).await?;
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for files in small.chunks(READ_AT_ONCE) {
            let ids: String = files.iter().map(|(id, _)| format!("{id}\n")).collect();
            let call = self.call(READ).args(["cat-file", "--batch", "--buffer"]);
            let room = files.len().saturating_mul(POINTER_BYTES + 200);
            let call = call.input(Input::Bytes(ids.into_bytes())).stdout_max(room, Overflow::Fail);
            let contents = split(&call.run().await?.stdout, files.len())?;
            for ((_, path), content) in files.iter().zip(contents) {
                if let Some((oid, size)) = pointer(&content)
                    && seen.insert(oid.clone())
                {
                    found.push(LargeFile { path: path.clone(), oid, size });
                }
            }
        }
        Ok(found)
    }

    /// Ids and paths of the new files that are small enough to be pointers.
    async fn new_small_files(
        &self,
        tip: &CommitId,
        known: &[CommitId],
    ) -> Result<Vec<(String, String)>> {
        let mut revs = format!("{tip}\n");
        for id in self.present(known).await? {
            revs.push_str(&format!("^{id}\n"));
        }
        let filter = format!("--filter=combine:blob:limit={}+object:type=blob", POINTER_BYTES + 1);
        let call = self.call("list new files").args(["rev-list", "--objects", "--stdin", &filter]);
        let call = call.input(Input::Bytes(revs.into_bytes()));
        let output = call.stdout_max(LISTING_MAX_BYTES, Overflow::Fail).run().await?;
        // The commit itself comes without a path.
        let text = output.text();
        let files = text.lines().filter_map(|line| line.split_once(' '));
        Ok(files.map(|(id, path)| (id.to_owned(), path.to_owned())).collect())
    }
}

/// The contents that `cat-file --batch` printed.
fn split(printed: &[u8], count: usize) -> Result<Vec<Vec<u8>>> {
    let bad = || Error::other(READ, "git printed a file in an unknown form");
    let (mut rest, mut contents) = (printed, Vec::new());
    for _ in 0..count {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(bad)?;
        let (head, after) = rest.split_at_checked(end + 1).ok_or_else(bad)?;
        let size = String::from_utf8_lossy(head).trim_end().rsplit(' ').next().map(str::parse);
        let size: usize = size.and_then(std::result::Result::ok).ok_or_else(bad)?;
        let (content, after) = after.split_at_checked(size).ok_or_else(bad)?;
        contents.push(content.to_vec());
        rest = after.get(1..).ok_or_else(bad)?;
    }
    Ok(contents)
}

fn pointer(content: &[u8]) -> Option<(String, u64)> {
    let rest = std::str::from_utf8(content).ok()?.strip_prefix(VERSION)?;
    let oid = rest.lines().find_map(|line| line.strip_prefix("oid sha256:"))?;
    let size = rest.lines().find_map(|line| line.strip_prefix("size "))?.parse().ok()?;
    let good = oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| (oid.to_owned(), size))
}
