//! Git LFS at the git endpoint, below `<repository>.git/info/lfs/`: the batch interface with basic transfers.
//!
//! What is read comes out of [`LargeFiles`], which the server fills from the remote. What is sent goes there, is kept
//! for this agent alone, and reaches the remote before commits that point to it. There are no locks.
//!
//! TRUST: names prove nothing, in either direction. Content is hashed as it passes, and its last piece is held back
//! until it is what its name says. Which contents there are is a question about one repository that this agent may
//! read, so nobody learns what lies in others.

use crate::attach::Attachment;
use crate::host::{Authority, Host};
use crate::policy::{HTTP_PORT, INTERNAL_HOST};
use crate::reply::{self, Body, BodyError};
use crate::upload::Upload;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, try_unfold};
use futures::{StreamExt as _, TryStreamExt as _};
use git::name::RefName;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use protocol::limits::{LARGE_FILE_BYTES, LARGE_FILES_ASKED};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::{Error, ErrorKind};

/// The media type of the interface.
pub const MEDIA: &str = "application/vnd.git-lfs+json";
/// What its part of an address begins with.
pub(crate) const PART: &str = "info/lfs/";
/// Bytes of a request that is no content: every name in it has its place.
const REQUEST_BYTES: u64 = 1024 * 1024;
/// Hexadecimal digits of a name.
const OID_DIGITS: usize = 64;

/// What a pointer in a repository says: the SHA-256 of a content, and its size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    oid: String,
    size: u64,
}

impl Pointer {
    /// A pointer, if the name is one.
    pub fn new(oid: &str, size: u64) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fine = oid.len() == OID_DIGITS && oid.bytes().all(is_hex);
        fine.then(|| Self { oid: oid.to_owned(), size })
    }

    /// The name, in lower-case hexadecimal digits.
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// Bytes of the content.
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// Content as it comes.
pub type Content = BoxStream<'static, Result<Bytes, Error>>;

/// How one content stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It can be read, or was received.
    Here,
    /// It is waited for.
    Wanted,
    /// Neither.
    Refused(Refused),
}

/// Why something is not done, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Status of the answer.
    pub status: StatusCode,
    /// Why, and what to do.
    pub words: String,
}

impl Refused {
    /// A refusal.
    pub fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into() }
    }

    /// There is no such content, or none for this agent.
    pub fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "the repository has no such large file")
    }
}

/// The large files of one repository, as one agent may use them.
pub trait LargeFiles: Send + Sync {
    /// Which of these can be read, in their order; of commits of this ref, where the client says so.
    fn readable(
        &self,
        wanted: Vec<Pointer>,
        of: Option<RefName>,
    ) -> BoxFuture<'_, Result<Vec<Standing>, Refused>>;

    /// A content; it is checked by whoever reads it.
    fn open(&self, wanted: Pointer) -> BoxFuture<'_, Result<Content, Refused>>;

    /// Which of these were received from this agent, in their order, or may come.
    fn received(&self, offered: Vec<Pointer>) -> BoxFuture<'_, Result<Vec<Standing>, Refused>>;

    /// Receives a content, which has been checked once it ends without an error.
    fn receive(&self, offered: Pointer, content: Content) -> BoxFuture<'_, Result<(), Refused>>;
}

/// The same content, whose last piece comes only if all of it is what the pointer says.
pub fn verified(pointer: &Pointer, content: Content) -> Content {
    struct Passing {
        content: Content,
        pointer: Pointer,
        digest: Sha256,
        bytes: u64,
        held: Option<Bytes>,
        ended: bool,
    }
    let damaged = |words| Error::new(ErrorKind::InvalidData, words);
    let passing = Passing {
        content,
        pointer: pointer.clone(),
        digest: Sha256::new(),
        bytes: 0,
        held: None,
        ended: false,
    };
    let pieces = try_unfold(passing, move |mut passing| async move {
        while !passing.ended {
            let Some(piece) = passing.content.try_next().await? else {
                passing.ended = true;
                let digest = hex::encode(std::mem::take(&mut passing.digest).finalize());
                if passing.bytes != passing.pointer.size || digest != passing.pointer.oid {
                    return Err(damaged("the content is not what its name says"));
                }
                return Ok(passing.held.take().map(|last| (last, passing)));
            };
            passing.bytes = passing.bytes.saturating_add(piece.len() as u64);
            if passing.bytes > passing.pointer.size {
                return Err(damaged("the content is larger than announced"));
            }
            passing.digest.update(&piece);
            if let Some(before) = passing.held.replace(piece) {
                return Ok(Some((before, passing)));
            }
        }
        Ok(None)
    });
    pieces.boxed()
}

/// Whether an agent may send contents here.
pub(crate) enum Sending<'a> {
    Taken,
    /// Why not.
    Refused(&'a str),
}

/// Answers a request below [`PART`]; `action` is what follows that.
pub(crate) async fn answer(
    request: Request<Incoming>,
    action: &str,
    (files, sending): (&dyn LargeFiles, Sending<'_>),
    attachment: &Attachment,
) -> Response<Body> {
    let parts: Vec<_> = action.split('/').collect();
    let may_send = || match sending {
        Sending::Taken => Ok(()),
        Sending::Refused(words) => Err(Refused::new(StatusCode::FORBIDDEN, words)),
    };
    let answered = match (request.method(), parts.as_slice()) {
        (&Method::POST, ["objects", "batch"]) => batch(request, files, &may_send).await,
        (&Method::POST, ["objects", "verify"]) => verify(request, files).await,
        (&Method::GET, ["objects", oid, size]) => match pointer(oid, size) {
            Ok(wanted) => give(wanted, files, attachment).await,
            Err(refused) => Err(refused),
        },
        (&Method::PUT, ["objects", oid, size]) => match (pointer(oid, size), may_send()) {
            (Ok(offered), Ok(())) => take(request, offered, files, attachment).await,
            (Err(refused), _) | (_, Err(refused)) => Err(refused),
        },
        (_, ["locks", ..]) => {
            // Clients go on without a word where this is not found.
            Err(Refused::new(StatusCode::NOT_FOUND, "Errand keeps no locks of large files"))
        }
        _ => Err(Refused::new(StatusCode::NOT_FOUND, "Errand speaks Git LFS here, nothing else")),
    };
    answered.unwrap_or_else(|Refused { status, words }| told(status, &json!({ "message": words })))
}

fn told(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(reply::full(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    response
}

fn pointer(oid: &str, size: &str) -> Result<Pointer, Refused> {
    let pointer = size.parse().ok().and_then(|size| Pointer::new(oid, size));
    pointer.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "not the name of a large file"))
}

#[derive(Deserialize)]
struct Asked {
    operation: Operation,
    transfers: Option<Vec<String>>,
    hash_algo: Option<String>,
    #[serde(rename = "ref")]
    of: Option<Ref>,
    objects: Vec<Object>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Download,
    Upload,
}

#[derive(Deserialize)]
struct Ref {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    size: u64,
}

impl Asked {
    /// What is asked for; of a request that this interface does not serve, why.
    fn pointers(&self) -> Result<Vec<Pointer>, Refused> {
        if self.hash_algo.as_ref().is_some_and(|name| name != "sha256") {
            let words = "Errand names large files by sha256, nothing else";
            return Err(Refused::new(StatusCode::CONFLICT, words));
        }
        if self.transfers.as_ref().is_some_and(|names| !names.iter().any(|name| name == "basic")) {
            let words = "Errand transfers large files in the way `basic`, nothing else";
            return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, words));
        }
        if self.objects.len() > LARGE_FILES_ASKED {
            let words = format!("one request may name {LARGE_FILES_ASKED} large files");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, words));
        }
        let pointers = self.objects.iter().map(|object| Pointer::new(&object.oid, object.size));
        let malformed =
            || Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "not the name of a large file");
        pointers.collect::<Option<_>>().ok_or_else(malformed)
    }
}

async fn read<T: for<'a> Deserialize<'a>>(
    headers: &HeaderMap,
    body: Incoming,
) -> Result<T, Refused> {
    let bad = |error: &dyn std::fmt::Display| {
        Refused::new(StatusCode::UNPROCESSABLE_ENTITY, format!("the request is malformed: {error}"))
    };
    let upload = Upload::new(headers, body, REQUEST_BYTES).map_err(|error| bad(&error))?;
    let bytes = upload.all().await.map_err(|error| bad(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(&error))
}

async fn batch(
    request: Request<Incoming>,
    files: &dyn LargeFiles,
    may_send: &(dyn Fn() -> Result<(), Refused> + Sync),
) -> Result<Response<Body>, Refused> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let base = path.find(PART).and_then(|at| path.get(..at)).unwrap_or_default();
    let asked: Asked = read(&parts.headers, body).await?;
    let pointers = asked.pointers()?;
    let standings = match asked.operation {
        Operation::Download => {
            let of = asked.of.as_ref().and_then(|of| RefName::parse(&of.name).ok());
            files.readable(pointers.clone(), of).await?
        }
        Operation::Upload => {
            // Which ref is meant decides nothing: contents are kept for this agent alone, and pushes are judged.
            may_send()?;
            files.received(pointers.clone()).await?
        }
    };
    let base = format!("http://{INTERNAL_HOST}{base}{PART}objects");
    let objects: Vec<_> = pointers
        .iter()
        .zip(&standings)
        .map(|(pointer, standing)| told_of(pointer, standing, asked.operation, &base))
        .collect();
    let body = json!({ "transfer": "basic", "hash_algo": "sha256", "objects": objects });
    Ok(told(StatusCode::OK, &body))
}

fn told_of(pointer: &Pointer, standing: &Standing, operation: Operation, base: &str) -> Value {
    let Pointer { oid, size } = pointer;
    let place = json!({ "href": format!("{base}/{oid}/{size}") });
    let actions = match (standing, operation) {
        (Standing::Refused(Refused { status, words }), _) => {
            let error = json!({ "code": status.as_u16(), "message": words });
            return json!({ "oid": oid, "size": size, "error": error });
        }
        (Standing::Here, Operation::Download) => json!({ "download": place }),
        (Standing::Wanted, Operation::Upload) => {
            json!({ "upload": place, "verify": { "href": format!("{base}/verify") } })
        }
        // What was received need not be sent again.
        (Standing::Here, Operation::Upload) => {
            return json!({ "oid": oid, "size": size, "authenticated": true });
        }
        (Standing::Wanted, Operation::Download) => {
            let Refused { status, words } = Refused::missing();
            let error = json!({ "code": status.as_u16(), "message": words });
            return json!({ "oid": oid, "size": size, "error": error });
        }
    };
    json!({ "oid": oid, "size": size, "authenticated": true, "actions": actions })
}

async fn verify(
    request: Request<Incoming>,
    files: &dyn LargeFiles,
) -> Result<Response<Body>, Refused> {
    let (parts, body) = request.into_parts();
    let Object { oid, size } = read(&parts.headers, body).await?;
    let offered = Pointer::new(&oid, size).ok_or_else(Refused::missing)?;
    match files.received(vec![offered]).await?.as_slice() {
        [Standing::Here] => Ok(told(StatusCode::OK, &json!({}))),
        _ => Err(Refused::missing()),
    }
}

/// Where transfers count as having gone.
fn here() -> Authority {
    Authority { host: Host::Name(INTERNAL_HOST.to_owned()), port: HTTP_PORT }
}

async fn give(
    wanted: Pointer,
    files: &dyn LargeFiles,
    attachment: &Attachment,
) -> Result<Response<Body>, Refused> {
    let place = place(attachment).await?;
    let content = verified(&wanted, files.open(wanted.clone()).await?);
    let report = attachment.report(&here(), Some(Method::GET.to_string()));
    report.begin(0);
    report.answered(StatusCode::OK.as_u16());
    let frames = content.map(move |piece| {
        let _held = &place;
        report.down(piece.as_ref().map_or(0, |piece| piece.len() as u64));
        piece.map(Frame::data).map_err(BodyError::from)
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    // What breaks off is shorter than this, and so nobody takes it for the whole.
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(wanted.size));
    Ok(response)
}

async fn take(
    request: Request<Incoming>,
    offered: Pointer,
    files: &dyn LargeFiles,
    attachment: &Attachment,
) -> Result<Response<Body>, Refused> {
    if offered.size > LARGE_FILE_BYTES {
        return Err(too_large());
    }
    let (parts, body) = request.into_parts();
    let upload = Upload::new(&parts.headers, body, offered.size)
        .map_err(|bad| Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, bad.to_string()))?;
    let _place = place(attachment).await?;
    let report = attachment.report(&here(), Some(Method::PUT.to_string()));
    report.begin(0);
    let counted = report.clone();
    let pieces = try_unfold(upload, |mut upload| async move {
        let piece = upload.next().await.map_err(|bad| Error::new(ErrorKind::InvalidData, bad))?;
        Ok(piece.map(|piece| (piece, upload)))
    });
    let pieces = pieces.inspect_ok(move |piece: &Bytes| counted.up(piece.len() as u64));
    let received = files.receive(offered.clone(), verified(&offered, pieces.boxed())).await;
    let status = received.as_ref().map_or_else(|refused| refused.status, |()| StatusCode::OK);
    report.answered(status.as_u16());
    received.map(|()| told(StatusCode::OK, &json!({})))
}

/// A content that is larger than any may be.
pub fn too_large() -> Refused {
    let words = format!("a large file may have {LARGE_FILE_BYTES} bytes");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, words)
}

async fn place(attachment: &Attachment) -> Result<tokio::sync::OwnedSemaphorePermit, Refused> {
    let closed = |_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "Errand is shutting down");
    attachment.large_file_slots.clone().acquire_owned().await.map_err(closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream::iter;

    fn content(pieces: &[&'static [u8]]) -> Content {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        iter(pieces).boxed()
    }

    async fn passed(name: &[u8], size: u64, pieces: &[&'static [u8]]) -> (Vec<u8>, bool) {
        let pointer = Pointer::new(&hex::encode(Sha256::digest(name)), size).unwrap();
        let mut out = Vec::new();
        let mut content = verified(&pointer, content(pieces));
        loop {
            match content.next().await {
                Some(Ok(piece)) => out.extend_from_slice(&piece),
                Some(Err(_)) => return (out, false),
                None => return (out, true),
            }
        }
    }

    #[tokio::test]
    async fn the_last_piece_comes_only_with_the_right_digest_and_size() {
        let all: &[&[u8]] = &[b"one", b"two", b"three"];
        assert_eq!(passed(b"onetwothree", 11, all).await, (b"onetwothree".to_vec(), true));
        assert_eq!(passed(b"something", 11, all).await, (b"onetwo".to_vec(), false));
        assert_eq!(passed(b"onetwothree", 12, all).await, (b"onetwo".to_vec(), false));
        assert_eq!(passed(b"onetwothree", 10, all).await, (b"one".to_vec(), false));
        assert_eq!(passed(b"x", 1, &[b"y"]).await, (Vec::new(), false));
        assert_eq!(passed(b"", 0, &[]).await, (Vec::new(), true));
    }

    #[test]
    fn names_have_one_spelling() {
        let good = "ab".repeat(32);
        assert!(Pointer::new(&good, 1).is_some());
        let (upper, long) = (good.to_uppercase(), format!("{good}0"));
        for bad in ["", "../../x", &good[1..], &upper, &long] {
            assert!(Pointer::new(bad, 1).is_none(), "{bad}");
        }
    }
}
