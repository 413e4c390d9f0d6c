//! What is looked at of a repository before anything starts: instructions for agents, the top of the
//! file tree, and the environment file. Read from the mirror, since the sandbox may not even be up, and once for all
//! agents that start from the same commit.

use crate::environments::CommitEnvironment;
use anyhow::{Context, Result};
use git::mirror::Mirror;
use git::name::CommitId;
use git::objects::{EntryKind, FileContent, Listing, Reader};
use moka::future::Cache;
use protocol::environment::found::SavedText;
use protocol::limits::FIRST_LOOKS_BYTES;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of one instruction file; more would crowd out the task.
pub const INSTRUCTION_BYTES: u64 = 64 * 1024;
/// Entries of the top folder that the model is shown.
const TREE_ENTRIES: usize = 200;
/// Rules files of a repository that are read.
const RULES: usize = 50;

/// What was read of the commits used last.
pub struct FirstLooks {
    kept: Cache<(PathBuf, CommitId), Arc<FirstLook>>,
    saved: Cache<(PathBuf, CommitId, SavedText), Arc<CommitEnvironment>>,
}

/// What was read of one commit.
pub struct FirstLook {
    /// Paths inside the repository, and texts.
    pub instructions: Vec<(String, String)>,
    /// The top of the file tree, a line each.
    pub tree: String,
    /// The environment file that counts.
    pub environment: Option<CommitEnvironment>,
}

impl Default for FirstLooks {
    fn default() -> Self {
        let weigh = |_: &(PathBuf, CommitId), look: &Arc<FirstLook>| look.bytes();
        let kept = Cache::builder().weigher(weigh).max_capacity(FIRST_LOOKS_BYTES).build();
        let weigh = |key: &(PathBuf, CommitId, SavedText), read: &Arc<CommitEnvironment>| {
            u32::try_from(key.2.text.len() + read.bytes()).unwrap_or(u32::MAX)
        };
        let saved = Cache::builder().weigher(weigh).max_capacity(FIRST_LOOKS_BYTES).build();
        Self { kept, saved }
    }
}

impl FirstLooks {
    /// What there is to tell of a commit.
    ///
    /// TRUST: a mirror belongs to one organisation, so nobody is told of another's repository.
    pub async fn at(&self, mirror: &Mirror, commit: &CommitId) -> Result<Arc<FirstLook>> {
        let key = (mirror.dir().to_owned(), commit.clone());
        let look = async { FirstLook::read(mirror, commit).await.map(Arc::new) };
        self.kept.try_get_with(key, look).await.map_err(|error| anyhow::anyhow!("{error:#}"))
    }

    /// What a saved environment says of a commit.
    pub async fn saved(
        &self,
        mirror: &Mirror,
        commit: &CommitId,
        saved: &SavedText,
    ) -> Result<Arc<CommitEnvironment>> {
        let key = (mirror.dir().to_owned(), commit.clone(), saved.clone());
        let read = async {
            let mut reader = mirror.reader().await.context("read the mirror")?;
            let listing = reader.folder(commit, "", TREE_ENTRIES).await;
            let nothing = || Listing { entries: Vec::new(), truncated: false };
            let listing = listing.context("list the top folder")?.unwrap_or_else(nothing);
            let place = (mirror, commit);
            let read = CommitEnvironment::saved(&mut reader, place, &listing, saved).await;
            read.map(Arc::new)
        };
        self.saved.try_get_with(key, read).await.map_err(|error| anyhow::anyhow!("{error:#}"))
    }
}

impl FirstLook {
    fn bytes(&self) -> u32 {
        let texts = self.instructions.iter().map(|(path, text)| path.len() + text.len());
        let file = self.environment.as_ref().map_or(0, CommitEnvironment::bytes);
        u32::try_from(texts.sum::<usize>() + self.tree.len() + file).unwrap_or(u32::MAX)
    }

    async fn read(mirror: &Mirror, commit: &CommitId) -> Result<Self> {
        let mut reader = mirror.reader().await.context("read the mirror")?;
        let mut look = Self { instructions: Vec::new(), tree: String::new(), environment: None };
        let listing =
            reader.folder(commit, "", TREE_ENTRIES).await.context("list the top folder")?;
        let Some(listing) = listing else { return Ok(look) };
        let there = |path: &str| may_have(&listing, path);
        let wanted = harness::instructions::wanted();
        for name in wanted.first_of.iter().filter(|name| there(name)) {
            if let Some(text) = text(&mut reader, commit, name).await {
                look.instructions.push(((*name).to_owned(), text));
                break;
            }
        }
        let (folder, ending) = wanted.all_in;
        if there(folder) {
            look.rules(&mut reader, commit, folder, ending).await?;
        }
        look.environment = CommitEnvironment::look(&mut reader, (mirror, commit), &listing).await?;
        look.tree = shown(&listing);
        Ok(look)
    }

    async fn rules(
        &mut self,
        reader: &mut Reader,
        commit: &CommitId,
        folder: &str,
        ending: &str,
    ) -> Result<()> {
        let rules = reader.folder(commit, folder, RULES).await.context("list the rules")?;
        for entry in rules.map(|rules| rules.entries).unwrap_or_default() {
            let name = format!("{folder}/{}", entry.shown_path());
            if entry.kind == EntryKind::Folder || !name.ends_with(ending) {
                continue;
            }
            let text = text(reader, commit, &name).await;
            if let Some(rule) = text.as_deref().and_then(harness::instructions::rule_text) {
                self.instructions.push((name, rule.to_owned()));
            }
        }
        Ok(())
    }
}

/// Only what the top folder shows can be there: no question is asked in vain.
pub fn may_have(listing: &Listing, path: &str) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    listing.truncated || listing.entries.iter().any(|entry| entry.path == first.as_bytes())
}

async fn text(reader: &mut Reader, commit: &CommitId, name: &str) -> Option<String> {
    let file = reader.file(commit, name, INSTRUCTION_BYTES).await.ok().flatten();
    file.and_then(FileContent::into_text)
}

fn shown(listing: &Listing) -> String {
    let mut tree = String::new();
    for entry in listing.entries.iter().take(TREE_ENTRIES) {
        let slash = if entry.kind == EntryKind::Folder { "/" } else { "" };
        // Writing to a string cannot fail.
        writeln!(tree, "  {}{slash}", entry.shown_path()).unwrap_or_default();
    }
    if listing.truncated || listing.entries.len() > TREE_ENTRIES {
        writeln!(tree, "  … and more").unwrap_or_default();
    }
    tree
}
