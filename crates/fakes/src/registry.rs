//! A registry of images: what an agent's machine may be made of, served as the distribution
//! specification says, read-only.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Media type of a manifest.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of a list of manifests by machine.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Name of the processors here, as images spell it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// A registry that is being served; ends when dropped.
pub struct Registry {
    /// Where it listens: the first part of a reference.
    pub address: SocketAddr,
    shelf: Arc<Shelf>,
    _serving: JoinSet<()>,
}

/// Name and password that are asked for.
type Login = Option<(String, String)>;

struct Shelf {
    login: Login,
    stored: Mutex<Stored>,
}

#[derive(Default)]
struct Stored {
    /// Contents by digest; those of manifests with their type.
    blobs: BTreeMap<String, (String, Bytes)>,
    /// Digests by name and tag.
    tags: BTreeMap<(String, String), String>,
    /// Requests for contents, in order.
    asked: Vec<String>,
    down: bool,
}

impl Registry {
    /// Serves on a free port of loopback; with a login, only those who have it.
    pub async fn start(login: Login) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Shelf { login, stored: Mutex::default() });
        let router = Router::new()
            .route("/v2/", get(version))
            .route("/v2/{name}/manifests/{reference}", get(manifest))
            .route("/v2/{name}/blobs/{digest}", get(blob))
            .with_state(Arc::clone(&shelf));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the registry ended");
            }
        });
        Ok(Self { address, shelf, _serving: serving })
    }

    /// Has this image from now on, for this machine and one that nobody has; gives its reference.
    pub fn put(&self, (name, tag): (&str, &str), archives: &[&[u8]], env: &[&str]) -> String {
        let mut stored = self.shelf.stored();
        let config = json!({
            "architecture": ARCHITECTURE, "os": "linux", "config": {"Env": env},
            "rootfs": {"type": "layers", "diff_ids": archives.iter().map(|bytes| digest(bytes)).collect::<Vec<_>>()},
        });
        let config_type = "application/vnd.oci.image.config.v1+json";
        let config = stored.put(config_type, config.to_string().into_bytes());
        let layer_type = "application/vnd.oci.image.layer.v1.tar";
        let layers: Vec<Value> =
            archives.iter().map(|bytes| stored.put(layer_type, bytes.to_vec())).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        let ours = stored.put(MANIFEST, manifest.to_string().into_bytes());
        let for_machine = |architecture: &str| {
            let mut entry = ours.clone();
            if let Some(fields) = entry.as_object_mut() {
                let platform = json!({"architecture": architecture, "os": "linux"});
                fields.insert("platform".to_owned(), platform);
            }
            entry
        };
        let manifests = [for_machine("s390x"), for_machine(ARCHITECTURE)];
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = stored.put(INDEX, index.to_string().into_bytes());
        let digest = index.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
        stored.tags.insert((name.to_owned(), tag.to_owned()), digest);
        format!("{}/{name}:{tag}", self.address)
    }

    /// Spoils everything that is kept under a digest: what is sent is as long, and something else.
    pub fn spoil(&self) {
        for (kind, bytes) in self.shelf.stored().blobs.values_mut() {
            if kind.ends_with(".tar") {
                *bytes = vec![b'x'; bytes.len()].into();
            }
        }
    }

    /// Answers nothing but errors from now on, or no longer.
    pub fn down(&self, down: bool) {
        self.shelf.stored().down = down;
    }

    /// Paths that were asked for since the last call.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shelf.stored().asked)
    }
}

impl Shelf {
    fn stored(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is answered instead; none: the request may be served.
    fn refusal(&self, headers: &HeaderMap, path: String) -> Option<Response> {
        let mut stored = self.stored();
        stored.asked.push(path);
        if stored.down {
            return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        let (user, password) = self.login.as_ref()?;
        let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if given == Some(wanted.as_str()) {
            return None;
        }
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"registry\"")];
        Some((StatusCode::UNAUTHORIZED, challenge, error("UNAUTHORIZED")).into_response())
    }
}

impl Stored {
    /// Keeps these bytes; gives their descriptor.
    fn put(&mut self, kind: &str, bytes: Vec<u8>) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        self.blobs.insert(digest.clone(), (kind.to_owned(), bytes.into()));
        json!({"mediaType": kind, "digest": digest, "size": size})
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn error(code: &str) -> String {
    json!({"errors": [{"code": code, "message": "refused", "detail": {}}]}).to_string()
}

async fn version(State(shelf): State<Arc<Shelf>>, headers: HeaderMap) -> Response {
    let refusal = shelf.refusal(&headers, "/v2/".to_owned());
    refusal.unwrap_or_else(|| "{}".into_response())
}

async fn manifest(
    State(shelf): State<Arc<Shelf>>,
    Path((name, reference)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = shelf.refusal(&headers, format!("manifest {name}:{reference}")) {
        return refused;
    }
    let stored = shelf.stored();
    let tagged = stored.tags.get(&(name, reference.clone())).cloned();
    let digest = tagged.unwrap_or(reference);
    let Some((kind, bytes)) = stored.blobs.get(&digest) else {
        return (StatusCode::NOT_FOUND, error("MANIFEST_UNKNOWN")).into_response();
    };
    let headers =
        [(header::CONTENT_TYPE.as_str(), kind.clone()), ("docker-content-digest", digest)];
    (headers, bytes.clone()).into_response()
}

async fn blob(
    State(shelf): State<Arc<Shelf>>,
    Path((name, digest)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = shelf.refusal(&headers, format!("blob {name}@{digest}")) {
        return refused;
    }
    match shelf.stored().blobs.get(&digest) {
        Some((_, bytes)) => bytes.clone().into_response(),
        None => (StatusCode::NOT_FOUND, error("BLOB_UNKNOWN")).into_response(),
    }
}
