//! `/v1/secrets` and its neighbours: values for sandboxes, of a key, of a saved environment and of the team. They come
//! in and never go out again.

pub mod named;
pub mod of_environment;
pub mod own;
pub mod team;

use super::PageQuery;
use super::body::Query;
use super::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::Deed;
use crate::audit::{uses, windows};
use crate::auth::Caller;
use crate::saved_environments::{self, same};
use crate::secrets::{self, Listed, Owner};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use git::url::RemoteUrl;
use protocol::api::environments::EnvironmentRepo;
use protocol::api::secrets::{SecretBody, SecretScope, SecretsPage};
use protocol::api::timestamp;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// Which secrets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
pub struct SecretsQuery {
    /// 1–100, default 20.
    limit: Option<usize>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// Only those of `user`, `environment` or `team`.
    scope: Option<SecretScope>,
    /// Only those of this saved environment.
    environment_id: Option<String>,
    /// Only those of this name.
    name: Option<String>,
    /// Only those that agents of this repository may have.
    repo: Option<String>,
}

/// The caller's own secrets, those of saved environments and of the team, without their values.
#[utoipa::path(get, path = "/v1/secrets", tag = "secrets", params(SecretsQuery),
    responses((status = 200, body = SecretsPage), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<SecretsQuery>,
) -> ApiResult<Json<SecretsPage>> {
    let mut owners = vec![Owner::User(caller.opener()), Owner::Team];
    for (id, _) in saved_environments::all(&app, &caller.org).await? {
        owners.push(Owner::Environment(id));
    }
    if let Some(id) = &query.environment_id {
        let only = environment(&app, &caller, id).await?;
        owners.retain(|owner| *owner == only);
    }
    owners.retain(|owner| query.scope.is_none_or(|scope| scope == scope_of(owner)));
    page(&app, &caller, &owners, &query).await
}

async fn page(
    app: &App,
    caller: &Caller,
    owners: &[Owner],
    query: &SecretsQuery,
) -> ApiResult<Json<SecretsPage>> {
    let limit = PageQuery { limit: query.limit, cursor: None }.limit()?;
    let repo = query.repo.as_deref().map(RemoteUrl::parse).transpose();
    let repo = repo.map_err(|bad| ApiError::invalid("repo", bad))?.map(|url| url.display());
    let mut items = Vec::new();
    for owner in owners {
        let all = secrets::of_owner(app, &caller.org, owner).await?;
        items.extend(all.into_iter().map(|listed| shown(owner, listed)));
    }
    items.retain(|item: &SecretBody| {
        let is_for = |repo: &String| item.repos.iter().any(|it| same(&it.url) == *repo);
        query.name.as_ref().is_none_or(|name| item.name.eq_ignore_ascii_case(name))
            && repo.as_ref().is_none_or(|repo| item.repos.is_empty() || is_for(repo))
            && query.cursor.as_ref().is_none_or(|cursor| item.id < *cursor)
    });
    // Ids rise with time.
    items.sort_by(|a, b| b.id.cmp(&a.id));
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|item| item.id.clone());
    windows::flush(app).await;
    let mut told = Vec::with_capacity(items.len());
    for item in items {
        told.push(with_uses(app, caller, item).await?);
    }
    Ok(Json(SecretsPage { items: told, next_cursor }))
}

/// What is recorded of a change: never the value.
fn deed(kind: &'static str, owner: &Owner, Listed { id, entry }: &Listed) -> Deed {
    let details = json!({
        "name": entry.name, "owner": scope_of(owner), "type": entry.kind, "hosts": entry.hosts,
        "plain": entry.plain, "repositories": entry.repos,
    });
    Deed::to(kind, id, details)
}

/// The same with where it was used last.
async fn with_uses(app: &App, caller: &Caller, mut item: SecretBody) -> ApiResult<SecretBody> {
    item.uses = uses::of(app, &caller.org, &item.id).await?;
    item.last_used_at = item.uses.first().map(|newest| newest.last_at.clone());
    Ok(item)
}

/// TRUST: what is for everybody's agents decides what they hold, so it is changed like saved environments.
pub(super) fn for_everybody(caller: &Caller) -> ApiResult<()> {
    if caller.admin {
        return Ok(());
    }
    let message =
        "secrets of the team and of environments are changed with the installation's own token";
    Err(ApiError::new(StatusCode::FORBIDDEN, "team_admin_required", message))
}

async fn environment(app: &App, caller: &Caller, id: &str) -> ApiResult<Owner> {
    let missing = || saved_environments::missing(format_args!("{id:?}"));
    let parsed = Uuid::parse_str(id).map_err(|_| missing())?;
    let found = saved_environments::one(app, &caller.org, parsed).await?;
    found.map(|_| Owner::Environment(parsed)).ok_or_else(missing)
}

const fn scope_of(owner: &Owner) -> SecretScope {
    match owner {
        Owner::User(_) => SecretScope::User,
        Owner::Environment(_) => SecretScope::Environment,
        Owner::Team => SecretScope::Team,
    }
}

fn shown(owner: &Owner, Listed { id, entry }: Listed) -> SecretBody {
    let environment_id = match owner {
        Owner::Environment(id) => Some(id.to_string()),
        Owner::User(_) | Owner::Team => None,
    };
    SecretBody {
        id,
        name: entry.name,
        kind: entry.kind,
        repos: entry.repos.into_iter().map(|url| EnvironmentRepo { url }).collect(),
        created_at: timestamp(entry.created_ms),
        owner: scope_of(owner),
        environment_id,
        hosts: entry.hosts,
        places: entry.places,
        plain: entry.plain,
        updated_at: timestamp(entry.updated_ms),
        updated_by: entry.updated_by,
        last_used_at: None,
        uses: Vec::new(),
    }
}
