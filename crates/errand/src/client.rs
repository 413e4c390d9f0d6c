//! The one HTTP client: requests with the key, answers as the protocol's types, errors as trouble.

pub mod files;
pub mod follow;
pub mod socket;
pub mod sse;
pub mod transfer;

use crate::exit::{Exit, Trouble};
use crate::settings::{Settings, is_loopback};
use anyhow::{Context, Result};
use protocol::api::{ErrorBody, Page};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for an answer; a merge or a large diff may take a while.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Times a request is sent that may be repeated, when the connection breaks under it.
const ATTEMPTS: u32 = 3;
/// Wait before the second attempt; doubles.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// How we name ourselves.
const USER_AGENT: &str = concat!("errand/", env!("CARGO_PKG_VERSION"));

/// Speaks to one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without HTTP/2, under which no socket can be asked for.
    upgrading: reqwest::Client,
    settings: Settings,
}

impl Client {
    /// A client for this server.
    pub fn new(settings: Settings) -> Result<Self> {
        // Twice is harmless: the second one is refused.
        drop(rustls::crypto::ring::default_provider().install_default());
        let is_local = is_loopback(&settings.url);
        let build = || {
            let builder = reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT_TIMEOUT)
                .tcp_nodelay(true)
                // TRUST: a redirect would carry the key to an address nobody named.
                .redirect(reqwest::redirect::Policy::none());
            if is_local { builder.no_proxy() } else { builder }
        };
        // A machine without certificate authorities still reaches http:// addresses.
        let http = build().build().or_else(|_| build().tls_certs_only([]).build());
        let first = || build().http1_only();
        let upgrading = first().build().or_else(|_| first().tls_certs_only([]).build());
        Ok(Self {
            http: http.context("set up the HTTP client")?,
            upgrading: upgrading.context("set up the HTTP client")?,
            settings,
        })
    }

    /// The server's address.
    pub const fn url(&self) -> &Url {
        &self.settings.url
    }

    /// Where the key came from, in words.
    pub fn key_source(&self) -> &str {
        &self.settings.source
    }

    /// `GET`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T> {
        self.call(Method::GET, path, query, |request| request, Repeat::Harmless).await
    }

    /// `POST` of something that must not be done twice.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        self.call(Method::POST, path, &[], |request| request.json(body), Repeat::Unknown).await
    }

    /// `POST` under a key of its own: however often it is sent, it is done once.
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let key = uuid::Uuid::new_v4().to_string();
        let fill = |request: RequestBuilder| request.header("idempotency-key", &key).json(body);
        self.call(Method::POST, path, &[], fill, Repeat::Harmless).await
    }

    /// `POST` that is answered without a body.
    pub async fn tell(&self, path: &[&str], body: &impl Serialize) -> Result<()> {
        let request = self.request(Method::POST, path, &[])?.json(body).timeout(ANSWER_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        self.accepted(response).await?;
        Ok(())
    }

    /// `POST` without a body.
    pub async fn act<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        self.call(Method::POST, path, &[], |request| request, Repeat::Unknown).await
    }

    /// `PATCH`.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        self.call(Method::PATCH, path, &[], |request| request.json(body), Repeat::Unknown).await
    }

    /// `PUT` that says which version it replaces, so that a repeat changes nothing.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        self.put_by(path, &[], body).await
    }

    /// `PUT` that says which one is meant.
    pub async fn put_by<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: &impl Serialize,
    ) -> Result<T> {
        self.call(Method::PUT, path, query, |request| request.json(body), Repeat::Unknown).await
    }

    /// `DELETE`.
    pub async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        self.delete_by(path, &[]).await
    }

    /// `DELETE` that says which one is meant.
    pub async fn delete_by<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T> {
        self.call(Method::DELETE, path, query, |request| request, Repeat::Unknown).await
    }

    /// One page of a list.
    pub async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        cursor: Option<&str>,
    ) -> Result<Page<T>> {
        let mut query = query.to_vec();
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get(path, &query).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
        repeat: Repeat,
    ) -> Result<T> {
        let mut attempt = 1;
        let response = loop {
            let request = fill(self.request(method.clone(), path, query)?).timeout(ANSWER_TIMEOUT);
            match request.send().await {
                Ok(response) => break response,
                Err(error)
                    if repeat == Repeat::Harmless
                        && attempt < ATTEMPTS
                        && !error.is_connect()
                        && !error.is_timeout() =>
                {
                    tokio::time::sleep(RETRY_DELAY * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                Err(error) => return Err(self.unreachable(&error).into()),
            }
        };
        let response = self.accepted(response).await?;
        response.json().await.map_err(|error| self.odd(&error).into())
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<RequestBuilder> {
        self.request_by(&self.http, method, path, query)
    }

    fn request_by(
        &self,
        http: &reqwest::Client,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<RequestBuilder> {
        let mut url = self.settings.url.clone();
        // Each part becomes one segment, whatever it holds.
        url.path_segments_mut()
            .map_err(|()| Trouble::usage("the server's address cannot have a path"))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(http.request(method, url).bearer_auth(&self.settings.token))
    }

    async fn accepted(&self, response: Response) -> Result<Response, Trouble> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(match serde_json::from_str::<ErrorBody>(&body) {
            Ok(body) => refused(status, body.error.code, body.error.message),
            Err(_) => Trouble::unreachable(format!(
                "{} answered {status}, not like an Errand server: check the address",
                self.url()
            )),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Trouble {
        let url = self.url();
        let why = deepest(error);
        let advice = match (error.is_timeout(), is_loopback(url)) {
            (true, _) => "the server took too long; see its log",
            (false, true) => "is it running? start it with `errand serve`",
            (false, false) => "check the address and the network",
        };
        Trouble::unreachable(format!("cannot reach {url} ({why}): {advice}"))
    }

    fn odd(&self, error: &reqwest::Error) -> Trouble {
        let why = deepest(error);
        Trouble::unreachable(format!(
            "cannot read the answer of {} ({why}): do both sides have the same version?",
            self.url()
        ))
    }
}

/// Whether a request may be sent again without knowing what became of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Harmless,
    Unknown,
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn refused(status: StatusCode, code: String, message: String) -> Trouble {
    let exit = match status {
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Exit::Unreachable,
        StatusCode::FORBIDDEN if code == "role_forbidden" => Exit::Unreachable,
        StatusCode::NOT_FOUND => Exit::NotFound,
        status if status.is_client_error() => Exit::Usage,
        StatusCode::NOT_IMPLEMENTED => Exit::Usage,
        _ => Exit::Unreachable,
    };
    let advice = match status {
        StatusCode::UNAUTHORIZED => "; set ERRAND_TOKEN, or run `errand login`",
        _ => "",
    };
    Trouble::new(exit, code, format!("{message}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_exit_codes() {
        for (status, code, exit) in [
            (400, "validation_error", Exit::Usage),
            (401, "unauthorized", Exit::Unreachable),
            (403, "repository_access", Exit::Usage),
            (403, "role_forbidden", Exit::Unreachable),
            (404, "agent_not_found", Exit::NotFound),
            (409, "agent_busy", Exit::Usage),
            (413, "too_large", Exit::Usage),
            (429, "rate_limit_exceeded", Exit::Unreachable),
            (500, "internal_error", Exit::Unreachable),
            (501, "not_implemented", Exit::Usage),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                refused(status, code.to_owned(), String::new()).exit,
                exit,
                "{status} {code}"
            );
        }
    }

    #[test]
    fn parts_of_a_path_stay_parts() {
        let url = crate::settings::parse_url("http://127.0.0.1:1/base/").unwrap();
        let settings = Settings { url, token: "t".to_owned(), source: String::new() };
        let client = Client::new(settings).unwrap();
        let request = client
            .request(
                Method::GET,
                &["agents", "../keys?x#y", "runs"],
                &[("search", "a&b=c".to_owned())],
            )
            .unwrap()
            .build()
            .unwrap();
        assert_eq!(
            request.url().as_str(),
            "http://127.0.0.1:1/base/v1/agents/..%2Fkeys%3Fx%23y/runs?search=a%26b%3Dc"
        );
    }
}
