//! Models for programs inside, at `http://errand.internal/model/<provider>/…`: what they would say to a
//! provider is judged here by path and key, and handed to [`Models`], which knows models and money.
//!
//! TRUST: a sandbox has a placeholder in place of a key. It is worth something on the sockets of its own
//! sandbox only, because the one that is expected follows from the socket; nothing else that looks like
//! a key is let through, so that nobody is made to use an account that the operator does not know of.

use crate::attach::Attachment;
use crate::audit::Peer;
use crate::policy::{Denial, DenialCode, HTTP_PORT, INTERNAL_HOST};
use crate::reply::{self, Body, DENIED_HEADER};
use crate::witness;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use protocol::ids::AgentId;
use protocol::limits::MODEL_CALL_BYTES;

/// Whose wire format a program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Anthropic's.
    Anthropic,
    /// OpenAI's.
    Openai,
    /// Google's.
    Gemini,
}

/// What is asked of a provider; nothing else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Anthropic Messages.
    Messages,
    /// Anthropic's counting of tokens.
    CountTokens,
    /// OpenAI Responses.
    Responses,
    /// OpenAI Chat Completions.
    ChatCompletions,
    /// Gemini's generateContent.
    Generate {
        /// The model.
        model: String,
    },
    /// Gemini's streamGenerateContent.
    StreamGenerate {
        /// The model.
        model: String,
    },
    /// Which models there are.
    List,
    /// One of them.
    Show {
        /// The model.
        model: String,
    },
}

/// A request of a program inside.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whom it addresses.
    pub provider: Provider,
    /// What it asks for.
    pub action: Action,
    /// What follows the question mark, without a key.
    pub query: Option<String>,
    /// Those headers that a provider is given.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
}

/// The body of an answer, as it comes.
pub type Stream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// A request that is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Status of the answer; no client repeats a 403.
    pub status: StatusCode,
    /// Code of the denial; none where the request is wrong by itself.
    pub code: Option<DenialCode>,
    /// Plain words: why, and what to do.
    pub words: String,
}

/// Passes requests on to providers, within what the server allows.
pub trait Models: Send + Sync {
    /// What stands for a key inside the sandbox of this agent.
    fn placeholder(&self, agent: AgentId) -> String;

    /// The answer: the provider's own, or ours about what is listed. Dropping its body ends it.
    fn ask(
        &self,
        peer: Peer,
        question: Question,
    ) -> BoxFuture<'_, Result<Response<Stream>, Refused>>;
}

impl Refused {
    /// A request that is wrong by itself.
    pub fn wrong(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, code: None, words: words.into() }
    }

    /// A request that may not be.
    pub fn denied(code: DenialCode, words: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: Some(code), words: words.into() }
    }
}

/// Headers of a request that a provider is given, and of an answer that the sandbox is given.
///
/// TRUST: no other one, since some choose who pays (`openai-organization`) or what is told of the cost
/// (`x-goog-fieldmask`), and some of an answer name the operator's account.
const PASSED_UP: [&str; 10] = [
    "accept",
    "content-type",
    "user-agent",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "originator",
    "session_id",
    "x-app",
    "x-goog-api-client",
];
const PASSED_DOWN: [&str; 8] = [
    "content-type",
    "cache-control",
    "retry-after",
    "retry-after-ms",
    "request-id",
    "x-request-id",
    "x-should-retry",
    "openai-processing-ms",
];
/// Headers that a key may stand in.
const KEY_HEADERS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
/// Parts of a query that a provider is given.
const QUERY: [&str; 3] = ["beta=true", "alt=sse", "alt=json"];

const ELSEWHERE: &str = "Errand passes on nothing else here: Anthropic's v1/messages and \
     v1/messages/count_tokens, OpenAI's v1/responses and v1/chat/completions, both with v1/models, and \
     Gemini's v1beta/models/<model>:generateContent and :streamGenerateContent";

/// Answers a request below `/model/`.
pub(crate) async fn answer(
    request: Request<Incoming>,
    path: &str,
    attachment: &Attachment,
) -> Response<Body> {
    let Some(models) = &attachment.parts.models else {
        let text = "Errand offers no models inside sandboxes. The operator can have it so with \
                    `inside = true` under [models] in errand.toml.";
        return reply::words(StatusCode::NOT_FOUND, text);
    };
    let Some((provider, action)) = action(request.method(), path) else {
        return reply::words(StatusCode::NOT_FOUND, &format!("{ELSEWHERE}."));
    };
    match pass(request, (provider, action), models.as_ref(), attachment).await {
        Ok(response) => response,
        Err(refused) => {
            if let Some(code) = refused.code {
                let (host, words) = (INTERNAL_HOST.to_owned(), refused.words.clone());
                let denial = Denial { code, host, port: HTTP_PORT, words };
                witness::denied(&denial, attachment).await;
            }
            told(provider, &refused)
        }
    }
}

async fn pass(
    request: Request<Incoming>,
    (provider, action): (Provider, Action),
    models: &dyn Models,
    attachment: &Attachment,
) -> Result<Response<Body>, Refused> {
    let (parts, body) = request.into_parts();
    let (keys, query) = split_query(parts.uri.query())?;
    check_keys(&parts.headers, &keys, &models.placeholder(attachment.peer.agent))?;
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        let words = "Errand refused the request: its body is compressed; send it as it is.";
        return Err(Refused::wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
    }
    // Before the body is read: waiting requests take no memory.
    let slot = attachment.model_slots.clone().acquire_owned().await.map_err(|_| {
        Refused::wrong(StatusCode::SERVICE_UNAVAILABLE, "Errand closes this sandbox.")
    })?;
    let body = whole(body).await?;
    let headers = passed(&parts.headers, &PASSED_UP, &["x-stainless-"]);
    let question = Question { provider, action, query, headers, body };
    let (mut parts, stream) = models.ask(attachment.peer, question).await?.into_parts();
    let limits = ["anthropic-ratelimit-", "x-ratelimit-"];
    parts.headers = passed(&parts.headers, &PASSED_DOWN, &limits);
    let stream = stream.map(move |item| {
        let _held = &slot;
        item
    });
    let stream = stream.map_ok(Frame::data).map_err(reply::BodyError::from);
    Ok(Response::from_parts(parts, StreamBody::new(stream).boxed_unsync()))
}

async fn whole(body: Incoming) -> Result<Bytes, Refused> {
    let most = usize::try_from(MODEL_CALL_BYTES).unwrap_or(usize::MAX);
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let words = format!("Errand refused the request: it is larger than {most} bytes.");
            Err(Refused::wrong(StatusCode::PAYLOAD_TOO_LARGE, words))
        }
        Err(error) => {
            let words = format!("Errand refused the request: its body broke off ({error}).");
            Err(Refused::wrong(StatusCode::BAD_REQUEST, words))
        }
    }
}

/// What this path asks of whom.
fn action(method: &Method, path: &str) -> Option<(Provider, Action)> {
    let (provider, rest) = path.split_once('/')?;
    let provider = match provider {
        "anthropic" => Provider::Anthropic,
        "openai" => Provider::Openai,
        "gemini" => Provider::Gemini,
        _ => return None,
    };
    let show = |rest: &str| Some(rest.strip_prefix("v1/models/")?.to_owned());
    let action = match (provider, method, rest) {
        (Provider::Anthropic, &Method::POST, "v1/messages") => Action::Messages,
        (Provider::Anthropic, &Method::POST, "v1/messages/count_tokens") => Action::CountTokens,
        (Provider::Openai, &Method::POST, "v1/responses") => Action::Responses,
        (Provider::Openai, &Method::POST, "v1/chat/completions") => Action::ChatCompletions,
        (Provider::Anthropic | Provider::Openai, &Method::GET, "v1/models") => Action::List,
        (Provider::Anthropic | Provider::Openai, &Method::GET, rest) => {
            Action::Show { model: show(rest)? }
        }
        (Provider::Gemini, &Method::POST, rest) => {
            let (model, verb) = rest.strip_prefix("v1beta/models/")?.split_once(':')?;
            let model = model.to_owned();
            match verb {
                "generateContent" => Action::Generate { model },
                "streamGenerateContent" => Action::StreamGenerate { model },
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((provider, action))
}

/// Keys that a query holds, and the rest of it.
fn split_query(query: Option<&str>) -> Result<(Vec<String>, Option<String>), Refused> {
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("key", key)) => keys.push(key.to_owned()),
            _ if QUERY.contains(&part) => rest.push(part),
            _ => {
                let words = format!(
                    "Errand refused the request: {part:?} in its address is not passed on."
                );
                return Err(Refused::wrong(StatusCode::BAD_REQUEST, words));
            }
        }
    }
    Ok((keys, (!rest.is_empty()).then(|| rest.join("&"))))
}

/// There is a key, and each one that is there is the placeholder of this sandbox.
fn check_keys(headers: &HeaderMap, in_query: &[String], expected: &str) -> Result<(), Refused> {
    let in_headers = KEY_HEADERS.iter().flat_map(|name| headers.get_all(*name)).map(|value| {
        let text = value.to_str().unwrap_or_default();
        text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text)
    });
    let mut keys = in_headers.chain(in_query.iter().map(String::as_str)).peekable();
    if keys.peek().is_none() {
        let words = "Errand wants a key: that of this sandbox stands in its variable \
                     ERRAND_MODEL_TOKEN.";
        return Err(Refused::wrong(StatusCode::UNAUTHORIZED, words));
    }
    if keys.all(|key| key == expected) {
        return Ok(());
    }
    let words = "Errand refused the request: it brings a key that is not of this sandbox. Models are \
                 asked with the operator's keys; give the program what stands in ERRAND_MODEL_TOKEN.";
    Err(Refused::denied(DenialCode::ForeignCredential, words))
}

fn passed(headers: &HeaderMap, names: &[&str], beginnings: &[&str]) -> HeaderMap {
    let is_passed = |name: &HeaderName| {
        names.contains(&name.as_str())
            || beginnings.iter().any(|beginning| name.as_str().starts_with(beginning))
    };
    let chosen = headers.iter().filter(|(name, _)| is_passed(name));
    chosen.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A refusal as the provider's own errors look.
fn told(provider: Provider, refused: &Refused) -> Response<Body> {
    let code = refused.code.map_or("invalid_request", DenialCode::as_str);
    let is_denied = refused.code.is_some();
    let words = &refused.words;
    let body = match provider {
        Provider::Anthropic => {
            let kind = if is_denied { "permission_error" } else { "invalid_request_error" };
            format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":{words}}}}}"#,
                words = quoted(words)
            )
        }
        Provider::Openai => {
            let kind = if is_denied { "insufficient_quota" } else { "invalid_request_error" };
            format!(
                r#"{{"error":{{"message":{},"type":"{kind}","param":null,"code":"{code}"}}}}"#,
                quoted(words)
            )
        }
        Provider::Gemini => {
            let state = if is_denied { "PERMISSION_DENIED" } else { "INVALID_ARGUMENT" };
            let status = refused.status.as_u16();
            format!(
                r#"{{"error":{{"code":{status},"message":{},"status":"{state}"}}}}"#,
                quoted(words)
            )
        }
    };
    let mut response = Response::new(reply::full(body));
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-should-retry", HeaderValue::from_static("false"));
    if is_denied {
        headers.insert(DENIED_HEADER, HeaderValue::from_static(code));
    }
    response
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
