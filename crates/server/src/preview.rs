//! Ports of sandboxes in a browser, each on an origin of its own.
//!
//! TRUST: what answers at a port inside is the agent's. It gets a host name of its own, so that the
//! browser keeps it from our pages, our cookies and other previews; a request for such a name never
//! reaches a route of the API, and none for ours reaches a port. One enters with a ticket that works
//! once; a cookie of that name alone lets the browser stay. Neither is ever sent inside.

mod headers;
mod label;
mod pages;
mod proxy;

pub use label::Target;

use crate::app::App;
use crate::auth::Caller;
use crate::auth::addresses::host_of;
use crate::auth::leash::Leash;
use crate::auth::one_use::{OneUse, digest, random_token};
use crate::clock::now_ms;
use anyhow::Result;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where one enters.
const ENTER: &str = "/.errand/enter";
/// What begins an address that is ours on every preview.
const OURS: &str = "/.errand/";
/// Time in which a preview must be opened, in milliseconds.
const ENTER_MS: u64 = 60 * 1000;
/// Time that a browser may stay, in milliseconds.
const STAY_MS: u64 = 8 * 60 * 60 * 1000;
/// Browsers that may stay at once; the one that goes first makes room.
const PASSES: usize = 10_000;

/// Who may see which port.
#[derive(Debug)]
pub struct Previews {
    entrances: OneUse<Pass>,
    passes: Mutex<HashMap<String, (Pass, i64)>>,
}

/// The right to see a port.
#[derive(Debug, Clone)]
struct Pass {
    caller: Caller,
    target: Target,
}

/// A way in that works once.
pub struct Entrance {
    /// Opens it.
    pub url: String,
    /// Until when.
    pub expires_ms: i64,
}

impl Default for Previews {
    fn default() -> Self {
        Self { entrances: OneUse::new(ENTER_MS), passes: Mutex::default() }
    }
}

impl Previews {
    fn admit(&self, pass: Pass, now_ms: i64) -> Result<String> {
        let token = random_token()?;
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.retain(|_, (_, until)| *until > now_ms);
        if passes.len() >= PASSES {
            let first = passes.iter().min_by_key(|(_, (_, until))| *until);
            let first = first.map(|(key, _)| key.clone());
            first.map(|key| passes.remove(&key));
        }
        passes.insert(digest(&token), (pass, now_ms.saturating_add_unsigned(STAY_MS)));
        Ok(token)
    }

    fn pass(&self, token: &str, now_ms: i64) -> Option<Pass> {
        let passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let (pass, until) = passes.get(&digest(token))?;
        (*until > now_ms).then(|| pass.clone())
    }
}

/// The parts of `http://*.preview.localhost:7420`.
struct Address<'a> {
    scheme: &'a str,
    /// Host and port behind the label.
    rest: &'a str,
}

impl<'a> Address<'a> {
    fn of(app: &'a App) -> Option<Self> {
        let (scheme, rest) = app.addresses.preview().split_once("://*.")?;
        Some(Self { scheme, rest })
    }

    fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// The label of a host that is a preview's; the port is whatever somebody forwards.
    fn label(&self, host: &Authority) -> Option<String> {
        let name = self.rest.rsplit_once(':').map_or(self.rest, |(name, _)| name);
        let host = host.host().trim_end_matches('.').to_ascii_lowercase();
        let label = host.strip_suffix(&name.to_ascii_lowercase())?.strip_suffix('.')?;
        Some(label.to_owned())
    }
}

/// A way into a port, for the browser of this caller; none when too many wait.
pub fn entrance(app: &App, caller: &Caller, target: Target, now: i64) -> Result<Option<Entrance>> {
    let Some(address) = Address::of(app) else { anyhow::bail!("no address for previews") };
    let pass = Pass { caller: caller.clone(), target };
    let Some(issued) = app.previews.entrances.issue(&caller.name, pass, now)? else {
        return Ok(None);
    };
    let (scheme, label, rest) = (address.scheme, target.label(&app.link_key), address.rest);
    let url = format!("{scheme}://{label}.{rest}{ENTER}?ticket={}", issued.token);
    Ok(Some(Entrance { url, expires_ms: issued.expires_ms }))
}

/// Takes requests for previews out of the way of everything else.
pub async fn divert(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(host) = host_of(request.uri(), request.headers()) else {
        return next.run(request).await;
    };
    match Address::of(&app).and_then(|address| address.label(&host)) {
        Some(label) => show(&app, &host, &label, request).await,
        None => next.run(request).await,
    }
}

async fn show(app: &Arc<App>, host: &Authority, label: &str, request: Request) -> Response {
    let Some(target) = Target::of_label(label, &app.link_key) else {
        return pages::plain(StatusCode::NOT_FOUND, "There is no such preview.");
    };
    if request.uri().path().starts_with(OURS) {
        return enter(app, target, &request);
    }
    let Some(pass) = staying(app, target, request.headers()) else {
        return pages::plain(StatusCode::FORBIDDEN, pages::OPEN_IT);
    };
    // TRUST: a key that was revoked or a session that ended takes its previews along.
    let Ok(leash) = Leash::tie(app, &pass.caller).await else {
        return pages::plain(StatusCode::FORBIDDEN, pages::OPEN_IT);
    };
    let Some(scheme) = Address::of(app).map(|address| address.scheme.to_owned()) else {
        return pages::plain(StatusCode::NOT_FOUND, "There is no such preview.");
    };
    let origin = format!("{scheme}://{host}");
    if !headers::is_meant(request.method(), request.headers(), &origin) {
        return pages::plain(StatusCode::FORBIDDEN, pages::FOREIGN);
    }
    let visit = proxy::Visit { target, caller: pass.caller, leash, origin };
    proxy::pass_on(app, visit, request).await
}

/// Lets a browser in that has a ticket.
fn enter(app: &App, target: Target, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let ticket = query.split('&').find_map(|part| part.strip_prefix("ticket="));
    let is_entering = request.uri().path() == ENTER && request.method() == Method::GET;
    let now = now_ms();
    let pass = ticket
        .filter(|_| is_entering)
        .and_then(|ticket| app.previews.entrances.redeem(ticket, now))
        .filter(|pass| pass.target == target);
    let is_secure = Address::of(app).is_some_and(|address| address.is_secure());
    let cookie = pass.map(|pass| app.previews.admit(pass, now));
    let Some(Ok(token)) = cookie else {
        return pages::plain(StatusCode::FORBIDDEN, pages::OPEN_IT);
    };
    let name = headers::cookie_name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    let age = STAY_MS / 1000;
    // Lax: the first page is asked for on the way from ours, which is another site.
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    let Ok(cookie) = HeaderValue::from_str(&cookie) else {
        return pages::plain(StatusCode::FORBIDDEN, pages::OPEN_IT);
    };
    let headers = [
        (header::LOCATION, HeaderValue::from_static("/")),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The pass of a browser that entered before.
fn staying(app: &App, target: Target, headers: &HeaderMap) -> Option<Pass> {
    let is_secure = Address::of(app)?.is_secure();
    // Another preview may have set a cookie of this name for all of them: any that is right counts.
    headers::cookies(headers, headers::cookie_name(is_secure))
        .filter_map(|token| app.previews.pass(token, now_ms()))
        .find(|pass| pass.target == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_under_the_address_are_previews() {
        let address = Address { scheme: "http", rest: "preview.localhost:7420" };
        let label = |host: &str| address.label(&host.parse().unwrap());
        assert_eq!(label("abc.preview.localhost:7420").as_deref(), Some("abc"));
        assert_eq!(label("ABC.Preview.LocalHost.").as_deref(), Some("abc"));
        assert_eq!(label("a.b.preview.localhost").as_deref(), Some("a.b"));
        for other in ["preview.localhost", "localhost", "127.0.0.1:7420", "xpreview.localhost"] {
            assert_eq!(label(other), None, "{other}");
        }
    }
}
