//! `/v1/me`, `/v1/models`, `/v1/repositories`, and the key exchange that official clients try first.

use super::error::ApiResult;
use crate::app::App;
use crate::auth::Caller;
use crate::forges;
use axum::Json;
use axum::extract::State;
use git::url::RemoteUrl;
use model::Thinking;
use protocol::api::metadata::{
    Items, Me, ModelBody, ModelParameter, ModelParameterValue, RepositoryBody,
};
use protocol::api::timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::records::AgentFilter;

/// Agents looked at for the list of repositories: the newest ones name those in use.
const REPOSITORIES_FROM_AGENTS: usize = 500;

/// Who calls.
#[utoipa::path(get, path = "/v1/me", tag = "metadata", responses((status = 200, body = Me)))]
pub async fn me(caller: Caller) -> Json<Me> {
    Json(Me { api_key_name: caller.name, created_at: timestamp(caller.created_ms) })
}

/// The models a run may choose.
#[utoipa::path(get, path = "/v1/models", tag = "metadata", responses((status = 200, body = Items<ModelBody>)))]
pub async fn models(State(app): State<Arc<App>>, _: Caller) -> Json<Items<ModelBody>> {
    let default = app.catalog.default_entry().map(|entry| entry.id.clone());
    let items = app.catalog.entries().iter().map(|entry| {
        let flags = [
            (entry.capabilities.images, "images"),
            (entry.capabilities.thinking != Thinking::None, "thinking"),
            (entry.capabilities.parallel_tools, "parallel_tools"),
        ];
        ModelBody {
            id: entry.id.clone(),
            display_name: entry.display_name.clone(),
            description: Some(entry.description.clone()).filter(|text| !text.is_empty()),
            aliases: entry.aliases.clone(),
            parameters: entry
                .parameters
                .iter()
                .map(|parameter| ModelParameter {
                    id: parameter.id.clone(),
                    values: parameter
                        .values
                        .iter()
                        .map(|value| ModelParameterValue { value: value.clone() })
                        .collect(),
                })
                .collect(),
            capabilities: flags
                .iter()
                .filter(|(has, _)| *has)
                .map(|(_, name)| (*name).to_owned())
                .collect(),
            is_default: default.as_deref() == Some(entry.id.as_str()),
        }
    });
    Json(Items { items: items.collect() })
}

/// Repositories that connected hosts open, and those that agents have worked in.
#[utoipa::path(get, path = "/v1/repositories", tag = "metadata", responses((status = 200, body = Items<RepositoryBody>)))]
pub async fn repositories(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> ApiResult<Json<Items<RepositoryBody>>> {
    let filter = AgentFilter { include_archived: true, ..AgentFilter::default() };
    let mut urls = BTreeSet::new();
    let (mut cursor, mut looked) = (None, 0);
    while looked < REPOSITORIES_FROM_AGENTS {
        let page = app
            .store
            .agents(&caller.org, &filter, cursor.as_ref(), protocol::limits::PAGE_MAX)
            .await
            .map_err(anyhow::Error::from)?;
        looked += page.items.len();
        urls.extend(page.items.into_iter().flat_map(|record| record.row.repo_urls));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut items = forges::repositories(&app, &caller.org).await;
    let known: BTreeSet<_> = items.iter().map(|item| named(&item.url)).collect();
    let others = urls.into_iter().filter(|url| !known.contains(&named(url)));
    items.extend(others.map(|url| RepositoryBody { url, forge: None, default_branch: None }));
    Ok(Json(Items { items }))
}

/// By which the same repository is known in all spellings of its address.
fn named(url: &str) -> String {
    RemoteUrl::parse(url).map_or_else(|_| url.to_owned(), |url| url.display())
}
