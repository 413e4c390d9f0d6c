//! Images that disks begin with in place of the host's programs: the operator's base image, and those
//! that environment files ask for.
//!
//! Each is unpacked once, as a layer whose id follows from what it is, so two references to the same
//! content share it. What a reference meant when it was last looked up is kept in a record.
//!
//! TRUST: what is in an image is anybody's. It is unpacked in a process that sees nothing else, and
//! only registries that the operator lists are spoken to.

mod layout;
mod registry;

use crate::app::App;
use crate::clock::now_ms;
use crate::config::ImagesConfig;
use anyhow::{Context, Result};
use layout::Image;
pub use layout::layer_named;
use protocol::environment::found::{ChosenImage, SetUpOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{LayerId, OrgId};
pub use registry::for_commands;
use registry::{Looked, Registry};
use sandbox::provider::{Contents, Layer, Provider, ProviderError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use store::kv::Expect;
use tokio::sync::Mutex as AsyncMutex;

/// Kind of the records.
const KIND: &str = "image";
/// Hexadecimal digits that name a reference.
const KEY_DIGITS: usize = 32;
/// Age from which on a reference is looked up again, in milliseconds.
const STALE_MS: i64 = 24 * 60 * 60 * 1000;
/// Records read at once.
const PAGE: u16 = 500;

/// Fetches images.
pub struct Images {
    folder: PathBuf,
    registry: Registry,
    turns: Mutex<BTreeMap<LayerId, Weak<AsyncMutex<()>>>>,
}

/// An image that can be begun with.
pub struct Had {
    /// As the log tells it.
    pub image: ChosenImage,
    /// Its layer.
    pub layer: LayerId,
    /// Whether it had to be fetched.
    pub outcome: SetUpOutcome,
}

/// Asking again leads nowhere: somebody has to change something.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub Failure);

/// What a reference meant when it was last looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    image: ChosenImage,
    layer: LayerId,
    looked_up_ms: i64,
}

/// How new the meaning of a reference must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Of the last day, unless the registry is out of reach.
    Recent,
    /// Of now.
    Now,
}

impl Images {
    /// Keeps what is under way in this folder; what a former server left there is removed.
    pub fn open(data: &Path, config: &ImagesConfig) -> Result<Self> {
        let folder = data.join("images");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .context("remove images that were not fetched whole")?;
        }
        let registry = Registry::new(config)?;
        Ok(Self { folder, registry, turns: Mutex::default() })
    }

    /// One at a time makes the same.
    pub fn turn(&self, layer: LayerId) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&layer).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(AsyncMutex::default());
        turns.insert(layer, Arc::downgrade(&turn));
        turn
    }
}

/// Unpacks the operator's image if that was not done before, and names its layer.
pub async fn base(provider: &dyn Provider, path: &Path) -> Result<LayerId> {
    let words = || format!("sandbox.base: {}", path.display());
    let place = path.to_owned();
    let image = tokio::task::spawn_blocking(move || Image::find(&place)).await;
    let image = image.context("look at the base image")?.with_context(words)?;
    let layer = image.layer;
    if !is_there(provider, layer).await? {
        tracing::info!(path = %path.display(), "unpacking the base image; this is done once");
        unpack(provider, image).await.with_context(words)?;
    }
    let lacks = lacks(provider, layer).await?;
    anyhow::ensure!(lacks.is_empty(), "{}: {}", words(), lacking(&lacks));
    Ok(layer)
}

/// Programs that agents need and this image does not have.
async fn lacks(provider: &dyn Provider, layer: LayerId) -> Result<Vec<String>> {
    let known = provider.layers().await.context("list layers")?;
    Ok(known
        .into_iter()
        .find(|known| known.id == layer)
        .map(|known| known.lacks)
        .unwrap_or_default())
}

/// That an image lacks these programs.
pub fn lacking<T: AsRef<str>>(programs: &[T]) -> String {
    let programs: Vec<&str> = programs.iter().map(AsRef::as_ref).collect();
    format!(
        "the image has no {}; agents need bash and git: take another one, or begin a Dockerfile with \
         it that installs them",
        programs.join(" and no ")
    )
}

/// Why this image is not fetched whatever it is; none: it may be.
pub fn refusal(config: &ImagesConfig, reference: &str) -> Option<String> {
    registry::parse(config, reference).err().map(|unusable| unusable.0.message)
}

/// The image of this reference, fetched if it is not there, if agents can work on it. `tell` is given
/// what is going on, and how much of it is done in percent.
pub async fn get(
    app: &App,
    org: &OrgId,
    reference: &str,
    freshness: Freshness,
    tell: impl Fn(&str, Option<u8>) + Sync,
) -> Result<Had> {
    let had = any(app, org, reference, freshness, tell).await?;
    let lacks = lacks(&*app.provider, had.layer).await?;
    if lacks.is_empty() {
        return Ok(had);
    }
    let message = format!("{reference}: {}", lacking(&lacks));
    Err(Unusable(Failure::new(Phase::SetUp, "image_invalid", message)).into())
}

/// The same, whatever is in it.
pub async fn any(
    app: &App,
    org: &OrgId,
    reference: &str,
    freshness: Freshness,
    tell: impl Fn(&str, Option<u8>) + Sync,
) -> Result<Had> {
    let parsed = registry::parse(&app.config.images, reference)?;
    let there = there(app, org, reference).await?;
    if let (Some(known), Freshness::Recent) = (&there, freshness)
        && known.is_recent()
    {
        return Ok(known.had());
    }
    tell("looking it up", None);
    let looked = match (app.images.registry.look_up(&parsed).await, &there, freshness) {
        (Ok(looked), _, _) => looked,
        (Err(error), Some(known), Freshness::Recent) => {
            tracing::warn!(reference, error = format!("{error:#}"), "the image of before is used");
            return Ok(known.had());
        }
        (Err(error), _, _) => return Err(error),
    };
    let layer = looked.layer();
    let image = ChosenImage {
        reference: reference.to_owned(),
        digest: looked.digest.clone(),
        variables: looked.variables.clone(),
    };
    let turn = app.images.turn(layer);
    let _turn = turn.lock().await;
    let outcome = if is_there(&*app.provider, layer).await? {
        SetUpOutcome::Kept
    } else {
        fetch(app, &looked, layer, &tell).await?;
        SetUpOutcome::Done
    };
    remember(app, org, &image, layer).await?;
    Ok(Had { image, layer, outcome })
}

/// What this meant within the last day, if its layer is there.
pub async fn known(app: &App, org: &OrgId, reference: &str) -> Result<Option<Had>> {
    let there = there(app, org, reference).await?;
    Ok(there.filter(Known::is_recent).map(|known| known.had()))
}

async fn there(app: &App, org: &OrgId, reference: &str) -> Result<Option<Known>> {
    match read(app, org, &key(reference)).await? {
        Some(known) if is_there(&*app.provider, known.layer).await? => Ok(Some(known)),
        Some(_) | None => Ok(None),
    }
}

async fn fetch(
    app: &App,
    looked: &Looked,
    layer: LayerId,
    tell: &(impl Fn(&str, Option<u8>) + Sync),
) -> Result<()> {
    let folder = app.images.folder.join(layer.to_string());
    app.images
        .registry
        .fetch(looked, &folder, |percent| tell("fetching it", Some(percent)))
        .await?;
    tell("unpacking it", None);
    let place = folder.clone();
    let image = tokio::task::spawn_blocking(move || Image::find(&place)).await;
    let image = image.context("look at the image")?.context("look at the image")?;
    let unpacked = unpack(&*app.provider, image).await;
    // Kept would be what cannot be unpacked, or what nobody needs any more.
    let removed = tokio::fs::remove_dir_all(&folder).await;
    unpacked.map_err(|error| match error.downcast_ref() {
        Some(ProviderError::Refused(words)) => {
            let message = format!("{} cannot be unpacked: {words}", looked.reference());
            Unusable(Failure::new(Phase::SetUp, "image_not_unpacked", message)).into()
        }
        Some(_) => error,
        None => {
            let message = format!("{}: {error:#}", looked.reference());
            Unusable(Failure::new(Phase::SetUp, "image_invalid", message)).into()
        }
    })?;
    removed.context("remove what was fetched of an image")
}

async fn unpack(provider: &dyn Provider, image: Image) -> Result<LayerId> {
    let layer = image.layer;
    let archives = tokio::task::spawn_blocking(move || image.open()).await;
    let archives = archives.context("open an image")??;
    let made = provider.unpack(layer, &OrgId::default_org(), Contents::Image, &archives).await?;
    let size = made.size.unwrap_or_default();
    tracing::info!(%layer, size.bytes, size.files, "an image is unpacked");
    Ok(layer)
}

/// Whether there is this layer.
pub async fn is_there(provider: &dyn Provider, layer: LayerId) -> Result<bool> {
    let known = provider.layers().await.context("list layers")?;
    Ok(known.iter().any(|known| known.id == layer))
}

/// Layers of images that may be begun with. An image whose layer was used last before this moment is
/// forgotten.
pub async fn named(
    app: &App,
    org: &OrgId,
    layers: &[Layer],
    oldest_ms: i64,
) -> Result<BTreeSet<LayerId>> {
    let (mut named, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = app.store.list(org, KIND, "", &after, PAGE).await.context("list images")?;
        let Some(last) = page.last() else { return Ok(named) };
        after.clone_from(&last.key);
        for entry in &page {
            let known: Known = serde_json::from_str(&entry.body).context("read an image")?;
            let layer = layers.iter().find(|layer| layer.id == known.layer);
            let used_ms = layer.map_or(0, |layer| layer.last_used_ms.max(layer.made_at_ms));
            let used_ms = i64::try_from(used_ms).unwrap_or(i64::MAX).max(known.looked_up_ms);
            if used_ms < oldest_ms {
                tracing::info!(reference = known.image.reference, "an unused image is forgotten");
                app.store.delete(org, KIND, &entry.key).await.context("forget an image")?;
            } else {
                named.insert(known.layer);
            }
        }
    }
}

impl Known {
    fn is_recent(&self) -> bool {
        now_ms().saturating_sub(self.looked_up_ms) < STALE_MS
    }

    fn had(&self) -> Had {
        Had { image: self.image.clone(), layer: self.layer, outcome: SetUpOutcome::Kept }
    }
}

fn key(reference: &str) -> String {
    blake3::hash(reference.as_bytes()).to_hex().chars().take(KEY_DIGITS).collect()
}

async fn read(app: &App, org: &OrgId, key: &str) -> Result<Option<Known>> {
    let entry = app.store.get(org, KIND, key).await.context("read an image")?;
    let known = entry.map(|entry| serde_json::from_str(&entry.body)).transpose();
    known.context("read an image")
}

/// Keeps what a reference means now. The last one to look it up is right.
pub async fn remember(app: &App, org: &OrgId, image: &ChosenImage, layer: LayerId) -> Result<()> {
    let known = Known { image: image.clone(), layer, looked_up_ms: now_ms() };
    let body = serde_json::to_string(&known).context("write an image")?;
    let put = app.store.put(org, KIND, &key(&image.reference), Expect::Anything, &body).await;
    put.context("keep an image").map(drop)
}
