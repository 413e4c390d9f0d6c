//! Secrets that people add: values for the sandboxes of agents, kept for a key, a saved environment or the team.
//!
//! A record says what a secret is and names its value, which is sealed apart. A changed value is another one, sealed
//! before the record names it: whatever a server that died left behind, a value never meets hosts that were not
//! chosen together with it.
//!
//! TRUST: no answer, log line or event holds a value. It leaves here as [`Held`], for the variables of an agent's
//! commands where it is `plain`, and for requests to its hosts where it is a grant.

mod choose;
mod known;
mod wanted;

pub use wanted::Wanted;

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::aws;
use crate::clock::now_ms;
use crate::keys::ADMIN;
use crate::saved_environments;
use agent::state::Living;
use anyhow::{Context, Result, bail};
use axum::http::StatusCode;
use choose::{Chosen, Level};
use protocol::api::aws::{ROLE_SECRETS, is_role_secret};
use protocol::api::secrets::{SecretKind, SecretPlace};
use protocol::ids::{AgentId, OrgId};
use protocol::limits::SECRETS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::kv::Expect;
use store::sealed::{SealedValue, Secret};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Kind of the records.
const KIND: &str = "secret";
/// What an id begins with.
const ID: &str = "secv_";
/// Times that secrets are read again because one was changed meanwhile.
const ROUNDS: u32 = 5;

/// One change at a time: names and repositories stay told apart.
#[derive(Debug, Default)]
pub struct Secrets {
    changing: Mutex<()>,
}

/// Whose secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Of a key, by its id.
    User(String),
    /// Of a saved environment.
    Environment(Uuid),
    /// Everybody's.
    Team,
}

impl Owner {
    fn key(&self) -> String {
        match self {
            Self::User(key) => format!("user/{key}/"),
            Self::Environment(id) => format!("environment/{id}/"),
            Self::Team => "team/".to_owned(),
        }
    }

    /// Where the values are sealed.
    fn seal(&self) -> String {
        format!("secret/{}", self.key())
    }
}

/// What a secret is, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name of its variable.
    pub name: String,
    /// What becomes of it.
    pub kind: SecretKind,
    /// Only for these repositories; empty: for all.
    pub repos: Vec<String>,
    /// Who is given a grant's value.
    pub hosts: Vec<String>,
    /// Where in a request.
    pub places: Vec<SecretPlace>,
    /// The value of this runtime secret is a variable.
    pub plain: bool,
    /// Which of its values counts.
    pub value: u64,
    /// Since when it is there.
    pub created_ms: i64,
    /// When it was changed.
    pub updated_ms: i64,
    /// Who changed it.
    pub updated_by: String,
}

/// A secret with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What it is.
    pub entry: Entry,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// There was none.
    New,
    /// There was one.
    Changed,
}

/// What is about to use secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An agent's commands.
    Work,
    /// What prepares a disk: `install`, and the steps of a Dockerfile.
    Build,
    /// Whatever was there at any time: what is kept out of what is shown.
    Any,
}

/// What an agent's newest sandbox may use now, by its log alone: after a crash it is the same as before.
pub fn phase_of(living: &Living) -> Phase {
    if living.is_preparing() { Phase::Build } else { Phase::Work }
}

/// A secret with its value, for one agent.
pub struct Held {
    /// Its id.
    pub id: String,
    /// The name of its variable.
    pub name: String,
    /// What becomes of it.
    pub kind: SecretKind,
    /// Its value.
    pub value: Secret,
    /// Who is given a grant's value.
    pub hosts: Vec<String>,
    /// Where in a request.
    pub places: Vec<SecretPlace>,
    /// The value of this runtime secret is a variable.
    pub plain: bool,
    /// Whose it is.
    pub owner: Owner,
}

impl Listed {
    /// Whether a step of a build is given it. One that was kept before build secrets had hosts is not.
    fn is_of_build(&self) -> bool {
        self.entry.kind == SecretKind::BuildSecret && !self.entry.hosts.is_empty()
    }
}

impl Held {
    /// Whether the commands of an agent are given the value itself.
    pub fn is_variable(&self) -> bool {
        match self.kind {
            SecretKind::EnvironmentVariable => true,
            SecretKind::RuntimeSecret => self.plain,
            SecretKind::BuildSecret => false,
        }
    }

    /// Whether commands are given a placeholder, and the gateway the value.
    pub fn is_grant(&self) -> bool {
        match self.kind {
            SecretKind::EnvironmentVariable => false,
            SecretKind::RuntimeSecret => !self.plain && !self.is_role(),
            SecretKind::BuildSecret => !self.hosts.is_empty(),
        }
    }

    /// Whether it names a role of AWS, of which a sandbox has keys that stand for the role's own.
    pub fn is_role(&self) -> bool {
        is_role_secret(&self.name)
    }

    /// What one agent's sandbox knows of a grant.
    pub fn placeholder(&self, app: &App, agent: AgentId) -> String {
        let key = app.seeds.placeholders();
        gateway::grant::placeholder(&key, &agent.to_string(), &self.id, self.value.expose())
    }

    /// Whether the value is to be kept out of what is stored and shown.
    pub fn is_hidden(&self) -> bool {
        match self.kind {
            SecretKind::EnvironmentVariable => false,
            // Who acts under a role may know which one it is; AWS tells it, too.
            SecretKind::RuntimeSecret | SecretKind::BuildSecret => !self.is_role(),
        }
    }
}

/// All secrets of an owner, newest first.
pub async fn of_owner(app: &App, org: &OrgId, owner: &Owner) -> Result<Vec<Listed>> {
    let prefix = owner.key();
    let most = u16::try_from(SECRETS).unwrap_or(u16::MAX);
    let entries = app.store.list(org, KIND, &prefix, "", most).await.context("list secrets")?;
    let mut all = Vec::new();
    for entry in entries {
        let id = entry.key.strip_prefix(&prefix).unwrap_or(&entry.key).to_owned();
        all.push(Listed { id, entry: serde_json::from_str(&entry.body).context("read a secret")? });
    }
    all.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(all)
}

/// The one of this name, or of this name and id.
pub async fn find(
    app: &App,
    (org, owner): (&OrgId, &Owner),
    name: &str,
    id: Option<&str>,
) -> ApiResult<Listed> {
    exists(app, org, owner).await?;
    let all = of_owner(app, org, owner).await?;
    wanted::named(&all, name, id).cloned()
}

/// Adds one, or changes it.
pub async fn put(
    app: &App,
    (org, owner): (&OrgId, &Owner),
    by: &str,
    (name, id): (&str, Option<&str>),
    wanted: Wanted,
) -> ApiResult<(Put, Listed)> {
    let _alone = app.secrets.changing.lock().await;
    exists(app, org, owner).await?;
    let all = of_owner(app, org, owner).await?;
    let before = wanted::target(&all, name, id, wanted.repos.as_deref())?;
    if before.is_none() && all.len() >= SECRETS {
        let message = format!("there are {SECRETS} already, which is the most: remove one");
        return Err(ApiError::new(StatusCode::CONFLICT, "secret_limit_reached", message));
    }
    let (value, mut entry) = wanted.entry(name, before.map(|before| &before.entry))?;
    wanted::free(&all, before, &entry)?;
    let now = now_ms();
    entry.updated_ms = now;
    entry.updated_by = by.to_owned();
    if before.is_none() {
        entry.created_ms = now;
    }
    let fresh = || format!("{ID}{}", Uuid::now_v7().simple());
    let id = before.map_or_else(fresh, |before| before.id.clone());
    let put = if before.is_some() { Put::Changed } else { Put::New };
    let listed = Listed { id, entry };
    write(app, (org, owner), &listed, value).await?;
    Ok((put, listed))
}

/// Removes one.
pub async fn remove(
    app: &App,
    (org, owner): (&OrgId, &Owner),
    name: &str,
    id: Option<&str>,
) -> ApiResult<Listed> {
    let _alone = app.secrets.changing.lock().await;
    exists(app, org, owner).await?;
    let all = of_owner(app, org, owner).await?;
    let gone = wanted::named(&all, name, id)?.clone();
    let key = record_key(owner, &gone.id);
    app.store.delete(org, KIND, &key).await.context("remove a secret")?;
    sweep(app, org, owner).await?;
    Ok(gone)
}

/// Removes all of an owner that is no more.
pub async fn forget(app: &App, org: &OrgId, owner: &Owner) -> Result<()> {
    let _alone = app.secrets.changing.lock().await;
    for listed in of_owner(app, org, owner).await? {
        let key = record_key(owner, &listed.id);
        app.store.delete(org, KIND, &key).await.context("remove a secret")?;
    }
    sweep(app, org, owner).await
}

/// The value first, so that a record that names it finds it. Only where nobody else changes anything.
async fn write(
    app: &App,
    (org, owner): (&OrgId, &Owner),
    listed: &Listed,
    value: Secret,
) -> Result<()> {
    let name = value_name(&listed.id, listed.entry.value);
    let sealed = SealedValue { owner: owner.seal(), name, value, at_ms: listed.entry.updated_ms };
    app.store.seal(org, sealed).await.context("seal a secret")?;
    let body = serde_json::to_string(&listed.entry).context("write a secret")?;
    let key = record_key(owner, &listed.id);
    let put = app.store.put(org, KIND, &key, Expect::Anything, &body).await;
    put.context("keep a secret")?;
    sweep(app, org, owner).await
}

/// Values that no record names: earlier ones, and those of a server that died before it wrote the record.
async fn sweep(app: &App, org: &OrgId, owner: &Owner) -> Result<()> {
    let all = of_owner(app, org, owner).await?;
    let named = |name: &String| {
        all.iter().any(|listed| value_name(&listed.id, listed.entry.value) == *name)
    };
    let sealed = app.store.sealed_names(org, &owner.seal()).await.context("list values")?;
    for name in sealed.iter().filter(|name| !named(name)) {
        app.store.remove_sealed(org, &owner.seal(), name).await.context("remove a value")?;
    }
    Ok(())
}

fn record_key(owner: &Owner, id: &str) -> String {
    format!("{}{id}", owner.key())
}

fn value_name(id: &str, value: u64) -> String {
    format!("{id}/{value}")
}

/// Only a saved environment may not be there.
async fn exists(app: &App, org: &OrgId, owner: &Owner) -> ApiResult<()> {
    let Owner::Environment(id) = owner else { return Ok(()) };
    let found = saved_environments::one(app, org, *id).await?;
    found.map(drop).ok_or_else(|| saved_environments::missing(id))
}

/// The secrets of an agent, a name once. What it was opened with, its environments, whoever opened it and the team
/// come in this order, and a name hides the same one further down, whatever its case. The commands of a build have
/// secrets of builds only: what they leave is for everybody.
pub async fn of_agent(app: &App, org: &OrgId, living: &Living, phase: Phase) -> Result<Vec<Held>> {
    let is_withheld = phase != Phase::Any && living.withheld().is_some();
    if is_withheld || phase == Phase::Work && living.settings.build.is_some() {
        return Ok(Vec::new());
    }
    for _ in 0..ROUNDS {
        let levels = levels(app, org, living).await?;
        let repos: Vec<_> =
            living.settings.repos.iter().map(|repo| saved_environments::same(&repo.url)).collect();
        let mut chosen = choose::choose(levels, &living.settings.env_names, &repos, phase);
        if phase == Phase::Build && living.settings.build.is_some() {
            chosen.retain(|chosen| chosen.listed.is_of_build());
        }
        if let Some(held) = opened(app, org, chosen).await? {
            return Ok(held);
        }
    }
    bail!("read the secrets of an agent: they were changed again and again")
}

async fn levels(app: &App, org: &OrgId, living: &Living) -> Result<Vec<Level>> {
    let mut owners = Vec::new();
    for repo in &living.settings.repos {
        let found = saved_environments::of_repository(app, org, &repo.url).await?;
        let owner = found.map(|(id, _)| Owner::Environment(id));
        owners.extend(owner.filter(|owner| !owners.contains(owner)));
    }
    if let Some(key) = &living.settings.opener
        && is_in_force(app, org, key).await?
    {
        owners.push(Owner::User(key.clone()));
    }
    owners.push(Owner::Team);
    let mut levels = Vec::new();
    for owner in owners {
        let secrets = of_owner(app, org, &owner).await?;
        levels.push(Level { owner, secrets });
    }
    Ok(levels)
}

/// TRUST: what belonged to a key that was revoked is used no more, whatever is left of it.
async fn is_in_force(app: &App, org: &OrgId, key: &str) -> Result<bool> {
    if key == ADMIN {
        return Ok(true);
    }
    Ok(app.store.key(org, key).await.context("look a key up")?.is_some())
}

/// With their values; none = one was changed since it was chosen.
async fn opened(app: &App, org: &OrgId, chosen: Vec<Chosen>) -> Result<Option<Vec<Held>>> {
    let mut all = Vec::new();
    for Chosen { owner, listed: Listed { id, entry } } in chosen {
        let name = value_name(&id, entry.value);
        let value = app.store.unseal(org, &owner.seal(), &name).await.context("open a secret")?;
        let Some(value) = value else { return Ok(None) };
        let Entry { name, kind, hosts, places, plain, .. } = entry;
        all.push(Held { id, name, kind, value, hosts, places, plain, owner });
    }
    Ok(Some(all))
}

/// The role of AWS that is for all agents of all repositories, or for those of some.
pub async fn team_role(app: &App, org: &OrgId) -> Result<Option<String>> {
    let all = of_owner(app, org, &Owner::Team).await?;
    let named = |name: &&str| all.iter().find(|it| it.entry.name.eq_ignore_ascii_case(name));
    let Some(Listed { id, entry }) = ROLE_SECRETS.iter().find_map(named) else { return Ok(None) };
    let name = value_name(id, entry.value);
    let value = app.store.unseal(org, &Owner::Team.seal(), &name).await.context("open a secret")?;
    Ok(value.map(|value| value.expose().to_owned()))
}

/// What the model is told of the grants, a line each.
pub async fn facts(app: &App, org: &OrgId, living: &Living) -> Result<Vec<String>> {
    let held = of_agent(app, org, living, Phase::Work).await?;
    let grants = held.iter().filter(|held| held.is_grant());
    Ok(grants
        .map(|held| {
            format!(
                "{} holds a placeholder. Use it like the credential that it stands for: on the way to {} the real \
                 value takes its place; anywhere else it is worth nothing.",
                held.name,
                held.hosts.join(", ")
            )
        })
        .chain(aws::fact(&held))
        .collect())
}

/// The variables of an agent's commands and terminals, for its sandbox only: secrets that are meant to be inside in
/// plain text, placeholders of those that are not, and over them what it was opened with.
pub async fn variables(
    app: &App,
    org: &OrgId,
    agent: AgentId,
    living: &Living,
    phase: Phase,
) -> Result<Vec<(String, String)>> {
    let held = of_agent(app, org, living, phase).await?;
    let mut all = BTreeMap::new();
    for held in &held {
        if held.is_grant() {
            all.insert(held.name.clone(), held.placeholder(app, agent));
        } else if held.is_variable() {
            all.insert(held.name.clone(), held.value.expose().to_owned());
        }
    }
    all.extend(app.variables(org, agent).await?);
    let key = app.seeds.placeholders();
    let has = |name: &str| all.contains_key(name);
    let role = aws::variables((&app.config.aws, &key), agent, &held, has);
    all.extend(role);
    Ok(all.into_iter().collect())
}
