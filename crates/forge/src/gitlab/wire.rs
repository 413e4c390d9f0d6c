//! GitLab's answers.

use crate::around::{Check, CheckState, Comment, LineComment, Opening, Origin, Permission};
use crate::forge::{Mergeable, Result};
use crate::host;
use crate::pull_request::{Content, PullRequest, State};
use crate::wire::{branch, commit};
use serde::Deserialize;
use serde_json::{Value, json};

pub use crate::wire::FileTold;

/// How titles of drafts begin; the first is ours.
pub const MARKS: [&str; 3] = ["Draft:", "[Draft]", "(Draft)"];
/// Characters of a status's description.
const SUMMARY_CHARS: usize = 255;

#[derive(Debug, Deserialize)]
pub struct MergeRequest {
    pub iid: u64,
    title: String,
    description: Option<String>,
    author: Option<User>,
    state: String,
    pub sha: Option<String>,
    pub source_branch: String,
    pub target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
    merge_status: Option<String>,
    #[serde(default)]
    pub reviewers: Vec<User>,
    #[serde(default)]
    pub labels: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct IssueTold {
    title: String,
    description: Option<String>,
    author: Option<User>,
    state: String,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub id: u64,
    pub username: String,
}

#[derive(Debug, Deserialize)]
pub struct Project {
    pub default_branch: Option<String>,
    permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

#[derive(Debug, Deserialize)]
pub struct Access {
    pub access_level: u64,
}

#[derive(Debug, Deserialize)]
pub struct BranchTold {
    pub name: String,
    pub commit: CommitTold,
}

#[derive(Debug, Deserialize)]
pub struct CommitTold {
    pub id: String,
}

#[derive(Debug, Deserialize)]
pub struct Compared {
    pub commits: Vec<CommitTold>,
}

#[derive(Debug, Deserialize)]
pub struct Note {
    id: u64,
    body: String,
    author: User,
    #[serde(default)]
    system: bool,
    #[serde(rename = "type")]
    kind: Option<String>,
    position: Option<Position>,
}

#[derive(Debug, Deserialize)]
struct Position {
    new_path: Option<String>,
    old_path: Option<String>,
    new_line: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Discussion {
    id: String,
    notes: Vec<Note>,
}

#[derive(Debug, Deserialize)]
pub struct Approvals {
    #[serde(default)]
    pub approved_by: Vec<ApprovedBy>,
}

#[derive(Debug, Deserialize)]
pub struct ApprovedBy {
    pub user: User,
}

#[derive(Debug, Deserialize)]
pub struct ReviewerTold {
    pub user: User,
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub struct StatusTold {
    /// The number of its job, where it is one.
    #[serde(default)]
    pub id: u64,
    pub name: String,
    status: String,
    /// Whether the host goes on as if it had passed.
    #[serde(default)]
    allow_failure: bool,
    description: Option<String>,
    target_url: Option<String>,
}

impl MergeRequest {
    pub fn is_open(&self) -> bool {
        // One that is being merged is locked for a moment.
        matches!(self.state.as_str(), "opened" | "locked")
    }

    /// Whether its branch is one of this project, not of a fork.
    pub fn is_own(&self) -> bool {
        self.source_project_id == Some(self.target_project_id)
    }

    /// How it begins.
    pub fn opening(self) -> Opening {
        let is_open = self.is_open();
        // A fork that is gone has no number any more.
        let origin = if self.is_own() { Origin::Repository } else { Origin::Fork };
        let title = host::title(host::unmarked(&self.title, &MARKS).1);
        let (author, body) = (username(self.author), host::text(self.description));
        Opening { author, title, body, is_open, origin }
    }

    pub fn noun(&self) -> Result<PullRequest> {
        let (stage, title) = host::unmarked(&self.title, &MARKS);
        let head = commit(self.sha.as_deref().unwrap_or_default())?;
        let state = match self.state.as_str() {
            "merged" => {
                // Without a merge commit the base was moved to the head itself.
                let merged = self.merge_commit_sha.as_ref().or(self.squash_commit_sha.as_ref());
                let merged = merged.map_or_else(|| Ok(head.clone()), |id| commit(id))?;
                State::Merged { commit: merged }
            }
            "closed" => State::Closed,
            _ => State::Open,
        };
        let content = Content {
            title: title.to_owned(),
            body: self.description.clone().unwrap_or_default(),
            head: branch(&self.source_branch)?,
            commit: head,
            base: branch(&self.target_branch)?,
            stage,
        };
        Ok(PullRequest { number: self.iid, content, state })
    }

    /// What the host found out about conflicts; all else that may stand against it is asked by it
    /// when merging.
    pub fn mergeable(&self) -> Mergeable {
        match self.merge_status.as_deref() {
            Some("can_be_merged") => Mergeable::Clean,
            Some("cannot_be_merged") => Mergeable::Conflicts(Vec::new()),
            Some(_) | None => Mergeable::Checking,
        }
    }
}

impl IssueTold {
    /// How it begins.
    pub fn opening(self) -> Opening {
        let (is_open, origin) = (self.state == "opened", Origin::Unsaid);
        let (author, body) = (username(self.author), host::text(self.description));
        Opening { author, title: host::title(&self.title), body, is_open, origin }
    }
}

/// Somebody's name; of who is gone there is none.
fn username(user: Option<User>) -> String {
    user.map(|user| user.username).unwrap_or_default()
}

impl Project {
    /// The higher of what project and group give.
    pub fn permission(&self) -> Permission {
        let Some(told) = &self.permissions else { return Permission::Read };
        let both = [&told.project_access, &told.group_access];
        let levels = both.into_iter().flatten().map(|access| permission(access.access_level));
        levels.max().unwrap_or(Permission::Read)
    }
}

/// The level of a member: guests and reporters, developers, maintainers and owners.
pub fn permission(level: u64) -> Permission {
    match level {
        0..10 => Permission::None,
        10..30 => Permission::Read,
        30..40 => Permission::Write,
        40.. => Permission::Admin,
    }
}

impl Note {
    /// Whether somebody wrote it about the merge request as a whole.
    pub fn is_of_the_whole(&self) -> bool {
        !self.system && self.kind.as_deref() != Some("DiffNote")
    }

    pub fn comment(self) -> Comment {
        Comment { id: self.id, author: self.author.username, body: self.body }
    }

    fn line_comment(self, thread: &str) -> Option<LineComment> {
        let position = self.position?;
        let path = position.new_path.or(position.old_path).unwrap_or_default();
        let (author, line) = (self.author.username, position.new_line);
        let (id, thread, body) = (self.id, thread.to_owned(), self.body);
        Some(LineComment { id, thread, author, body, path, line })
    }
}

impl Discussion {
    pub fn line_comments(self) -> Vec<LineComment> {
        let said = self.notes.into_iter().filter(|note| !note.system);
        said.filter_map(|note| note.line_comment(&self.id)).collect()
    }
}

impl StatusTold {
    fn state(&self) -> CheckState {
        match self.status.as_str() {
            "success" | "skipped" => CheckState::Passed,
            "failed" if self.allow_failure => CheckState::Passed,
            "failed" | "canceled" => CheckState::Failed,
            _ => CheckState::Pending,
        }
    }

    pub fn failed(&self) -> bool {
        self.state() == CheckState::Failed
    }

    /// The newest that failed, else the newest.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().max_by_key(|told| (told.failed(), told.id))
    }

    pub fn noun(self) -> Check {
        let state = self.state();
        let summary = self.description.unwrap_or_default();
        Check { name: self.name, state, summary, link: self.target_url }
    }
}

/// A check of ours in the host's words.
pub fn status(check: &Check) -> Value {
    let state = match check.state {
        CheckState::Pending => "pending",
        CheckState::Passed => "success",
        CheckState::Failed => "failed",
    };
    let summary: String = check.summary.chars().take(SUMMARY_CHARS).collect();
    let mut status = json!({"state": state, "name": check.name, "description": summary});
    if let (Some(link), Some(fields)) = (&check.link, status.as_object_mut()) {
        fields.insert("target_url".to_owned(), json!(link));
    }
    status
}
