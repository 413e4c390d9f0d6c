//! Sessions of browsers: a cookie's random value, of which only the digest is kept, in the store.
//!
//! A session stands for the key that it was made with and ends with it.

use super::one_use::{digest, random_token};
use super::{Caller, Credential};
use crate::app::App;
use anyhow::{Context, Result};
use axum::http::{HeaderMap, HeaderValue, header};
use protocol::ids::OrgId;
use protocol::limits::{SESSION_MS, SESSIONS};
use serde::{Deserialize, Serialize};
use store::kv::Expect;

/// Kind of the records.
const KIND: &str = "session";
/// Records read at once.
const PAGE: u16 = 500;
/// The cookie on a plain address.
const COOKIE: &str = "errand_session";
/// The cookie on an https address: browsers take it only from there, for this host alone.
const SECURE_COOKIE: &str = "__Host-errand_session";

/// What is kept of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    org: OrgId,
    key: String,
    expires_ms: i64,
}

/// Sessions are looked up before it is known whose they are, so all lie in one place.
fn place() -> OrgId {
    OrgId::default_org()
}

/// Begins a session for this caller and gives its cookie's value.
pub async fn begin(app: &App, caller: &Caller, now_ms: i64) -> Result<String> {
    tidy(app, &caller.credential.key, now_ms).await?;
    let token = random_token()?;
    let record = Record {
        org: caller.org.clone(),
        key: caller.credential.key.clone(),
        expires_ms: now_ms.saturating_add_unsigned(SESSION_MS),
    };
    let body = serde_json::to_string(&record).context("write a session")?;
    let key = digest(&token);
    app.store.put(&place(), KIND, &key, Expect::Absent, &body).await.context("keep a session")?;
    Ok(token)
}

/// Forgets sessions that are over, and the oldest of a key that has too many.
async fn tidy(app: &App, key: &str, now_ms: i64) -> Result<()> {
    let (mut after, mut own) = (String::new(), Vec::new());
    loop {
        let page =
            app.store.list(&place(), KIND, "", &after, PAGE).await.context("list sessions")?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        for entry in page {
            match serde_json::from_str::<Record>(&entry.body) {
                Ok(record) if record.expires_ms <= now_ms => end(app, &entry.key).await?,
                Ok(record) if record.key == key => own.push((record.expires_ms, entry.key)),
                Ok(_) | Err(_) => {}
            }
        }
    }
    own.sort_unstable();
    for (_, digest) in own.iter().rev().skip(SESSIONS - 1) {
        end(app, digest).await?;
    }
    Ok(())
}

/// The caller of a cookie's value, while session and key are in force.
pub async fn caller(app: &App, token: &str, now_ms: i64) -> Result<Option<Caller>> {
    let session = digest(token);
    let Some(record) = read(app, &session).await? else { return Ok(None) };
    if record.expires_ms <= now_ms {
        return Ok(None);
    }
    let found = app.keys.by_id(&app.store, &record.org, &record.key).await?;
    let until_ms = Some(record.expires_ms);
    Ok(found.map(|caller| Caller {
        credential: Credential { session: Some(session), until_ms, ..caller.credential },
        ..caller
    }))
}

async fn read(app: &App, session: &str) -> Result<Option<Record>> {
    let entry = app.store.get(&place(), KIND, session).await.context("look a session up")?;
    entry.map(|entry| serde_json::from_str(&entry.body).context("read a session")).transpose()
}

/// Whether a session is still there and has not ended.
pub async fn is_in_force(app: &App, session: &str, now_ms: i64) -> Result<bool> {
    Ok(read(app, session).await?.is_some_and(|record| record.expires_ms > now_ms))
}

/// Ends a session, and what it has open.
pub async fn end(app: &App, session: &str) -> Result<()> {
    app.store.delete(&place(), KIND, session).await.context("end a session")?;
    app.auth.session_ended(session);
    Ok(())
}

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_COOKIE } else { COOKIE }
}

/// The value of our cookie, if there is exactly one.
///
/// TRUST: another host below the same name may have set one of its own; then neither is believed.
pub fn cookie(app: &App, headers: &HeaderMap) -> Option<String> {
    let wanted = name(app.addresses.is_secure());
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value.trim_matches('"').to_owned());
    let first = values.next().filter(|value| !value.is_empty())?;
    values.next().is_none().then_some(first)
}

/// The header that gives a browser its cookie, or with no token takes it away.
pub fn set_cookie(app: &App, token: Option<&str>) -> Result<HeaderValue> {
    let secure = app.addresses.is_secure();
    let name = name(secure);
    let flag = if secure { "; Secure" } else { "" };
    let life_s = if token.is_some() { SESSION_MS / 1000 } else { 0 };
    let value = token.unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{flag}");
    HeaderValue::from_str(&text).context("write the cookie")
}
