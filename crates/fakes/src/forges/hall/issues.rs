//! Issues. Where pull requests are issues too, both have one series of numbers.

use super::{Comment, Hall, Kind};

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub author: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Whether it is open.
    pub is_open: bool,
    /// Whose it is.
    pub assignees: Vec<String>,
    /// Its labels.
    pub labels: Vec<String>,
}

/// What somebody writes under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::forges) enum Under {
    Issue(u64),
    Pull(u64),
}

impl Under {
    pub(in crate::forges) fn number(self) -> u64 {
        match self {
            Self::Issue(number) | Self::Pull(number) => number,
        }
    }

    pub(in crate::forges) fn is_issue(self) -> bool {
        matches!(self, Self::Issue(_))
    }
}

impl Hall {
    /// Whether issues and pull requests are counted together.
    fn counts_together(&self) -> bool {
        match self.kind {
            Kind::Github | Kind::Gitea => true,
            Kind::Gitlab | Kind::Bitbucket => false,
        }
    }

    fn last(&mut self, repository: &str) -> (u64, u64) {
        let repository = self.repository(repository);
        let pull = repository.pulls.keys().next_back().copied().unwrap_or(0);
        (pull, repository.issues.keys().next_back().copied().unwrap_or(0))
    }

    pub(super) fn next_pull(&mut self, repository: &str) -> u64 {
        let (pull, issue) = self.last(repository);
        if self.counts_together() { pull.max(issue) + 1 } else { pull + 1 }
    }

    /// An issue, as if somebody had opened it on the host's page.
    pub fn open_issue(&mut self, repository: &str, author: &str, title: &str, body: &str) -> u64 {
        let (pull, issue) = self.last(repository);
        let number = if self.counts_together() { pull.max(issue) + 1 } else { issue + 1 };
        let issue = Issue {
            number,
            author: author.to_owned(),
            title: title.to_owned(),
            body: body.to_owned(),
            is_open: true,
            assignees: Vec::new(),
            labels: Vec::new(),
        };
        self.repository(repository).issues.insert(number, issue);
        number
    }

    fn change(&mut self, repository: &str, number: u64, change: impl FnOnce(&mut Issue)) {
        if let Some(issue) = self.repository(repository).issues.get_mut(&number) {
            change(issue);
        }
    }

    /// Gives an issue to somebody.
    pub fn assign(&mut self, repository: &str, number: u64, login: &str) {
        self.change(repository, number, |issue| issue.assignees.push(login.to_owned()));
    }

    /// Puts a label on an issue.
    pub fn label(&mut self, repository: &str, number: u64, label: &str) {
        self.change(repository, number, |issue| issue.labels.push(label.to_owned()));
    }

    /// Closes an issue.
    pub fn close_issue(&mut self, repository: &str, number: u64) {
        self.change(repository, number, |issue| issue.is_open = false);
    }

    /// What somebody wrote under an issue.
    pub fn say_on_issue(&mut self, repository: &str, number: u64, author: &str, body: &str) -> u64 {
        let (id, author, body) = (self.next_id(), author.to_owned(), body.to_owned());
        let said = Comment { id, number, on_issue: true, author, body, line: None, answers: None };
        self.repository(repository).comments.push(said);
        id
    }

    /// What was said under an issue, oldest first.
    pub fn said_on_issue(&mut self, repository: &str, number: u64) -> Vec<Comment> {
        self.said_under(repository, Under::Issue(number))
    }

    pub(in crate::forges) fn said_under(&mut self, repository: &str, under: Under) -> Vec<Comment> {
        let said = self.repository(repository).comments.iter();
        let fits =
            |said: &&Comment| said.on_issue == under.is_issue() && said.number == under.number();
        said.filter(fits).cloned().collect()
    }
}
