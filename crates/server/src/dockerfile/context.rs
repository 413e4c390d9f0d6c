//! The files that `COPY` finds: those of the repository, below a folder, as a commit has them.

use crate::builder::Unfit;
use anyhow::{Context as _, Result};
use git::mirror::Mirror;
use git::name::{BlobId, CommitId};
use git::objects::{EntryKind, FileContent, Reader};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::VecDeque;
use tar::{Builder, EntryType, Header};

/// Files that one `COPY` brings.
const FILES: usize = 50_000;
/// Bytes of one file.
const FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Entries of one folder.
const ENTRIES: usize = 50_000;
/// What is left out, as Docker has it.
const IGNORED: &str = ".dockerignore";
/// Bytes of that file.
const IGNORED_BYTES: u64 = 64 * 1024;

/// Where files are.
pub struct Context {
    reader: Reader,
    commit: CommitId,
    /// From the repository's top; empty: the repository.
    folder: String,
    ignored: Ignored,
    /// What `ignored` was read from.
    ignoring: String,
}

/// One file that is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// Where, from where it is put.
    pub name: String,
    /// Its content, or where a link points.
    pub blob: BlobId,
    /// What it is.
    pub kind: EntryKind,
}

/// What one `COPY` brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Each.
    pub picked: Vec<Picked>,
    /// The name of the one file, where it is one and was named without `*`.
    pub lone: Option<String>,
}

impl Files {
    /// All that tells them from other files.
    pub fn names(&self) -> Vec<(&str, &str, &str)> {
        let names = self.picked.iter();
        names.map(|one| (one.name.as_str(), one.kind.mode(), one.blob.as_str())).collect()
    }
}

impl Context {
    /// Opens it.
    pub async fn open(mirror: &Mirror, commit: &CommitId, folder: &str) -> Result<Self> {
        let mut reader = mirror.reader().await.context("read the mirror")?;
        let path = join(folder, IGNORED);
        let file = reader.file(commit, &path, IGNORED_BYTES).await.context("read .dockerignore")?;
        let text = file.and_then(FileContent::into_text).unwrap_or_default();
        let (commit, folder) = (commit.clone(), folder.to_owned());
        Ok(Self { reader, commit, folder, ignored: Ignored::read(&text), ignoring: text })
    }

    /// The files that these paths name.
    pub async fn pick(&mut self, sources: &[String]) -> Result<Files> {
        let mut files = Files::default();
        for source in sources {
            let wanted = inside(source)?;
            if wanted.is_empty() {
                self.below("", &mut files.picked).await?;
                continue;
            }
            for entry in self.named(source, &wanted).await? {
                if entry.kind == EntryKind::Folder {
                    self.below(&entry.path, &mut files.picked).await?;
                    continue;
                }
                let name = entry.name().to_owned();
                files.lone = (sources.len() == 1 && !is_pattern(&wanted)).then(|| name.clone());
                files.picked.push(Picked { name, blob: entry.id, kind: entry.kind });
            }
        }
        Ok(files)
    }

    /// Tells what a path names from what it named at other commits, without going through folders.
    pub async fn identity(&mut self, source: &str) -> Result<Vec<String>> {
        let wanted = inside(source)?;
        let ignoring = self.ignoring.clone();
        let entries = match wanted.as_str() {
            "" => self.entries("").await?,
            wanted => self.named(source, wanted).await?,
        };
        let told = entries.iter().map(|entry| {
            format!("{source}\0{}\0{}\0{}", entry.path, entry.kind.mode(), entry.id.as_str())
        });
        Ok(told.chain([ignoring]).collect())
    }

    /// What a path names that is not left out; at least one.
    async fn named(&mut self, source: &str, wanted: &str) -> Result<Vec<Entry>> {
        let (parent, pattern) = wanted.rsplit_once('/').unwrap_or(("", wanted));
        if is_pattern(parent) {
            let message = format!("COPY {source}: signs such as * may stand after the last / only");
            return Err(Unfit(message).into());
        }
        let matcher = if is_pattern(pattern) { Some(glob(pattern)?) } else { None };
        let mut entries = self.entries(parent).await?;
        entries.retain(|entry| {
            let name = entry.name();
            let is_it = matcher.as_ref().map_or(name == pattern, |glob| glob.is_match(name));
            is_it && (entry.kind == EntryKind::Folder || !self.ignored.covers(&entry.path))
        });
        if entries.is_empty() {
            let message = format!("COPY {source}: nothing of that name is in the repository");
            return Err(Unfit(message).into());
        }
        Ok(entries)
    }

    /// All files below a folder, by their names from there.
    async fn below(&mut self, folder: &str, picked: &mut Vec<Picked>) -> Result<()> {
        let mut folders = VecDeque::from([(folder.to_owned(), String::new())]);
        while let Some((folder, under)) = folders.pop_front() {
            for entry in self.entries(&folder).await? {
                let name = join(&under, entry.name());
                if entry.kind == EntryKind::Folder {
                    folders.push_back((entry.path, name));
                } else if !self.ignored.covers(&entry.path) {
                    picked.push(Picked { name, blob: entry.id, kind: entry.kind });
                }
                if picked.len() > FILES {
                    let message = format!("COPY brings more than {FILES} files: name fewer");
                    return Err(Unfit(message).into());
                }
            }
        }
        Ok(())
    }

    /// What is in a folder. What is no UTF-8, and other repositories, are passed over.
    async fn entries(&mut self, folder: &str) -> Result<Vec<Entry>> {
        let path = join(&self.folder, folder);
        let listing = self.reader.folder(&self.commit, &path, ENTRIES).await;
        let Some(listing) = listing.context("list a folder")? else { return Ok(Vec::new()) };
        if listing.truncated {
            let message = format!("COPY: {path} has more than {ENTRIES} entries");
            return Err(Unfit(message).into());
        }
        let named = listing.entries.into_iter().filter_map(|entry| {
            let path = join(folder, &String::from_utf8(entry.path).ok()?);
            let (kind, id) = (entry.kind, entry.id);
            (kind != EntryKind::Submodule).then_some(Entry { path, kind, id })
        });
        Ok(named.collect())
    }

    /// One file as a part of an archive.
    pub async fn archived(&mut self, picked: &Picked) -> Result<Vec<u8>> {
        let found = self.reader.blob(&picked.blob, FILE_BYTES).await.context("read a file")?;
        match found.context("a file of the commit is missing")? {
            FileContent::Whole(bytes) => archived(&picked.name, picked.kind, &bytes),
            FileContent::TooLarge(bytes) => {
                let name = &picked.name;
                let message =
                    format!("COPY: {name} has {bytes} bytes, at most {FILE_BYTES} are taken");
                Err(Unfit(message).into())
            }
        }
    }
}

/// A file or folder.
struct Entry {
    /// From the context's top.
    path: String,
    kind: EntryKind,
    id: BlobId,
}

impl Entry {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// A file as a part of an archive. It belongs to root.
pub fn archived(name: &str, kind: EntryKind, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut header = Header::new_gnu();
    let mut builder = Builder::new(Vec::new());
    let written = if kind == EntryKind::Link {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        let target = std::str::from_utf8(bytes).context("a link points to what is no UTF-8")?;
        builder.append_link(&mut header, name, target)
    } else {
        header.set_size(bytes.len() as u64);
        header.set_mode(if kind == EntryKind::Executable { 0o755 } else { 0o644 });
        builder.append_data(&mut header, name, bytes)
    };
    written.with_context(|| format!("archive {name}"))?;
    Ok(std::mem::take(builder.get_mut()))
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// A path as it is written, from the context's top; empty: the context itself.
fn inside(source: &str) -> Result<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_some() => {}
            ".." => {
                let message = format!("COPY {source} leads out of the build's context");
                return Err(Unfit(message).into());
            }
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

fn glob(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|error| Unfit(format!("COPY {pattern}: {error}")))?;
    Ok(glob.compile_matcher())
}

/// What `.dockerignore` leaves out: the last line that covers a path, or a folder that it is in,
/// decides.
struct Ignored {
    rules: Vec<(bool, GlobMatcher)>,
}

impl Ignored {
    fn read(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let rules =
            lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(|line| {
                let (leaves_out, pattern) = match line.strip_prefix('!') {
                    Some(pattern) => (false, pattern.trim()),
                    None => (true, line),
                };
                let pattern = pattern.trim_start_matches("./").trim_matches('/');
                let glob = GlobBuilder::new(pattern).literal_separator(true).build().ok()?;
                Some((leaves_out, glob.compile_matcher()))
            });
        Self { rules: rules.collect() }
    }

    fn covers(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let parents: Vec<&str> = ends.filter_map(|end| path.get(..end)).collect();
        self.rules.iter().fold(false, |covered, (leaves_out, glob)| {
            if parents.iter().any(|parent| glob.is_match(parent)) { *leaves_out } else { covered }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_dockerignore_that_covers_a_path_decides() {
        let ignored = Ignored::read("# no\nnode_modules\n**/*.log\n!keep/**\n/docs/\n./a.txt\n");
        let table = [
            ("node_modules/x/y.js", true),
            ("sub/node_modules/x", false),
            ("a/b/c.log", true),
            ("top.log", true),
            ("keep/c.log", false),
            ("docs/x.md", true),
            ("a.txt", true),
            ("src/main.rs", false),
        ];
        for (path, covered) in table {
            assert_eq!(ignored.covers(path), covered, "{path}");
        }
    }

    #[test]
    fn paths_do_not_lead_out_of_the_context() {
        for (source, expected) in [(".", ""), ("./a//b/", "a/b"), ("/a/../b", "b"), ("/", "")] {
            assert_eq!(inside(source).unwrap(), expected, "{source}");
        }
        assert!(inside("../a").is_err());
        assert!(inside("a/../../b").is_err());
    }
}
