//! GitHub: github.com and Enterprise Server, by REST; drafts turn over by GraphQL, the only way.

mod app;
mod log;
pub(crate) mod status;

pub use app::App;

use crate::around::{
    Ability, Branch, Check, Comment, Comparison, Identity, LineComment, Opening, Permission,
    Review, Subject,
};
use crate::forge::{Capabilities, Forge, ForgeError, KeptBy, MergeWish, Mergeable, Result};
use crate::host::{self, Clock, Fixed, Host, PAGE_ENTRIES, Repository, Request, segment};
use crate::pull_request::{Content, PullRequest, Stage, State};
use crate::wire::{
    self, BranchTold, CommentTold, IssueTold, PermissionTold, Pull, RepositoryTold, ReviewTold,
    Rights, User,
};
use app::{AsApp, AsInstallation};
use async_trait::async_trait;
use git::name::{BranchName, CommitId};
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// Folders in which a template may lie, in the order in which the host looks.
const TEMPLATE_FOLDERS: [&str; 3] = [".github", "", "docs"];
const READY: &str = "mutation($id:ID!){markPullRequestReadyForReview(input:{pullRequestId:$id})\
                     {pullRequest{isDraft}}}";
const DRAFT: &str = "mutation($id:ID!){convertPullRequestToDraft(input:{pullRequestId:$id})\
                     {pullRequest{isDraft}}}";

/// Who we are at GitHub.
#[derive(Clone)]
pub enum Credential {
    /// A personal token, classic or fine-grained.
    Token(SecretString),
    /// An app.
    App(Arc<App>),
}

/// A repository at GitHub.
pub struct Github {
    host: Host,
    graphql: Host,
    repository: Repository,
    who: Who,
}

enum Who {
    Person(SecretString),
    App(Arc<AsInstallation>),
}

#[derive(Deserialize)]
struct Compared {
    ahead_by: u64,
    behind_by: u64,
}

#[derive(Deserialize)]
struct MergedTold {
    sha: String,
}

#[derive(Deserialize)]
struct LineTold {
    id: u64,
    in_reply_to_id: Option<u64>,
    body: Option<String>,
    user: Option<User>,
    path: String,
    line: Option<u64>,
}

/// Where the REST and the GraphQL API of a host lie.
fn apis(web: &Url) -> Option<(Url, Url)> {
    let root = match web.host_str() {
        Some("github.com" | "www.github.com") => {
            return Url::parse("https://api.github.com")
                .ok()
                .zip(Url::parse("https://api.github.com/graphql").ok());
        }
        Some(_) | None => web.as_str().trim_end_matches('/').to_owned(),
    };
    Url::parse(&format!("{root}/api/v3")).ok().zip(Url::parse(&format!("{root}/api/graphql")).ok())
}

/// Where the REST API of a host lies.
pub(crate) fn rest(web: &Url) -> Option<Url> {
    apis(web).map(|(rest, _)| rest)
}

impl Github {
    /// A repository; `client` follows no redirect.
    pub fn open(
        client: Client,
        clock: Clock,
        repository: Repository,
        credential: &Credential,
    ) -> Result<Self> {
        let (rest, graphql) = apis(&repository.web).ok_or_else(|| ForgeError::Rejected {
            detail: "the host's address is no URL".to_owned(),
        })?;
        let host = |authorize| Host::new(client.clone(), rest.clone(), clock.clone(), authorize);
        let (host, who) = match credential {
            Credential::Token(token) => {
                (host(Arc::new(Fixed::bearer(token))), Who::Person(token.clone()))
            }
            Credential::App(app) => {
                let own = host(Arc::new(AsApp(app.clone())));
                let repository = repository.clone();
                let app = Arc::new(AsInstallation { app: app.clone(), own, repository });
                (host(app.clone()), Who::App(app))
            }
        };
        let graphql = host.elsewhere(graphql);
        Ok(Self { host, graphql, repository, who })
    }

    /// The token of the moment, which git takes as the password of `x-access-token`.
    pub async fn token(&self) -> Result<SecretString> {
        match &self.who {
            Who::Person(token) => Ok(token.clone()),
            Who::App(app) => app.token().await,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("/repos/{}{path}", self.repository.path())
    }

    fn many(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!("{}{sign}per_page={PAGE_ENTRIES}", self.at(path))
    }

    async fn write(&self, method: Method, path: &str, body: Value) -> Result<host::Answer> {
        self.host.ask(Request::write(method, self.at(path), body)).await
    }

    async fn pull(&self, number: u64) -> Result<Pull> {
        let found = self.host.find(self.at(&format!("/pulls/{number}"))).await?;
        found.ok_or(ForgeError::NotFound(number))
    }

    /// One that is still open, or why not.
    async fn open_pull(&self, number: u64) -> Result<Pull> {
        let pull = self.pull(number).await?;
        if pull.is_open() {
            return Ok(pull);
        }
        Err(ForgeError::NotOpen { number, state: noun(pull)?.state.as_str() })
    }

    async fn turn(&self, pull: &Pull, stage: Stage) -> Result<()> {
        if stage_of(pull) == stage {
            return Ok(());
        }
        let query = if stage == Stage::Draft { DRAFT } else { READY };
        let body = json!({"query": query, "variables": {"id": pull.node_id}});
        let answer = self.graphql.ask(Request::write(Method::POST, "", body)).await?.done()?;
        match answer.body::<Value>()?.get("errors") {
            // Here the host says so in an answer like any other.
            Some(errors) if errors.to_string().contains("RATE_LIMITED") => {
                Err(ForgeError::RateLimited { wait: host::WAIT_UNNAMED })
            }
            Some(errors) => Err(ForgeError::Rejected { detail: host::told(errors) }),
            None => Ok(()),
        }
    }

    async fn patch(&self, number: u64, body: Value) -> Result<PullRequest> {
        let answer = self.write(Method::PATCH, &format!("/pulls/{number}"), body).await?;
        noun(answer.done()?.body()?)
    }

    async fn post(&self, content: &Content) -> Result<PullRequest> {
        let (title, body) = host::cut(content);
        let order = json!({
            "title": title, "body": body, "head": content.head.as_str(),
            "base": content.base.as_str(), "draft": content.stage == Stage::Draft,
        });
        let answer = self.write(Method::POST, "/pulls", order).await?;
        noun(answer.done()?.body()?)
    }

    /// The reason of a refused merge, by what the host says of it now.
    async fn unmerged(&self, pull: &Pull, answer: &host::Answer) -> Result<PullRequest> {
        let now = self.pull(pull.number).await?;
        if now.head.sha != pull.head.sha || answer.status == 409 {
            let (branch, now) = (wire::branch(&now.head.branch)?, wire::commit(&now.head.sha)?);
            return Err(ForgeError::HeadMoved { branch, now });
        }
        if now.mergeable == Some(false) {
            return Err(ForgeError::Conflicts { files: Vec::new() });
        }
        let branch = noun(now)?.content.base;
        Err(ForgeError::Refused { branch, detail: answer.words() })
    }
}

fn stage_of(pull: &Pull) -> Stage {
    if pull.draft { Stage::Draft } else { Stage::Ready }
}

fn noun(pull: Pull) -> Result<PullRequest> {
    let (title, stage) = (pull.title.clone(), stage_of(&pull));
    pull.noun(title, stage)
}

#[async_trait]
impl Forge for Github {
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
        let whose = segment(&format!("{}:{head}", self.repository.owner));
        let path = self.many(&format!("/pulls?state=open&head={whose}"));
        let found = self.host.list::<Pull>(&path).await?.whole()?;
        let own = |pull: &Pull| {
            pull.is_of(&self.repository.full_name()) && pull.head.branch == head.as_str()
        };
        found.into_iter().filter(own).min_by_key(|pull| pull.number).map(noun).transpose()
    }

    async fn create(&self, content: Content) -> Result<PullRequest> {
        host::publish(self, &content, self.post(&content)).await
    }

    async fn update(&self, number: u64, content: Content) -> Result<PullRequest> {
        let pull = self.open_pull(number).await?;
        self.turn(&pull, content.stage).await?;
        let (title, body) = host::cut(&content);
        self.patch(number, json!({"title": title, "body": body, "base": content.base.as_str()}))
            .await
    }

    async fn get(&self, number: u64) -> Result<PullRequest> {
        noun(self.pull(number).await?)
    }

    async fn list(&self) -> Result<Vec<PullRequest>> {
        let path = self.many("/pulls?state=all&sort=created&direction=desc");
        self.host.list::<Pull>(&path).await?.entries.into_iter().map(noun).collect()
    }

    async fn close(&self, number: u64) -> Result<PullRequest> {
        let found = noun(self.pull(number).await?)?;
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
        let found = noun(self.pull(number).await?)?;
        match found.state {
            State::Open | State::Merging { .. } => Ok(found),
            State::Closed => self.patch(number, json!({"state": "open"})).await,
            State::Merged { .. } => {
                Err(ForgeError::NotOpen { number, state: found.state.as_str() })
            }
        }
    }

    async fn mergeable(&self, number: u64) -> Result<Mergeable> {
        Ok(match self.open_pull(number).await?.mergeable {
            Some(true) => Mergeable::Clean,
            Some(false) => Mergeable::Conflicts(Vec::new()),
            None => Mergeable::Checking,
        })
    }

    async fn merge(&self, number: u64, wish: &MergeWish) -> Result<PullRequest> {
        let pull = self.pull(number).await?;
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
        self.turn(&pull, Stage::Ready).await?;
        let order = json!({"sha": wish.seen.to_string(), "merge_method": "merge"});
        match self.write(Method::PUT, &format!("/pulls/{number}/merge"), order).await {
            Ok(answer) if answer.status == 200 => {
                let commit = wire::commit(&answer.body::<MergedTold>()?.sha)?;
                let content = Content { stage: Stage::Ready, ..found.content };
                Ok(PullRequest { number, content, state: State::Merged { commit } })
            }
            Ok(answer) => self.unmerged(&pull, &answer).await,
            Err(ForgeError::OutcomeUnknown { detail }) => match self.get(number).await {
                Ok(now) if matches!(now.state, State::Merged { .. }) => Ok(now),
                Ok(_) | Err(_) => Err(ForgeError::OutcomeUnknown { detail }),
            },
            Err(error) => Err(error),
        }
    }

    fn link(&self, number: u64) -> Option<String> {
        Some(self.repository.below(&format!("{}/pull/{number}", self.repository.path())))
    }

    async fn identity(&self) -> Result<Identity> {
        let told: RepositoryTold = self.repository_told().await?;
        match &self.who {
            Who::Person(_) => {
                let answer = self.host.ask(Request::get("/user")).await?.done()?;
                let scopes = answer.header("x-oauth-scopes").unwrap_or_default().split(',');
                let scopes = scopes.map(|scope| scope.trim().to_owned());
                let scopes = scopes.filter(|scope| !scope.is_empty()).collect();
                let permission = told.permissions.as_ref().map_or(Permission::Read, Rights::word);
                Ok(Identity { login: answer.body::<User>()?.login, permission, scopes })
            }
            Who::App(app) => {
                let may = app.permissions().await?;
                let writes = ["contents", "pull_requests"];
                let writes =
                    writes.iter().all(|name| may.get(*name).is_some_and(|word| word == "write"));
                let permission = if writes { Permission::Write } else { Permission::Read };
                let scopes = may.iter().map(|(name, word)| format!("{name}:{word}")).collect();
                Ok(Identity { login: app.login().await?, permission, scopes })
            }
        }
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
        let path = self.at(&format!("/compare/{both}?per_page=1"));
        let told: Compared = self.host.read(Request::get(path)).await?;
        Ok(Comparison { ahead: told.ahead_by, behind: Some(told.behind_by) })
    }

    async fn ask_reviewers(&self, number: u64, logins: &[String]) -> Result<()> {
        // A team is named with its organisation.
        let (teams, people): (Vec<_>, Vec<_>) = logins.iter().partition(|name| name.contains('/'));
        let teams: Vec<_> = teams.iter().filter_map(|name| name.rsplit('/').next()).collect();
        let order = json!({"reviewers": people, "team_reviewers": teams});
        let path = format!("/pulls/{number}/requested_reviewers");
        self.write(Method::POST, &path, order).await?.done().map(drop)
    }

    async fn reviewers(&self, number: u64) -> Result<Vec<String>> {
        let asked = self.pull(number).await?.requested_reviewers.unwrap_or_default();
        Ok(asked.into_iter().map(|user| user.login).collect())
    }

    async fn add_labels(&self, number: u64, labels: &[String]) -> Result<()> {
        let path = format!("/issues/{number}/labels");
        self.write(Method::POST, &path, json!({"labels": labels})).await?.done().map(drop)
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
                Ok(self.pull(number).await?.opening(&self.repository.full_name()))
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
        let path = self.many(&format!("/pulls/{number}/reviews"));
        let told = self.host.list::<ReviewTold>(&path).await?.entries;
        Ok(told.into_iter().filter_map(ReviewTold::noun).collect())
    }

    async fn line_comments(&self, number: u64) -> Result<Vec<LineComment>> {
        let path = self.many(&format!("/pulls/{number}/comments"));
        let told = self.host.list::<LineTold>(&path).await?.entries;
        Ok(told.into_iter().map(LineTold::noun).collect())
    }

    async fn reply(&self, number: u64, thread: &str, body: &str) -> Result<()> {
        let path = format!("/pulls/{number}/comments/{}/replies", segment(thread));
        self.write(Method::POST, &path, json!({"body": body})).await?.done().map(drop)
    }

    async fn checks(&self, commit: &CommitId) -> Result<Vec<Check>> {
        status::checks(self, commit).await
    }

    async fn check_log(&self, commit: &CommitId, name: &str) -> Result<String> {
        log::of(self, commit, name).await
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

impl Github {
    async fn repository_told(&self) -> Result<RepositoryTold> {
        self.host.find(self.at("")).await?.ok_or_else(|| self.repository.hidden())
    }
}

impl LineTold {
    fn noun(self) -> LineComment {
        let thread = self.in_reply_to_id.unwrap_or(self.id).to_string();
        let author = self.user.map(|user| user.login).unwrap_or_default();
        let body = self.body.unwrap_or_default();
        LineComment { id: self.id, thread, author, body, path: self.path, line: self.line }
    }
}
