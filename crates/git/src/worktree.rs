//! A person's own worktree: read as a tree, and brought up to date with somebody else's changes.
//!
//! ```text
//!   worktree ──snapshot──► tree ──pack──► elsewhere            (up)
//!   elsewhere ──receive──► tree ──merge with snapshot──► plan ──apply──► worktree   (down)
//! ```
//!
//! The person's `.git` is never git's own here: everything runs in a [`desk`], a repository of ours
//! that borrows its objects, with a copy of its index and none of its configuration, so that
//! neither hooks nor filters nor monitors run. What is kept at the end is objects and refs below
//! `refs/errand`. Read in this order: this file opens the worktree, [`desk`] prepares, [`snapshot`]
//! reads (`remembered` keeps what it read for the next time), [`outgoing`] packs, [`merge`] joins,
//! [`check`] judges names, [`plan`] decides, [`apply`] writes through `beneath`, and `journal`
//! finishes what was interrupted.

pub mod apply;
mod beneath;
pub mod check;
pub mod desk;
pub mod journal;
pub mod merge;
pub mod outgoing;
pub mod plan;
mod remembered;
pub mod snapshot;

use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::commit::CommitDraft;
use crate::error::{Error, Result};
use crate::name::{BlobId, CommitId, ObjectFormat, RefName, TreeId};
use crate::repo::Repo;
use crate::runner::{Call, Git, Input};

const OPEN: &str = "open the worktree";
/// Bytes of a configuration that is looked at.
const CONFIG_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Settings that change how files and blobs relate; all others stay unread.
///
/// TRUST: none of them names a program.
const CARRIED: &[&str] = &[
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.trustctime",
    "core.checkstat",
    "core.excludesfile",
    "core.attributesfile",
];

/// Where a person keeps what holds for all repositories.
#[derive(Debug, Clone, Default)]
pub struct Personal {
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The folder of git's settings, mostly `~/.config/git`.
    pub config: Option<PathBuf>,
}

/// A worktree with the repository it belongs to.
#[derive(Debug, Clone)]
pub struct Worktree {
    git: Git,
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    carried: Vec<(String, String)>,
    remotes: Vec<(String, String)>,
    remembers_from: u64,
}

impl Worktree {
    /// Opens the worktree that the folder lies in.
    pub async fn open(git: &Git, folder: &Path, personal: &Personal) -> Result<Self> {
        let folder = folder.canonicalize().map_err(Error::io(OPEN))?;
        let found = folder.ancestors().find(|above| above.join(".git").symlink_metadata().is_ok());
        let missing = || Error::NotFound {
            attempt: OPEN,
            detail: format!("{} is in no git worktree", folder.display()),
        };
        let root = found.ok_or_else(missing)?.to_owned();
        let git_dir = git_dir_of(&root)?;
        let common_dir = common_dir_of(&git_dir)?;
        let mut worktree = Self {
            git: git.clone(),
            root,
            git_dir,
            common_dir,
            carried: Vec::new(),
            remotes: Vec::new(),
            remembers_from: remembered::KEPT_FROM_BYTES,
        };
        worktree.repo()?;
        worktree.read_settings(personal).await?;
        Ok(worktree)
    }

    /// The same, remembering what it read from this size of the index on, in bytes.
    #[must_use]
    pub fn remembering_from(self, bytes: u64) -> Self {
        Self { remembers_from: bytes, ..self }
    }

    /// The top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository, for objects and refs.
    pub fn repo(&self) -> Result<Repo> {
        Repo::open(&self.git, &self.common_dir)
    }

    /// The hash its objects are named by.
    pub fn format(&self) -> Result<ObjectFormat> {
        Ok(self.repo()?.format())
    }

    /// The address of a remote, as it stands in the configuration.
    pub fn remote_url(&self, name: &str) -> Option<&str> {
        self.remotes.iter().find(|(known, _)| known == name).map(|(_, url)| url.as_str())
    }

    /// The commit it stands at; none before the first.
    pub async fn head(&self) -> Result<Option<CommitId>> {
        self.commit_of("HEAD").await
    }

    /// The commit that a name stands for, if it is here.
    pub async fn commit_of(&self, name: &str) -> Result<Option<CommitId>> {
        let spec = format!("{name}^{{commit}}");
        let call = self.call("look up a commit");
        let output =
            call.args(["rev-parse", "--verify", "-q", "--end-of-options", &spec]).finish().await?;
        Ok(CommitId::parse(output.text().trim()).ok())
    }

    /// The tree of what a name stands for, if it is here.
    pub async fn tree_of(&self, name: &str) -> Result<Option<TreeId>> {
        let spec = format!("{name}^{{tree}}");
        let call = self.call("look up a tree");
        let output =
            call.args(["rev-parse", "--verify", "-q", "--end-of-options", &spec]).finish().await?;
        Ok(TreeId::parse(output.text().trim()).ok())
    }

    /// The objects that expressions stand for, in the order asked, of those that are here.
    pub async fn objects_of(&self, expressions: &[String]) -> Result<Vec<Option<String>>> {
        let call = self.call("look up objects").args(["cat-file", "--batch-check=%(objectname)"]);
        let ask: String = expressions.iter().map(|text| format!("{text}\n")).collect();
        let answer = call.input(Input::Bytes(ask.into_bytes())).run().await?.text();
        let found = answer.lines().map(|line| BlobId::parse(line).ok().map(|_| line.to_owned()));
        Ok(found.collect())
    }

    /// The branch that is checked out, if one is.
    pub async fn branch(&self) -> Result<Option<String>> {
        let call = self.call("look up the branch");
        let output = call.args(["symbolic-ref", "-q", "--short", "HEAD"]).finish().await?;
        let text = output.text().trim().to_owned();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Writes a commit and lets a ref point to it, whatever it pointed to before.
    pub async fn mark(&self, name: &RefName, draft: &CommitDraft) -> Result<CommitId> {
        let repo = self.repo()?;
        let commit = repo.commit(draft).await?;
        repo.update_ref(name, &commit, crate::refs::Expected::Any).await?;
        Ok(commit)
    }

    /// Git on the person's own repository: reads names and nothing else.
    fn call(&self, attempt: &'static str) -> Call<'_> {
        self.git.call(attempt).repo(&self.git_dir)
    }

    fn objects(&self) -> PathBuf {
        self.common_dir.join("objects")
    }

    /// What is kept between two calls lies here.
    fn home(&self) -> PathBuf {
        self.git_dir.join("errand")
    }

    async fn read_settings(&mut self, personal: &Personal) -> Result<()> {
        let of = |folder: &Option<PathBuf>, name: &str| folder.as_ref().map(|dir| dir.join(name));
        let files = [
            Some(PathBuf::from("/etc/gitconfig")),
            of(&personal.config, "config"),
            of(&personal.home, ".gitconfig"),
            Some(self.common_dir.join("config")),
            Some(self.git_dir.join("config.worktree")),
        ];
        for (name, file) in [("core.excludesfile", "ignore"), ("core.attributesfile", "attributes")]
        {
            let default = of(&personal.config, file).filter(|path| path.is_file());
            self.carried.extend(default.map(|path| (name.to_owned(), path.display().to_string())));
        }
        for file in files.into_iter().flatten().filter(|file| file.is_file()) {
            let call = self.git.call("read git's settings");
            let output = call
                .args(["config", "--list", "-z", "--includes", "--file"])
                .arg(&file)
                .stdout_max(CONFIG_MAX_BYTES, crate::runner::Overflow::Fail)
                .run()
                .await?;
            self.take_settings(&output.text(), personal);
        }
        Ok(())
    }

    fn take_settings(&mut self, listed: &str, personal: &Personal) {
        for entry in listed.split('\0') {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            if CARRIED.contains(&key) {
                let value = match (value.strip_prefix("~/"), &personal.home) {
                    (Some(rest), Some(home)) => home.join(rest).display().to_string(),
                    (Some(_) | None, _) => value.to_owned(),
                };
                self.carried.retain(|(known, _)| known != key);
                self.carried.push((key.to_owned(), value));
            }
            let remote = key.strip_prefix("remote.").and_then(|rest| rest.strip_suffix(".url"));
            if let Some(name) = remote {
                self.remotes.retain(|(known, _)| known != name);
                self.remotes.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// The folder that `.git` is, or the one that the file `.git` names.
fn git_dir_of(root: &Path) -> Result<PathBuf> {
    let dot = root.join(".git");
    if dot.is_dir() {
        return dot.canonicalize().map_err(Error::io(OPEN));
    }
    let text = std::fs::read(&dot).map_err(Error::io(OPEN))?;
    let path = text.strip_prefix(b"gitdir: ").map(<[u8]>::trim_ascii_end);
    let path = path.ok_or_else(|| Error::other(OPEN, "the file .git names no repository"))?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
    root.join(path).canonicalize().map_err(Error::io(OPEN))
}

/// What all worktrees of a repository share.
fn common_dir_of(git_dir: &Path) -> Result<PathBuf> {
    match std::fs::read(git_dir.join("commondir")) {
        Ok(text) => {
            let path = std::ffi::OsStr::from_bytes(text.trim_ascii_end());
            git_dir.join(path).canonicalize().map_err(Error::io(OPEN))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(git_dir.to_owned()),
        Err(source) => Err(Error::Io { attempt: OPEN, source }),
    }
}
