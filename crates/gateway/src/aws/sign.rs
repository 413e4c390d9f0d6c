//! Signature Version 4, as AWS documents it. Pure.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// The algorithm's name.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What stands for the hash of a body that is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// How every scope ends.
const END: &str = "aws4_request";
/// Bytes that HMAC works on.
const BLOCK: usize = 64;
/// What is left as it is in a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// And in a path.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// What a signature is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The day, `20260131`.
    pub date: String,
    /// The region.
    pub region: String,
    /// The service.
    pub service: String,
}

impl Scope {
    /// The scope of a request at this time, `20260131T235959Z`.
    pub fn new(time: &str, region: &str, service: &str) -> Self {
        let date = time.split('T').next().unwrap_or_default().to_owned();
        Self { date, region: region.to_owned(), service: service.to_owned() }
    }

    /// A key's id and the scope, from a credential that names both.
    pub(crate) fn parse(credential: &str) -> Option<(String, Self)> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [id, date, region, service, END] = parts.as_slice() else { return None };
        let is_plain = |text: &&str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let all = [id, date, region, service];
        all.into_iter().all(is_plain).then(|| {
            let scope = Self {
                date: (*date).to_owned(),
                region: (*region).to_owned(),
                service: (*service).to_owned(),
            };
            ((*id).to_owned(), scope)
        })
    }

    /// As it is written.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/{END}", self.date, self.region, self.service)
    }
}

/// A request in the form in which it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Canonical<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path, as [`PathReading`] gives it.
    pub path: &'a str,
    /// Its query, as [`pairs`] gives it, without a signature.
    pub query: &'a [(String, String)],
    /// The headers that are signed, in lower case and by their names.
    pub headers: &'a [(String, String)],
    /// The hash of its body, or what stands for it.
    pub payload: &'a str,
}

/// How a service reads a path before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathReading {
    /// As it was sent: S3.
    AsSent,
    /// Without `.`, `..` and empty parts, and encoded once more: all others.
    Tidied,
    /// Encoded once more: what some programs do for all others.
    Twice,
}

impl PathReading {
    /// All of them, the likeliest one first.
    pub const ALL: [Self; 3] = [Self::AsSent, Self::Tidied, Self::Twice];

    /// The path as it is signed.
    pub fn of(self, path: &str) -> String {
        match self {
            Self::AsSent => path.to_owned(),
            Self::Tidied => utf8_percent_encode(&tidied(path), PATH).to_string(),
            Self::Twice => utf8_percent_encode(path, PATH).to_string(),
        }
    }
}

fn tidied(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

/// The parts of a query, encoded as they are signed.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let again = |text: &str| {
        let plain: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&plain, UNRESERVED).to_string()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    let split = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    split.map(|(name, value)| (again(name), again(value))).collect()
}

/// Text as it stands in a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The names of the headers that are signed, as a signature tells them.
pub fn names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// The hash of a body, as it is written.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The signature of a request at this time, `20260131T235959Z`.
pub fn signature(secret: &str, time: &str, scope: &Scope, request: &Canonical<'_>) -> String {
    let to_sign =
        format!("{ALGORITHM}\n{time}\n{}\n{}", scope.text(), hash(canonical(request).as_bytes()));
    let first = format!("AWS4{secret}").into_bytes();
    let steps = [&scope.date, &scope.region, &scope.service, END];
    let key = steps.iter().fold(first, |key, step| hmac(&key, step.as_bytes()));
    hex::encode(hmac(&key, to_sign.as_bytes()))
}

/// What an `Authorization` header says.
pub fn authorization(
    id: &str,
    scope: &Scope,
    headers: &[(String, String)],
    signature: &str,
) -> String {
    format!(
        "{ALGORITHM} Credential={id}/{}, SignedHeaders={}, Signature={signature}",
        scope.text(),
        names(headers)
    )
}

fn canonical(request: &Canonical<'_>) -> String {
    let mut query: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // By name first: a sign that sorts before `=` may follow a name that begins like another.
    query.sort_by(|one, other| one.split('=').cmp(other.split('=')));
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        request.path,
        query.join("&"),
        names(request.headers),
        request.payload
    )
}

fn hmac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK];
    let digest;
    let key = if key.len() > BLOCK {
        digest = Sha256::digest(key);
        digest.as_slice()
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
