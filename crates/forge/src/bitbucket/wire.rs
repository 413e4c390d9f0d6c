//! Bitbucket's answers.

use crate::around::{Check, CheckState, Comment, LineComment, Opening, Origin, Review, Verdict};
use crate::host;
use serde::Deserialize;
use serde_json::{Value, json};

/// Characters of a status's key.
const KEY_CHARS: usize = 40;

#[derive(Debug, Deserialize)]
pub struct Page<T> {
    #[serde(default = "Vec::new")]
    pub values: Vec<T>,
}

#[derive(Debug, Deserialize)]
pub struct PullTold {
    pub id: u64,
    pub title: String,
    pub description: Option<String>,
    author: Option<User>,
    pub state: String,
    #[serde(default)]
    pub draft: bool,
    pub source: End,
    pub destination: End,
    pub merge_commit: Option<Hash>,
    #[serde(default)]
    pub reviewers: Vec<User>,
    #[serde(default)]
    pub participants: Vec<Participant>,
}

#[derive(Debug, Deserialize)]
pub struct IssueTold {
    title: String,
    content: Option<Raw>,
    reporter: Option<User>,
    state: String,
}

#[derive(Debug, Deserialize)]
pub struct End {
    pub branch: Name,
    pub commit: Option<Hash>,
    repository: Option<Home>,
}

#[derive(Debug, Deserialize)]
pub struct Name {
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct Hash {
    pub hash: String,
}

#[derive(Debug, Deserialize)]
struct Home {
    full_name: String,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub uuid: String,
}

#[derive(Debug, Deserialize)]
pub struct Participant {
    user: User,
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct RepositoryTold {
    pub mainbranch: Option<Name>,
}

#[derive(Debug, Deserialize)]
pub struct BranchTold {
    pub name: String,
    pub target: Hash,
}

#[derive(Debug, Deserialize)]
pub struct Grant {
    pub permission: String,
    pub user: User,
}

#[derive(Debug, Deserialize)]
pub struct CommentTold {
    id: u64,
    content: Raw,
    user: Option<User>,
    pub inline: Option<Inline>,
    parent: Option<Parent>,
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Debug, Deserialize)]
struct Raw {
    raw: String,
}

#[derive(Debug, Deserialize)]
pub struct Inline {
    path: String,
    to: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    id: u64,
}

#[derive(Debug, Deserialize)]
pub struct StatusTold {
    key: String,
    name: Option<String>,
    state: String,
    description: Option<String>,
    url: Option<String>,
}

/// A file that a pull request touches.
#[derive(Debug, Deserialize)]
pub struct Touched {
    status: String,
    new: Option<At>,
    old: Option<At>,
}

#[derive(Debug, Deserialize)]
struct At {
    path: String,
}

impl PullTold {
    pub fn is_open(&self) -> bool {
        self.state == "OPEN"
    }

    /// Whether its branch is one of this repository, not of a fork.
    pub fn is_of(&self, repository: &str) -> bool {
        let home = self.source.repository.as_ref();
        home.is_some_and(|home| home.full_name.eq_ignore_ascii_case(repository))
    }
}

impl PullTold {
    /// How it begins; `repository` is where it was asked for.
    pub fn opening(self, repository: &str) -> Opening {
        // A fork that is gone has no name any more.
        let origin = if self.is_of(repository) { Origin::Repository } else { Origin::Fork };
        let (is_open, body) = (self.is_open(), host::text(self.description));
        let (author, title) = (uuid(self.author), host::title(&self.title));
        Opening { author, title, body, is_open, origin }
    }
}

impl IssueTold {
    /// How it begins.
    pub fn opening(self) -> Opening {
        let is_open = matches!(self.state.as_str(), "submitted" | "new" | "open" | "on hold");
        let body = host::text(self.content.map(|content| content.raw));
        let (author, origin) = (uuid(self.reporter), Origin::Unsaid);
        Opening { author, title: host::title(&self.title), body, is_open, origin }
    }
}

/// Somebody; of who is gone there is none.
fn uuid(user: Option<User>) -> String {
    user.map(|user| user.uuid).unwrap_or_default()
}

impl Participant {
    pub fn review(self) -> Option<Review> {
        let verdict = match self.state.as_deref() {
            Some("approved") => Verdict::Approved,
            Some("changes_requested") => Verdict::ChangesRequested,
            Some(_) | None => return None,
        };
        Some(Review { author: self.user.uuid, verdict, body: String::new() })
    }
}

impl CommentTold {
    pub fn comment(self) -> Comment {
        let author = self.user.map(|user| user.uuid).unwrap_or_default();
        Comment { id: self.id, author, body: self.content.raw }
    }

    pub fn line_comment(self) -> Option<LineComment> {
        let Inline { path, to: line } = self.inline?;
        let thread = self.parent.map_or(self.id, |parent| parent.id).to_string();
        let author = self.user.map(|user| user.uuid).unwrap_or_default();
        Some(LineComment { id: self.id, thread, author, body: self.content.raw, path, line })
    }
}

impl StatusTold {
    pub fn noun(self) -> Check {
        let state = match self.state.as_str() {
            "SUCCESSFUL" => CheckState::Passed,
            "INPROGRESS" => CheckState::Pending,
            _ => CheckState::Failed,
        };
        let name = self.name.filter(|name| !name.is_empty()).unwrap_or(self.key);
        let summary = self.description.unwrap_or_default();
        Check { name, state, summary, link: self.url }
    }
}

impl Touched {
    /// Its path, if both sides changed the same places of it.
    pub fn conflict(self) -> Option<String> {
        let conflicts = self.status.contains("conflict");
        conflicts.then(|| self.new.or(self.old).map(|at| at.path)).flatten()
    }
}

/// A text as the host takes it.
pub fn content(body: &str) -> Value {
    json!({"content": {"raw": body}})
}

/// A check of ours in the host's words; it wants an address with each.
pub fn status(check: &Check, fallback: &str) -> Value {
    let state = match check.state {
        CheckState::Pending => "INPROGRESS",
        CheckState::Passed => "SUCCESSFUL",
        CheckState::Failed => "FAILED",
    };
    let key: String = check.name.chars().take(KEY_CHARS).collect();
    let url = check.link.as_deref().unwrap_or(fallback);
    json!({"key": key, "name": check.name, "state": state, "description": check.summary,
           "url": url})
}
