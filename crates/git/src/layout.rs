//! Writes a bare repository by hand: a few small files are faster than starting `git init`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::name::{BranchName, CommitId, ObjectFormat, RefName};

/// What a new bare repository holds.
pub(crate) struct Layout<'a> {
    pub format: ObjectFormat,
    pub head: &'a BranchName,
    /// Object folders it borrows from.
    pub alternates: Vec<PathBuf>,
    pub refs: &'a [(RefName, CommitId)],
}

/// Creates the repository as a whole or not at all; one that exists already is left as it is.
pub(crate) fn create(dir: &Path, layout: &Layout<'_>) -> Result<()> {
    let attempt = "create a repository";
    let parent = dir.parent().ok_or_else(|| Error::other(attempt, "the path has no parent"))?;
    std::fs::create_dir_all(parent).map_err(Error::io(attempt))?;
    let draft =
        tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(Error::io(attempt))?;
    write(draft.path(), layout).map_err(Error::io(attempt))?;
    // Renaming onto a folder that is not empty fails, so the first of two creators wins.
    match std::fs::rename(draft.path(), dir) {
        Ok(()) => {
            let _gone: PathBuf = draft.keep();
            Ok(())
        }
        Err(_) if dir.join("HEAD").is_file() => Ok(()),
        Err(source) => Err(Error::Io { attempt, source }),
    }
}

fn write(dir: &Path, layout: &Layout<'_>) -> std::io::Result<()> {
    for sub in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(dir.join(sub))?;
    }
    std::fs::write(dir.join("config"), config(layout.format))?;
    std::fs::write(dir.join("HEAD"), format!("ref: {}\n", layout.head.to_ref()))?;
    if !layout.alternates.is_empty() {
        let mut lines = Vec::new();
        for path in &layout.alternates {
            use std::os::unix::ffi::OsStrExt;
            lines.extend_from_slice(path.as_os_str().as_bytes());
            lines.push(b'\n');
        }
        std::fs::write(dir.join("objects/info/alternates"), lines)?;
    }
    if !layout.refs.is_empty() {
        std::fs::write(dir.join("packed-refs"), packed(layout.refs))?;
    }
    Ok(())
}

const fn config(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Sha1 => "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        ObjectFormat::Sha256 => {
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
        }
    }
}

fn packed(refs: &[(RefName, CommitId)]) -> String {
    let mut sorted: Vec<_> = refs.iter().collect();
    sorted.sort();
    let mut text = "# pack-refs with: sorted \n".to_owned();
    for (name, id) in sorted {
        text.push_str(&format!("{id} {name}\n"));
    }
    text
}

/// The hash a repository uses, from its own configuration file.
pub(crate) fn format_of(dir: &Path) -> Result<ObjectFormat> {
    let text =
        std::fs::read_to_string(dir.join("config")).map_err(Error::io("open a repository"))?;
    let sha256 = text.lines().any(|line| {
        let line: String = line.to_ascii_lowercase().split_whitespace().collect();
        line == "objectformat=sha256"
    });
    Ok(if sha256 { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 })
}
