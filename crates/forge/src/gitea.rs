//! Gitea and Forgejo. Drafts are pull requests whose title begins with `WIP:`.

use crate::around::{
    Ability, Branch, Check, Comment, Comparison, Identity, LineComment, Opening, Permission,
    Review, Subject,
};
use crate::forge::{Capabilities, Forge, ForgeError, KeptBy, MergeWish, Mergeable, Result};
use crate::github::status;
use crate::host::{self, Clock, Fixed, Host, PAGE_ENTRIES, Repository, Request, segment};
use crate::pull_request::{Content, PullRequest, Stage, State};
use crate::wire::{
    self, BranchTold, CommentTold, IssueTold, Named, PermissionTold, Pull, RepositoryTold,
    ReviewTold, Rights, User,
};
use async_trait::async_trait;
use git::name::{BranchName, CommitId};
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// How titles of drafts begin; the first is ours.
const MARKS: [&str; 2] = ["WIP:", "[WIP]"];
/// Folders in which a template may lie, in the order in which the host looks.
const TEMPLATE_FOLDERS: [&str; 4] = [".forgejo", ".gitea", "", ".github"];
/// The colour of a label that was not there.
const LABEL_COLOUR: &str = "#6b7280";

/// A repository at a Gitea or Forgejo.
pub struct Gitea {
    host: Host,
    repository: Repository,
}

#[derive(Deserialize)]
struct Compared {
    total_commits: u64,
}

#[derive(Deserialize)]
struct LineTold {
    id: u64,
    body: Option<String>,
    user: Option<User>,
    path: String,
    /// The line of the new side, 0 where it is gone.
    position: u64,
}

impl Gitea {
    /// A repository; `client` follows no redirect.
    pub fn open(
        client: Client,
        clock: Clock,
        repository: Repository,
        token: &SecretString,
    ) -> Result<Self> {
        let api = Url::parse(&repository.below("api/v1"));
        let api = api.map_err(|_| repository.hidden())?;
        let authorize = Arc::new(Fixed::new(AUTHORIZATION, "token ", token));
        Ok(Self { host: Host::new(client, api, clock, authorize), repository })
    }

    fn at(&self, path: &str) -> String {
        format!("/repos/{}{path}", self.repository.path())
    }

    fn many(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{}{sign}limit={PAGE_ENTRIES}", self.at(path))
    }

    async fn write(&self, method: Method, path: &str, body: Value) -> Result<host::Answer> {
        self.host.ask(Request::write(method, self.at(path), body)).await
    }

    async fn repository_told(&self) -> Result<RepositoryTold> {
        self.host.find(self.at("")).await?.ok_or_else(|| self.repository.hidden())
    }

    async fn pull(&self, number: u64) -> Result<Pull> {
        let found = self.host.find(self.at(&format!("/pulls/{number}"))).await?;
        found.ok_or(ForgeError::NotFound(number))
    }

    async fn open_pull(&self, number: u64) -> Result<Pull> {
        let pull = self.pull(number).await?;
        if pull.is_open() {
            return Ok(pull);
        }
        Err(ForgeError::NotOpen { number, state: noun(pull)?.state.as_str() })
    }

    async fn patch(&self, number: u64, body: Value) -> Result<PullRequest> {
        let answer = self.write(Method::PATCH, &format!("/pulls/{number}"), body).await?;
        noun(answer.done()?.body()?)
    }

    async fn post(&self, content: &Content) -> Result<PullRequest> {
        let (title, body) = host::cut(content);
        let order = json!({
            "title": host::marked(&title, content.stage, &MARKS), "body": body,
            "head": content.head.as_str(), "base": content.base.as_str(),
        });
        noun(self.write(Method::POST, "/pulls", order).await?.done()?.body()?)
    }

    /// The label's number; one that is not there is made.
    async fn label(&self, known: &[Named], name: &str) -> Result<u64> {
        if let Some(found) = known.iter().find(|known| known.name == name) {
            return Ok(found.id);
        }
        let order = json!({"name": name, "color": LABEL_COLOUR});
        let made = self.write(Method::POST, "/labels", order).await?.done()?;
        Ok(made.body::<Named>()?.id)
    }

    async fn unmerged(&self, pull: &Pull, words: String) -> Result<PullRequest> {
        let now = self.pull(pull.number).await?;
        if now.head.sha != pull.head.sha {
            let (branch, now) = (wire::branch(&now.head.branch)?, wire::commit(&now.head.sha)?);
            return Err(ForgeError::HeadMoved { branch, now });
        }
        if now.mergeable == Some(false) {
            return Err(ForgeError::Conflicts { files: Vec::new() });
        }
        Err(ForgeError::Refused { branch: noun(now)?.content.base, detail: words })
    }
}

fn noun(pull: Pull) -> Result<PullRequest> {
    let title = pull.title.clone();
    let (stage, bare) = host::unmarked(&title, &MARKS);
    pull.noun(bare.to_owned(), stage)
}

#[async_trait]
impl Forge for Gitea {
    fn capabilities(&self) -> Capabilities {
        let able = &[
            Ability::Identity,
            Ability::Drafts,
            Ability::Reviewers,
            Ability::Labels,
            Ability::Comments,
            Ability::Issues,
            Ability::Reviews,
            Ability::Checks,
            Ability::Permissions,
            Ability::Branches,
            Ability::Files,
            Ability::Reopening,
        ];
        Capabilities { kept_by: KeptBy::Host, able }
    }

    async fn find_pull_request(&self, head: &BranchName) -> Result<Option<PullRequest>> {
        // There is no question for one head, so all that are open are looked through.
        let found = self.host.list::<Pull>(&self.many("/pulls?state=open")).await?.whole()?;
        let name = self.repository.full_name();
        let own = |pull: &Pull| pull.is_of(&name) && pull.head.branch == head.as_str();
        found.into_iter().filter(own).min_by_key(|pull| pull.number).map(noun).transpose()
    }

    async fn create(&self, content: Content) -> Result<PullRequest> {
        host::publish(self, &content, self.post(&content)).await
    }

    async fn update(&self, number: u64, content: Content) -> Result<PullRequest> {
        self.open_pull(number).await?;
        let (title, body) = host::cut(&content);
        let title = host::marked(&title, content.stage, &MARKS);
        self.patch(number, json!({"title": title, "body": body, "base": content.base.as_str()}))
            .await
    }

    async fn get(&self, number: u64) -> Result<PullRequest> {
        noun(self.pull(number).await?)
    }

    async fn list(&self) -> Result<Vec<PullRequest>> {
        let mut pulls = self.host.list::<Pull>(&self.many("/pulls?state=all")).await?.entries;
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        pulls.into_iter().map(noun).collect()
    }

    async fn close(&self, number: u64) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match found.state {
            State::Closed => Ok(found),
            State::Open | State::Merging { .. } => {
                self.patch(number, json!({"state": "closed"})).await
            }
            State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn reopen(&self, number: u64) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match found.state {
            State::Open | State::Merging { .. } => Ok(found),
            State::Closed => self.patch(number, json!({"state": "open"})).await,
            State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn mergeable(&self, number: u64) -> Result<Mergeable> {
        let pull = self.open_pull(number).await?;
        let draft = host::unmarked(&pull.title, &MARKS).0 == Stage::Draft;
        Ok(match pull.mergeable {
            Some(true) => Mergeable::Clean,
            // Of a draft the host says no, whatever is in it.
            Some(false) if draft => Mergeable::Checking,
            Some(false) => Mergeable::Conflicts(Vec::new()),
            None => Mergeable::Checking,
        })
    }

    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest> {
        let mut pull = self.pull(number).await?;
        let found = noun(pull.clone())?;
        match &found.state {
            State::Merged { .. } => return Ok(found),
            State::Closed => {
                return Err(ForgeError::NotOpen { number, state: found.state.as_str() });
            }
            State::Open | State::Merging { .. } => {}
        }
        if found.content.commit != wish.seen {
            let (branch, now) = (found.content.head, found.content.commit);
            return Err(ForgeError::HeadMoved { branch, now });
        }
        // The host merges no draft, and who wants it merged wants it ready.
        if found.content.stage == Stage::Draft {
            let order = json!({"title": found.content.title});
            let answer = self.write(Method::PATCH, &format!("/pulls/{number}"), order).await?;
            pull = answer.done()?.body()?;
        }
        let order = json!({"Do": "merge", "head_commit_id": wish.seen.to_string()});
        match self.write(Method::POST, &format!("/pulls/{number}/merge"), order).await {
            Ok(answer) if answer.status == 200 => self.get(number).await,
            Ok(answer) => self.unmerged(&pull, answer.words()).await,
            Err(ForgeError::OutcomeUnknown { detail }) => match self.get(number).await {
                Ok(now) if matches!(now.state, State::Merged { .. }) => Ok(now),
                Ok(_) | Err(_) => Err(ForgeError::OutcomeUnknown { detail }),
            },
            Err(error) => Err(error),
        }
    }

    fn link(&self, number: u64) -> Option<String> {
        Some(self.repository.below(&format!("{}/pulls/{number}", self.repository.path())))
    }

    async fn identity(&self) -> Result<Identity> {
        let own: User = self.host.read(Request::get("/user")).await?;
        let told = self.repository_told().await?;
        let permission = told.permissions.as_ref().map_or(Permission::Read, Rights::word);
        Ok(Identity { login: own.login, permission, scopes: Vec::new() })
    }

    async fn default_branch(&self) -> Result<BranchName> {
        wire::branch(&self.repository_told().await?.default_branch)
    }

    async fn branch(&self, name: &BranchName) -> Result<Option<CommitId>> {
        let path = self.at(&format!("/branches/{}", segment(name.as_str())));
        let told: Option<BranchTold> = self.host.find(path).await?;
        told.map(|told| wire::commit(&told.commit.sha)).transpose()
    }

    async fn branches(&self) -> Result<Vec<Branch>> {
        let told = self.host.list::<BranchTold>(&self.many("/branches")).await?.entries;
        told.into_iter().map(BranchTold::noun).collect()
    }

    async fn compare(&self, base: &BranchName, head: &BranchName) -> Result<Comparison> {
        let both = format!("{}...{}", segment(base.as_str()), segment(head.as_str()));
        let told: Compared =
            self.host.read(Request::get(self.at(&format!("/compare/{both}")))).await?;
        Ok(Comparison { ahead: told.total_commits, behind: None })
    }

    async fn ask_reviewers(&self, number: u64, logins: &[String]) -> Result<()> {
        let path = format!("/pulls/{number}/requested_reviewers");
        let order = json!({"reviewers": logins});
        self.write(Method::POST, &path, order).await?.done().map(drop)
    }

    async fn reviewers(&self, number: u64) -> Result<Vec<String>> {
        let asked = self.pull(number).await?.requested_reviewers.unwrap_or_default();
        Ok(asked.into_iter().map(|user| user.login).collect())
    }

    async fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        let known = self.host.list::<Named>(&self.many("/labels")).await?.whole()?;
        let mut ids = Vec::new();
        for label in labels {
            ids.push(self.label(&known, label).await?);
        }
        let path = format!("/issues/{number}/labels");
        self.write(Method::POST, &path, json!({"labels": ids})).await?.done().map(drop)
    }

    async fn labels(&self, number: u64) -> Result<Vec<String>> {
        let labels = self.pull(number).await?.labels.unwrap_or_default();
        Ok(labels.into_iter().map(|label| label.name).collect())
    }

    async fn opening(&self, on: Subject) -> Result<Opening> {
        let number = on.number();
        match on {
            Subject::Issue(_) => {
                let found = self.host.find::<IssueTold>(self.at(&format!("/issues/{number}")));
                let found = found.await?.and_then(IssueTold::opening);
                found.ok_or(ForgeError::NotFound(number))
            }
            Subject::PullRequest(_) => {
                let told = self.pull(number).await?.opening(&self.repository.full_name());
                Ok(Opening { title: host::unmarked(&told.title, &MARKS).1.to_owned(), ..told })
            }
        }
    }

    async fn comment(&self, on: Subject, body: &str) -> Result<Comment> {
        let number = on.number();
        let path = format!("/issues/{number}/comments");
        let answer = self.write(Method::POST, &path, json!({"body": body})).await?.done()?;
        Ok(answer.body::<CommentTold>()?.noun())
    }

    async fn edit_comment(&self, _on: Subject, id: u64, body: &str) -> Result<Comment> {
        let path = format!("/issues/comments/{id}");
        let answer = self.write(Method::PATCH, &path, json!({"body": body})).await?.done()?;
        Ok(answer.body::<CommentTold>()?.noun())
    }

    async fn comments(&self, on: Subject) -> Result<Vec<Comment>> {
        let number = on.number();
        let path = self.many(&format!("/issues/{number}/comments"));
        let told = self.host.list::<CommentTold>(&path).await?.entries;
        Ok(told.into_iter().map(CommentTold::noun).collect())
    }

    async fn reviews(&self, number: u64) -> Result<Vec<Review>> {
        Ok(self.review_list(number).await?.into_iter().filter_map(ReviewTold::noun).collect())
    }

    async fn line_comments(&self, number: u64) -> Result<Vec<LineComment>> {
        let mut all = Vec::new();
        for review in self.review_list(number).await? {
            let path = self.many(&format!("/pulls/{number}/reviews/{}/comments", review.id));
            let told = self.host.list::<LineTold>(&path).await?.entries;
            all.extend(told.into_iter().map(LineTold::noun));
        }
        all.sort_by_key(|said| said.id);
        Ok(all)
    }

    async fn reply(&self, number: u64, thread: &str, body: &str) -> Result<()> {
        let unknown = || ForgeError::Rejected { detail: "there is no such thread".to_owned() };
        let (line, path) = thread.split_once(':').ok_or_else(unknown)?;
        let line: u64 = line.parse().map_err(|_| unknown())?;
        // What is said about the same line stands in the same thread.
        let said = json!({"path": path, "new_position": line, "body": body});
        let order = json!({"event": "COMMENT", "comments": [said]});
        let path = format!("/pulls/{number}/reviews");
        self.write(Method::POST, &path, order).await?.done().map(drop)
    }

    async fn checks(&self, commit: &CommitId) -> Result<Vec<Check>> {
        let path = self.many(&format!("/commits/{commit}/status"));
        let pick = |page: status::Statuses| page.statuses.unwrap_or_default();
        let told = self.host.pages(&path, pick).await?.entries;
        Ok(told.into_iter().map(status::Status::noun).collect())
    }

    /// The host has jobs of its own, but does not say by their names where their logs are.
    async fn check_log(&self, commit: &CommitId, name: &str) -> Result<String> {
        let mut told = self.checks(commit).await?;
        for link in told.iter_mut().filter_map(|check| check.link.as_mut()) {
            // Of its own jobs it names the path only.
            if let Ok(whole) = self.repository.web.join(link) {
                *link = whole.into();
            }
        }
        host::said_of(told, name)
    }

    async fn report_check(&self, commit: &CommitId, check: &Check) -> Result<()> {
        let path = format!("/statuses/{commit}");
        self.write(Method::POST, &path, status::of(check)).await?.done().map(drop)
    }

    async fn permission(&self, login: &str) -> Result<Permission> {
        let path = self.at(&format!("/collaborators/{}/permission", segment(login)));
        let told: Option<PermissionTold> = self.host.find(path).await?;
        Ok(told.map_or(Permission::None, |told| host::permission(&told.permission)))
    }

    async fn template(&self) -> Result<Option<String>> {
        wire::template(&self.host, &self.at("/contents"), &TEMPLATE_FOLDERS).await
    }
}

impl Gitea {
    async fn review_list(&self, number: u64) -> Result<Vec<ReviewTold>> {
        let path = self.many(&format!("/pulls/{number}/reviews"));
        Ok(self.host.list::<ReviewTold>(&path).await?.entries)
    }
}

impl LineTold {
    fn noun(self) -> LineComment {
        let author = self.user.map(|user| user.login).unwrap_or_default();
        let (line, body) = (self.position, self.body.unwrap_or_default());
        let thread = format!("{line}:{}", self.path);
        let line = (line > 0).then_some(line);
        LineComment { id: self.id, thread, author, body, path: self.path, line }
    }
}
