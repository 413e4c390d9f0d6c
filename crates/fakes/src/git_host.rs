//! A host of git repositories over HTTP: the folders below one, served by git's own CGI program.

use crate::large_files::LargeFiles;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

/// Bytes of one request.
const REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// A host that is being served; ends when dropped.
pub struct GitHost {
    /// Where it listens.
    pub address: SocketAddr,
    /// The contents that pointers in its repositories stand for.
    pub large_files: Arc<LargeFiles>,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Shelf {
    folder: PathBuf,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    large_files: Arc<LargeFiles>,
}

impl GitHost {
    /// Serves the bare repositories below a folder on a free port of loopback, to everybody.
    pub async fn start(folder: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let large_files = Arc::<LargeFiles>::default();
        let shelf = Shelf {
            folder,
            address,
            asked: Arc::clone(&asked),
            large_files: Arc::clone(&large_files),
        };
        let router = Router::new().fallback(answer).with_state(shelf);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the git host ended");
            }
        });
        Ok(Self { address, large_files, asked, _serving: serving })
    }

    /// Methods and paths of all requests, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(shelf): State<Shelf>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    shelf.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    let path = request.uri().path();
    if LargeFiles::serves(path) {
        return shelf.large_files.answer(shelf.address, request).await;
    }
    if path.starts_with("/large/") {
        return StatusCode::OK.into_response();
    }
    match backend(&shelf.folder, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Has git's own program answer a request for one of the repositories below a folder.
#[expect(clippy::disallowed_methods, reason = "the program under the fake is git's own")]
pub(crate) async fn backend(folder: &Path, request: Request) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, REQUEST_BYTES).await.map_err(io::Error::other)?;
    let text = |name: HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let mut child = Command::new("git")
        .args(["-c", "http.receivepack=true", "-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROTOCOL", text(HeaderName::from_static("git-protocol")))
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("git has no input"))?;
    let feed = async move {
        // Git may answer before it has read everything.
        stdin.write_all(&body).await.unwrap_or_default();
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    Ok(parsed(&output?.stdout))
}

/// What a CGI program printed: header lines, an empty one, the body.
fn parsed(printed: &[u8]) -> Response {
    let end = printed.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(printed.len());
    let (head, body) = printed.split_at(end);
    let body = Bytes::copy_from_slice(body.get(4..).unwrap_or_default());
    let mut response = body.into_response();
    for line in String::from_utf8_lossy(head).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name == "Status" {
            let code = value.get(..3).and_then(|code| code.parse().ok()).unwrap_or(500);
            *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::try_from(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
