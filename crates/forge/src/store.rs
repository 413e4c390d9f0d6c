//! Where Errand keeps the pull requests of remotes that have none. The server implements it on its
//! own records; [`InMemory`] is a real one for tests and tools.

use crate::pull_request::{Content, PullRequest, State};
use anyhow::Context as _;
use async_trait::async_trait;
use git::name::BranchName;
use protocol::ids::OrgId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whose pull requests, of which repository. The organisation is part of every question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryKey {
    /// The owner.
    pub org: OrgId,
    /// The repository's URL in its one spelling.
    pub repository: String,
}

/// Keeps pull requests. Every call is one transaction.
#[async_trait]
pub trait PullRequestStore: Send + Sync {
    /// Keeps a new one under the repository's next number. One that is open for the same head is
    /// returned instead, unchanged: a crash between two tries makes no second one.
    async fn open(&self, key: &RepositoryKey, content: &Content) -> anyhow::Result<PullRequest>;

    /// Replaces the one with this number if its state is still the one given.
    async fn replace(
        &self,
        key: &RepositoryKey,
        was: &State,
        pull_request: &PullRequest,
    ) -> anyhow::Result<Replaced>;

    /// The one with this number.
    async fn get(&self, key: &RepositoryKey, number: u64) -> anyhow::Result<Option<PullRequest>>;

    /// The open one of a head branch.
    async fn find(
        &self,
        key: &RepositoryKey,
        head: &BranchName,
    ) -> anyhow::Result<Option<PullRequest>>;

    /// All of them, newest first.
    async fn list(&self, key: &RepositoryKey) -> anyhow::Result<Vec<PullRequest>>;
}

/// Whether a replacement took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It did.
    Yes,
    /// Somebody else changed the state meanwhile.
    Stale,
}

type Records = BTreeMap<(RepositoryKey, u64), PullRequest>;

/// A store that forgets when the process ends.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Records>);

impl InMemory {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of<'a>(
    records: &'a Records,
    key: &RepositoryKey,
) -> impl DoubleEndedIterator<Item = &'a PullRequest> {
    let bounds = (key.clone(), 0)..=(key.clone(), u64::MAX);
    records.range(bounds).map(|(_, pull_request)| pull_request)
}

fn open_for<'a>(
    records: &'a Records,
    key: &RepositoryKey,
    head: &BranchName,
) -> Option<&'a PullRequest> {
    of(records, key).find(|found| found.state.is_open() && found.content.head == *head)
}

#[async_trait]
impl PullRequestStore for InMemory {
    async fn open(&self, key: &RepositoryKey, content: &Content) -> anyhow::Result<PullRequest> {
        let mut records = self.records();
        if let Some(found) = open_for(&records, key, &content.head) {
            return Ok(found.clone());
        }
        let number = of(&records, key).next_back().map_or(1, |last| last.number + 1);
        let made = PullRequest { number, content: content.clone(), state: State::Open };
        records.insert((key.clone(), number), made.clone());
        Ok(made)
    }

    async fn replace(
        &self,
        key: &RepositoryKey,
        was: &State,
        pull_request: &PullRequest,
    ) -> anyhow::Result<Replaced> {
        let mut records = self.records();
        let record =
            records.get_mut(&(key.clone(), pull_request.number)).context("no such record")?;
        if record.state != *was {
            return Ok(Replaced::Stale);
        }
        record.clone_from(pull_request);
        Ok(Replaced::Yes)
    }

    async fn get(&self, key: &RepositoryKey, number: u64) -> anyhow::Result<Option<PullRequest>> {
        Ok(self.records().get(&(key.clone(), number)).cloned())
    }

    async fn find(
        &self,
        key: &RepositoryKey,
        head: &BranchName,
    ) -> anyhow::Result<Option<PullRequest>> {
        Ok(open_for(&self.records(), key, head).cloned())
    }

    async fn list(&self, key: &RepositoryKey) -> anyhow::Result<Vec<PullRequest>> {
        Ok(of(&self.records(), key).rev().cloned().collect())
    }
}
