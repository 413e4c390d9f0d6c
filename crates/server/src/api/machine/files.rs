//! `/v1/agents/{id}/files`: what is on the machine's disk, with the rights of the agent's user.
//!
//! TRUST: a path is looked up inside the sandbox and nowhere else; links are followed there, and the
//! sandbox is the boundary. What comes out was made there: it is never shown as a page of ours.

use super::{Inside, attend, fresh_op, inside, once};
use crate::api::body::{Body, Query};
use crate::api::error::{ApiError, ApiResult};
use crate::app::App;
use crate::auth::Caller;
use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use protocol::api::machine::{FileEntry, FileList, FileStat, FileWritten, MakeDirectory};
use protocol::api::timestamp;
use protocol::limits::FILE_BYTES;
use protocol::link::{Answer, EntryKind, Found, ListDir, Request};
use sandbox::link::LinkError;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::{ReaderStream, StreamReader};

/// Entries of a directory that are listed.
const ENTRIES: u32 = 5_000;
/// Bytes of a path.
const PATH_BYTES: usize = 4096;
/// Where every path begins.
const ROOT: &str = "/";

/// Which path.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct PathQuery {
    /// Absolute path inside.
    path: String,
}

/// Which path, and how much of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct RemoveQuery {
    /// Absolute path inside.
    path: String,
    /// A directory with all that is in it.
    recursive: Option<bool>,
}

/// A directory.
#[utoipa::path(get, path = "/v1/agents/{id}/files", tag = "machine", params(("id" = String, Path), PathQuery),
    responses((status = 200, body = FileList), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PathQuery>,
) -> ApiResult<Json<FileList>> {
    let path = checked(query.path)?;
    let inside = inside(&app, &caller, &id).await?;
    let (cwd, depth, limit) = (ROOT.to_owned(), 1, ENTRIES);
    let wanted = Request::ListDir(ListDir { cwd, path: path.clone(), depth, limit });
    let Answer::Listing(listing) = inside.link.request(wanted).await? else {
        return Err(unexpected());
    };
    let folder = path.trim_end_matches('/');
    let items = listing.entries.into_iter().map(|entry| FileEntry {
        path: format!("{folder}/{}", entry.path),
        name: entry.path,
        kind: entry.kind.into(),
        size: entry.size,
    });
    Ok(Json(FileList { items: items.collect(), more: listing.more }))
}

/// What is at a path.
#[utoipa::path(get, path = "/v1/agents/{id}/files/stat", tag = "machine", params(("id" = String, Path), PathQuery),
    responses((status = 200, body = FileStat), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn stat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PathQuery>,
) -> ApiResult<Json<FileStat>> {
    let path = checked(query.path)?;
    let inside = inside(&app, &caller, &id).await?;
    let found = look(&inside, &path, Links::Shown).await?;
    // The content behind a link is what is read and written.
    let version = match found.kind {
        EntryKind::Link => look(&inside, &path, Links::Followed).await.map(|found| found.version),
        EntryKind::File | EntryKind::Directory | EntryKind::Other => Ok(found.version),
    };
    Ok(Json(FileStat {
        name: name(&path).to_owned(),
        kind: found.kind.into(),
        size: found.size,
        mode: found.mode,
        modified_at: timestamp(found.modified_ms),
        target: found.target,
        etag: etag(&version.unwrap_or_default()),
        path,
    }))
}

/// A file's bytes.
#[utoipa::path(get, path = "/v1/agents/{id}/files/content", tag = "machine", params(("id" = String, Path), PathQuery),
    responses((status = 200, body = Vec<u8>), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let path = checked(query.path)?;
    let inside = inside(&app, &caller, &id).await?;
    let found = look(&inside, &path, Links::Followed).await?;
    if found.kind != EntryKind::File {
        let message = format!("{path} is not a plain file");
        return Err(ApiError::new(StatusCode::CONFLICT, "unsuitable_inside", message));
    }
    let tag = etag(&found.version);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut bytes = inside.link.download(ROOT.to_owned(), path.clone()).await?;
    // A first piece before the answer begins: a file that cannot be read is still an error then.
    let mut first = vec![0; 1];
    let read = bytes.read(&mut first).await.map_err(refused)?;
    first.truncate(read);
    // Files of the kernel say that they are empty.
    let is_counted = found.size > 0 || read == 0;
    let length = if is_counted { found.size } else { FILE_BYTES };
    let content = io::Cursor::new(first).chain(bytes).take(length);
    let mut response = Response::new(Bytes::from_stream(ReaderStream::new(content)));
    let headers = response.headers_mut();
    if is_counted {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_DISPOSITION, disposition(name(&path))),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::ETAG, tag),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Writes a file from the request's bytes, atomically; missing directories are made. `If-Match` writes
/// only over the version named, `If-None-Match: *` only where nothing is.
#[utoipa::path(put, path = "/v1/agents/{id}/files/content", tag = "machine", params(("id" = String, Path), PathQuery), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FileWritten), (status = 412, body = protocol::api::ErrorBody)))]
pub async fn write(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PathQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Json<FileWritten>> {
    let path = checked(query.path)?;
    let expect = expected(&headers)?;
    let inside = inside(&app, &caller, &id).await?;
    attend(&inside.handle, &caller.name).await;
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let stream = body.into_data_stream().map_err(io::Error::other).and_then(move |piece| {
        let sum = counted.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
        let fits = sum <= FILE_BYTES;
        std::future::ready(if fits { Ok(piece) } else { Err(io::ErrorKind::FileTooLarge.into()) })
    });
    let reader = StreamReader::new(Box::pin(stream));
    let op = fresh_op()?;
    let upload = Request::Upload {
        op: op.clone(),
        cwd: ROOT.to_owned(),
        path: path.clone(),
        mode: None,
        expect,
    };
    let outcome = inside.link.send(upload, reader).await;
    if taken.load(Ordering::Relaxed) > FILE_BYTES {
        let message = format!("a file may have {FILE_BYTES} bytes; this one has more");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message));
    }
    drop(inside.link.ack(op).await);
    let Answer::Written { bytes, created } = outcome? else { return Err(unexpected()) };
    let found = look(&inside, &path, Links::Followed).await?;
    Ok(Json(FileWritten { path, size: bytes, created, etag: etag(&found.version) }))
}

/// Removes a file, a link, or a directory.
#[utoipa::path(delete, path = "/v1/agents/{id}/files", tag = "machine", params(("id" = String, Path), RemoveQuery),
    responses((status = 204), (status = 404, body = protocol::api::ErrorBody)))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<RemoveQuery>,
) -> ApiResult<StatusCode> {
    let path = checked(query.path)?;
    let recursive = query.recursive.unwrap_or_default();
    let inside = inside(&app, &caller, &id).await?;
    attend(&inside.handle, &caller.name).await;
    let cwd = ROOT.to_owned();
    once(&inside.link, |op| Request::Remove { op, cwd, path, recursive }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a directory.
#[utoipa::path(post, path = "/v1/agents/{id}/files/directories", tag = "machine", params(("id" = String, Path)), request_body = MakeDirectory,
    responses((status = 204), (status = 403, body = protocol::api::ErrorBody)))]
pub async fn make_directory(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<MakeDirectory>,
) -> ApiResult<StatusCode> {
    let path = checked(body.path)?;
    let inside = inside(&app, &caller, &id).await?;
    attend(&inside.handle, &caller.name).await;
    let cwd = ROOT.to_owned();
    once(&inside.link, |op| Request::MakeDir { op, cwd, path }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a link is looked at or through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Shown,
    Followed,
}

async fn look(inside: &Inside, path: &str, links: Links) -> ApiResult<Found> {
    let follow = links == Links::Followed;
    let wanted = Request::Stat { cwd: ROOT.to_owned(), path: path.to_owned(), follow };
    match inside.link.request(wanted).await? {
        Answer::Found(found) => Ok(found),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> ApiError {
    LinkError::Protocol("an answer to another question".to_owned()).into()
}

/// A failed read of a stream that the guest feeds.
fn refused(error: io::Error) -> ApiError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<LinkError>()) {
        Some(error) => error.clone().into(),
        None => anyhow::Error::new(error).into(),
    }
}

fn checked(path: String) -> ApiResult<String> {
    if !path.starts_with('/') {
        return Err(ApiError::invalid("path", "must be absolute, like /workspace/README.md"));
    }
    if path.len() > PATH_BYTES || path.contains('\0') {
        return Err(ApiError::invalid("path", "is too long or contains a zero byte"));
    }
    Ok(path)
}

fn name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn etag(version: &str) -> String {
    format!("\"{version}\"")
}

/// The version that a file must have: empty where nothing may be.
fn expected(headers: &HeaderMap) -> ApiResult<Option<String>> {
    if let Some(none) = headers.get(header::IF_NONE_MATCH) {
        return match none.as_bytes() {
            b"*" => Ok(Some(String::new())),
            _ => Err(ApiError::invalid("If-None-Match", "must be *")),
        };
    }
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let tag = wanted.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
    match tag {
        Some(version) if !version.is_empty() && !version.contains('"') => {
            Ok(Some(version.to_owned()))
        }
        _ => Err(ApiError::invalid("If-Match", "must be one ETag as this API gave it")),
    }
}

/// A download under the file's own name, whatever is in it.
fn disposition(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_a_name() {
        let hostile = disposition("a\"b\r\nSet-Cookie: x=1; ü/..");
        assert_eq!(
            hostile,
            "attachment; filename*=UTF-8''a%22b%0D%0ASet-Cookie%3A%20x%3D1%3B%20%C3%BC%2F.."
        );
        assert_eq!(name("/workspace/dir/"), "dir");
        assert!(checked("relative".to_owned()).is_err() && checked("/a\0".to_owned()).is_err());
    }

    #[test]
    fn only_our_own_etags_are_versions() {
        let with = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            expected(&headers).ok()
        };
        assert_eq!(with(header::IF_MATCH, "\"1-2\""), Some(Some("1-2".to_owned())));
        assert_eq!(with(header::IF_NONE_MATCH, "*"), Some(Some(String::new())));
        for bad in ["1-2", "\"\"", "*", "W/\"1\"", "\"a\", \"b\""] {
            assert_eq!(with(header::IF_MATCH, bad), None, "{bad}");
        }
        assert_eq!(expected(&HeaderMap::new()).unwrap(), None);
    }
}
