//! A bare repository as a host sees it. Branches are read from its files, which is quick; all else
//! is git.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder that is a bare repository.
#[derive(Debug, Clone)]
pub(super) struct Bare(pub(super) PathBuf);

/// What merging two branches comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merging {
    /// This tree.
    Clean(String),
    /// Both changed the same places.
    Conflicts,
}

impl Bare {
    #[expect(clippy::disallowed_methods, reason = "the program under the fake is git's own")]
    fn run(&self, args: &[&str]) -> Option<Output> {
        Command::new("git")
            .args(["-c", "user.name=Forge", "-c", "user.email=forge@forge.example"])
            .args(["-c", "safe.directory=*"])
            .arg("--git-dir")
            .arg(&self.0)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null())
            .output()
            .ok()
    }

    pub(super) fn git(&self, args: &[&str]) -> Option<String> {
        let output = self.run(args)?;
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        output.status.success().then_some(said)
    }

    /// The commit of a branch.
    pub(super) fn tip(&self, branch: &str) -> Option<String> {
        let name = Path::new("refs/heads").join(branch);
        if let Ok(commit) = std::fs::read_to_string(self.0.join(&name)) {
            return Some(commit.trim().to_owned());
        }
        let packed = std::fs::read_to_string(self.0.join("packed-refs")).ok()?;
        let name = name.to_str()?;
        packed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find_map(|(commit, of)| (of == name).then(|| commit.to_owned()))
    }

    /// Branches and their commits, by name.
    pub(super) fn branches(&self) -> Vec<(String, String)> {
        let format = "--format=%(refname:lstrip=2) %(objectname)";
        let said = self.git(&["for-each-ref", format, "refs/heads"]).unwrap_or_default();
        let pairs = said.lines().filter_map(|line| line.rsplit_once(' '));
        pairs.map(|(name, commit)| (name.to_owned(), commit.to_owned())).collect()
    }

    /// The branch that `HEAD` names.
    pub(super) fn default_branch(&self) -> String {
        let head = std::fs::read_to_string(self.0.join("HEAD")).unwrap_or_default();
        head.trim().strip_prefix("ref: refs/heads/").unwrap_or("main").to_owned()
    }

    /// Commits of `to` that `from` lacks.
    pub(super) fn count(&self, from: &str, to: &str) -> Option<u64> {
        self.git(&["rev-list", "--count", &format!("{from}..{to}")])?.parse().ok()
    }

    pub(super) fn merging(&self, base: &str, head: &str) -> Option<Merging> {
        let output = self.run(&["merge-tree", "--write-tree", base, head])?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => Some(Merging::Clean(said.lines().next()?.to_owned())),
            Some(1) => Some(Merging::Conflicts),
            Some(_) | None => None,
        }
    }

    /// The files that stand against merging.
    pub(super) fn conflict_files(&self, base: &str, head: &str) -> Vec<String> {
        let args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", base, head];
        let output = self.run(&args).map(|output| output.stdout).unwrap_or_default();
        let said = String::from_utf8_lossy(&output).into_owned();
        said.lines().skip(1).map(ToOwned::to_owned).collect()
    }

    /// Merges and moves the branch, if it is still where it was.
    pub(super) fn merge(
        &self,
        base: &str,
        tree: &str,
        head: &str,
        message: &str,
    ) -> Option<String> {
        let was = self.tip(base)?;
        let parents = ["-p", &was, "-p", head];
        let commit = self.git(&[&["commit-tree", tree, "-m", message], &parents[..]].concat())?;
        self.git(&["update-ref", &format!("refs/heads/{base}"), &commit, &was])?;
        Some(commit)
    }

    /// Names of a folder's entries.
    pub(super) fn folder(&self, folder: &str) -> Option<Vec<String>> {
        let at = format!("{}:{folder}", self.default_branch());
        Some(self.git(&["ls-tree", "--name-only", &at])?.lines().map(ToOwned::to_owned).collect())
    }

    /// A file's bytes.
    pub(super) fn file(&self, path: &str) -> Option<Vec<u8>> {
        let output =
            self.run(&["cat-file", "blob", &format!("{}:{path}", self.default_branch())])?;
        output.status.success().then_some(output.stdout)
    }
}
