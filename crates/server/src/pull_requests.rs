//! Pull requests kept by Errand itself, in the store: one record each, and an index a repository.
//!
//! The index gives out numbers and knows the open one of each branch. It is written first, so a
//! crash between the two leaves a number whose record the next call writes.

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use forge::pull_request::{Content, PullRequest, Stage, State};
use forge::store::{PullRequestStore, Replaced, RepositoryKey};
use git::name::{BranchName, CommitId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Store;
use store::kv::{Entry, Expect, Put};

const INDEX: &str = "pull-request-index";
const RECORD: &str = "pull-request";
/// Times a change is tried again after somebody else changed the index first.
const ROUNDS: u32 = 50;
/// Pull requests listed.
const LISTED: u16 = 1000;

/// The store as the forge sees it.
pub struct StoredPullRequests(pub Store);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    last: u64,
    open: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    number: u64,
    title: String,
    body: String,
    head: String,
    commit: String,
    base: String,
    draft: bool,
    state: String,
    state_commit: Option<String>,
}

impl Record {
    fn new(pull: &PullRequest) -> Self {
        let (state, commit) = match &pull.state {
            State::Open => ("open", None),
            State::Merging { commit } => ("merging", Some(commit)),
            State::Merged { commit } => ("merged", Some(commit)),
            State::Closed => ("closed", None),
        };
        let content = &pull.content;
        Self {
            number: pull.number,
            title: content.title.clone(),
            body: content.body.clone(),
            head: content.head.to_string(),
            commit: content.commit.to_string(),
            base: content.base.to_string(),
            draft: content.stage == Stage::Draft,
            state: state.to_owned(),
            state_commit: commit.map(ToString::to_string),
        }
    }

    fn pull(&self) -> Result<PullRequest> {
        let commit = || -> Result<CommitId> {
            Ok(CommitId::parse(
                self.state_commit.as_deref().context("the record names no commit")?,
            )?)
        };
        let state = match self.state.as_str() {
            "open" => State::Open,
            "merging" => State::Merging { commit: commit()? },
            "merged" => State::Merged { commit: commit()? },
            "closed" => State::Closed,
            other => bail!("a pull request is {other:?}"),
        };
        let content = Content {
            title: self.title.clone(),
            body: self.body.clone(),
            head: BranchName::parse(&self.head)?,
            commit: CommitId::parse(&self.commit)?,
            base: BranchName::parse(&self.base)?,
            stage: if self.draft { Stage::Draft } else { Stage::Ready },
        };
        Ok(PullRequest { number: self.number, content, state })
    }
}

fn record_key(key: &RepositoryKey, number: u64) -> String {
    // Twenty digits hold every number and sort as numbers do.
    format!("{}\n{number:020}", key.repository)
}

fn read(entry: &Entry) -> Result<PullRequest> {
    serde_json::from_str::<Record>(&entry.body).context("decode a pull request")?.pull()
}

impl StoredPullRequests {
    async fn entry(&self, key: &RepositoryKey, number: u64) -> Result<Option<Entry>> {
        Ok(self.0.get(&key.org, RECORD, &record_key(key, number)).await?)
    }

    async fn index(&self, key: &RepositoryKey) -> Result<(Index, Expect)> {
        match self.0.get(&key.org, INDEX, &key.repository).await? {
            Some(entry) => Ok((
                serde_json::from_str(&entry.body).context("decode the index")?,
                Expect::Version(entry.version),
            )),
            None => Ok((Index::default(), Expect::Absent)),
        }
    }

    /// Changes the index; `change` says whether there is anything to write.
    async fn change<T>(
        &self,
        key: &RepositoryKey,
        change: impl Fn(&mut Index) -> (T, bool),
    ) -> Result<T> {
        for _ in 0..ROUNDS {
            let (mut index, expect) = self.index(key).await?;
            let (outcome, changed) = change(&mut index);
            if !changed {
                return Ok(outcome);
            }
            let body = serde_json::to_string(&index).context("encode the index")?;
            if let Put::Done(_) =
                self.0.put(&key.org, INDEX, &key.repository, expect, &body).await?
            {
                return Ok(outcome);
            }
        }
        bail!("the index of pull requests was always changed by somebody else first")
    }
}

#[async_trait]
impl PullRequestStore for StoredPullRequests {
    async fn open(&self, key: &RepositoryKey, content: &Content) -> Result<PullRequest> {
        let head = content.head.to_string();
        let number = self
            .change(key, |index| match index.open.get(&head) {
                Some(number) => (*number, false),
                None => {
                    index.last += 1;
                    index.open.insert(head.clone(), index.last);
                    (index.last, true)
                }
            })
            .await?;
        let made = PullRequest { number, content: content.clone(), state: State::Open };
        let body = serde_json::to_string(&Record::new(&made)).context("encode a pull request")?;
        match self.0.put(&key.org, RECORD, &record_key(key, number), Expect::Absent, &body).await? {
            Put::Done(_) => Ok(made),
            Put::Conflict => self.get(key, number).await?.context("the record vanished"),
        }
    }

    async fn replace(
        &self,
        key: &RepositoryKey,
        was: &State,
        pull: &PullRequest,
    ) -> Result<Replaced> {
        let entry = self.entry(key, pull.number).await?.context("no such record")?;
        if read(&entry)?.state != *was {
            return Ok(Replaced::Stale);
        }
        let body = serde_json::to_string(&Record::new(pull)).context("encode a pull request")?;
        let expect = Expect::Version(entry.version);
        if self.0.put(&key.org, RECORD, &record_key(key, pull.number), expect, &body).await?
            == Put::Conflict
        {
            return Ok(Replaced::Stale);
        }
        let head = pull.content.head.to_string();
        self.change(key, |index| {
            let open = index.open.get(&head) == Some(&pull.number);
            match (open, pull.state.is_open()) {
                (true, false) => ((), index.open.remove(&head).is_some()),
                (false, true) if !index.open.contains_key(&head) => {
                    ((), index.open.insert(head.clone(), pull.number).is_none())
                }
                (true, true) | (false, _) => ((), false),
            }
        })
        .await?;
        Ok(Replaced::Yes)
    }

    async fn get(&self, key: &RepositoryKey, number: u64) -> Result<Option<PullRequest>> {
        self.entry(key, number).await?.as_ref().map(read).transpose()
    }

    async fn find(&self, key: &RepositoryKey, head: &BranchName) -> Result<Option<PullRequest>> {
        let (index, _) = self.index(key).await?;
        let Some(number) = index.open.get(head.as_str()) else { return Ok(None) };
        Ok(self.get(key, *number).await?.filter(|pull| pull.state.is_open()))
    }

    async fn list(&self, key: &RepositoryKey) -> Result<Vec<PullRequest>> {
        let prefix = format!("{}\n", key.repository);
        let entries = self.0.list(&key.org, RECORD, &prefix, "", LISTED).await?;
        entries.iter().rev().map(read).collect()
    }
}
