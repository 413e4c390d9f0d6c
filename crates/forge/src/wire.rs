//! Answers in the shapes that GitHub made common and Gitea took over.

use crate::around::{Branch, Comment, Opening, Origin, Permission, Review, Verdict};
use crate::forge::{ForgeError, Result};
use crate::host::{self, Host, segment};
use crate::pull_request::{Content, PullRequest, Stage, State};
use git::name::{BranchName, CommitId};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Clone, Deserialize)]
pub struct Pull {
    pub number: u64,
    #[serde(default)]
    pub node_id: String,
    pub title: String,
    pub body: Option<String>,
    user: Option<User>,
    #[serde(default)]
    pub draft: bool,
    state: String,
    merged: Option<bool>,
    merged_at: Option<String>,
    merge_commit_sha: Option<String>,
    pub mergeable: Option<bool>,
    pub head: Side,
    base: Side,
    #[serde(default)]
    pub requested_reviewers: Option<Vec<User>>,
    #[serde(default)]
    pub labels: Option<Vec<Named>>,
}

/// An issue, or a pull request told as one.
#[derive(Debug, Deserialize)]
pub struct IssueTold {
    title: String,
    body: Option<String>,
    state: String,
    user: Option<User>,
    pull_request: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Side {
    #[serde(rename = "ref")]
    pub branch: String,
    pub sha: String,
    repo: Option<Home>,
}

#[derive(Debug, Clone, Deserialize)]
struct Home {
    full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub login: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    #[serde(default)]
    pub id: u64,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct BranchTold {
    pub name: String,
    pub commit: CommitTold,
}

#[derive(Debug, Deserialize)]
pub struct CommitTold {
    #[serde(alias = "id", alias = "hash")]
    pub sha: String,
}

#[derive(Debug, Deserialize)]
pub struct CommentTold {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub struct ReviewTold {
    pub id: u64,
    pub state: String,
    pub body: Option<String>,
    pub user: Option<User>,
}

/// An entry of a folder.
#[derive(Debug, Deserialize)]
pub struct EntryTold {
    pub name: String,
    pub path: String,
}

#[derive(Debug, Deserialize)]
pub struct RepositoryTold {
    pub default_branch: String,
    pub permissions: Option<Rights>,
}

#[derive(Debug, Deserialize)]
pub struct Rights {
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    push: bool,
    #[serde(default)]
    pull: bool,
}

#[derive(Debug, Deserialize)]
pub struct PermissionTold {
    pub permission: String,
}

/// A file with its content.
#[derive(Debug, Deserialize)]
pub struct FileTold {
    pub content: Option<String>,
}

impl Pull {
    /// Whether its head is a branch of this repository, not one of the same name in a fork.
    pub fn is_of(&self, repository: &str) -> bool {
        self.head.repo.as_ref().is_some_and(|home| home.full_name.eq_ignore_ascii_case(repository))
    }

    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// How it begins; `repository` is where it was asked for.
    pub fn opening(self, repository: &str) -> Opening {
        // A fork that is gone has no name any more.
        let origin = if self.is_of(repository) { Origin::Repository } else { Origin::Fork };
        let (is_open, body) = (self.is_open(), host::text(self.body));
        let (author, title) = (login(self.user), host::title(&self.title));
        Opening { author, title, body, is_open, origin }
    }

    /// The noun, with the title and stage as the host of it spells them.
    pub fn noun(self, title: String, stage: Stage) -> Result<PullRequest> {
        let merged = self.merged == Some(true) || self.merged_at.is_some();
        let state = match (self.state.as_str(), merged) {
            (_, true) => {
                let commit = commit(self.merge_commit_sha.as_deref().unwrap_or_default())?;
                State::Merged { commit }
            }
            ("open", false) => State::Open,
            (_, false) => State::Closed,
        };
        let content = Content {
            title,
            body: self.body.unwrap_or_default(),
            head: branch(&self.head.branch)?,
            commit: commit(&self.head.sha)?,
            base: branch(&self.base.branch)?,
            stage,
        };
        Ok(PullRequest { number: self.number, content, state })
    }
}

impl IssueTold {
    /// How it begins, if it is no pull request.
    pub fn opening(self) -> Option<Opening> {
        let (is_open, origin) = (self.state == "open", Origin::Unsaid);
        let (author, body) = (login(self.user), host::text(self.body));
        let title = host::title(&self.title);
        let opening = Opening { author, title, body, is_open, origin };
        self.pull_request.is_none().then_some(opening)
    }
}

/// Somebody's name; of who is gone there is none.
fn login(user: Option<User>) -> String {
    user.map(|user| user.login).unwrap_or_default()
}

impl CommentTold {
    pub fn noun(self) -> Comment {
        let author = login(self.user);
        Comment { id: self.id, author, body: self.body.unwrap_or_default() }
    }
}

impl ReviewTold {
    /// What was handed in and not taken back.
    pub fn noun(self) -> Option<Review> {
        let author = login(self.user);
        let verdict = verdict(&self.state)?;
        Some(Review { author, verdict, body: self.body.unwrap_or_default() })
    }
}

/// The verdict behind a word; drafts and what was taken back are none.
fn verdict(word: &str) -> Option<Verdict> {
    match word {
        "APPROVED" => Some(Verdict::Approved),
        "CHANGES_REQUESTED" | "REQUEST_CHANGES" => Some(Verdict::ChangesRequested),
        "COMMENTED" | "COMMENT" => Some(Verdict::Commented),
        _ => None,
    }
}

/// A branch that a host named.
pub fn branch(name: &str) -> Result<BranchName> {
    BranchName::parse(name).map_err(|error| unreadable(&error))
}

/// A commit that a host named.
pub fn commit(id: &str) -> Result<CommitId> {
    CommitId::parse(id).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> ForgeError {
    ForgeError::Rejected { detail: format!("its answer cannot be read: {error}") }
}

/// The content of a file, which comes in base64 with line breaks.
pub fn text(file: &FileTold) -> Option<String> {
    use base64::Engine as _;
    let packed: String = file.content.as_deref()?.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
    String::from_utf8(bytes).ok()
}

impl Rights {
    pub fn word(&self) -> Permission {
        match (self.admin, self.push, self.pull) {
            (true, _, _) => Permission::Admin,
            (false, true, _) => Permission::Write,
            (false, false, true) => Permission::Read,
            (false, false, false) => Permission::None,
        }
    }
}

impl BranchTold {
    pub fn noun(self) -> Result<Branch> {
        Ok(Branch { name: branch(&self.name)?, commit: commit(&self.commit.sha)? })
    }
}

/// The template for pull requests in the first of the folders that has one.
pub async fn template(host: &Host, root: &str, folders: &[&str]) -> Result<Option<String>> {
    for folder in folders {
        let found = host.find(format!("{root}/{folder}").trim_end_matches('/')).await?;
        let entries: Vec<EntryTold> = found.unwrap_or_default();
        let is = |entry: &&EntryTold| is_template(&entry.name, &["pull_request_template"]);
        let Some(entry) = entries.iter().find(is) else { continue };
        let path: Vec<String> = entry.path.split('/').map(segment).collect();
        let file = host.find::<FileTold>(format!("{root}/{}", path.join("/"))).await?;
        return Ok(file.as_ref().and_then(text));
    }
    Ok(None)
}

/// Whether a file of that name is a template for pull requests, whatever its case.
pub fn is_template(name: &str, wanted: &[&str]) -> bool {
    let name = name.to_lowercase();
    let stem = name.strip_suffix(".md").or_else(|| name.strip_suffix(".txt")).unwrap_or(&name);
    wanted.contains(&stem)
}
