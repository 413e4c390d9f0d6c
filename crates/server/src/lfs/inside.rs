//! Large files as git-lfs inside a sandbox asks for them at the gateway's git endpoint.
//!
//! Read from the agent's own quarantine, from the shelf beside the repository's mirror, or from the remote, which
//! fills that shelf. Received into the quarantine; publishing takes them from there.

use super::remote::{Action, Far, Operation, Refused as Final};
use super::shelf::{Arriving, Quarantine, content_of};
use crate::app::App;
use crate::dependencies::Upstream;
use crate::disk;
use anyhow::{Context, Result};
use futures::future::BoxFuture;
use futures::stream::try_unfold;
use futures::{StreamExt as _, TryStreamExt as _};
use gateway::large_files::{Content, LargeFiles, Pointer, Refused, Standing, too_large, verified};
use git::name::RefName;
use git::remote::Remote;
use git::url::RemoteUrl;
use http::StatusCode;
use moka::future::Cache;
use protocol::ids::OrgId;
use protocol::limits::LARGE_FILE_BYTES;
use std::sync::Arc;
use std::time::Duration;

/// Time for which a remote's word counts on where a content is.
const FRESH: Duration = Duration::from_secs(60);
/// Such words that are kept.
const WORDS_KEPT: u64 = 10_000;

/// Where a repository's contents come from.
pub enum Origin {
    /// One that the agent works on.
    Own(RemoteUrl),
    /// One that it may read besides.
    Dependency(Arc<Upstream>),
}

/// The large files of one repository for one agent.
pub struct Inside {
    app: Arc<App>,
    org: OrgId,
    origin: Origin,
    /// What the agent sent; none where it may send nothing.
    quarantine: Option<Quarantine>,
    actions: Cache<Pointer, Action>,
}

impl Inside {
    /// Those of a repository of this organisation.
    pub fn new(
        app: Arc<App>,
        org: OrgId,
        origin: Origin,
        quarantine: Option<Quarantine>,
    ) -> Arc<Self> {
        let actions = Cache::builder().max_capacity(WORDS_KEPT).time_to_live(FRESH).build();
        Arc::new(Self { app, org, origin, quarantine, actions })
    }

    async fn remote(&self) -> Result<Remote> {
        match &self.origin {
            Origin::Own(url) => self.app.reach(&self.org, url.as_str()).await,
            Origin::Dependency(upstream) => {
                upstream.remote().await.map_err(|words| Final(words).into())
            }
        }
    }

    async fn find_readable(
        &self,
        wanted: Vec<Pointer>,
        of: Option<RefName>,
    ) -> Result<Vec<Standing>> {
        let remote = self.remote().await?;
        let shelf = self.app.large_files(&self.org, &remote.url);
        let (mut standings, mut elsewhere) = (Vec::new(), Vec::new());
        for pointer in &wanted {
            let is_here = self.received_of(pointer).await || shelf.find(pointer).await.is_some();
            if !is_here {
                elsewhere.push(pointer.clone());
            }
            standings.push(if is_here { Standing::Here } else { Standing::Wanted });
        }
        if elsewhere.is_empty() {
            return Ok(standings);
        }
        let mut found = self.find_there(&remote, elsewhere, of.as_ref()).await?.into_iter();
        for standing in &mut standings {
            if *standing == Standing::Wanted {
                *standing = found.next().unwrap_or(Standing::Refused(Refused::missing()));
            }
        }
        Ok(standings)
    }

    async fn received_of(&self, pointer: &Pointer) -> bool {
        match &self.quarantine {
            Some(quarantine) => quarantine.find(pointer).await.is_some(),
            None => false,
        }
    }

    /// Of these, which the remote has.
    async fn find_there(
        &self,
        remote: &Remote,
        wanted: Vec<Pointer>,
        of: Option<&RefName>,
    ) -> Result<Vec<Standing>> {
        let missing = || Standing::Refused(Refused::missing());
        let mut standings = Vec::new();
        let Some(far) = far(&self.app, remote)? else {
            for pointer in wanted {
                let shelf = self.app.large_files(&self.org, &remote.url);
                let is_there = super::fetch_beside(&self.app, remote, &pointer, &shelf).await?;
                standings.push(if is_there { Standing::Here } else { missing() });
            }
            return Ok(standings);
        };
        let answers = far.ask(Operation::Download, &wanted, of).await?;
        for (pointer, mut answered) in wanted.into_iter().zip(answers) {
            let action = answered.download();
            standings.push(match (action, answered.error) {
                _ if pointer.size() > LARGE_FILE_BYTES => Standing::Refused(too_large()),
                (Some(action), None) => {
                    self.actions.insert(pointer, action).await;
                    Standing::Here
                }
                (_, Some(words)) => Standing::Refused(Refused::new(StatusCode::NOT_FOUND, words)),
                (None, None) => missing(),
            });
        }
        Ok(standings)
    }

    async fn read(&self, wanted: &Pointer) -> Result<Option<Content>> {
        if let Some(quarantine) = &self.quarantine
            && let Some(path) = quarantine.find(wanted).await
        {
            return content_of(&path).await.map(Some);
        }
        let remote = self.remote().await?;
        let shelf = self.app.large_files(&self.org, &remote.url);
        if let Some(path) = shelf.find(wanted).await {
            return content_of(&path).await.map(Some);
        }
        if self.actions.get(wanted).await.is_none() {
            let found = self.find_there(&remote, vec![wanted.clone()], None).await?;
            match found.into_iter().next() {
                Some(Standing::Here) => {}
                Some(Standing::Refused(refused)) => return Err(Final(refused.words).into()),
                Some(Standing::Wanted) | None => return Ok(None),
            }
        }
        // One of this host was brought here by looking for it.
        if let Some(path) = shelf.find(wanted).await {
            return content_of(&path).await.map(Some);
        }
        let (Some(far), Some(action)) = (far(&self.app, &remote)?, self.actions.get(wanted).await)
        else {
            return Ok(None);
        };
        let content = far.read(&action).await;
        if content.is_err() {
            self.actions.invalidate(wanted).await;
        }
        let content = verified(wanted, content?);
        let arriving = shelf.begin(wanted).await.inspect_err(not_kept).ok();
        Ok(Some(shelved(wanted, content, arriving)))
    }

    /// What is told inside of something that went wrong.
    fn told(&self, error: &anyhow::Error) -> Refused {
        if let Some(Final(words)) = error.downcast_ref() {
            return Refused::new(StatusCode::BAD_GATEWAY, words.clone());
        }
        tracing::warn!(error = format!("{error:#}"), "a large file could not be served");
        if disk::is_full(error) {
            let words = "the disk of Errand's server is full";
            return Refused::new(StatusCode::INSUFFICIENT_STORAGE, words);
        }
        // Addresses and paths of the server may stand in it.
        let words = "Errand could not serve large files, and its log says why";
        Refused::new(StatusCode::BAD_GATEWAY, words)
    }
}

/// The remote as one that is asked over http; none if it lies on this host.
fn far<'a>(app: &'a App, remote: &'a Remote) -> Result<Option<Far<'a>>> {
    if remote.url.is_local() {
        return Ok(None);
    }
    let words =
        "large files are taken and given over http only, and this repository is reached by ssh";
    Ok(Some(Far::new(app, remote).ok_or_else(|| Final(words.to_owned()))?))
}

/// The same content, which is put on the shelf before its last piece is given on; without a place there it is given
/// all the same.
fn shelved(pointer: &Pointer, content: Content, arriving: Option<Arriving>) -> Content {
    let size = pointer.size();
    let pieces = try_unfold((content, arriving), move |(mut content, mut arriving)| async move {
        let Some(piece) = content.try_next().await? else { return Ok(None) };
        if let Some(mut place) = arriving.take() {
            let kept = match place.write(&piece).await {
                Ok(()) if place.bytes() == size => place.keep().await,
                Ok(()) => {
                    arriving = Some(place);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                not_kept(&error);
            }
        }
        Ok(Some((piece, (content, arriving))))
    });
    pieces.boxed()
}

fn not_kept(error: &anyhow::Error) {
    tracing::warn!(error = format!("{error:#}"), "a large file was not kept");
}

impl LargeFiles for Inside {
    fn readable(
        &self,
        wanted: Vec<Pointer>,
        of: Option<RefName>,
    ) -> BoxFuture<'_, Result<Vec<Standing>, Refused>> {
        Box::pin(
            async move { self.find_readable(wanted, of).await.map_err(|error| self.told(&error)) },
        )
    }

    fn open(&self, wanted: Pointer) -> BoxFuture<'_, Result<Content, Refused>> {
        Box::pin(async move {
            let read = self.read(&wanted).await.map_err(|error| self.told(&error))?;
            read.ok_or_else(Refused::missing)
        })
    }

    fn received(&self, offered: Vec<Pointer>) -> BoxFuture<'_, Result<Vec<Standing>, Refused>> {
        Box::pin(async move {
            let quarantine = self.quarantine.as_ref().ok_or_else(Refused::missing)?;
            let rooms = quarantine.has_room(offered.iter().map(Pointer::size));
            let mut standings = Vec::new();
            for (pointer, has_room) in offered.iter().zip(rooms) {
                standings.push(match quarantine.find(pointer).await {
                    Some(_) => Standing::Here,
                    None if pointer.size() > LARGE_FILE_BYTES => Standing::Refused(too_large()),
                    None if !has_room => Standing::Refused(full()),
                    None => Standing::Wanted,
                });
            }
            Ok(standings)
        })
    }

    fn receive(&self, offered: Pointer, content: Content) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(async move {
            let quarantine = self.quarantine.as_ref().ok_or_else(Refused::missing)?;
            let kept = quarantine.keep(&offered, content).await.context("receive a large file");
            kept.map_err(|error| {
                if error.is::<super::shelf::Full>() {
                    return full();
                }
                let cause = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
                match cause.filter(|cause| cause.kind() == std::io::ErrorKind::InvalidData) {
                    Some(bad) => Refused::new(StatusCode::UNPROCESSABLE_ENTITY, bad.to_string()),
                    None => self.told(&error),
                }
            })
        })
    }
}

fn full() -> Refused {
    Refused::new(StatusCode::INSUFFICIENT_STORAGE, super::shelf::Full.to_string())
}
