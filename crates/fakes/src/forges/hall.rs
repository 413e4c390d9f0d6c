//! What a host knows: people, tokens, repositories, and what stands around pull requests.

mod checks;
mod issues;

pub use checks::Run;
pub use issues::Issue;
pub(super) use issues::Under;

use super::Kind;
use super::bare::{Bare, Merging};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What somebody may do, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Nothing.
    None,
    /// See.
    Read,
    /// Push.
    Write,
    /// Everything.
    Admin,
}

/// Everything.
pub struct Hall {
    kind: Kind,
    folder: PathBuf,
    /// People and what they may do everywhere.
    pub people: BTreeMap<String, Right>,
    /// Tokens and whose they are.
    pub tokens: BTreeMap<String, Token>,
    /// What repositories have beyond git.
    pub repositories: BTreeMap<String, Repository>,
    /// Seconds since 1970.
    pub now: i64,
    /// The app that may sign itself in, if there is one.
    pub app: Option<App>,
    numbers: BTreeMap<String, u64>,
    last_id: u64,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose.
    pub login: String,
    /// The one repository that it is good for, or all.
    pub only: Option<String>,
    /// When it ends.
    pub ends_at: i64,
}

/// An app.
#[derive(Debug, Clone)]
pub struct App {
    /// Its number.
    pub id: String,
    /// Its name in addresses.
    pub slug: String,
    /// Its private key; signatures are compared, for there is one way only to make them.
    pub key_pem: String,
    /// Tokens handed out, each with what was asked for.
    pub handed_out: Vec<serde_json::Value>,
}

/// What a repository has beyond git.
#[derive(Debug, Default)]
pub struct Repository {
    /// Pull requests.
    pub pulls: BTreeMap<u64, Pull>,
    /// Issues.
    pub issues: BTreeMap<u64, Issue>,
    /// What was said under each number.
    pub comments: Vec<Comment>,
    /// Statuses, oldest first.
    pub statuses: Vec<Status>,
    /// Labels that pull requests may have, where they have to be made first.
    pub labels: Vec<String>,
    /// What apps say of commits, where the host has that beside statuses; oldest first.
    pub runs: Vec<Run>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub author: String,
    /// Its title, as it was given.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The branch with the work.
    pub head: String,
    /// The fork that branch is in, if it is not in the repository itself.
    pub fork: Option<String>,
    /// The branch it goes to.
    pub base: String,
    /// Whether it is a draft, where the host has that apart from the title.
    pub draft: bool,
    /// Where it is in its life.
    pub life: Life,
    /// Who is asked for a review.
    pub reviewers: Vec<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Reviews: who, the host's word, text.
    pub reviews: Vec<(String, String, String)>,
    /// Whether the host was asked for its mergeability since its branches moved.
    pub looked: Option<(String, String)>,
}

/// Where a pull request is in its life; what is over knows its last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It waits.
    Open,
    /// It was given up.
    Closed {
        /// The head then.
        head: String,
    },
    /// It is in the base.
    Merged {
        /// The head then.
        head: String,
        /// The commit that merged it.
        commit: String,
    },
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// What it is about.
    pub number: u64,
    /// Whether that is an issue.
    pub on_issue: bool,
    /// Who wrote it.
    pub author: String,
    /// What.
    pub body: String,
    /// The file and line, if it is about one.
    pub line: Option<(String, u64)>,
    /// The comment that it answers.
    pub answers: Option<u64>,
}

/// A status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub id: u64,
    /// Of which commit.
    pub commit: String,
    /// Its name.
    pub context: String,
    /// The host's word.
    pub state: String,
    /// What it says.
    pub description: String,
    /// Where more is.
    pub link: Option<String>,
    /// What the job behind it printed, where the host runs jobs itself.
    pub log: Option<String>,
}

/// A pull request to be opened.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) author: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) head: String,
    pub(super) base: String,
    pub(super) draft: bool,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum No {
    HeadMissing,
    BaseMissing,
    Nothing,
    Exists(u64),
    Moved,
    Conflicts,
}

impl Hall {
    pub(super) fn new(kind: Kind, folder: PathBuf) -> Self {
        Self {
            kind,
            folder,
            people: BTreeMap::new(),
            tokens: BTreeMap::new(),
            repositories: BTreeMap::new(),
            now: 1_780_000_000,
            app: None,
            numbers: BTreeMap::new(),
            last_id: 100,
        }
    }

    /// All repositories, `owner/name`; owners may have groups below them.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![(self.folder.clone(), String::new())];
        while let Some((folder, before)) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = format!("{before}{}", entry.file_name().to_string_lossy());
                match name.strip_suffix(".git") {
                    Some(name) => names.push(name.to_owned()),
                    None => folders.push((entry.path(), format!("{name}/"))),
                }
            }
        }
        names.sort();
        names
    }

    /// Those that somebody may see.
    pub(super) fn seen_by(&self, login: &str) -> Vec<(String, Bare)> {
        if self.right(login) == Right::None {
            return Vec::new();
        }
        let names = self.names().into_iter();
        names.filter_map(|name| self.bare(&name).map(|bare| (name, bare))).collect()
    }

    /// Lets somebody in with a token.
    pub fn admit(&mut self, login: &str, right: Right, token: &str) {
        self.people.insert(login.to_owned(), right);
        let token_told = Token { login: login.to_owned(), only: None, ends_at: i64::MAX };
        self.tokens.insert(token.to_owned(), token_told);
    }

    /// What somebody wrote, as if they had done it on the host's page.
    pub fn say(&mut self, repository: &str, number: u64, author: &str, body: &str) -> u64 {
        self.say_at(repository, number, author, body, None)
    }

    /// The same about a line of a file.
    pub fn say_at(
        &mut self,
        repository: &str,
        number: u64,
        author: &str,
        body: &str,
        line: Option<(String, u64)>,
    ) -> u64 {
        let id = self.next_id();
        let (author, body) = (author.to_owned(), body.to_owned());
        let said = Comment { id, number, on_issue: false, author, body, line, answers: None };
        self.repository(repository).comments.push(said);
        id
    }

    /// What a reviewer does on the host's pages: approves, and asks about the first line of
    /// `a.txt`.
    pub fn review(&mut self, kind: Kind, repository: &str, number: u64, reviewer: &str) {
        let word = match kind {
            Kind::Github | Kind::Gitea => "APPROVED",
            Kind::Gitlab | Kind::Bitbucket => "approved",
        };
        let review = (reviewer.to_owned(), word.to_owned(), "Fine.".to_owned());
        if let Some(pull) = self.repository(repository).pulls.get_mut(&number) {
            pull.reviews.push(review);
        }
        self.say_at(repository, number, reviewer, "Why?", Some(("a.txt".to_owned(), 1)));
    }

    /// A pull request that somebody opens out of a fork, from a branch of the same name as one here.
    pub fn open_from_fork(&mut self, repository: &str, fork: &str, head: &str, title: &str) -> u64 {
        let author = fork.split('/').next().unwrap_or_default().to_owned();
        let number = self.next_pull(repository);
        let pull = Pull {
            number,
            author,
            title: title.to_owned(),
            body: String::new(),
            head: head.to_owned(),
            fork: Some(fork.to_owned()),
            base: "main".to_owned(),
            draft: false,
            life: Life::Open,
            reviewers: Vec::new(),
            labels: Vec::new(),
            reviews: Vec::new(),
            looked: None,
        };
        self.repository(repository).pulls.insert(number, pull);
        number
    }

    /// A repository's records.
    pub fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    /// The pull requests of a repository that are open.
    pub fn open(&mut self, name: &str) -> Vec<Pull> {
        let pulls = self.repository(name).pulls.values();
        pulls.filter(|pull| pull.life == Life::Open).cloned().collect()
    }

    /// Whose a token is.
    pub fn whose(&self, token: &str) -> Option<&str> {
        let token = self.tokens.get(token).filter(|token| self.now < token.ends_at)?;
        Some(&token.login)
    }

    /// What somebody may do.
    pub fn right(&self, login: &str) -> Right {
        self.people.get(login).copied().unwrap_or(Right::None)
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The number of a repository, on hosts that number them.
    pub(super) fn number_of(&mut self, name: &str) -> u64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.next_id();
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The repository that has this number by now.
    pub(super) fn name_of(&self, number: u64) -> Option<&str> {
        let mut found = self.numbers.iter().filter(|(_, known)| **known == number);
        found.next().map(|(name, _)| name.as_str())
    }

    /// The git repository of that name, if there is one.
    pub(super) fn bare(&self, name: &str) -> Option<Bare> {
        let folder = self.folder.join(format!("{name}.git"));
        (!name.contains("..") && folder.join("HEAD").is_file()).then_some(Bare(folder))
    }

    /// The commit of a pull request's head: of what is over, the last one.
    pub(super) fn head_of(&self, name: &str, pull: &Pull) -> String {
        match &pull.life {
            Life::Open => self.bare(name).and_then(|bare| bare.tip(&pull.head)).unwrap_or_default(),
            Life::Closed { head } | Life::Merged { head, .. } => head.clone(),
        }
    }

    /// Opens a pull request, if the branches are there and none is open for both.
    pub(super) fn open_pull(&mut self, name: &str, bare: &Bare, wish: Wish) -> Result<Pull, No> {
        let base = bare.tip(&wish.base).ok_or(No::BaseMissing)?;
        let head = bare.tip(&wish.head).ok_or(No::HeadMissing)?;
        let same =
            |pull: &&Pull| pull.fork.is_none() && pull.head == wish.head && pull.base == wish.base;
        if let Some(found) = self.open(name).iter().find(same) {
            return Err(No::Exists(found.number));
        }
        if base == head {
            return Err(No::Nothing);
        }
        let number = self.next_pull(name);
        let Wish { author, title, body, head, base, draft } = wish;
        let (reviewers, labels, reviews) = (Vec::new(), Vec::new(), Vec::new());
        let life = Life::Open;
        let pull = Pull {
            number,
            author,
            title,
            body,
            head,
            fork: None,
            base,
            draft,
            life,
            reviewers,
            labels,
            reviews,
            looked: None,
        };
        self.repository(name).pulls.insert(number, pull.clone());
        Ok(pull)
    }

    /// Merges an open one whose head is the commit named.
    pub(super) fn merge(
        &mut self,
        name: &str,
        bare: &Bare,
        pull: &Pull,
        seen: Option<&str>,
    ) -> Result<String, No> {
        let head = self.head_of(name, pull);
        if seen.is_some_and(|seen| seen != head) {
            return Err(No::Moved);
        }
        let Some(Merging::Clean(tree)) = bare.merging(&pull.base, &head) else {
            return Err(No::Conflicts);
        };
        let message = format!("Merge pull request #{} from {}", pull.number, pull.head);
        let commit = bare.merge(&pull.base, &tree, &head, &message).ok_or(No::Moved)?;
        let life = Life::Merged { head, commit: commit.clone() };
        self.repository(name).pulls.insert(pull.number, Pull { life, ..pull.clone() });
        Ok(commit)
    }

    /// Whether one could be merged. Hosts find out in the background: the first question after a
    /// branch moved gets no answer.
    pub(super) fn mergeable(&mut self, name: &str, bare: &Bare, pull: &Pull) -> Option<bool> {
        let tips = (bare.tip(&pull.head)?, bare.tip(&pull.base)?);
        if pull.looked.as_ref() == Some(&tips) {
            return Some(matches!(bare.merging(&tips.1, &tips.0)?, Merging::Clean(_)));
        }
        let kept = self.repository(name).pulls.get_mut(&pull.number)?;
        kept.looked = Some(tips);
        None
    }

    /// The newest status of each name of a commit.
    pub(super) fn statuses(&mut self, name: &str, commit: &str) -> Vec<Status> {
        let mut newest = BTreeMap::new();
        for status in &self.repository(name).statuses {
            if status.commit == commit {
                newest.insert(status.context.clone(), status.clone());
            }
        }
        newest.into_values().collect()
    }
}
