//! GitLab, in the cloud or self-hosted: merge requests. Drafts have a title that begins with
//! `Draft:`.

mod wire;

use crate::around::{
    Ability, Branch, Check, Comment, Comparison, Identity, LineComment, Opening, Permission,
    Review, Subject, Verdict,
};
use crate::forge::{Capabilities, Forge, ForgeError, KeptBy, MergeWish, Mergeable, Result};
use crate::host::{self, Clock, Fixed, Host, PAGE_ENTRIES, Repository, Request, segment};
use crate::pull_request::{Content, PullRequest, Stage, State};
use crate::wire::{branch, commit, is_template};
use async_trait::async_trait;
use git::name::{BranchName, CommitId};
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;
use wire::{
    Approvals, BranchTold, Compared, Discussion, FileTold, IssueTold, MARKS, MergeRequest, Note,
    Project, ReviewerTold, StatusTold, User,
};

/// Where templates lie.
const TEMPLATES: &str = ".gitlab/merge_request_templates";

/// A project at a GitLab.
pub struct Gitlab {
    host: Host,
    repository: Repository,
}

impl Gitlab {
    /// A project; `client` follows no redirect. The token is a person's, a project's or a group's.
    pub fn open(
        client: Client,
        clock: Clock,
        repository: Repository,
        token: &SecretString,
    ) -> Result<Self> {
        let api = Url::parse(&repository.below("api/v4"));
        let api = api.map_err(|_| repository.hidden())?;
        Ok(Self { host: Host::new(client, api, clock, Arc::new(Fixed::bearer(token))), repository })
    }

    fn at(&self, path: &str) -> String {
        format!("/projects/{}{path}", self.repository.id())
    }

    fn many(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{}{sign}per_page={PAGE_ENTRIES}", self.at(path))
    }

    fn of(&self, number: u64, path: &str) -> String {
        self.at(&format!("/merge_requests/{number}{path}"))
    }

    /// Below an issue or a merge request.
    fn on(&self, on: Subject, path: &str) -> String {
        let kind = match on {
            Subject::Issue(_) => "issues",
            Subject::PullRequest(_) => "merge_requests",
        };
        self.at(&format!("/{kind}/{}{path}", on.number()))
    }

    async fn project(&self) -> Result<Project> {
        self.host.find(self.at("")).await?.ok_or_else(|| self.repository.hidden())
    }

    async fn request(&self, number: u64) -> Result<MergeRequest> {
        let found = self.host.find(self.of(number, "")).await?;
        found.ok_or(ForgeError::NotFound(number))
    }

    async fn open_request(&self, number: u64) -> Result<MergeRequest> {
        let found = self.request(number).await?;
        if found.is_open() {
            return Ok(found);
        }
        Err(ForgeError::NotOpen { number, state: found.noun()?.state.as_str() })
    }

    async fn put(&self, number: u64, body: Value) -> Result<MergeRequest> {
        let answer = self.host.ask(Request::write(Method::PUT, self.of(number, ""), body)).await?;
        answer.done()?.body()
    }

    async fn post(&self, content: &Content) -> Result<PullRequest> {
        let (title, body) = host::cut(content);
        let order = json!({
            "source_branch": content.head.as_str(), "target_branch": content.base.as_str(),
            "title": host::marked(&title, content.stage, &MARKS), "description": body,
        });
        let order = Request::write(Method::POST, self.at("/merge_requests"), order);
        self.host.ask(order).await?.done()?.body::<MergeRequest>()?.noun()
    }

    /// The number of a person of that name.
    async fn user(&self, login: &str) -> Result<Option<User>> {
        let path = format!("/users?username={}", segment(login));
        let found = self.host.list::<User>(&path).await?.entries.into_iter();
        Ok(found.into_iter().find(|user| user.username.eq_ignore_ascii_case(login)))
    }

    /// Jobs of a commit and what others say of it, up to a bound.
    async fn jobs(&self, commit: &CommitId, which: &str) -> Result<Vec<StatusTold>> {
        let path = format!("/repository/commits/{commit}/statuses?per_page={PAGE_ENTRIES}{which}");
        self.host.read(Request::get(self.at(&path))).await
    }

    async fn unmerged(&self, was: &MergeRequest, words: String) -> Result<PullRequest> {
        let now = self.request(was.iid).await?;
        if now.sha != was.sha {
            let now_at = commit(now.sha.as_deref().unwrap_or_default())?;
            return Err(ForgeError::HeadMoved { branch: branch(&now.source_branch)?, now: now_at });
        }
        if now.mergeable() != Mergeable::Clean {
            return Err(ForgeError::Conflicts { files: Vec::new() });
        }
        Err(ForgeError::Refused { branch: branch(&now.target_branch)?, detail: words })
    }
}

#[async_trait]
impl Forge for Gitlab {
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
        let head = segment(head.as_str());
        let path = self.many(&format!("/merge_requests?state=opened&source_branch={head}"));
        let found = self.host.list::<MergeRequest>(&path).await?.whole()?;
        // Those from forks have branches of the same names.
        let own = found.into_iter().filter(MergeRequest::is_own);
        own.min_by_key(|found| found.iid).map(|found| found.noun()).transpose()
    }

    async fn create(&self, content: Content) -> Result<PullRequest> {
        host::publish(self, &content, self.post(&content)).await
    }

    async fn update(&self, number: u64, content: Content) -> Result<PullRequest> {
        self.open_request(number).await?;
        let (title, body) = host::cut(&content);
        let title = host::marked(&title, content.stage, &MARKS);
        let base = content.base.as_str();
        let order = json!({"title": title, "description": body, "target_branch": base});
        self.put(number, order).await?.noun()
    }

    async fn get(&self, number: u64) -> Result<PullRequest> {
        self.request(number).await?.noun()
    }

    async fn list(&self) -> Result<Vec<PullRequest>> {
        let path = self.many("/merge_requests?state=all&order_by=created_at&sort=desc");
        let found = self.host.list::<MergeRequest>(&path).await?.entries;
        found.iter().map(MergeRequest::noun).collect()
    }

    async fn close(&self, number: u64) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match found.state {
            State::Closed => Ok(found),
            State::Open | State::Merging { .. } => {
                self.put(number, json!({"state_event": "close"})).await?.noun()
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
            State::Closed => self.put(number, json!({"state_event": "reopen"})).await?.noun(),
            State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn mergeable(&self, number: u64) -> Result<Mergeable> {
        Ok(self.open_request(number).await?.mergeable())
    }

    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest> {
        let mut request = self.request(number).await?;
        let found = request.noun()?;
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
            request = self.put(number, json!({"title": found.content.title})).await?;
        }
        let order = json!({"sha": wish.seen.to_string(), "squash": false});
        let order = Request::write(Method::PUT, self.of(number, "/merge"), order);
        match self.host.ask(order).await {
            Ok(answer) if answer.status == 200 => self.get(number).await,
            Ok(answer) => self.unmerged(&request, answer.words()).await,
            Err(ForgeError::OutcomeUnknown { detail }) => match self.get(number).await {
                Ok(now) if matches!(now.state, State::Merged { .. }) => Ok(now),
                Ok(_) | Err(_) => Err(ForgeError::OutcomeUnknown { detail }),
            },
            Err(error) => Err(error),
        }
    }

    fn link(&self, number: u64) -> Option<String> {
        let path = format!("{}/-/merge_requests/{number}", self.repository.path());
        Some(self.repository.below(&path))
    }

    async fn identity(&self) -> Result<Identity> {
        let own: User = self.host.read(Request::get("/user")).await?;
        let permission = self.project().await?.permission();
        Ok(Identity { login: own.username, permission, scopes: Vec::new() })
    }

    async fn default_branch(&self) -> Result<BranchName> {
        branch(&self.project().await?.default_branch.unwrap_or_default())
    }

    async fn branch(&self, name: &BranchName) -> Result<Option<CommitId>> {
        let path = self.at(&format!("/repository/branches/{}", segment(name.as_str())));
        let told: Option<BranchTold> = self.host.find(path).await?;
        told.map(|told| commit(&told.commit.id)).transpose()
    }

    async fn branches(&self) -> Result<Vec<Branch>> {
        let told = self.host.list::<BranchTold>(&self.many("/repository/branches")).await?.entries;
        let noun = |told: BranchTold| {
            Ok(Branch { name: branch(&told.name)?, commit: commit(&told.commit.id)? })
        };
        told.into_iter().map(noun).collect()
    }

    async fn compare(&self, base: &BranchName, head: &BranchName) -> Result<Comparison> {
        let count = async |from: &BranchName, to: &BranchName| {
            let (from, to) = (segment(from.as_str()), segment(to.as_str()));
            let path = self.at(&format!("/repository/compare?from={from}&to={to}"));
            let told: Compared = self.host.read(Request::get(path)).await?;
            Ok(u64::try_from(told.commits.len()).unwrap_or(u64::MAX))
        };
        Ok(Comparison { ahead: count(base, head).await?, behind: Some(count(head, base).await?) })
    }

    async fn ask_reviewers(&self, number: u64, logins: &[String]) -> Result<()> {
        let mut ids: Vec<u64> =
            self.request(number).await?.reviewers.iter().map(|user| user.id).collect();
        for login in logins {
            let found = self.user(login).await?;
            let found = found.ok_or_else(|| ForgeError::Rejected {
                detail: format!("there is no person {login}"),
            })?;
            if !ids.contains(&found.id) {
                ids.push(found.id);
            }
        }
        self.put(number, json!({"reviewer_ids": ids})).await.map(drop)
    }

    async fn reviewers(&self, number: u64) -> Result<Vec<String>> {
        let asked = self.request(number).await?.reviewers;
        Ok(asked.into_iter().map(|user| user.username).collect())
    }

    async fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        // TRUST: the host splits at commas, so one in a name would be two labels.
        let labels: Vec<String> = labels.iter().map(|label| label.replace(',', " ")).collect();
        self.put(number, json!({"add_labels": labels.join(",")})).await.map(drop)
    }

    async fn labels(&self, number: u64) -> Result<Vec<String>> {
        Ok(self.request(number).await?.labels)
    }

    async fn opening(&self, on: Subject) -> Result<Opening> {
        let number = on.number();
        match on {
            Subject::Issue(_) => {
                let found: Option<IssueTold> = self.host.find(self.on(on, "")).await?;
                Ok(found.ok_or(ForgeError::NotFound(number))?.opening())
            }
            Subject::PullRequest(_) => Ok(self.request(number).await?.opening()),
        }
    }

    async fn comment(&self, on: Subject, body: &str) -> Result<Comment> {
        let order = Request::write(Method::POST, self.on(on, "/notes"), json!({"body": body}));
        Ok(self.host.read::<Note>(order).await?.comment())
    }

    async fn edit_comment(&self, on: Subject, id: u64, body: &str) -> Result<Comment> {
        let path = self.on(on, &format!("/notes/{id}"));
        let order = Request::write(Method::PUT, path, json!({"body": body}));
        Ok(self.host.read::<Note>(order).await?.comment())
    }

    async fn comments(&self, on: Subject) -> Result<Vec<Comment>> {
        let sign = format!("/notes?sort=asc&order_by=created_at&per_page={PAGE_ENTRIES}");
        let told = self.host.list::<Note>(&self.on(on, &sign)).await?.entries;
        Ok(told.into_iter().filter(Note::is_of_the_whole).map(Note::comment).collect())
    }

    async fn reviews(&self, number: u64) -> Result<Vec<Review>> {
        let stands =
            |user: User, verdict| Review { author: user.username, verdict, body: String::new() };
        let told: Approvals = self.host.read(Request::get(self.of(number, "/approvals"))).await?;
        let approved = told.approved_by.into_iter();
        let mut all: Vec<Review> = approved.map(|by| stands(by.user, Verdict::Approved)).collect();
        // Older hosts do not tell what reviewers want changed.
        let told: Option<Vec<ReviewerTold>> = self.host.find(self.of(number, "/reviewers")).await?;
        let told = told.unwrap_or_default().into_iter();
        let wanting = told.filter(|told| told.state == "requested_changes");
        all.extend(wanting.map(|told| stands(told.user, Verdict::ChangesRequested)));
        Ok(all)
    }

    async fn line_comments(&self, number: u64) -> Result<Vec<LineComment>> {
        let path = self.many(&format!("/merge_requests/{number}/discussions"));
        let told = self.host.list::<Discussion>(&path).await?.entries;
        let mut all: Vec<LineComment> =
            told.into_iter().flat_map(Discussion::line_comments).collect();
        all.sort_by_key(|said| said.id);
        Ok(all)
    }

    async fn reply(&self, number: u64, thread: &str, body: &str) -> Result<()> {
        let path = self.of(number, &format!("/discussions/{}/notes", segment(thread)));
        let order = Request::write(Method::POST, path, json!({"body": body}));
        self.host.ask(order).await?.done().map(drop)
    }

    async fn checks(&self, commit: &CommitId) -> Result<Vec<Check>> {
        let path = self.many(&format!("/repository/commits/{commit}/statuses"));
        let told = self.host.list::<StatusTold>(&path).await?.entries;
        Ok(told.into_iter().map(StatusTold::noun).collect())
    }

    async fn check_log(&self, commit: &CommitId, name: &str) -> Result<String> {
        let jobs = self.jobs(commit, &format!("&name={}", segment(name))).await?;
        let named = StatusTold::worst(jobs.into_iter().filter(|job| job.name == name));
        let job = match named {
            Some(job) => Some(job),
            // Whole pipelines are told as checks too: what failed in one is what it says.
            None => StatusTold::worst(self.jobs(commit, "").await?).filter(StatusTold::failed),
        };
        let job = job.ok_or_else(|| host::no_check(name))?;
        let log = self.host.log(&self.at(&format!("/jobs/{}/trace", job.id))).await;
        let mut said = vec![job.name.clone(), host::said(&job.noun())];
        said.push(host::log_or_why(log)?);
        Ok(host::lines(said))
    }

    async fn report_check(&self, commit: &CommitId, check: &Check) -> Result<()> {
        let order = wire::status(check);
        let path = self.at(&format!("/statuses/{commit}"));
        let answer = self.host.ask(Request::write(Method::POST, path, order)).await?;
        // One that is told the same state again says that it cannot change into it.
        if answer.status == 400 && answer.words().contains("Cannot transition status") {
            return Ok(());
        }
        answer.done().map(drop)
    }

    async fn permission(&self, login: &str) -> Result<Permission> {
        let Some(user) = self.user(login).await? else { return Ok(Permission::None) };
        let path = self.at(&format!("/members/all/{}", user.id));
        let told: Option<wire::Access> = self.host.find(path).await?;
        Ok(told.map_or(Permission::None, |told| wire::permission(told.access_level)))
    }

    async fn template(&self) -> Result<Option<String>> {
        let folder = segment(TEMPLATES);
        let path = self.many(&format!("/repository/tree?path={folder}"));
        let answer = self.host.ask(Request::get(path)).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let entries: Vec<crate::wire::EntryTold> = answer.done()?.body()?;
        let is = |entry: &&crate::wire::EntryTold| is_template(&entry.name, &["default"]);
        let Some(entry) = entries.iter().find(is) else { return Ok(None) };
        let path = self.at(&format!("/repository/files/{}?ref=HEAD", segment(&entry.path)));
        Ok(self.host.find::<FileTold>(path).await?.as_ref().and_then(crate::wire::text))
    }
}
