//! Large files: their content reaches the remote before the branch that points to it.

use crate::app::LocalFarEnd;
use crate::effects::{Job, failed};
use crate::machines::Machine;
use anyhow::{Context, Result, bail};
use gateway::address::Floor;
use gateway::host::{Authority, Host};
use git::url::RemoteUrl;
use protocol::event::RepoSettings;
use protocol::failure::Phase;
use protocol::link::LfsPointer;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes of one large file.
const FILE_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// The media type of the batch interface.
const MEDIA: &str = "application/vnd.git-lfs+json";

/// Publishes the content of changed pointers; one that is missing stops the push.
pub async fn publish(
    job: &Job,
    machine: &Machine,
    repo: &RepoSettings,
    path: &str,
    pointers: &[LfsPointer],
) -> Result<()> {
    if pointers.is_empty() {
        return Ok(());
    }
    let url = RemoteUrl::parse(&repo.url)?;
    let folder = job.app.agent_folder(job.handle.id).join("lfs");
    for pointer in pointers {
        check(pointer)?;
        let file = take(machine, path, pointer, &folder).await?;
        match url.local_path() {
            Some(remote) => match &job.app.far_end {
                Some(far_end) => have_kept(far_end, remote, pointer, &file).await?,
                None => store_beside(remote, pointer, &file).await?,
            },
            None if repo.url.starts_with("http") => upload(job, &repo.url, pointer, &file).await?,
            None => {
                let message = format!(
                    "{} is a large file, and this remote takes large files over http only",
                    pointer.path
                );
                return Err(failed(Phase::Push, "push_blocked", message));
            }
        }
    }
    Ok(())
}

fn check(pointer: &LfsPointer) -> Result<()> {
    let message = if !pointer.present {
        format!(
            "the content of the large file {} is missing in the workspace: run `git lfs fetch` or add it again",
            pointer.path
        )
    } else if pointer.size > FILE_BYTES {
        format!("the large file {} has more than {FILE_BYTES} bytes", pointer.path)
    } else if pointer.oid.len() != 64 || !pointer.oid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        format!("the large file {} has a damaged pointer", pointer.path)
    } else {
        return Ok(());
    };
    Err(failed(Phase::Push, "push_blocked", message))
}

/// Place of an object below a store, by its digest.
fn place(oid: &str) -> PathBuf {
    let (first, second) = (oid.get(..2).unwrap_or_default(), oid.get(2..4).unwrap_or_default());
    Path::new(first).join(second).join(oid)
}

/// Copies one object to our side, checking that it is what its name says.
async fn take(
    machine: &Machine,
    path: &str,
    pointer: &LfsPointer,
    folder: &Path,
) -> Result<PathBuf> {
    let target = folder.join(place(&pointer.oid));
    if tokio::fs::try_exists(&target).await.unwrap_or(false) {
        return Ok(target);
    }
    let parent = target.parent().context("a large file has a folder")?;
    tokio::fs::create_dir_all(parent).await.context("make a folder for large files")?;
    let inside = format!("{path}/.git/lfs/objects/{}", place(&pointer.oid).display());
    let mut reader = machine
        .link
        .download("/workspace".to_owned(), inside)
        .await
        .context("ask for a large file")?
        .take(FILE_BYTES + 1);
    let partial = target.with_extension("partial");
    let mut file = tokio::fs::File::create(&partial).await.context("keep a large file")?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        let count = reader.read(&mut buffer).await.context("read a large file")?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
        file.write_all(bytes).await.context("keep a large file")?;
    }
    file.sync_all().await.context("keep a large file")?;
    // TRUST: the name comes from inside; only the content proves it.
    if hex::encode(digest.finalize()) != pointer.oid {
        let message =
            format!("the content of the large file {} is not what its pointer says", pointer.path);
        return Err(failed(Phase::Push, "push_blocked", message));
    }
    tokio::fs::rename(&partial, &target).await.context("keep a large file")?;
    Ok(target)
}

/// A repository that we may not write to gets its large files by way of its owner.
async fn have_kept(
    far_end: &LocalFarEnd,
    remote: &Path,
    pointer: &LfsPointer,
    file: &Path,
) -> Result<()> {
    let content = tokio::fs::File::open(file).await.context("open a large file")?;
    let repository = remote.to_str().context("the repository's path is not UTF-8")?;
    let kept =
        far_end.keeper.keep_large_file(repository, &pointer.oid, pointer.size, content.as_fd());
    kept.await.map_err(|error| {
        let message =
            format!("the large file {} cannot be kept in {repository}: {error}", pointer.path);
        failed(Phase::Push, "push_blocked", message)
    })
}

/// A repository on this machine keeps its large files beside its objects.
async fn store_beside(remote: &Path, pointer: &LfsPointer, file: &Path) -> Result<()> {
    let inner = remote.join(".git");
    let git = if inner.is_dir() { inner } else { remote.to_path_buf() };
    let target = git.join("lfs").join("objects").join(place(&pointer.oid));
    if tokio::fs::try_exists(&target).await.unwrap_or(false) {
        return Ok(());
    }
    tokio::fs::create_dir_all(target.parent().context("a large file has a folder")?)
        .await
        .context("make the remote's folder")?;
    let partial = target.with_extension("partial");
    tokio::fs::copy(file, &partial).await.context("copy a large file to the remote")?;
    tokio::fs::rename(&partial, &target).await.context("copy a large file to the remote")
}

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    actions: BTreeMap<String, Action>,
    error: Option<ObjectError>,
}

#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ObjectError {
    message: String,
}

/// The batch interface: ask where the object goes, put it there, have it verified.
async fn upload(job: &Job, url: &str, pointer: &LfsPointer, file: &Path) -> Result<()> {
    let address = format!(
        "{}/info/lfs/objects/batch",
        if url.ends_with(".git") { url.to_owned() } else { format!("{url}.git") }
    );
    let object = json!({"oid": pointer.oid, "size": pointer.size});
    let body = json!({"operation": "upload", "transfers": ["basic"], "objects": [object.clone()], "hash_algo": "sha256"});
    let http = job.app.http.inner();
    let request = http
        .post(address)
        .header("accept", MEDIA)
        .header("content-type", MEDIA)
        .body(body.to_string());
    let answer = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .context("ask the remote where a large file goes")?;
    let batch: Batch = serde_json::from_slice(&answer.bytes().await?)
        .context("read the remote's answer about a large file")?;
    let Some(object_answer) = batch.objects.into_iter().next() else { return Ok(()) };
    if let Some(error) = object_answer.error {
        return Err(failed(
            Phase::Push,
            "push_blocked",
            format!("the remote refused the large file {}: {}", pointer.path, error.message),
        ));
    }
    // No action: the remote has it already.
    let Some(put) = object_answer.actions.get("upload") else { return Ok(()) };
    let content = tokio::fs::File::open(file).await.context("open a large file")?;
    let stream = tokio_util::io::ReaderStream::with_capacity(content, CHUNK);
    let mut request = client_for(job, url, pointer, &put.href)
        .await?
        .put(&put.href)
        .header("content-length", pointer.size)
        .body(reqwest::Body::wrap_stream(stream));
    for (name, value) in &put.header {
        request = request.header(name, value);
    }
    request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .context("upload a large file")?;
    if let Some(verify) = object_answer.actions.get("verify") {
        let mut request = client_for(job, url, pointer, &verify.href)
            .await?
            .post(&verify.href)
            .header("accept", MEDIA)
            .header("content-type", MEDIA)
            .body(object.to_string());
        for (name, value) in &verify.header {
            request = request.header(name, value);
        }
        request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .context("have a large file verified")?;
    }
    Ok(())
}

/// A client for an address that the remote named.
///
/// TRUST: people name a repository's host; every other one is named by whoever answers there, who may be the agent's
/// accomplice. It is resolved once, its address judged like one that a sandbox asks for, and that one dialled.
async fn client_for(
    job: &Job,
    remote: &str,
    pointer: &LfsPointer,
    href: &str,
) -> Result<reqwest::Client> {
    let (own, named) = (target(remote)?, target(href)?);
    if own == named {
        return Ok(job.app.http.inner().clone());
    }
    let floor = crate::serve::floor(&job.app.config)?;
    let addresses = match (&named.host, floor.upstream(&named.host)) {
        (_, Some(upstream)) => {
            vec![SocketAddr::new(upstream.address, upstream.port.unwrap_or(named.port))]
        }
        (Host::Address(address), None) => judged(&floor, [*address], named.port),
        (Host::Name(name), None) => {
            let found = tokio::net::lookup_host((format!("{name}."), named.port)).await;
            let found = found.with_context(|| format!("find the address of {name}"))?;
            judged(&floor, found.map(|socket| socket.ip()), named.port)
        }
    };
    if addresses.is_empty() {
        let message = format!(
            "the remote sends the large file {} to {named}, which leads to a private or special address; if that is \
             meant, name it in gateway.upstreams",
            pointer.path
        );
        return Err(failed(Phase::Push, "push_blocked", message));
    }
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&named.host.to_string(), &addresses)
        .build();
    client.context("make a client for large files")
}

/// Of these addresses those that may be dialled.
fn judged(floor: &Floor, found: impl IntoIterator<Item = IpAddr>, port: u16) -> Vec<SocketAddr> {
    let allowed = found.into_iter().filter(|address| floor.judge(*address).is_ok());
    allowed.map(|address| SocketAddr::new(address, port)).collect()
}

/// Host and port of an address.
fn target(address: &str) -> Result<Authority> {
    let url = Url::parse(address).context("read an address of a large file")?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
        bail!("an address of a large file is neither http nor https, or names a user");
    }
    let host = url.host_str().context("an address of a large file has no host")?;
    let port = url.port_or_known_default().context("an address of a large file has no port")?;
    Ok(Authority { host: Host::parse(host)?, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_host_and_port_in_one_form() {
        let of = |text: &str| target(text).map(|target| target.to_string()).ok();
        assert_eq!(of("https://Forge.Example/a").as_deref(), Some("forge.example:443"));
        assert_eq!(of("http://127.1:8080/a").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(of("http://[::ffff:127.0.0.1]/a").as_deref(), Some("127.0.0.1:80"));
        for bad in ["ftp://a.example/x", "https://me@a.example/x", "file:///etc/passwd", "x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_public_addresses_are_left() {
        let found = ["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1", "127.0.0.1"];
        let found = found.map(|text| text.parse().unwrap());
        assert_eq!(judged(&Floor::default(), found, 443), ["1.1.1.1:443".parse().unwrap()]);
    }
}
