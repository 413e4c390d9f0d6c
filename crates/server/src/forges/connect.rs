//! Connecting hosts: a credential is kept only once the host took it.

use super::{CONNECTIONS, Connection, Entry, KIND, OWNER, account};
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::audit::by_people::{Deed, note};
use crate::auth::Caller;
use crate::clock::now_ms;
use anyhow::Context as _;
use axum::http::StatusCode;
use forge::account::Kind;
use forge::forge::ForgeError;
use protocol::api::forges::{ConnectForge, TriggersBody};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use store::kv::Expect;
use store::sealed::{SealedValue, Secret};
use url::Url;
use uuid::Uuid;

/// What an id begins with.
const ID: &str = "forge_";
/// Bytes of a credential; private keys of apps are the longest.
const CREDENTIAL_BYTES: usize = 16 * 1024;

/// Characters of the name by which agents are asked.
const NAME_CHARS: usize = 40;
/// Labels, and logins of programs.
const WORDS: usize = 50;
/// Bytes of one of them.
const WORD_BYTES: usize = 100;

/// Keeps a credential, or another one for a host that is connected already.
pub async fn connect(app: &App, caller: &Caller, body: ConnectForge) -> ApiResult<Arc<Connection>> {
    let _alone = app.forges.changing.lock().await;
    let (mut entry, secret) = entry(&body, &caller.name)?;
    let known = app.forges.all(&caller.org);
    let before = known.iter().find(|known| known.entry.url == entry.url);
    if before.is_none() && known.len() >= usize::from(CONNECTIONS) {
        let message = format!("{CONNECTIONS} hosts are connected, which is the most: remove one");
        return Err(ApiError::new(StatusCode::CONFLICT, "forge_limit_reached", message));
    }
    let credential = SecretString::from(secret.clone());
    let account = account(&app.forges.client, &entry, credential).map_err(refused)?;
    let owner = account.owner().await.map_err(refused)?;
    (entry.login, entry.scopes) = (owner.login, owner.scopes);
    if let Some(before) = before {
        entry.created_ms = before.entry.created_ms;
        entry.triggers = before.entry.triggers.clone();
    }
    let id = before
        .map_or_else(|| format!("{ID}{}", Uuid::now_v7().simple()), |before| before.id.clone());
    // The value first, so that a record finds it, and each under a name of its own: a crash in between leaves the
    // connection as it was.
    entry.value = format!("{id}/{}", Uuid::now_v7().simple());
    let (name, at_ms) = (entry.value.clone(), entry.checked_ms);
    let sealed = SealedValue { owner: OWNER.to_owned(), name, value: Secret::new(secret), at_ms };
    app.store.seal(&caller.org, sealed).await.context("seal a credential")?;
    write(app, caller, &id, &entry).await?;
    sweep(app, caller, &id, Some(&entry.value)).await?;
    let details = json!({ "kind": entry.kind, "url": entry.url, "login": entry.login });
    let connection = Arc::new(Connection::new(id.clone(), entry, account));
    app.forges.set(&caller.org, |all| {
        all.retain(|known| known.id != id);
        all.push(Arc::clone(&connection));
    });
    note(app, caller, Deed::to("forge.connected", &id, details)).await?;
    Ok(connection)
}

async fn write(app: &App, caller: &Caller, id: &str, entry: &Entry) -> ApiResult<()> {
    let text = serde_json::to_string(entry).context("write a connection")?;
    app.store
        .put(&caller.org, KIND, id, Expect::Anything, &text)
        .await
        .context("keep a connection")?;
    Ok(())
}

/// Removes the values of a connection that its record does not name.
async fn sweep(app: &App, caller: &Caller, id: &str, kept: Option<&str>) -> ApiResult<()> {
    let names = app.store.sealed_names(&caller.org, OWNER).await.context("list credentials")?;
    let own = names.iter().filter(|name| name.split('/').next() == Some(id));
    for name in own.filter(|name| Some(name.as_str()) != kept) {
        app.store.remove_sealed(&caller.org, OWNER, name).await.context("remove a credential")?;
    }
    Ok(())
}

/// Asks the host again whose credential it is.
pub async fn check(app: &App, caller: &Caller, id: &str) -> ApiResult<Arc<Connection>> {
    let _alone = app.forges.changing.lock().await;
    let known = existing(app, caller, id)?;
    let owner = known.account.owner().await.map_err(refused)?;
    let entry = Entry {
        login: owner.login,
        scopes: owner.scopes,
        checked_ms: now_ms(),
        ..known.entry.clone()
    };
    renew(app, caller, &known, entry).await
}

/// Says what people may ask for at a host.
pub async fn set_triggers(
    app: &App,
    caller: &Caller,
    id: &str,
    triggers: TriggersBody,
) -> ApiResult<Arc<Connection>> {
    let triggers = checked(triggers)?;
    let _alone = app.forges.changing.lock().await;
    let known = existing(app, caller, id)?;
    let entry = Entry { triggers, ..known.entry.clone() };
    let details = json!({ "url": entry.url, "triggers": entry.triggers });
    let connection = renew(app, caller, &known, entry).await?;
    note(app, caller, Deed::to("forge.triggers_changed", id, details)).await?;
    Ok(connection)
}

fn checked(triggers: TriggersBody) -> ApiResult<TriggersBody> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = triggers.name.trim_start_matches('@');
    if !(1..=NAME_CHARS).contains(&name.len()) || !name.chars().all(is_word) {
        return Err(ApiError::invalid(
            "name",
            format!("has 1 to {NAME_CHARS} letters, digits, - and _"),
        ));
    }
    for (field, all) in [("labels", &triggers.labels), ("bots", &triggers.bots)] {
        let fits = |one: &String| {
            !one.trim().is_empty() && one.len() <= WORD_BYTES && !one.chars().any(char::is_control)
        };
        if all.len() > WORDS || !all.iter().all(fits) {
            let problem = format!("has at most {WORDS} entries of 1 to {WORD_BYTES} bytes");
            return Err(ApiError::invalid(field, problem));
        }
    }
    Ok(TriggersBody { name: name.to_owned(), ..triggers })
}

/// Puts another entry in the place of a connection's.
async fn renew(
    app: &App,
    caller: &Caller,
    known: &Connection,
    entry: Entry,
) -> ApiResult<Arc<Connection>> {
    let id = &known.id;
    write(app, caller, id, &entry).await?;
    let connection = Arc::new(Connection::new(id.clone(), entry, known.account.clone()));
    app.forges.set(&caller.org, |all| {
        for known in all.iter_mut().filter(|known| known.id == *id) {
            *known = Arc::clone(&connection);
        }
    });
    Ok(connection)
}

/// Forgets a host and its credential.
pub async fn disconnect(app: &App, caller: &Caller, id: &str) -> ApiResult<()> {
    let _alone = app.forges.changing.lock().await;
    let known = existing(app, caller, id)?;
    app.store.delete(&caller.org, KIND, id).await.context("remove a connection")?;
    sweep(app, caller, id, None).await?;
    app.forges.set(&caller.org, |all| all.retain(|known| known.id != id));
    let details = json!({ "kind": known.entry.kind, "url": known.entry.url });
    note(app, caller, Deed::to("forge.disconnected", id, details)).await?;
    Ok(())
}

/// The connection of that id.
pub fn existing(app: &App, caller: &Caller, id: &str) -> ApiResult<Arc<Connection>> {
    let missing =
        || ApiError::not_found("forge_not_found", format!("no host is connected as {id}"));
    app.forges.by_id(&caller.org, id).ok_or_else(missing)
}

fn entry(body: &ConnectForge, by: &str) -> ApiResult<(Entry, String)> {
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    let kind = Kind::parse(&body.kind);
    let kind = kind.ok_or_else(|| ApiError::invalid("kind", format!("is one of {kinds}")))?;
    let url = address(kind, body.url.as_deref())?;
    let given = |field: &str, value: &Option<String>| {
        let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty());
        let fits = value.is_none_or(|value| value.len() <= CREDENTIAL_BYTES);
        let whole = |value: &str| {
            value.chars().any(|sign| sign.is_control() && sign != '\n' && sign != '\r')
        };
        if !fits || value.is_some_and(whole) {
            return Err(ApiError::invalid(
                field,
                "is no credential: it is too long or has control characters",
            ));
        }
        Ok(value.map(str::to_owned))
    };
    let (token, key) = (given("token", &body.token)?, given("privateKey", &body.private_key)?);
    let (email, app_id) = (given("email", &body.email)?, given("appId", &body.app_id)?);
    let (credential, name, secret) = match (token, email, app_id, key) {
        (Some(token), None, None, None) => ("token", None, token),
        (Some(token), Some(email), None, None) => ("person", Some(email), token),
        (None, None, Some(id), Some(key)) => ("app", Some(id), format!("{key}\n")),
        _ => {
            return Err(ApiError::invalid(
                "token",
                "give a token (at Bitbucket with `email`, if it is a person's), or `appId` with `privateKey`",
            ));
        }
    };
    let now = now_ms();
    let entry = Entry {
        kind: kind.as_str().to_owned(),
        url,
        credential: credential.to_owned(),
        name,
        login: String::new(),
        scopes: Vec::new(),
        created_ms: now,
        checked_ms: now,
        by: by.to_owned(),
        value: String::new(),
        triggers: TriggersBody::default(),
    };
    Ok((entry, secret))
}

/// The host's address in the one spelling by which connections are told apart.
fn address(kind: Kind, given: Option<&str>) -> ApiResult<String> {
    let wrong = |problem: &str| ApiError::invalid("url", problem);
    let text = given.or_else(|| kind.public());
    let text = text.ok_or_else(|| wrong("is needed: the address of the host's pages"))?;
    let url =
        Url::parse(text).map_err(|_| wrong("is no address such as https://git.example.com"))?;
    let local = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return Err(wrong("names no host")),
    };
    // TRUST: the credential goes there with each request.
    if url.scheme() != "https" && !(url.scheme() == "http" && local) {
        return Err(wrong("begins with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("holds more than host and path; the credential has its own field"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// What a host's refusal means for who entered the credential.
fn refused(error: ForgeError) -> ApiError {
    let (status, code) = match &error {
        ForgeError::Credential => (StatusCode::BAD_REQUEST, "forge_credential_refused"),
        ForgeError::RateLimited { .. } => (StatusCode::SERVICE_UNAVAILABLE, "forge_rate_limited"),
        ForgeError::Unreachable { .. } | ForgeError::OutcomeUnknown { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "forge_unreachable")
        }
        _ => (StatusCode::BAD_REQUEST, "forge_refused"),
    };
    ApiError::new(status, code, format!("nothing was kept: {error}"))
}
