//! Bitbucket Cloud. People are known by their `{uuid}` here: names are neither unique nor lasting.
//!
//! It tells commits of pull requests abbreviated, so each is asked for in full; and a pull request
//! that is opened again for the same branches is the first one, brought up to date.

mod log;
mod wire;

use crate::around::{
    Ability, Branch, Check, Comment, Comparison, Identity, LineComment, Opening, Permission,
    Review, Subject,
};
use crate::forge::{Capabilities, Forge, ForgeError, KeptBy, MergeWish, Mergeable, Result};
use crate::host::{
    self, Authorize, Clock, Fixed, Host, PAGE_ENTRIES, Repository, Request, segment,
};
use crate::pull_request::{Content, PullRequest, Stage, State};
use crate::wire::{branch, commit};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git::name::{BranchName, CommitId};
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;
use wire::{
    BranchTold, CommentTold, Grant, Hash, IssueTold, PullTold, RepositoryTold, StatusTold, Touched,
    User,
};

/// Who we are at Bitbucket.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An access token of a repository, project or workspace.
    Token(SecretString),
    /// A person's API token.
    Person {
        /// The account's mail address.
        email: String,
        /// The token.
        token: SecretString,
    },
}

/// A repository at Bitbucket Cloud.
pub struct Bitbucket {
    host: Host,
    repository: Repository,
}

/// Where the API lies.
pub(crate) fn api(web: &Url) -> Option<Url> {
    let root = match web.host_str() {
        Some("bitbucket.org") => return Url::parse("https://api.bitbucket.org/2.0").ok(),
        Some(_) | None => web.as_str().trim_end_matches('/'),
    };
    Url::parse(&format!("{root}/2.0")).ok()
}

/// How a person's API token is shown.
pub(crate) fn basic(email: &str, token: &SecretString) -> Fixed {
    let pair = STANDARD.encode(format!("{email}:{}", token.expose_secret()));
    Fixed::new(AUTHORIZATION, "Basic ", &pair.into())
}

impl Bitbucket {
    /// A repository; `client` follows no redirect.
    pub fn open(
        client: Client,
        clock: Clock,
        repository: Repository,
        credential: &Credential,
    ) -> Result<Self> {
        let api = api(&repository.web).ok_or_else(|| repository.hidden())?;
        let authorize: Arc<dyn Authorize> = Arc::new(match credential {
            Credential::Token(token) => Fixed::bearer(token),
            Credential::Person { email, token } => basic(email, token),
        });
        Ok(Self { host: Host::new(client, api, clock, authorize), repository })
    }

    fn at(&self, path: &str) -> String {
        format!("/repositories/{}{path}", self.repository.path())
    }

    /// Below an issue or a pull request.
    fn on(&self, on: Subject, path: &str) -> String {
        let kind = match on {
            Subject::Issue(_) => "issues",
            Subject::PullRequest(_) => "pullrequests",
        };
        format!("/{kind}/{}{path}", on.number())
    }

    fn many(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{}{sign}pagelen={PAGE_ENTRIES}", self.at(path))
    }

    async fn write(&self, method: Method, path: &str, body: Value) -> Result<host::Answer> {
        self.host.ask(Request::write(method, self.at(path), body)).await
    }

    async fn told(&self, number: u64) -> Result<PullTold> {
        let found = self.host.find(self.at(&format!("/pullrequests/{number}"))).await?;
        found.ok_or(ForgeError::NotFound(number))
    }

    async fn open_told(&self, number: u64) -> Result<PullTold> {
        let told = self.told(number).await?;
        if told.is_open() {
            return Ok(told);
        }
        let state = self.noun(&told).await?.state.as_str();
        Err(ForgeError::NotOpen { number, state })
    }

    /// A commit by the beginning of its name.
    async fn full(&self, start: &str) -> Result<CommitId> {
        if let Ok(whole) = commit(start) {
            return Ok(whole);
        }
        let path = self.at(&format!("/commit/{}", segment(start)));
        let told: Hash = self.host.read(Request::get(path)).await?;
        commit(&told.hash)
    }

    async fn noun(&self, told: &PullTold) -> Result<PullRequest> {
        let state = match told.state.as_str() {
            "OPEN" => State::Open,
            "MERGED" => {
                let merged = told.merge_commit.as_ref().or(told.source.commit.as_ref());
                let start = merged.map(|commit| commit.hash.as_str()).unwrap_or_default();
                State::Merged { commit: self.full(start).await? }
            }
            _ => State::Closed,
        };
        let start = told.source.commit.as_ref().map(|commit| commit.hash.as_str());
        let content = Content {
            title: told.title.clone(),
            body: told.description.clone().unwrap_or_default(),
            head: branch(&told.source.branch.name)?,
            commit: self.full(start.unwrap_or_default()).await?,
            base: branch(&told.destination.branch.name)?,
            stage: if told.draft { Stage::Draft } else { Stage::Ready },
        };
        Ok(PullRequest { number: told.id, content, state })
    }

    /// Changes fields of an open one. Reviewers are named each time: without them there are none.
    async fn put(&self, told: &PullTold, mut order: Value) -> Result<PullTold> {
        if let Some(fields) = order.as_object_mut() {
            fields.entry("title").or_insert_with(|| json!(told.title));
            fields.entry("draft").or_insert_with(|| json!(told.draft));
            fields.entry("reviewers").or_insert_with(|| {
                told.reviewers.iter().map(|user| json!({"uuid": user.uuid})).collect()
            });
        }
        let path = format!("/pullrequests/{}", told.id);
        self.write(Method::PUT, &path, order).await?.done()?.body()
    }

    async fn post(&self, content: &Content) -> Result<PullRequest> {
        let (title, body) = host::cut(content);
        let order = json!({
            "title": title, "description": body, "draft": content.stage == Stage::Draft,
            "source": {"branch": {"name": content.head.as_str()}},
            "destination": {"branch": {"name": content.base.as_str()}},
            "close_source_branch": false,
        });
        let answer = self.write(Method::POST, "/pullrequests", order).await?;
        let made: PullTold = answer.done()?.body()?;
        // It is opened; what cannot be read now is read the next time.
        self.noun(&made)
            .await
            .map_err(|error| ForgeError::OutcomeUnknown { detail: error.to_string() })
    }

    async fn conflicts(&self, number: u64) -> Result<Vec<String>> {
        let path = self.many(&format!("/pullrequests/{number}/diffstat"));
        let touched = self.host.linked::<Touched>(&path).await?.entries;
        Ok(touched.into_iter().filter_map(Touched::conflict).collect())
    }

    async fn comment_list(&self, on: Subject) -> Result<Vec<CommentTold>> {
        let path = self.many(&self.on(on, "/comments?sort=id"));
        let told = self.host.linked::<CommentTold>(&path).await?.entries;
        Ok(told.into_iter().filter(|told| !told.deleted).collect())
    }

    async fn count(&self, from: &BranchName, to: &BranchName) -> Result<u64> {
        let (from, to) = (segment(from.as_str()), segment(to.as_str()));
        let path = self.many(&format!("/commits?include={to}&exclude={from}"));
        let commits = self.host.linked::<Hash>(&path).await?.entries;
        Ok(u64::try_from(commits.len()).unwrap_or(u64::MAX))
    }

    async fn repository_told(&self) -> Result<(RepositoryTold, Vec<String>)> {
        let answer = self.host.ask(Request::get(self.at(""))).await?;
        if answer.status == 404 {
            return Err(self.repository.hidden());
        }
        let answer = answer.done()?;
        let scopes = answer.header("x-oauth-scopes").unwrap_or_default().split(',');
        let scopes = scopes.map(|scope| scope.trim().to_owned());
        let scopes = scopes.filter(|scope| !scope.is_empty()).collect();
        Ok((answer.body()?, scopes))
    }

    async fn merge_now(&self, told: &PullTold, found: &PullRequest) -> Result<PullRequest> {
        let (number, base) = (told.id, found.content.base.clone());
        let files = self.conflicts(number).await?;
        if !files.is_empty() {
            return Err(ForgeError::Conflicts { files });
        }
        let order = json!({"merge_strategy": "merge_commit", "close_source_branch": false});
        let path = format!("/pullrequests/{number}/merge");
        match self.write(Method::POST, &path, order).await {
            Ok(answer) if answer.status == 200 => self.get(number).await,
            // It goes on in the background.
            Ok(answer) if answer.status == 202 => {
                Err(ForgeError::OutcomeUnknown { detail: "it is still being merged".to_owned() })
            }
            Ok(answer) => Err(ForgeError::Refused { branch: base, detail: answer.words() }),
            Err(ForgeError::OutcomeUnknown { detail }) => match self.get(number).await {
                Ok(now) if matches!(now.state, State::Merged { .. }) => Ok(now),
                Ok(_) | Err(_) => Err(ForgeError::OutcomeUnknown { detail }),
            },
            Err(error) => Err(error),
        }
    }
}

/// A text in a question. TRUST: names may hold quotes, and none may end the text.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What a token may do, by the scopes that the host names with each answer.
fn permission(scopes: &[String]) -> Permission {
    let has =
        |words: &[&str]| scopes.iter().any(|scope| words.iter().all(|word| scope.contains(word)));
    if has(&["repository", "admin"]) {
        Permission::Admin
    } else if has(&["repository", "write"]) || has(&["pullrequest", "write"]) {
        Permission::Write
    } else {
        Permission::Read
    }
}

#[async_trait]
impl Forge for Bitbucket {
    fn capabilities(&self) -> Capabilities {
        let able = &[
            Ability::Identity,
            Ability::Drafts,
            Ability::Reviewers,
            Ability::Comments,
            Ability::Issues,
            Ability::Reviews,
            Ability::Checks,
            Ability::Permissions,
            Ability::Branches,
            Ability::ConflictFiles,
        ];
        Capabilities { kept_by: KeptBy::Host, able }
    }

    async fn find_pull_request(&self, head: &BranchName) -> Result<Option<PullRequest>> {
        let head_quoted = quoted(head.as_str());
        let question = segment(&format!("source.branch.name={head_quoted} AND state=\"OPEN\""));
        let path = self.many(&format!("/pullrequests?state=OPEN&q={question}"));
        let found = self.host.linked::<PullTold>(&path).await?.whole()?;
        let name = self.repository.full_name();
        let own = |told: &PullTold| told.is_of(&name) && told.source.branch.name == head.as_str();
        match found.into_iter().filter(own).min_by_key(|told| told.id) {
            Some(told) => self.noun(&told).await.map(Some),
            None => Ok(None),
        }
    }

    async fn create(&self, content: Content) -> Result<PullRequest> {
        host::publish(self, &content, self.post(&content)).await
    }

    async fn update(&self, number: u64, content: Content) -> Result<PullRequest> {
        let told = self.open_told(number).await?;
        let (title, body) = host::cut(&content);
        let order = json!({
            "title": title, "description": body, "draft": content.stage == Stage::Draft,
            "destination": {"branch": {"name": content.base.as_str()}},
        });
        self.noun(&self.put(&told, order).await?).await
    }

    async fn get(&self, number: u64) -> Result<PullRequest> {
        self.noun(&self.told(number).await?).await
    }

    async fn list(&self) -> Result<Vec<PullRequest>> {
        let states = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED";
        let path = self.many(&format!("/pullrequests?{states}&sort=-id"));
        // Each commit costs a question, so one page has to do.
        let page: wire::Page<PullTold> = self.host.read(Request::get(path)).await?;
        let mut pulls = Vec::new();
        for told in &page.values {
            pulls.push(self.noun(told).await?);
        }
        Ok(pulls)
    }

    async fn close(&self, number: u64) -> Result<PullRequest> {
        let found = self.get(number).await?;
        match found.state {
            State::Closed => Ok(found),
            State::Open | State::Merging { .. } => {
                let path = format!("/pullrequests/{number}/decline");
                self.write(Method::POST, &path, json!({})).await?.done()?;
                self.get(number).await
            }
            State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn mergeable(&self, number: u64) -> Result<Mergeable> {
        self.open_told(number).await?;
        let files = self.conflicts(number).await?;
        Ok(if files.is_empty() { Mergeable::Clean } else { Mergeable::Conflicts(files) })
    }

    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest> {
        let mut told = self.told(number).await?;
        let found = self.noun(&told).await?;
        match &found.state {
            State::Merged { .. } => return Ok(found),
            State::Closed => {
                return Err(ForgeError::NotOpen { number, state: found.state.as_str() });
            }
            State::Open | State::Merging { .. } => {}
        }
        // The host takes no commit with the order, so what is pushed after this look goes with it.
        if found.content.commit != wish.seen {
            let (branch, now) = (found.content.head, found.content.commit);
            return Err(ForgeError::HeadMoved { branch, now });
        }
        if told.draft {
            told = self.put(&told, json!({"draft": false})).await?;
        }
        self.merge_now(&told, &found).await
    }

    fn link(&self, number: u64) -> Option<String> {
        let path = format!("{}/pull-requests/{number}", self.repository.path());
        Some(self.repository.below(&path))
    }

    async fn identity(&self) -> Result<Identity> {
        let own: User = self.host.read(Request::get("/user")).await?;
        let (_, scopes) = self.repository_told().await?;
        Ok(Identity { login: own.uuid, permission: permission(&scopes), scopes })
    }

    async fn default_branch(&self) -> Result<BranchName> {
        let (told, _) = self.repository_told().await?;
        branch(&told.mainbranch.map(|main| main.name).unwrap_or_default())
    }

    async fn branch(&self, name: &BranchName) -> Result<Option<CommitId>> {
        let path = self.at(&format!("/refs/branches/{}", segment(name.as_str())));
        let told: Option<BranchTold> = self.host.find(path).await?;
        told.map(|told| commit(&told.target.hash)).transpose()
    }

    async fn branches(&self) -> Result<Vec<Branch>> {
        let told = self.host.linked::<BranchTold>(&self.many("/refs/branches")).await?.entries;
        let noun = |told: BranchTold| {
            Ok(Branch { name: branch(&told.name)?, commit: commit(&told.target.hash)? })
        };
        told.into_iter().map(noun).collect()
    }

    async fn compare(&self, base: &BranchName, head: &BranchName) -> Result<Comparison> {
        let behind = Some(self.count(head, base).await?);
        Ok(Comparison { ahead: self.count(base, head).await?, behind })
    }

    async fn ask_reviewers(&self, number: u64, logins: &[String]) -> Result<()> {
        let told = self.open_told(number).await?;
        let mut all: Vec<&str> = told.reviewers.iter().map(|user| user.uuid.as_str()).collect();
        for login in logins {
            if !all.contains(&login.as_str()) {
                all.push(login);
            }
        }
        let all: Vec<Value> = all.iter().map(|uuid| json!({"uuid": uuid})).collect();
        self.put(&told, json!({"reviewers": all})).await.map(drop)
    }

    async fn reviewers(&self, number: u64) -> Result<Vec<String>> {
        let asked = self.told(number).await?.reviewers;
        Ok(asked.into_iter().map(|user| user.uuid).collect())
    }

    async fn opening(&self, on: Subject) -> Result<Opening> {
        let number = on.number();
        match on {
            Subject::Issue(_) => {
                let found: Option<IssueTold> = self.host.find(self.at(&self.on(on, ""))).await?;
                Ok(found.ok_or(ForgeError::NotFound(number))?.opening())
            }
            Subject::PullRequest(_) => {
                Ok(self.told(number).await?.opening(&self.repository.full_name()))
            }
        }
    }

    async fn comment(&self, on: Subject, body: &str) -> Result<Comment> {
        let path = self.on(on, "/comments");
        let answer = self.write(Method::POST, &path, wire::content(body)).await?.done()?;
        Ok(answer.body::<CommentTold>()?.comment())
    }

    async fn edit_comment(&self, on: Subject, id: u64, body: &str) -> Result<Comment> {
        let path = self.on(on, &format!("/comments/{id}"));
        let answer = self.write(Method::PUT, &path, wire::content(body)).await?.done()?;
        Ok(answer.body::<CommentTold>()?.comment())
    }

    async fn comments(&self, on: Subject) -> Result<Vec<Comment>> {
        let told = self.comment_list(on).await?.into_iter();
        Ok(told.filter(|told| told.inline.is_none()).map(CommentTold::comment).collect())
    }

    async fn reviews(&self, number: u64) -> Result<Vec<Review>> {
        let told = self.told(number).await?.participants;
        Ok(told.into_iter().filter_map(wire::Participant::review).collect())
    }

    async fn line_comments(&self, number: u64) -> Result<Vec<LineComment>> {
        let told = self.comment_list(Subject::PullRequest(number)).await?;
        Ok(told.into_iter().filter_map(CommentTold::line_comment).collect())
    }

    async fn reply(&self, number: u64, thread: &str, body: &str) -> Result<()> {
        let parent: u64 = thread
            .parse()
            .map_err(|_| ForgeError::Rejected { detail: "there is no such thread".to_owned() })?;
        let mut order = wire::content(body);
        if let Some(fields) = order.as_object_mut() {
            fields.insert("parent".to_owned(), json!({"id": parent}));
        }
        let path = format!("/pullrequests/{number}/comments");
        self.write(Method::POST, &path, order).await?.done().map(drop)
    }

    async fn checks(&self, commit: &CommitId) -> Result<Vec<Check>> {
        let path = self.many(&format!("/commit/{commit}/statuses"));
        let told = self.host.linked::<StatusTold>(&path).await?.entries;
        Ok(told.into_iter().map(StatusTold::noun).collect())
    }

    async fn check_log(&self, commit: &CommitId, name: &str) -> Result<String> {
        log::of(self, commit, name).await
    }

    async fn report_check(&self, commit: &CommitId, check: &Check) -> Result<()> {
        let order = wire::status(check, &self.repository.below(&self.repository.path()));
        let path = format!("/commit/{commit}/statuses/build");
        self.write(Method::POST, &path, order).await?.done().map(drop)
    }

    async fn permission(&self, login: &str) -> Result<Permission> {
        let (owner, name) = (segment(&self.repository.owner), segment(&self.repository.name));
        let question = segment(&format!("user.uuid={}", quoted(login)));
        let path = format!("/workspaces/{owner}/permissions/repositories/{name}?q={question}");
        let told = self.host.linked::<Grant>(&path).await?.entries.into_iter();
        let highest = told.filter(|told| told.user.uuid == login).map(|told| told.permission);
        let highest = highest.map(|word| host::permission(&word)).max();
        Ok(highest.unwrap_or(Permission::None))
    }
}
