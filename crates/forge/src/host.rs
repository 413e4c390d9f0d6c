//! How forges with an API are asked: one thin client, the same limits and the same errors for all.
//!
//! A write that gets no answer ends in [`ForgeError::OutcomeUnknown`]; nothing is sent twice in
//! here. [`publish`] is what comes of that: it looks before it opens a pull request and after.

mod answer;
mod address;
mod log;

pub use address::{Repository, segment};
pub use answer::{Answer, WAIT_UNNAMED, told};
pub(crate) use log::{NOTHING_SAID, lines, log_or_why, no_check, said, said_of, shortened, worst};

use crate::around::Permission;
use crate::forge::{Forge, ForgeError, Result};
use crate::pull_request::{BODY_CHARS, Content, PullRequest, Stage, TITLE_CHARS};
use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest wait for a whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Characters of a name or title by somebody else.
pub(crate) const NAME_CHARS: usize = 300;
/// Characters of a text by somebody else.
pub(crate) const TEXT_CHARS: usize = 65_536;
/// Pages of a list that are followed.
const PAGES: usize = 30;
/// Entries asked for in one page; what all hosts allow.
pub const PAGE_ENTRIES: usize = 50;

/// Seconds since 1970, from whoever owns the clock.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Brings the header that says who asks.
#[async_trait]
pub trait Authorize: Send + Sync {
    /// The header's name and its value.
    async fn header(&self) -> Result<(HeaderName, SecretString)>;

    /// The host refused what was brought last; where it is made anew, that is forgotten.
    async fn refused(&self) {}
}

/// The same header each time.
pub struct Fixed {
    name: HeaderName,
    value: SecretString,
}

impl Fixed {
    /// A header and what stands before the credential in it.
    pub fn new(name: HeaderName, scheme: &str, credential: &SecretString) -> Self {
        let value = format!("{scheme}{}", credential.expose_secret());
        Self { name, value: value.into() }
    }

    /// `Authorization: Bearer …`.
    pub fn bearer(token: &SecretString) -> Self {
        Self::new(reqwest::header::AUTHORIZATION, "Bearer ", token)
    }
}

#[async_trait]
impl Authorize for Fixed {
    async fn header(&self) -> Result<(HeaderName, SecretString)> {
        Ok((self.name.clone(), self.value.clone()))
    }
}

/// A question or an order.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    path: String,
    body: Option<Value>,
    effect: Effect,
}

/// Whether a request changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Write,
}

impl Request {
    /// A question; the path is below the API's address and already encoded.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, effect: Effect::None }
    }

    /// An order.
    pub fn write(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body), effect: Effect::Write }
    }

    /// Says that nobody minds if it is done twice, so a lost answer is no unknown outcome.
    #[must_use]
    pub fn harmless(self) -> Self {
        Self { effect: Effect::None, ..self }
    }
}

/// All entries of a list, or the first of them.
#[derive(Debug)]
pub struct Pages<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether there were more than are followed.
    pub more: bool,
}

impl<T> Pages<T> {
    /// The only way to conclude that something is not there.
    pub fn whole(self) -> Result<Vec<T>> {
        if !self.more {
            return Ok(self.entries);
        }
        let detail = format!("its list has more than {} entries", PAGES * PAGE_ENTRIES);
        Err(ForgeError::Rejected { detail })
    }
}

/// One API of one host, asked with one credential.
#[derive(Clone)]
pub struct Host {
    client: Client,
    api: Url,
    clock: Clock,
    authorize: Arc<dyn Authorize>,
}

impl Host {
    /// `client` is the process's own: it names itself, as hosts demand, and follows no redirect.
    /// `api` is the API's root.
    pub fn new(client: Client, api: Url, clock: Clock, authorize: Arc<dyn Authorize>) -> Self {
        Self { client, api, clock, authorize }
    }

    /// The same host and credential at another root.
    #[must_use]
    pub fn elsewhere(&self, api: Url) -> Self {
        Self { api, ..self.clone() }
    }

    /// The same API with another credential.
    #[must_use]
    pub fn authorized(&self, authorize: Arc<dyn Authorize>) -> Self {
        Self { authorize, ..self.clone() }
    }

    /// The time, in seconds since 1970.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Where the API is.
    pub const fn api(&self) -> &Url {
        &self.api
    }

    /// Asks. Refusals of the credential, limits and failures of the host are errors; all else,
    /// `404` and `422` among it, is an answer.
    pub async fn ask(&self, request: Request) -> Result<Answer> {
        let url = self.below(&request.path)?;
        self.ask_at(url, request).await
    }

    /// Asks, and reads what must be there.
    pub async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        self.ask(request).await?.done()?.body()
    }

    /// Asks for what may not be there.
    pub async fn find<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<Option<T>> {
        let answer = self.ask(Request::get(path)).await?;
        if answer.is_missing() { Ok(None) } else { answer.done()?.body().map(Some) }
    }

    /// A list that is spread over pages named by `Link` headers. `pick` takes a page apart.
    pub async fn pages<P, T>(&self, path: &str, pick: impl Fn(P) -> Vec<T>) -> Result<Pages<T>>
    where
        P: DeserializeOwned,
    {
        let mut next = Some(self.below(path)?);
        let mut entries = Vec::new();
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let answer = self.ask_at(url, Request::get("")).await?.done()?;
            next = answer.next_page().map(|link| self.within(link)).transpose()?;
            entries.extend(pick(answer.body()?));
        }
        Ok(Pages { entries, more: next.is_some() })
    }

    /// A list whose pages are arrays.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Pages<T>> {
        self.pages(path, |page: Vec<T>| page).await
    }

    /// A list whose pages name the next one in their body, under `next`.
    pub async fn linked<T: DeserializeOwned>(&self, path: &str) -> Result<Pages<T>> {
        let mut next = Some(self.below(path)?);
        let mut entries = Vec::new();
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let page: LinkedPage<T> = self.ask_at(url, Request::get("")).await?.done()?.body()?;
            next = page.next.as_deref().map(|link| self.within(link)).transpose()?;
            entries.extend(page.values);
        }
        Ok(Pages { entries, more: next.is_some() })
    }

    fn below(&self, path: &str) -> Result<Url> {
        let root = self.api.as_str().trim_end_matches('/');
        Url::parse(&format!("{root}{path}"))
            .map_err(|_| ForgeError::Rejected { detail: "its address is no URL".to_owned() })
    }

    /// TRUST: the host names the next page, and the credential goes with the request: it has to be
    /// below the API's own address.
    fn within(&self, link: &str) -> Result<Url> {
        let url = self.api.join(link).ok();
        let root = self.api.path().trim_end_matches('/');
        url.filter(|url| url.origin() == self.api.origin() && url.path().starts_with(root))
            .ok_or_else(|| ForgeError::Rejected {
                detail: "its list goes on at another address".to_owned(),
            })
    }

    /// A request with the credential, and that.
    async fn signed(
        &self,
        method: Method,
        url: Url,
        accept: &'static str,
    ) -> Result<(RequestBuilder, SecretString)> {
        let (name, value) = self.authorize.header().await?;
        let Ok(mut header) = HeaderValue::from_str(value.expose_secret()) else {
            return Err(ForgeError::Credential);
        };
        header.set_sensitive(true);
        let builder = self.client.request(method, url).timeout(ANSWER_TIMEOUT);
        Ok((builder.header(ACCEPT, accept).header(name, header), value))
    }

    async fn ask_at(&self, url: Url, request: Request) -> Result<Answer> {
        let (mut builder, value) =
            self.signed(request.method.clone(), url, "application/json").await?;
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = builder.send().await.map_err(|error| lost(request.effect, &error))?;
        self.answer(response, request.effect, value.expose_secret()).await
    }

    async fn answer(&self, mut response: Response, effect: Effect, secret: &str) -> Result<Answer> {
        let lost = |error: reqwest::Error| lost(effect, &error);
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_BYTES {
                let detail = format!("its answer is longer than {ANSWER_BYTES} bytes");
                return Err(match effect {
                    Effect::None => ForgeError::Rejected { detail },
                    Effect::Write => ForgeError::OutcomeUnknown { detail },
                });
            }
        }
        let answer = Answer { status, headers, bytes };
        self.judged(answer, effect, secret).await
    }

    async fn judged(&self, answer: Answer, effect: Effect, secret: &str) -> Result<Answer> {
        if let Some(wait) = answer.limited(self.now()) {
            return Err(ForgeError::RateLimited { wait });
        }
        // Hosts may tell back what they were sent; the scheme before a token is no secret.
        let token = secret.rsplit(' ').next().unwrap_or(secret);
        let detail = answer.words().replace(token, "…");
        match answer.status {
            401 => {
                self.authorize.refused().await;
                Err(ForgeError::Credential)
            }
            403 => Err(ForgeError::Denied { detail }),
            300..=399 => Err(ForgeError::Rejected {
                detail: "what was asked for has moved: enter its new address".to_owned(),
            }),
            500.. => Err(match effect {
                Effect::None => ForgeError::Unreachable { detail },
                Effect::Write => ForgeError::OutcomeUnknown { detail },
            }),
            _ => Ok(Answer { bytes: without(answer.bytes, token), ..answer }),
        }
    }
}

/// Of refusals the words are shown, so the token is taken out before anybody reads them.
fn without(bytes: Vec<u8>, token: &str) -> Vec<u8> {
    match std::str::from_utf8(&bytes) {
        Ok(text) if !token.is_empty() && text.contains(token) => {
            text.replace(token, "…").into_bytes()
        }
        _ => bytes,
    }
}

#[derive(serde::Deserialize)]
struct LinkedPage<T> {
    #[serde(default = "Vec::new")]
    values: Vec<T>,
    next: Option<String>,
}

fn lost(effect: Effect, error: &reqwest::Error) -> ForgeError {
    let detail = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    let detail = detail.to_owned();
    // What was never connected was never sent.
    if effect == Effect::None || error.is_connect() {
        ForgeError::Unreachable { detail }
    } else {
        ForgeError::OutcomeUnknown { detail }
    }
}

/// Opens a pull request, and never a second one of the same head: what is open is brought up to
/// date, and after a refusal or an unknown outcome the host is asked what there is now.
pub async fn publish<F>(forge: &dyn Forge, content: &Content, open: F) -> Result<PullRequest>
where
    F: Future<Output = Result<PullRequest>> + Send,
{
    for branch in [&content.head, &content.base] {
        let known = forge.branch(branch).await?;
        known.ok_or_else(|| ForgeError::BranchMissing(branch.clone()))?;
    }
    if let Some(found) = forge.find_pull_request(&content.head).await? {
        return forge.update(found.number, content.clone()).await;
    }
    let error = match open.await {
        Ok(made) => return Ok(made),
        Err(error @ (ForgeError::OutcomeUnknown { .. } | ForgeError::Rejected { .. })) => error,
        Err(other) => return Err(other),
    };
    match (forge.find_pull_request(&content.head).await, error) {
        (Ok(Some(found)), _) => forge.update(found.number, content.clone()).await,
        (Ok(None), error) | (Err(_), error @ ForgeError::OutcomeUnknown { .. }) => Err(error),
        // Perhaps it was refused because it is open already, and nobody knows yet.
        (Err(error), _) => Err(error),
    }
}

/// Title in one line and body, cut to the limits of all hosts.
pub fn cut(content: &Content) -> (String, String) {
    let line = content.title.split(['\n', '\r']).next().unwrap_or_default();
    let title = line.chars().take(TITLE_CHARS).collect();
    (title, content.body.chars().take(BODY_CHARS).collect())
}

/// The title on a host that knows drafts by how a title begins.
pub(crate) fn marked(title: &str, stage: Stage, marks: &[&str]) -> String {
    let (_, bare) = unmarked(title, marks);
    match (stage, marks.first()) {
        (Stage::Draft, Some(mark)) => format!("{mark} {bare}"),
        (Stage::Draft | Stage::Ready, _) => bare.to_owned(),
    }
}

/// Such a title taken apart.
pub(crate) fn unmarked<'a>(title: &'a str, marks: &[&str]) -> (Stage, &'a str) {
    let mut rest = title.trim_start();
    let mut stage = Stage::Ready;
    let begins = |rest: &str, mark: &str| {
        rest.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
    };
    while let Some(mark) = marks.iter().find(|mark| begins(rest, mark)) {
        rest = rest.get(mark.len()..).unwrap_or_default().trim_start();
        stage = Stage::Draft;
    }
    (stage, rest)
}

/// A text of a host, cut to what deliveries are cut to as well.
pub(crate) fn text(text: Option<String>) -> String {
    text.unwrap_or_default().chars().take(TEXT_CHARS).collect()
}

/// A title of a host: one line, without what cannot be seen.
pub(crate) fn title(title: &str) -> String {
    title.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect()
}

/// The word of a host for what somebody may do.
pub fn permission(word: &str) -> Permission {
    match word {
        "admin" | "owner" => Permission::Admin,
        "write" | "maintain" | "push" => Permission::Write,
        "read" | "triage" | "pull" => Permission::Read,
        _ => Permission::None,
    }
}

/// The page that a `Link` header calls the next.
pub(crate) fn next_of(headers: &reqwest::header::HeaderMap) -> Option<&str> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split('<').skip(1)).find_map(|link| {
        let (url, rest) = link.split_once('>')?;
        rest.contains("rel=\"next\"").then_some(url)
    })
}
