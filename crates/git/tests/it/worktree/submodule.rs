//! A repository that others have as a submodule, and its checkouts.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::fixture::git_in;

/// Where it is declared, in the form of `.gitmodules`.
pub const DECLARATION: &str = "[submodule \"sub\"]\n\tpath = sub\n\turl = ../sub\n";
/// Its place in the repositories that have it.
pub const PATH: &str = "sub";

struct Source {
    folder: tempfile::TempDir,
    commits: Vec<String>,
}

fn source() -> &'static Source {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| git_in(folder.path(), args, b"").trim().to_owned();
        git(&["init", "-q"]);
        let commits = ["one", "two", "three"].map(|name| {
            std::fs::write(folder.path().join("file"), name).unwrap();
            git(&["add", "file"]);
            git(&["commit", "-q", "-m", name]);
            git(&["rev-parse", "HEAD"])
        });
        Source { folder, commits: commits.to_vec() }
    })
}

/// Its commits.
pub fn commits() -> &'static [String] {
    &source().commits
}

/// Puts a checkout of one of its commits there.
pub fn check_out(commit: &str, at: &Path) {
    super::random::copy(source().folder.path(), at);
    std::fs::write(at.join(".git/HEAD"), format!("{commit}\n")).unwrap();
    std::fs::write(at.join("file"), "checked out\n").unwrap();
}

/// The commit of a checkout of it.
pub fn commit_in(folder: &Path) -> Option<String> {
    let head: PathBuf = folder.join(".git/HEAD");
    Some(std::fs::read_to_string(head).ok()?.trim().to_owned())
}
