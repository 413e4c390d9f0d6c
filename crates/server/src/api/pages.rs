//! What a person sees who opens a link before there is a web app: where the thing can be looked at.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}\
    code{background:#8882;padding:.15rem .4rem;border-radius:.25rem}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}";

/// The front page.
pub async fn home() -> Response {
    page(
        "Errand",
        "List the agents with <code>errand ls</code>, start one with <code>errand run --repo … \"task\"</code>.",
    )
}

/// An agent.
pub async fn agent(Path(id): Path<String>) -> Response {
    page("An agent of Errand", &format!("Watch it with <code>errand watch {}</code>.", plain(&id)))
}

/// A pull request kept by Errand.
pub async fn pull_request(Path((id, number)): Path<(String, String)>) -> Response {
    let (id, number) = (plain(&id), plain(&number));
    let text = format!(
        "Read it with <code>errand pr {id}</code> and <code>errand diff {id}</code>; merge it with <code>errand pr merge {id}</code>."
    );
    page(&format!("Pull request {number}"), &text)
}

/// TRUST: from the address bar; only what ids are made of is shown.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect()
}

fn page(title: &str, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{text}</p>\
         <p>The API is described at <a href=/openapi.json>/openapi.json</a>.</p></html>"
    );
    let mut response = Html(html).into_response();
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
