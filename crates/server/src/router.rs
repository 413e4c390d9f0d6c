//! The table of contents: every route, and what stands before it.

use crate::api::machine::{browser, files, forward, ports, ssh, stats, terminals, wake};
use crate::api::{
    agents, artifacts, audit, aws, build_files, builds, diff, environments, events, forges, forks,
    health, images, keys, live, metadata, pulls, records, restores, runs, secrets, server, session,
    settings, signing, stream, uploads, vault as keys_of_values, webhooks, worktree,
};
use crate::app::App;
use crate::auth::{self, shell};
use crate::preview;
use crate::web;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Request};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The document's head.
#[derive(OpenApi)]
#[openapi(
    info(title = "Errand", description = "Send a coding agent on an errand; get a pull request back."),
    security(("key" = [])),
    tags(
        (name = "agents", description = "Durable workers: one conversation, one branch per repository."),
        (name = "runs", description = "One message and all work until the agent yields."),
        (name = "session", description = "Signing in with a browser, tickets, and the live socket."),
        (name = "builds", description = "Machines prepared ahead, with which agents begin."),
        (name = "environments", description = "What machines are made of, for repositories without a file of their own."),
        (name = "forges", description = "Hosts of repositories, connected with a credential that stays here."),
        (name = "secrets", description = "Values for sandboxes: they come in and never go out again."),
        (name = "audit", description = "Who did what when, in one chain of records."),
        (name = "machine", description = "Inside an agent's sandbox: terminals, files, ports."),
        (name = "settings", description = "What holds for new agents, and the server itself."),
        (name = "sync", description = "Files between a person's worktree and an agent's."),
        (name = "metadata", description = "The caller, the models, the repositories."),
        (name = "health", description = "For machines that watch the server.")
    )
)]
struct Head;

fn guarded() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(agents::create, agents::list))
        .routes(routes!(agents::get, agents::update, agents::delete))
        .routes(routes!(agents::archive))
        .routes(routes!(agents::unarchive))
        .routes(routes!(agents::answer))
        .routes(routes!(agents::allow_host))
        .routes(routes!(settings::network))
        .routes(routes!(agents::allow_configuration))
        .routes(routes!(agents::allow_flow))
        .routes(routes!(agents::allow_stop))
        .routes(routes!(forks::create))
        .routes(routes!(restores::create))
        .routes(routes!(runs::create, runs::list))
        .routes(routes!(runs::get))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::usage))
        .routes(routes!(stream::stream))
        .routes(routes!(events::events))
        .routes(routes!(images::image))
        .routes(routes!(diff::diff))
        .routes(routes!(pulls::list))
        .routes(routes!(pulls::merge))
        .routes(routes!(pulls::stage))
        .routes(routes!(pulls::update::update))
        .routes(routes!(records::list))
        .routes(routes!(records::get))
        .routes(routes!(artifacts::list))
        .routes(routes!(artifacts::download))
        .routes(routes!(metadata::me))
        .routes(routes!(metadata::models))
        .routes(routes!(metadata::repositories))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(health::doctor))
        .routes(routes!(live::live))
        .routes(routes!(session::show, session::sign_out))
        .routes(routes!(session::code))
        .routes(routes!(session::ticket))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(server::show))
        .routes(routes!(builds::create, builds::list))
        .routes(routes!(builds::update, builds::delete))
        .routes(routes!(builds::changes))
        .routes(routes!(builds::snapshot))
        .routes(routes!(build_files::export))
        .routes(routes!(build_files::import))
        .routes(routes!(environments::create, environments::list))
        .routes(routes!(environments::check))
        .routes(routes!(environments::get, environments::replace, environments::delete))
        .routes(routes!(environments::versions))
        .routes(routes!(environments::version))
        .routes(routes!(environments::restore))
        .routes(routes!(audit::list))
        .routes(routes!(audit::head))
        .routes(routes!(audit::export))
        .routes(routes!(audit::traffic))
}

/// Values for sandboxes.
fn vault() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(secrets::list))
        .routes(routes!(aws::show))
        .routes(routes!(aws::check))
        .routes(routes!(forges::list, forges::connect))
        .routes(routes!(forges::disconnect))
        .routes(routes!(forges::check))
        .routes(routes!(forges::webhook))
        .routes(routes!(forges::triggers))
        .routes(routes!(forges::deliveries))
        .routes(routes!(signing::list))
        .routes(routes!(signing::rotate))
        .routes(routes!(keys_of_values::show))
        .routes(routes!(keys_of_values::rotate))
        .routes(routes!(keys_of_values::remove_older))
        .routes(routes!(secrets::own::get, secrets::own::put, secrets::own::delete))
        .routes(routes!(secrets::team::list))
        .routes(routes!(secrets::team::get, secrets::team::put, secrets::team::delete))
        .routes(routes!(secrets::of_environment::list))
        .routes(routes!(
            secrets::of_environment::get,
            secrets::of_environment::put,
            secrets::of_environment::delete
        ))
}

/// An agent's machine: terminals, files, ports, ssh.
fn machine() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(wake::wake))
        .routes(routes!(stats::stats))
        .routes(routes!(terminals::list, terminals::open))
        .routes(routes!(terminals::close))
        .routes(routes!(terminals::socket))
        .routes(routes!(files::list, files::remove))
        .routes(routes!(files::stat))
        .routes(routes!(files::read, files::write))
        .routes(routes!(files::make_directory))
        .routes(routes!(ports::list))
        .routes(routes!(ports::create_preview))
        .routes(routes!(forward::socket))
        .routes(routes!(ssh::socket))
        .routes(routes!(browser::show, browser::start, browser::stop))
        .routes(routes!(browser::socket))
}

/// Worktrees between a laptop and an agent.
fn sync() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::get, uploads::append))
        .routes(routes!(worktree::worktree))
        .routes(routes!(worktree::pack))
        .routes(routes!(worktree::blob))
}

fn open() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(session::sign_in))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(artifacts::bytes))
}

/// What hosts tell by themselves, proven by signatures.
fn hooks() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/webhooks/{id}", post(webhooks::of_all))
        .route("/v1/webhooks/{id}/{*repository}", post(webhooks::of_one))
}

/// The OpenAPI document, generated from the routes.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = OpenApiRouter::<Arc<App>>::with_openapi(Head::openapi())
        .merge(guarded())
        .merge(vault())
        .merge(machine())
        .merge(sync())
        .merge(open())
        .split_for_parts();
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    document.components.get_or_insert_default().add_security_scheme("key", scheme);
    name_operations(&mut document);
    document
}

/// Gives each operation an id of its own, from method and path: handlers of different modules share
/// their names, which the format forbids to ids.
fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words = path.split(['/', '{', '}', '-']).filter(|word| !matches!(*word, "" | "v1"));
        let name: String = words.map(capitalised).collect();
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}{name}"));
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut signs = word.chars();
    signs.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(signs).collect()
}

/// The whole service.
pub fn router(app: Arc<App>) -> Router {
    let (guarded, _) = guarded().merge(vault()).merge(machine()).merge(sync()).split_for_parts();
    let (open, _) = open().split_for_parts();
    let request_id = HeaderName::from_static("x-request-id");
    guarded
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), auth::require))
        .merge(open)
        .merge(hooks())
        .route("/openapi.json", get(|| async { Json(document()) }))
        .fallback(web::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(protocol::limits::REQUEST_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), shell::guard))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), preview::divert))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
            // Neither query nor headers: both may carry what must not be in a log.
            tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
        }))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .with_state(app)
}

async fn wrong_method() -> Response {
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    crate::api::error::ApiError::new(
        status,
        "method_not_allowed",
        "this address takes other methods; see /openapi.json",
    )
    .into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    crate::api::error::ApiError::from(anyhow::anyhow!("a handler panicked")).into_response()
}
