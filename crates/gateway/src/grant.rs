//! Grants: credentials that a sandbox knows by a placeholder, and that are put in on the way to their own hosts.
//!
//! Pure. One request's head comes in and leaves with the real values, or is refused: where a placeholder is used at
//! a host that it is not bound to, and where the sandbox brings a credential that nobody granted. An allowed host
//! with a stranger's account is as good a way out as any.

use crate::audit::GrantName;
use crate::host::Authority;
use crate::pattern::{Pattern, Scheme};
use crate::policy::{Denial, DenialCode, Permit, credential_denial};
use crate::spelling::{LEAST_BYTES, spellings};
use crate::swap::Swaps;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

/// Bytes of a placeholder after its beginning: enough that nobody guesses one.
const PLACEHOLDER_DIGITS: usize = 32;
/// How well-known tokens begin; a placeholder begins like its value, since some programs look.
const BEGINNINGS: [&str; 15] = [
    "github_pat_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "glpat-",
    "sk-ant-",
    "sk-proj-",
    "sk-",
    "sk_live_",
    "sk_test_",
    "xoxb-",
    "xoxp-",
    "npm_",
    "pypi-",
];
/// Headers that carry credentials, besides those that end like one.
const CREDENTIAL_HEADERS: [HeaderName; 1] = [header::AUTHORIZATION];
/// How names of headers end that carry credentials.
const CREDENTIAL_ENDINGS: [&str; 5] = ["-token", "-key", "apikey", "-secret", "-password"];
/// Headers that end so and carry none.
const HARMLESS: [&str; 4] =
    ["idempotency-key", "x-idempotency-key", "sec-websocket-key", "x-csrf-token"];
/// Names of query parameters that carry credentials.
const CREDENTIAL_QUERY: [&str; 14] = [
    "access_token",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "token",
    "auth",
    "auth_token",
    "private_token",
    "client_secret",
    "password",
    "secret",
    "signature",
    "x-amz-signature",
];
/// What a value leaves as it is in a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where in a request a grant's placeholder is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Places {
    /// In any header, as it is.
    pub header: bool,
    /// Inside Basic authentication, as user or password.
    pub basic: bool,
    /// In the query.
    pub query: bool,
    /// In the body.
    pub body: bool,
}

impl Default for Places {
    fn default() -> Self {
        Self { header: true, basic: true, query: false, body: false }
    }
}

/// One credential of an agent.
#[derive(Clone)]
pub struct Grant {
    /// The variable that holds its placeholder inside.
    pub name: String,
    /// What its owner knows it by.
    pub id: String,
    /// What the sandbox knows of it.
    pub placeholder: String,
    /// The real value.
    pub value: SecretString,
    /// Where it may go.
    pub hosts: Vec<Pattern>,
    /// Where in a request.
    pub places: Places,
}

impl Grant {
    fn named(&self) -> GrantName {
        GrantName { name: self.name.clone(), id: self.id.clone() }
    }

    fn is_for(&self, target: &Authority, scheme: Scheme) -> bool {
        self.hosts.iter().any(|pattern| {
            pattern.covers_host(&target.host)
                && pattern.covers_port(target.port)
                // In the clear only where somebody wrote so.
                && (scheme == Scheme::Https || pattern.scheme() == Some(Scheme::Http))
                && pattern.covers_scheme(scheme)
        })
    }
}

/// The placeholder of a value for one agent: the same whenever it is asked for, another one for every other agent.
pub fn placeholder(key: &[u8; 32], agent: &str, id: &str, value: &str) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for text in [agent, id] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let digits: String = hasher.finalize().to_hex().chars().take(PLACEHOLDER_DIGITS).collect();
    let beginning = BEGINNINGS.iter().find(|beginning| value.starts_with(**beginning));
    format!("{}errand{digits}", beginning.unwrap_or(&""))
}

/// What an agent may use.
#[derive(Clone, Default)]
pub struct Grants {
    grants: Vec<Grant>,
    /// Values that the agent was given plainly: its own, wherever it uses them.
    plain: Vec<SecretString>,
}

/// What has to be done with a request's body and its answer.
#[derive(Default)]
pub struct Exchange {
    /// The grants that were put in.
    pub used: Vec<GrantName>,
    /// What is replaced in the body on its way out, if it stands there, and by which grants.
    pub body: Option<(Swaps, Vec<GrantName>)>,
    /// What is replaced in the answer: real values, in every spelling.
    pub scrub: Option<Swaps>,
}

impl Grants {
    /// Grants and values that the agent was given plainly.
    pub fn new(grants: Vec<Grant>, plain: Vec<SecretString>) -> Self {
        let plain = plain.into_iter().filter(|value| value.expose_secret().len() >= LEAST_BYTES);
        Self { grants, plain: plain.collect() }
    }

    /// Whether the agent was given this plainly.
    pub(crate) fn is_plain(&self, text: &str) -> bool {
        self.plain.iter().any(|value| value.expose_secret() == text)
    }

    /// Puts real values into a request's head, or says why it may not be sent.
    pub fn exchange(
        &self,
        target: &Authority,
        scheme: Scheme,
        permit: Permit,
        head: &mut Parts,
    ) -> Result<Exchange, Denial> {
        let live: Vec<&Grant> =
            self.grants.iter().filter(|grant| grant.is_for(target, scheme)).collect();
        let judge = Judge { grants: self, live: &live, target, permit };
        let mut out = Outgoing::default();
        judge.headers(&mut head.headers, &mut out)?;
        judge.query(head, &mut out)?;
        let in_body: Vec<&Grant> = live.iter().copied().filter(|grant| grant.places.body).collect();
        let swaps = Swaps::new(in_body.iter().map(|grant| {
            (grant.placeholder.clone().into_bytes(), grant.value.expose_secret().into())
        }));
        let names = || in_body.iter().map(|grant| grant.named()).collect();
        let body = swaps.map(|swaps| (swaps, names()));
        let sent = out.used.iter().chain(&in_body);
        let scrub = Swaps::new(sent.flat_map(|grant| scrubbed(grant)).chain(out.encoded));
        let mut used: Vec<_> = out.used.into_iter().map(Grant::named).collect();
        used.sort_unstable();
        used.dedup();
        Ok(Exchange { used, body, scrub })
    }
}

/// What was put in so far.
#[derive(Default)]
struct Outgoing<'a> {
    used: Vec<&'a Grant>,
    /// Encoded forms of what was put in, as they would be reflected, and what the sandbox had sent.
    encoded: Vec<(Vec<u8>, Vec<u8>)>,
}

fn scrubbed(grant: &Grant) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let placeholder = grant.placeholder.clone().into_bytes();
    spellings(grant.value.expose_secret())
        .into_iter()
        .map(move |found| (found, placeholder.clone()))
}

struct Judge<'a> {
    grants: &'a Grants,
    live: &'a [&'a Grant],
    target: &'a Authority,
    permit: Permit,
}

impl<'a> Judge<'a> {
    fn headers(&self, headers: &mut HeaderMap, out: &mut Outgoing<'a>) -> Result<(), Denial> {
        if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
            return Err(self.foreign("it has more than one Authorization header"));
        }
        for (name, value) in headers.iter_mut() {
            let sent = value.as_bytes().to_vec();
            let mut exchanged = self.swapped(&sent, |places| places.header, out);
            if name == header::AUTHORIZATION && exchanged.is_none() {
                exchanged = self.basic(&sent, out);
            }
            match exchanged {
                Some(bytes) => {
                    *value = HeaderValue::from_bytes(&bytes).map_err(|_| {
                        self.foreign("the value of a grant in it cannot stand in a header")
                    })?;
                    value.set_sensitive(true);
                }
                None if self.is_credential(name) => self.unexchanged(name.as_str(), &sent)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The bytes with the real values in them, if there was a placeholder.
    fn swapped(
        &self,
        sent: &[u8],
        place: impl Fn(Places) -> bool,
        out: &mut Outgoing<'a>,
    ) -> Option<Vec<u8>> {
        let mut text = String::from_utf8(sent.to_vec()).ok()?;
        let before = out.used.len();
        for grant in self.live.iter().filter(|grant| place(grant.places)) {
            if text.contains(&grant.placeholder) {
                text = text.replace(&grant.placeholder, grant.value.expose_secret());
                out.used.push(grant);
            }
        }
        (out.used.len() > before).then(|| text.into_bytes())
    }

    fn basic(&self, sent: &[u8], out: &mut Outgoing<'a>) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(sent).ok()?;
        let (scheme, encoded) = text.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = STANDARD.decode(encoded.trim()).ok()?;
        let swapped = STANDARD.encode(self.swapped(&plain, |places| places.basic, out)?);
        out.encoded.push((swapped.clone().into_bytes(), encoded.trim().as_bytes().to_vec()));
        Some(format!("Basic {swapped}").into_bytes())
    }

    fn query(&self, head: &mut Parts, out: &mut Outgoing<'a>) -> Result<(), Denial> {
        let Some((path, query)) =
            head.uri.path_and_query().and_then(|whole| Some((whole.path(), whole.query()?)))
        else {
            return Ok(());
        };
        let mut query = query.to_owned();
        for grant in self.live.iter().filter(|grant| grant.places.query) {
            if query.contains(&grant.placeholder) {
                let value = utf8_percent_encode(grant.value.expose_secret(), UNRESERVED);
                query = query.replace(&grant.placeholder, &value.to_string());
                out.used.push(grant);
            }
        }
        let is_read = matches!(head.method.as_str(), "GET" | "HEAD");
        // Addresses that are signed in their query are how many hosts hand out downloads.
        if !self.live.is_empty() || !is_read {
            for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
                let is_credential =
                    CREDENTIAL_QUERY.iter().any(|listed| name.eq_ignore_ascii_case(listed));
                let is_ours = out.used.iter().any(|grant| {
                    let own = utf8_percent_encode(grant.value.expose_secret(), UNRESERVED);
                    value.contains(&own.to_string())
                });
                if is_credential && !value.is_empty() && !is_ours {
                    self.unexchanged(name, value.as_bytes())?;
                }
            }
        }
        let whole = format!("{path}?{query}");
        head.uri = Uri::try_from(whole).map_err(|_| self.foreign("its query cannot be read"))?;
        Ok(())
    }

    fn is_credential(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        CREDENTIAL_HEADERS.contains(name)
            || (CREDENTIAL_ENDINGS.iter().any(|ending| text.ends_with(ending))
                && !HARMLESS.contains(&text))
            // A session is an account too, where one was granted.
            || (!self.live.is_empty() && name == header::COOKIE)
    }

    /// A credential in which nothing was exchanged.
    fn unexchanged(&self, name: &str, sent: &[u8]) -> Result<(), Denial> {
        let decoded = std::str::from_utf8(sent)
            .ok()
            .and_then(|text| text.split_once(' '))
            .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
            .unwrap_or_default();
        let holds = |text: &str| contains(sent, text) || contains(&decoded, text);
        if let Some(grant) = self.grants.grants.iter().find(|grant| holds(&grant.placeholder)) {
            let words = if self.live.iter().any(|live| live.name == grant.name) {
                format!(
                    "the grant {} is not exchanged in {name:?}: add the place to the secret",
                    grant.name
                )
            } else {
                format!(
                    "the grant {} is not bound to this host: add the host to the secret if it may go there",
                    grant.name
                )
            };
            return Err(credential_denial(self.target, DenialCode::GrantNotForHost, words));
        }
        if self.permit.credentials
            || self.grants.plain.iter().any(|value| holds(value.expose_secret()))
        {
            return Ok(());
        }
        let words = format!(
            "{name:?} carries a credential that was not granted; keep it as a secret bound to this host, or allow \
             \"{} +credentials\"",
            self.target.host
        );
        Err(self.foreign(&words))
    }

    fn foreign(&self, words: &str) -> Denial {
        credential_denial(self.target, DenialCode::ForeignCredential, words.to_owned())
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[cfg(test)]
mod tests;
