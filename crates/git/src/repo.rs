//! A bare repository of ours: what a mirror and an agent's repository have in common.
//!
//! The operations stand beside their nouns: reading in [`crate::objects`], refs in [`crate::refs`],
//! making commits in [`crate::commit`], asking about history in [`crate::history`], comparing in
//! [`crate::diff`], taking packs in [`crate::pack`], publishing in [`crate::push`].

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::name::ObjectFormat;
use crate::runner::{Call, Git};

/// A bare repository that we created.
#[derive(Debug, Clone)]
pub struct Repo {
    git: Git,
    dir: PathBuf,
    format: ObjectFormat,
    /// Whether nobody else's git works in it.
    is_own: bool,
}

impl Repo {
    /// Opens the repository in this folder without starting git.
    pub fn open(git: &Git, dir: &Path) -> Result<Self> {
        let attempt = "open a repository";
        if !dir.is_absolute() {
            return Err(Error::other(attempt, "the path is not absolute"));
        }
        if !dir.join("HEAD").is_file() || !dir.join("objects").is_dir() {
            return Err(Error::NotFound { attempt, detail: dir.display().to_string() });
        }
        let format = crate::layout::format_of(dir)?;
        Ok(Self { git: git.clone(), dir: dir.to_owned(), format, is_own: false })
    }

    /// The same for one in which nobody else's git works: locks that a killed git left there are removed.
    pub fn open_own(git: &Git, dir: &Path) -> Result<Self> {
        Ok(Self { is_own: true, ..Self::open(git, dir)? })
    }

    /// The folder it lies in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The hash its objects are named by.
    pub const fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The runner it was opened with.
    pub const fn git(&self) -> &Git {
        &self.git
    }

    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.dir.join("objects")
    }

    pub(crate) fn call(&self, attempt: &'static str) -> Call<'_> {
        // TRUST: attributes committed by whoever wrote the branch must not hide lines from a diff
        // or choose how a merge is done, so they are read from the empty tree.
        let call = self.git.call(attempt).repo(&self.dir);
        let call = if self.is_own { call.own(&self.dir) } else { call };
        call.config("attr.tree", self.format.empty_tree())
    }
}
