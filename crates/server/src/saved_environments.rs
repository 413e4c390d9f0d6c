//! Saved environments: what an environment file would say, kept here for repositories that have none.
//!
//! One record says what an environment is now, and one for each of its versions holds that version's text.
//! The version is written first: a record that names a version finds it, and of a server that died in between
//! nothing is left but a number that the next change takes again.
//!
//! TRUST: a text here decides what runs in everybody's machines and how far they reach, like the settings of
//! the server; so it is changed with the installation's own token only.

use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::clock::now_ms;
use crate::door;
use crate::secrets::{self, Owner};
use anyhow::{Context, Result};
use axum::http::StatusCode;
use git::url::RemoteUrl;
use protocol::environment::read_saved;
use protocol::environment::remark::Remark;
use protocol::ids::OrgId;
use protocol::limits::{SAVED_ENVIRONMENT_REPOS, SAVED_ENVIRONMENT_VERSIONS, SAVED_ENVIRONMENTS};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::kv::{Expect, Put};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Kind of the records of what is.
const KIND: &str = "saved-environment";
/// Kind of the records of versions.
const VERSIONS: &str = "saved-environment-version";
/// Records read at once.
const PAGE: u16 = 500;
/// What is said in place of a file's path where a text is checked.
const TEXT: &str = "environmentJson";

/// One change at a time: no two environments have the same name or repository.
#[derive(Debug, Default)]
pub struct SavedEnvironments {
    changing: Mutex<()>,
}

/// An environment as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// For people.
    pub name: String,
    /// The repositories it is for.
    pub repos: Vec<String>,
    /// Its newest version.
    pub version: u64,
    /// Since when it is there.
    pub created_ms: i64,
    /// When it was changed.
    pub updated_ms: i64,
    /// Who changed it.
    pub updated_by: String,
}

/// A version of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its name then.
    pub name: String,
    /// The repositories it was for then.
    pub repos: Vec<String>,
    /// The text.
    pub text: String,
    /// When it was made.
    pub at_ms: i64,
    /// Who made it.
    pub by: String,
    /// How it came about.
    pub origin: Origin,
}

/// How a version came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Origin {
    /// It is the first.
    Created,
    /// Somebody wrote it.
    Changed,
    /// An earlier one's text came back.
    Restored {
        /// That one.
        from: u64,
    },
}

/// What an environment is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// URLs of the repositories it is for.
    pub repos: Vec<String>,
    /// The text.
    pub text: String,
}

/// Every environment, by name.
pub async fn all(app: &App, org: &OrgId) -> Result<Vec<(Uuid, Saved)>> {
    let entries = app.store.list(org, KIND, "", "", PAGE).await.context("list environments")?;
    let mut all = Vec::new();
    for entry in entries {
        let id = Uuid::parse_str(&entry.key).context("read the id of a saved environment")?;
        all.push((id, parse(&entry.body)?));
    }
    all.sort_by_key(|(_, saved): &(Uuid, Saved)| saved.name.to_lowercase());
    Ok(all)
}

/// One environment.
pub async fn one(app: &App, org: &OrgId, id: Uuid) -> Result<Option<Saved>> {
    let entry = app.store.get(org, KIND, &id.to_string()).await.context("read an environment")?;
    entry.map(|entry| parse(&entry.body)).transpose()
}

fn parse<T: serde::de::DeserializeOwned>(body: &str) -> Result<T> {
    serde_json::from_str(body).context("read a saved environment")
}

/// The environment of this repository.
pub async fn of_repository(app: &App, org: &OrgId, url: &str) -> Result<Option<(Uuid, Saved)>> {
    let wanted = RemoteUrl::parse(url).context("parse the repository's URL")?.display();
    let is_its = |saved: &Saved| saved.repos.iter().any(|url| same(url) == wanted);
    Ok(all(app, org).await?.into_iter().find(|(_, saved)| is_its(saved)))
}

/// What tells repositories apart, however they are written.
pub fn same(url: &str) -> String {
    RemoteUrl::parse(url).map_or_else(|_| url.to_owned(), |url| url.display())
}

/// One version with its text.
pub async fn version(app: &App, org: &OrgId, id: Uuid, number: u64) -> Result<Option<Version>> {
    let key = version_key(id, number);
    let entry = app.store.get(org, VERSIONS, &key).await.context("read a version")?;
    entry.map(|entry| parse(&entry.body)).transpose()
}

/// The versions that are kept up to this one, newest first.
pub async fn versions(
    app: &App,
    org: &OrgId,
    id: Uuid,
    newest: u64,
) -> Result<Vec<(u64, Version)>> {
    let mut all = Vec::new();
    for (number, body) in kept(app, org, id).await? {
        if number <= newest {
            all.push((number, parse(&body)?));
        }
    }
    all.reverse();
    Ok(all)
}

/// Numbers and bodies, oldest first.
async fn kept(app: &App, org: &OrgId, id: Uuid) -> Result<Vec<(u64, String)>> {
    let prefix = format!("{id}/");
    let entries =
        app.store.list(org, VERSIONS, &prefix, "", PAGE).await.context("list versions")?;
    let number = |key: &str| key.strip_prefix(&prefix)?.parse().ok();
    Ok(entries.into_iter().filter_map(|entry| Some((number(&entry.key)?, entry.body))).collect())
}

/// Digits keep the order of numbers among texts.
fn version_key(id: Uuid, number: u64) -> String {
    format!("{id}/{number:012}")
}

/// Saves a new one.
pub async fn create(app: &App, org: &OrgId, by: &str, wanted: Wanted) -> ApiResult<(Uuid, Saved)> {
    let wanted = checked(wanted)?;
    let _alone = app.saved_environments.changing.lock().await;
    let known = all(app, org).await?;
    if known.len() >= SAVED_ENVIRONMENTS {
        let message =
            format!("there are {SAVED_ENVIRONMENTS} already, which is the most: delete one");
        return Err(ApiError::new(StatusCode::CONFLICT, "too_many_environments", message));
    }
    free(&known, None, &wanted)?;
    let id = Uuid::now_v7();
    let saved = write(app, (org, id), by, (None, wanted), Origin::Created).await?;
    Ok((id, saved))
}

/// Replaces one, as long as its newest version is the one that the caller saw.
pub async fn replace(
    app: &App,
    (org, id): (&OrgId, Uuid),
    by: &str,
    seen: u64,
    wanted: Wanted,
) -> ApiResult<Saved> {
    let wanted = checked(wanted)?;
    let _alone = app.saved_environments.changing.lock().await;
    let before = as_seen(app, org, id, seen).await?;
    free(&all(app, org).await?, Some(id), &wanted)?;
    write(app, (org, id), by, (Some(before), wanted), Origin::Changed).await
}

/// Gives one the text of an earlier version again, as a new version; name and repositories stay.
pub async fn restore(
    app: &App,
    (org, id): (&OrgId, Uuid),
    by: &str,
    seen: u64,
    from: u64,
) -> ApiResult<Saved> {
    let _alone = app.saved_environments.changing.lock().await;
    let before = as_seen(app, org, id, seen).await?;
    let earlier = version(app, org, id, from).await?.filter(|_| from <= before.version);
    let text = earlier.ok_or_else(|| no_version(from))?.text;
    let wanted = Wanted { name: before.name.clone(), repos: before.repos.clone(), text };
    // What could be used then may be refused by now.
    let wanted = checked(wanted)?;
    write(app, (org, id), by, (Some(before), wanted), Origin::Restored { from }).await
}

/// Forgets one with its versions; agents that began with it go on as they are.
pub async fn delete(app: &App, org: &OrgId, id: Uuid) -> ApiResult<()> {
    let _alone = app.saved_environments.changing.lock().await;
    let gone = app.store.delete(org, KIND, &id.to_string()).await.context("forget one")?;
    // Also where the record went before a server died: what it left goes now.
    secrets::forget(app, org, &Owner::Environment(id)).await?;
    for (number, _) in kept(app, org, id).await? {
        let key = version_key(id, number);
        app.store.delete(org, VERSIONS, &key).await.context("forget a version")?;
    }
    if gone { Ok(()) } else { Err(missing(id)) }
}

/// There is no such environment.
pub fn missing(id: impl std::fmt::Display) -> ApiError {
    let message = format!("there is no saved environment {id}; GET /v1/environments lists them");
    ApiError::not_found("environment_not_found", message)
}

/// There is no such version.
pub fn no_version(number: u64) -> ApiError {
    let message = format!(
        "there is no version {number}: the newest {SAVED_ENVIRONMENT_VERSIONS} are kept, and \
         GET /v1/environments/{{id}}/versions lists them"
    );
    ApiError::not_found("environment_version_not_found", message)
}

async fn as_seen(app: &App, org: &OrgId, id: Uuid, seen: u64) -> ApiResult<Saved> {
    let saved = one(app, org, id).await?.ok_or_else(|| missing(id))?;
    if saved.version == seen {
        return Ok(saved);
    }
    let message = format!(
        "version: {seen} is not the newest any more: {} saved version {} meanwhile. Look at that one, then \
         save again with its number",
        saved.updated_by, saved.version
    );
    Err(ApiError::new(StatusCode::CONFLICT, "environment_changed", message))
}

/// Writes the next version, then what names it. Only where nobody else changes anything.
async fn write(
    app: &App,
    (org, id): (&OrgId, Uuid),
    by: &str,
    (before, wanted): (Option<Saved>, Wanted),
    origin: Origin,
) -> ApiResult<Saved> {
    let now = now_ms();
    let saved = Saved {
        name: wanted.name.clone(),
        repos: wanted.repos.clone(),
        version: before.as_ref().map_or(1, |before| before.version.saturating_add(1)),
        created_ms: before.as_ref().map_or(now, |before| before.created_ms),
        updated_ms: now,
        updated_by: by.to_owned(),
    };
    let Wanted { name, repos, text } = wanted;
    let version = Version { name, repos, text, at_ms: now, by: by.to_owned(), origin };
    let body = serde_json::to_string(&version).context("write a version")?;
    let key = version_key(id, saved.version);
    let put = app.store.put(org, VERSIONS, &key, Expect::Anything, &body).await;
    put.context("keep a version")?;
    let expect = if before.is_some() { Expect::Anything } else { Expect::Absent };
    let body = serde_json::to_string(&saved).context("write an environment")?;
    let put = app.store.put(org, KIND, &id.to_string(), expect, &body).await;
    if put.context("keep an environment")? == Put::Conflict {
        return Err(anyhow::anyhow!("a new id is another environment's").into());
    }
    let kept = kept(app, org, id).await?;
    for (number, _) in kept.iter().take(kept.len().saturating_sub(SAVED_ENVIRONMENT_VERSIONS)) {
        let key = version_key(id, *number);
        app.store.delete(org, VERSIONS, &key).await.context("forget a version")?;
    }
    Ok(saved)
}

/// Whatever is wrong with one by itself.
fn checked(wanted: Wanted) -> ApiResult<Wanted> {
    let name = door::checked_name("name", &wanted.name)?;
    if wanted.repos.len() > SAVED_ENVIRONMENT_REPOS {
        let count = wanted.repos.len();
        let message = format!("has {count} entries; at most {SAVED_ENVIRONMENT_REPOS} fit");
        return Err(ApiError::invalid("repos", message));
    }
    let mut seen = BTreeSet::new();
    for (index, url) in wanted.repos.iter().enumerate() {
        let field = format!("repos[{index}].url");
        let parsed = RemoteUrl::parse(url).map_err(|bad| ApiError::invalid(&field, bad))?;
        if !seen.insert(parsed.display()) {
            return Err(ApiError::invalid(&field, "is listed twice"));
        }
    }
    let problems = read_saved(TEXT, &wanted.text).outcome.err().unwrap_or_default();
    if !problems.is_empty() {
        let lines: Vec<_> = problems.iter().map(Remark::to_string).collect();
        let message = lines.join("\n");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "validation_error", message));
    }
    Ok(Wanted { name, ..wanted })
}

/// Whatever keeps one from standing beside the others.
fn free(known: &[(Uuid, Saved)], own: Option<Uuid>, wanted: &Wanted) -> ApiResult<()> {
    for (id, other) in known.iter().filter(|(id, _)| Some(*id) != own) {
        if other.name.to_lowercase() == wanted.name.to_lowercase() {
            let message = format!(
                "name: the environment {id} is called {:?} already: choose another name, or change that one",
                other.name
            );
            let code = "environment_name_conflict";
            return Err(ApiError::new(StatusCode::CONFLICT, code, message));
        }
        let theirs: BTreeSet<String> = other.repos.iter().map(|url| same(url)).collect();
        let taken = wanted.repos.iter().position(|url| theirs.contains(&same(url)));
        if let Some(index) = taken {
            let message = format!(
                "repos[{index}].url: the environment {:?} ({id}) is for this repository already, and a \
                 repository has one: take it out there first",
                other.name
            );
            let code = "environment_repository_conflict";
            return Err(ApiError::new(StatusCode::CONFLICT, code, message));
        }
    }
    Ok(())
}
