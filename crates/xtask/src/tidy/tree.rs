//! The project's text files.

use super::rust;
use anyhow::Context;
use std::path::Path;

/// Folders that are not ours or not written by hand.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", "generated", "test-results"];
/// Hidden folders that are looked at all the same.
const HIDDEN: &[&str] = &[".cargo", ".github"];
/// Endings of files that are read.
const READ: &[&str] =
    &["rs", "toml", "md", "sql", "sh", "yml", "yaml", "ts", "tsx", "js", "css", "html"];
/// Files without an ending that are read.
const READ_WHOLE: &[&str] = &["Makefile", "Dockerfile"];
/// Bytes above which a file is data, not text written by a person.
const FILE_BYTES: u64 = 1024 * 1024;

/// One file.
pub(super) struct File {
    /// Path from the root, with `/`.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
    /// For Rust: the text with comments and literals blanked; else empty.
    pub(super) code: String,
}

impl File {
    /// A file as it was read.
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if path.ends_with(".rs") { rust::blank(&text) } else { String::new() };
        Self { path, text, code }
    }

    /// Whether it is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Reads all files below the root.
pub(super) fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("list /{prefix}"))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("list /{prefix}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type().with_context(|| format!("look at {path}"))?;
        let hidden = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
        if kind.is_dir() && !hidden && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &path, files)?;
        } else if kind.is_file() && is_read(&name) && entry.metadata()?.len() <= FILE_BYTES {
            // Whatever is not UTF-8 was not written for people.
            if let Ok(text) = std::fs::read_to_string(entry.path()) {
                files.push(File::new(path, text));
            }
        }
    }
    Ok(())
}

fn is_read(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| READ.contains(&ending)) || READ_WHOLE.contains(&name)
}
