//! Git LFS as a host of repositories serves it: batch, contents, verification. Contents are given and taken only with
//! the header that the batch has named for this one content, and only of the repository that has them.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of one request.
const REQUEST_BYTES: usize = 64 * 1024 * 1024;
/// Where contents are.
const CONTENTS: &str = "/large-files/";
/// What comes between a repository and what is asked of it.
const INTERFACE: &str = "/info/lfs/";

/// The contents of all repositories of a host.
#[derive(Default)]
pub struct LargeFiles {
    /// By repository's path and digest.
    contents: Mutex<BTreeMap<(String, String), Bytes>>,
    /// Where they are said to be, in place of here.
    elsewhere: Mutex<Option<String>>,
    /// Contents whose bytes are not what their name says.
    damaged: Mutex<Vec<String>>,
}

#[derive(Deserialize)]
struct Batch {
    operation: String,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    size: u64,
}

/// Nothing that holds these locks can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has to be shown for one content.
fn token(repository: &str, oid: &str) -> String {
    format!("Bearer {}", hex::encode(Sha256::digest(format!("token of {repository} {oid}"))))
}

impl LargeFiles {
    /// Puts a content into a repository, named `/name.git`; gives its digest.
    pub fn put(&self, repository: &str, content: impl Into<Bytes>) -> String {
        let content = content.into();
        let oid = hex::encode(Sha256::digest(&content));
        lock(&self.contents).insert((repository.to_owned(), oid.clone()), content);
        oid
    }

    /// A content of a repository.
    pub fn get(&self, repository: &str, oid: &str) -> Option<Bytes> {
        lock(&self.contents).get(&(repository.to_owned(), oid.to_owned())).cloned()
    }

    /// Gives one content with its last byte changed from now on.
    pub fn damage(&self, oid: &str) {
        lock(&self.damaged).push(oid.to_owned());
    }

    /// Says of all contents that they are elsewhere from now on.
    pub fn send_elsewhere(&self, address: String) {
        *lock(&self.elsewhere) = Some(address);
    }

    /// Whether a request is for this.
    pub fn serves(path: &str) -> bool {
        path.starts_with(CONTENTS) || path.contains(INTERFACE)
    }

    /// Answers one.
    pub async fn answer(&self, at: SocketAddr, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, REQUEST_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let path = parts.uri.path();
        if let Some((repository, what)) = path.split_once(INTERFACE) {
            return match what {
                "objects/batch" => self.batch(at, repository, &body),
                "verify" => self.verify(repository, &body),
                _ => StatusCode::NOT_FOUND.into_response(),
            };
        }
        let name = path.strip_prefix(CONTENTS.trim_end_matches('/')).unwrap_or_default();
        let Some((repository, oid)) = name.rsplit_once('/') else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let shown = parts.headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
        if shown != Some(token(repository, oid).as_str()) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        match parts.method {
            Method::PUT if hex::encode(Sha256::digest(&body)) == oid => {
                self.put(repository, body);
                StatusCode::OK.into_response()
            }
            Method::PUT => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            _ => self.give(repository, oid),
        }
    }

    fn give(&self, repository: &str, oid: &str) -> Response {
        let Some(content) = self.get(repository, oid) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if !lock(&self.damaged).iter().any(|damaged| damaged == oid) {
            return content.into_response();
        }
        let mut content = content.to_vec();
        if let Some(last) = content.last_mut() {
            *last ^= 1;
        }
        content.into_response()
    }

    fn verify(&self, repository: &str, body: &[u8]) -> Response {
        let found = serde_json::from_slice(body)
            .ok()
            .and_then(|Object { oid, size }| self.get(repository, &oid).map(|it| (it, size)));
        match found {
            Some((content, size)) if content.len() as u64 == size => StatusCode::OK.into_response(),
            Some(_) | None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn batch(&self, at: SocketAddr, repository: &str, body: &[u8]) -> Response {
        let Ok(Batch { operation, objects }) = serde_json::from_slice(body) else {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        };
        let elsewhere = lock(&self.elsewhere).clone();
        let told = objects.iter().map(|Object { oid, size }| {
            let place = json!({
                "href": elsewhere.clone().unwrap_or_else(|| format!("http://{at}{CONTENTS}{}/{oid}", repository.trim_start_matches('/'))),
                "header": { "Authorization": token(repository, oid) },
            });
            let verify = json!({ "href": format!("http://{at}{repository}{INTERFACE}verify") });
            let actions = match (operation.as_str(), self.get(repository, oid)) {
                ("download", Some(_)) => json!({ "download": place }),
                ("upload", None) if elsewhere.is_some() => json!({ "upload": place }),
                ("upload", None) => json!({ "upload": place, "verify": verify }),
                ("upload", Some(_)) => return json!({ "oid": oid, "size": size }),
                _ => {
                    let error = json!({ "code": 404, "message": "no such object" });
                    return json!({ "oid": oid, "size": size, "error": error });
                }
            };
            json!({ "oid": oid, "size": size, "actions": actions })
        });
        let objects: Vec<Value> = told.collect();
        json!({ "transfer": "basic", "objects": objects }).to_string().into_response()
    }
}
