//! An agent's own bare repository: it borrows its mirror's objects and holds only this agent's refs.
//!
//! The one that serves an agent must hold nothing of other agents: objects are served by id.

use std::ops::Deref;
use std::path::Path;

use crate::error::Result;
use crate::layout::{self, Layout};
use crate::mirror::Mirror;
use crate::name::{BranchName, CommitId, ObjectFormat, RefName};
use crate::repo::Repo;
use crate::runner::Git;

/// A bare repository of one agent.
#[derive(Debug, Clone)]
pub struct AgentRepo {
    repo: Repo,
}

impl Deref for AgentRepo {
    type Target = Repo;
    fn deref(&self) -> &Repo {
        &self.repo
    }
}

impl AgentRepo {
    /// Creates the repository with these refs, without starting git; an existing one is opened.
    pub fn create(
        dir: &Path,
        mirror: &Mirror,
        head: &BranchName,
        refs: &[(RefName, CommitId)],
    ) -> Result<Self> {
        let alternates = vec![mirror.objects_dir()];
        layout::create(dir, &Layout { format: mirror.format(), head, alternates, refs })?;
        Self::open(mirror.git(), dir)
    }

    /// Creates a repository that borrows from nobody, for work without an upstream.
    pub fn create_alone(git: &Git, dir: &Path, head: &BranchName) -> Result<Self> {
        let format = ObjectFormat::Sha1;
        layout::create(dir, &Layout { format, head, alternates: Vec::new(), refs: &[] })?;
        Self::open(git, dir)
    }

    /// Opens a repository that exists.
    pub fn open(git: &Git, dir: &Path) -> Result<Self> {
        Ok(Self { repo: Repo::open_own(git, dir)? })
    }
}
