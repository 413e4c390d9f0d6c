//! Smart HTTP for repositories besides the agent's own that its environment file names, at
//! `http://errand.internal/dependencies/<host>/<owner>/<name>`: read from a copy of ours, never pushed to.
//!
//! TRUST: the names are those the server attached to this sandbox. What stands in the address only
//! chooses among them; it is compared, never made into a path or an address of ours.

use crate::attach::Attachment;
use crate::git_endpoint::{self, Failed};
use crate::large_files::{self, LargeFiles, Sending};
use crate::reply::{self, Body};
use futures::future::BoxFuture;
use git::repo::Repo;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use std::sync::Arc;

/// What git's smart HTTP asks for, at the end of a path.
const ACTIONS: [&str; 3] = ["/info/refs", "/git-upload-pack", "/git-receive-pack"];

/// What Git LFS asks for comes after this.
const LARGE_FILES: &str = "/info/lfs/";

/// A repository that an agent may read besides its own.
#[derive(Clone)]
pub struct Dependency {
    /// `host/owner/name`, without `.git`.
    pub name: String,
    /// Where its copy comes from.
    pub source: Arc<dyn Source>,
    /// The contents that pointers in it stand for.
    pub large_files: Arc<dyn LargeFiles>,
}

/// Keeps the copy of one repository.
pub trait Source: Send + Sync {
    /// The copy as it stands, brought up to date first where that is asked; or in plain words why
    /// there is none.
    fn open(&self, up_to_date: bool) -> BoxFuture<'_, Result<Repo, String>>;
}

/// Answers a request below `/dependencies/`.
pub(crate) async fn answer(
    request: Request<Incoming>,
    path: &str,
    attachment: &Attachment,
) -> Response<Body> {
    let parts = ACTIONS.iter().find_map(|action| Some((path.strip_suffix(action)?, *action)));
    let of_large_files = || path.split_once(LARGE_FILES);
    let Some((name, action)) = parts.or_else(of_large_files) else {
        return reply::words(StatusCode::NOT_FOUND, git_endpoint::SMART_ONLY);
    };
    let plain = name.strip_suffix(".git").unwrap_or(name);
    let all = &attachment.dependencies;
    let Some(dependency) = all.iter().find(|dependency| dependency.name == plain) else {
        // Git replaces the beginning of an address: that of `org/name-more` too, where `org/name` is meant.
        let is_longer = all.iter().any(|dependency| name.starts_with(&dependency.name));
        return match request.method() {
            &Method::GET | &Method::POST if is_longer => {
                elsewhere(&format!("https://{path}"), &request)
            }
            _ => reply::words(
                StatusCode::NOT_FOUND,
                "Errand has no such repository for this agent: its environment file names those it \
                 may read, in `repositoryDependencies`.",
            ),
        };
    };
    let text = format!(
        "Errand lets {plain} be read, not pushed to: pushes go to the agent's own repositories."
    );
    if of_large_files().is_some() {
        let files = (dependency.large_files.as_ref(), Sending::Refused(&text));
        return large_files::answer(request, action, files, attachment).await;
    }
    if is_push(&request, action) {
        return reply::words(StatusCode::FORBIDDEN, &text);
    }
    serve(request, action, dependency, attachment)
        .await
        .unwrap_or_else(|failed| failed.told(attachment))
}

fn is_push(request: &Request<Incoming>, action: &str) -> bool {
    action == "/git-receive-pack" || request.uri().query() == Some("service=git-receive-pack")
}

async fn serve(
    request: Request<Incoming>,
    action: &str,
    Dependency { name, source, .. }: &Dependency,
    attachment: &Attachment,
) -> Result<Response<Body>, Failed> {
    let is_first = action == "/info/refs";
    let opened = source.open(is_first).await.map_err(|why| {
        tracing::info!(agent.id = %attachment.peer.agent, name, why, "a dependency cannot be read");
        Failed::answer(StatusCode::BAD_GATEWAY, format!("Errand cannot read {name}: {why}."))
    })?;
    match (request.method(), is_first) {
        (&Method::GET, true) => git_endpoint::advertise_fetch(&request, &opened, attachment).await,
        (&Method::POST, false) => git_endpoint::fetch(request, &opened, attachment).await,
        _ => Err(Failed::answer(StatusCode::NOT_FOUND, git_endpoint::SMART_ONLY)),
    }
}

/// Sends git to where it would have gone had its address not been replaced; judged there like any other.
pub(crate) fn elsewhere(address: &str, request: &Request<Incoming>) -> Response<Body> {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = HeaderValue::try_from(format!("{address}{query}"));
    let (true, Ok(location)) = (address.starts_with("http"), location) else {
        return reply::words(StatusCode::NOT_FOUND, git_endpoint::SMART_ONLY);
    };
    let mut response =
        reply::words(StatusCode::TEMPORARY_REDIRECT, "This repository is elsewhere.");
    response.headers_mut().insert(header::LOCATION, location);
    response
}
