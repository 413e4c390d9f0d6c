//! Builds as files: what one server prepared, another begins with.
//!
//! ```text
//! a frame that programs for zstd pass over      what it is, as JSON
//! a tar archive, compressed with zstd           the disk, everything below it included
//! ```
//! The file goes through us as it is read, in both directions; nothing of it is kept beside the layer.
//!
//! TRUST: a file is taken in for somebody who may choose what all new agents begin with. What it says
//! of itself is checked like anything that people type; what is on the disk is unpacked by a process
//! that sees nothing else, and is as much trusted as a machine that a person kept.

mod refreshed;

use super::known::{Origin, Ready};
use super::{Build, change, forget, key, too_many};
use crate::app::App;
use crate::clock::now_ms;
use crate::images;
use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use protocol::environment::found::ChosenImage;
use protocol::event::RepoSettings;
use protocol::ids::{AgentId, LayerId, OrgId};
use sandbox::provider::{Contents, Layer, ProviderError};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

/// How the file begins: a frame of zstd that is passed over.
const MAGIC: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
/// Bytes in which a file says what it is.
const ABOUT_BYTES: u32 = 1024 * 1024;
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// Bytes sent or taken at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Someone who sends nothing for so long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    version: u32,
    /// The name that environment files may use.
    pub layer: LayerId,
    /// The repositories in it, in order.
    pub repos: Vec<String>,
    /// Where they lie in the workspace.
    pub folders: Vec<String>,
    /// Commits that are checked out.
    pub commits: Vec<String>,
    /// The operator's base image that is in it.
    base: Option<LayerId>,
    /// The image of its environment file that is in it.
    image: Option<ChosenImage>,
    /// What `install` prepared, where that is known.
    digest: Option<String>,
    /// Whether a root file system is in it.
    has_root: bool,
}

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is something else, or damaged.
    #[error("this is no file that `errand build export` wrote: {0}")]
    NotOurs(String),
    /// It came from a newer server.
    #[error("the file has version {0}; this server reads version {VERSION}: update this server")]
    Version(u32),
    /// The repository would lie elsewhere.
    #[error(
        "repos: {url} would lie in the folder {here:?}, and lies in {there:?} in the file: import it \
         for a repository of the same name"
    )]
    Elsewhere {
        /// The repository.
        url: String,
        /// Its folder here.
        here: String,
        /// Its folder in the file.
        there: String,
    },
    /// It is here already.
    #[error("there is a snapshot {0} here already")]
    Exists(LayerId),
    /// Its disk cannot be unpacked.
    #[error("the snapshot cannot be taken in: {0}")]
    Invalid(String),
    /// Nothing more came.
    #[error("the file did not arrive whole: {0}")]
    Cut(io::Error),
}

/// The bytes of a build's file.
pub async fn export(
    app: &App,
    org: &OrgId,
    repos: &[RepoSettings],
    build: &Build,
    ready: &Ready,
) -> Result<BoxStream<'static, io::Result<Bytes>>> {
    let layers = app.provider.layers().await.context("list layers")?;
    let named = |id: LayerId| layers.iter().find(|layer| layer.id == id);
    let layer = named(build.layer).context("the layer of a build is missing")?;
    let mut stack = layer.below.iter().filter_map(|id| named(*id)).chain([layer]);
    let about = About {
        version: VERSION,
        layer: build.layer,
        repos: repos.iter().map(|repo| repo.url.clone()).collect(),
        folders: repos.iter().map(|repo| repo.folder.clone()).collect(),
        commits: ready.commits.clone(),
        base: ready.base,
        image: ready.image.clone(),
        digest: build.digest.clone(),
        has_root: stack.any(|layer| layer.has_root),
    };
    let (write, read) = pipe::pipe().context("make a pipe")?;
    let into = write.into_blocking_fd().context("make a pipe")?;
    let (provider, org, layer) = (Arc::clone(&app.provider), org.clone(), build.layer);
    let packing = async move { provider.pack(layer, &org, into).await };
    let head = stream::iter([Ok(Bytes::from(head(&about)?))]);
    started(head.chain(both(read, packing.boxed())).boxed()).await
}

/// What is read, while it is written; an error where either fails.
fn both(
    read: pipe::Receiver,
    packing: BoxFuture<'static, Result<(), ProviderError>>,
) -> BoxStream<'static, io::Result<Bytes>> {
    let failed = packing.into_stream().filter_map(async |packed| packed.err());
    let failed = failed.map(|error| Err(io::Error::other(error)));
    stream::select(ReaderStream::with_capacity(read, CHUNK_BYTES), failed).boxed()
}

/// Waits for the first bytes of the disk, so that what cannot be packed is an answer and no broken
/// download.
async fn started(
    mut whole: BoxStream<'static, io::Result<Bytes>>,
) -> Result<BoxStream<'static, io::Result<Bytes>>> {
    let mut first = Vec::new();
    for _ in 0..2 {
        match whole.next().await {
            Some(Err(error)) => return Err(error).context("pack a layer"),
            Some(Ok(bytes)) => first.push(Ok(bytes)),
            None => break,
        }
    }
    Ok(stream::iter(first).chain(whole).boxed())
}

fn head(about: &About) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(about).context("describe a build")?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= ABOUT_BYTES);
    let length = length.context("the description of a build is too long")?;
    Ok([MAGIC.as_slice(), &length.to_le_bytes(), &text].concat())
}

/// Reads what a file says of itself; what follows is its disk.
pub async fn about(file: &mut (impl AsyncRead + Unpin)) -> Result<About> {
    let not_ours = |words: &str| Refused::NotOurs(words.to_owned());
    let mut start = [0; 8];
    read_exact(file, &mut start).await?;
    let [m0, m1, m2, m3, length @ ..] = start;
    let length = u32::from_le_bytes(length);
    if [m0, m1, m2, m3] != MAGIC || length > ABOUT_BYTES {
        return Err(not_ours("it begins differently").into());
    }
    let mut text = vec![0; usize::try_from(length).unwrap_or(0)];
    read_exact(file, &mut text).await?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| Refused::NotOurs(error.to_string()))?;
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    let version = version.and_then(|version| u32::try_from(version).ok());
    match version {
        Some(VERSION) => {}
        Some(other) => return Err(Refused::Version(other).into()),
        None => return Err(not_ours("it has no version").into()),
    }
    let about: About =
        serde_json::from_value(value).map_err(|error| Refused::NotOurs(error.to_string()))?;
    let count = about.repos.len();
    if [about.commits.len(), about.folders.len()] != [count; 2] || count == 0 {
        return Err(not_ours("its repositories and commits do not belong together").into());
    }
    Ok(about)
}

async fn read_exact(file: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> Result<(), Refused> {
    match tokio::time::timeout(SILENCE_MAX, file.read_exact(into)).await {
        Err(_) => Err(Refused::Cut(silence())),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Refused::NotOurs("it is too short".to_owned()))
        }
        Ok(Err(error)) => Err(Refused::Cut(error)),
        Ok(Ok(_)) => Ok(()),
    }
}

fn silence() -> io::Error {
    io::Error::other(format!("nothing came for {} s", SILENCE_MAX.as_secs()))
}

/// Takes in the disk of a file, for these repositories.
pub async fn import(
    app: &Arc<App>,
    org: &OrgId,
    repos: &[RepoSettings],
    about: &About,
    disk: &mut (impl AsyncRead + Unpin + Send),
) -> Result<Build> {
    for (repo, there) in repos.iter().zip(&about.folders) {
        if repo.folder != *there {
            let (url, here) = (repo.url.clone(), repo.folder.clone());
            return Err(Refused::Elsewhere { url, here, there: there.clone() }.into());
        }
    }
    let turn = app.images.turn(about.layer);
    let _turn = turn.lock().await;
    for (_, environment) in super::all(app, org).await? {
        if environment.builds.iter().any(|build| build.layer == about.layer) {
            return Err(Refused::Exists(about.layer).into());
        }
    }
    let copy = unpack(app, org, about, disk).await?;
    if images::is_there(&*app.provider, about.layer).await? {
        app.provider.settle(about.layer).await.context("settle a layer")?;
    } else {
        refreshed::refreshed(app, org, about, copy.id).await?;
    }
    let build = taken(app, about, &copy);
    let (key, urls) = (key(repos), repos.iter().map(|repo| repo.url.clone()));
    let urls: Vec<String> = urls.collect();
    let over = change(app, org, &key, |environment| {
        environment.repos.clone_from(&urls);
        environment.builds.push(build.clone());
        let ground = build.ready.as_ref().map(Ready::ground);
        ground.map(|ground| too_many(environment, ground)).unwrap_or_default()
    })
    .await?;
    for old in over {
        forget(app, org, &key, &old).await?;
    }
    tracing::info!(layer = %about.layer, repos = ?urls, "a build of another server is here");
    Ok(build)
}

async fn unpack(
    app: &App,
    org: &OrgId,
    about: &About,
    disk: &mut (impl AsyncRead + Unpin + Send),
) -> Result<Layer> {
    let (mut write, read) = pipe::pipe().context("make a pipe")?;
    let archives: [OwnedFd; 1] = [read.into_blocking_fd().context("make a pipe")?];
    let contents = Contents::Packed { has_root: about.has_root };
    // Ours alone: under the name of the build it is known once git has looked at it.
    let under = images::layer_named(["packed", &about.layer.to_string()].into_iter());
    // Its end of the pipe goes with it, so that whoever unpacks sees the end of the file.
    let copying = async move { copy(disk, &mut write).await };
    let unpacking = async {
        let unpacked = app.provider.unpack(under, org, contents, &archives).await;
        // Whoever copies must not wait for a reader that is gone.
        drop(archives);
        unpacked
    };
    match tokio::join!(copying, unpacking) {
        (Err(error), _) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refused::Cut(error).into())
        }
        // Nothing is read where it was unpacked before.
        (_, Ok(layer)) => Ok(layer),
        (_, Err(ProviderError::Refused(words))) => Err(Refused::Invalid(words).into()),
        (_, Err(error)) => Err(error).context("take in a snapshot"),
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut pipe::Sender) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = tokio::time::timeout(SILENCE_MAX, from.read(&mut buffer)).await;
        match read.map_err(|_| silence())?? {
            0 => return Ok(()),
            read => to.write_all(buffer.get(..read).unwrap_or_default()).await?,
        }
    }
}

/// What is noted of a build that came from elsewhere.
fn taken(app: &App, about: &About, copy: &Layer) -> Build {
    let size = copy.size.unwrap_or_default();
    // The same programs below: as if it had been made here.
    let base = app.base.filter(|base| about.base == Some(*base));
    let other = || ChosenImage {
        reference: about.layer.to_string(),
        digest: String::new(),
        variables: std::collections::BTreeMap::new(),
    };
    let image = about
        .image
        .clone()
        .map(|image| ChosenImage { variables: images::for_commands(image.variables), ..image });
    let ready = Ready {
        at_ms: now_ms(),
        commits: about.commits.clone(),
        bytes: size.bytes,
        files: size.files,
        base,
        // What has other programs than agents have here, they begin with only where it is named.
        image: image.or_else(|| (about.has_root && base.is_none()).then(other)),
        // Environments of another server are none of this one's.
        saved: None,
    };
    Build {
        agent: AgentId::from_uuid(Uuid::now_v7()),
        layer: about.layer,
        origin: Origin::Imported,
        created_ms: now_ms(),
        ready: Some(ready),
        pinned: false,
        digest: about.digest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> About {
        About {
            version: VERSION,
            layer: LayerId::from_uuid(Uuid::from_u128(1)),
            repos: vec!["https://a.example/x".to_owned()],
            folders: vec!["x".to_owned()],
            commits: vec!["c".to_owned()],
            base: None,
            image: None,
            digest: None,
            has_root: false,
        }
    }

    #[tokio::test]
    async fn a_file_says_what_it_is_or_is_refused() {
        let whole = head(&sample()).unwrap();
        let mut file = whole.as_slice();
        assert_eq!(about(&mut file).await.unwrap(), sample());
        assert!(file.is_empty(), "what follows is the disk");
        let newer = About { version: 2, ..sample() };
        let none = About { repos: Vec::new(), commits: Vec::new(), ..sample() };
        let uneven = About { commits: Vec::new(), ..sample() };
        let [newer, none, uneven] = [newer, none, uneven].map(|about| head(&about).unwrap());
        let mut long = whole.clone();
        long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        let nothing = [MAGIC.as_slice(), &2_u32.to_le_bytes(), b"{}"].concat();
        for (bytes, words) in [
            (newer.as_slice(), "version 2"),
            (&none, "do not belong together"),
            (&uneven, "do not belong together"),
            (&long, "begins differently"),
            (b"\x28\xb5\x2f\xfdsome other file", "begins differently"),
            (&nothing, "no version"),
            (b"short", "too short"),
            (&whole[..whole.len() - 1], "too short"),
        ] {
            let refused = about(&mut &*bytes).await.unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
