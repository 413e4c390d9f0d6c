//! What a sandbox says of its signature, read from the head of a request. Pure.

use super::sign::{ALGORITHM, Scope, pairs};
use crate::host::Authority;
use crate::pattern::Scheme;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};
use percent_encoding::percent_decode_str;

/// Header and query parameter of the session's token.
pub(super) const TOKEN: &str = "x-amz-security-token";
/// Of the time.
const TIME: &str = "x-amz-date";
/// Of the body's hash.
const PAYLOAD: &str = "x-amz-content-sha256";
/// What a signature in a query consists of, besides how long it is good.
const IN_QUERY: [&str; 6] =
    ["x-amz-algorithm", "x-amz-credential", TIME, "x-amz-signedheaders", TOKEN, "x-amz-signature"];
/// What names the key in a query that is signed the old way.
const OLD_KEY: &str = "AWSAccessKeyId";
const VERSION_2: &str = "it is signed with version 2, which cannot be signed anew: choose version 4 (in Python \
     Config(signature_version=\"s3v4\"), in ~/.aws/config s3.signature_version = s3v4)";
/// A body in pieces none of which is signed.
const UNSIGNED_PIECES: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// In the header `Authorization`.
    Header,
    /// In the address: a presigned one.
    Query,
}

/// A request that was signed.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) at: At,
    /// The id of the key.
    pub(crate) key: String,
    pub(crate) scope: Scope,
    /// `20260131T235959Z`.
    pub(crate) time: String,
    /// The headers that were signed, as they came.
    pub(crate) headers: Vec<(String, String)>,
    /// The query without the signature.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) signature: String,
    /// The hash of the body, or what stands for it.
    pub(crate) payload: Option<String>,
}

/// The signature of a request; none where it has none that is AWS's. Words where it cannot be signed anew.
pub(crate) fn read(
    head: &Parts,
    target: &Authority,
    scheme: Scheme,
) -> Result<Option<Signed>, &'static str> {
    let query = head.uri.query().unwrap_or_default();
    let in_header = header_fields(&head.headers)?;
    let in_query = query_fields(query)?;
    let (at, fields) = match (in_header, in_query) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err("it is signed twice, in a header and in its address"),
        (Some(fields), None) => (At::Header, fields),
        (None, Some(fields)) => (At::Query, fields),
    };
    let Fields { credential, names, signature, time } = fields;
    let (key, scope) = Scope::parse(&credential).ok_or("its credential cannot be read")?;
    let time = match at {
        At::Header => only(&head.headers, TIME)?.ok_or("it has no header X-Amz-Date")?,
        At::Query => time,
    };
    let mut headers = Vec::new();
    for name in names.split(';').filter(|name| !name.is_empty()) {
        let value = match name {
            "host" => target.header(scheme.port()),
            name => joined(&head.headers, name).ok_or("it lacks a header that it signed")?,
        };
        headers.push((name.to_owned(), value));
    }
    let query: Vec<_> = match at {
        At::Header => pairs(query),
        // What is signed is everything but the signature itself.
        At::Query => {
            let all = pairs(query).into_iter();
            all.filter(|(name, _)| !name.eq_ignore_ascii_case("x-amz-signature")).collect()
        }
    };
    let named = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case(PAYLOAD).then(|| value.clone())
    };
    let payload = only(&head.headers, PAYLOAD)?.or_else(|| query.iter().find_map(named));
    check_payload(payload.as_deref())?;
    Ok(Some(Signed { at, key, scope, time, headers, query, signature, payload }))
}

impl Signed {
    /// Takes out of a request what it authenticates by.
    pub(crate) fn take_out(&self, head: &mut Parts) -> Option<()> {
        head.headers.remove(header::AUTHORIZATION);
        head.headers.remove(TOKEN);
        if self.at == At::Query {
            let left = |part: &&str| {
                let name = part.split('=').next().unwrap_or_default();
                !IN_QUERY.iter().any(|listed| name.eq_ignore_ascii_case(listed))
            };
            let query = head.uri.query().unwrap_or_default();
            let query: Vec<&str> = query.split('&').filter(left).collect();
            head.uri = with_query(head, &query.join("&"))?;
        }
        Some(())
    }
}

/// The same address with another query.
pub(super) fn with_query(head: &Parts, query: &str) -> Option<Uri> {
    let path = head.uri.path();
    let whole = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    Uri::try_from(whole).ok()
}

struct Fields {
    credential: String,
    names: String,
    signature: String,
    /// Of a query only.
    time: String,
}

fn header_fields(headers: &HeaderMap) -> Result<Option<Fields>, &'static str> {
    let Some(value) = only(headers, header::AUTHORIZATION.as_str())? else { return Ok(None) };
    let (algorithm, rest) = value.split_once(' ').unwrap_or((&value, ""));
    match algorithm {
        ALGORITHM => {}
        "AWS" => return Err(VERSION_2),
        other => return other_algorithm(other).map(|()| None),
    }
    let fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
    let mut found = Fields {
        credential: String::new(),
        names: String::new(),
        signature: String::new(),
        time: String::new(),
    };
    for (name, value) in fields {
        let place = match name {
            "Credential" => &mut found.credential,
            "SignedHeaders" => &mut found.names,
            "Signature" => &mut found.signature,
            _ => return Err("its Authorization header cannot be read"),
        };
        if !place.is_empty() {
            return Err("its Authorization header says something twice");
        }
        value.clone_into(place);
    }
    Ok(Some(found))
}

fn query_fields(query: &str) -> Result<Option<Fields>, &'static str> {
    let mut found: [Option<String>; IN_QUERY.len()] = Default::default();
    for (name, value) in query.split('&').map(|part| part.split_once('=').unwrap_or((part, ""))) {
        let name = percent_decode_str(name).decode_utf8_lossy();
        if name == OLD_KEY {
            return Err(VERSION_2);
        }
        let at = IN_QUERY.iter().position(|listed| name.eq_ignore_ascii_case(listed));
        let Some(place) = at.and_then(|at| found.get_mut(at)) else { continue };
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        if place.replace(value).is_some() {
            return Err("its address says something twice about its signature");
        }
    }
    let [algorithm, credential, time, names, _, signature] = found;
    match algorithm.as_deref() {
        Some(ALGORITHM) => {}
        Some(other) => return other_algorithm(other).map(|()| None),
        None => return Ok(None),
    }
    match (credential, time, names, signature) {
        (Some(credential), Some(time), Some(names), Some(signature)) => {
            Ok(Some(Fields { credential, names, signature, time }))
        }
        _ => Err("its address lacks a part of its signature"),
    }
}

fn other_algorithm(name: &str) -> Result<(), &'static str> {
    if name.starts_with("AWS4-") {
        return Err(
            "it is signed for several regions (SigV4a), which cannot be signed anew: name one region, and a bucket or \
             endpoint in place of a multi-region access point",
        );
    }
    Ok(())
}

fn check_payload(payload: Option<&str>) -> Result<(), &'static str> {
    match payload {
        Some(pieces) if pieces.starts_with("STREAMING-") && pieces != UNSIGNED_PIECES => Err(
            "its body is signed piece by piece, which cannot be signed anew: switch that off in the SDK (chunked \
             encoding; chunkedEncodingEnabled(false) in Java), or let it send an unsigned trailer",
        ),
        _ => Ok(()),
    }
}

/// The one value of a header.
fn only(headers: &HeaderMap, name: &str) -> Result<Option<String>, &'static str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next().map(|value| value.to_str().map(str::to_owned)).transpose();
    if all.next().is_some() {
        return Err("it has a header of its signature more than once");
    }
    first.map_err(|_| "a header of its signature is no text")
}

/// The values of a header as they are signed.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let name = HeaderName::try_from(name).ok()?;
    let all = headers.get_all(name).iter();
    let all = all.map(|value| {
        value.to_str().map(|text| text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    });
    let all = all.collect::<Result<Vec<_>, _>>().ok()?;
    (!all.is_empty()).then(|| all.join(","))
}
