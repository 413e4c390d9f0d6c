//! `errand up`: sends the worktree as the start of a new agent.

use super::report::{self, Bar};
use super::secrets::{Finding, LOOKED_AT_BYTES, Secrets};
use super::send::{self, Place};
use super::{open, synced_ref, trouble, who};
use crate::args::Up;
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::settings::Surroundings;
use crate::{output, repository};
use anyhow::{Context as _, Result};
use git::name::CommitId;
use git::worktree::Worktree;
use git::worktree::desk::Desk;
use git::worktree::outgoing::{Outgoing, Wanted};
use git::worktree::snapshot::{Change, Overlooked, Snapshot};
use protocol::api::agents::RepoBody;
use protocol::event::UploadStart;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;

/// A worktree that was read, and what would leave.
pub struct Reading {
    /// The worktree at that moment.
    pub snapshot: Snapshot,
    /// The commit it stands at.
    pub head: CommitId,
    /// The newest commit of it that the remote has.
    pub base: Option<CommitId>,
    /// Commits that the remote does not have.
    pub commits: u64,
    /// Uncommitted changes.
    pub changes: Vec<Change>,
    /// Bytes of the changed files, in the same order.
    pub sizes: Vec<u64>,
    /// What looks like a secret.
    pub findings: Vec<Finding>,
    /// Bytes of every version of a file that would leave.
    pub bytes: u64,
}

/// Sends the worktree; gives what the agent is opened with, or nothing where nothing is to be sent.
pub async fn up(
    client: &Client,
    output: &mut Output,
    around: &Surroundings,
    arguments: &Up,
) -> Result<Option<(RepoBody, Finish)>> {
    let asks = !arguments.yes && !arguments.dry_run && !output.is_for_program();
    if asks && !(std::io::stdin().is_terminal() && output.is_terminal()) {
        let message =
            "this is no terminal, so nobody can be asked: add --yes, or --dry-run to look";
        return Err(Trouble::usage(message).into());
    }
    let worktree = open(&arguments.from, around).await?;
    let url = address(&worktree, arguments, client)?;
    output.status(Some("reading the worktree"))?;
    let desk = worktree.desk().await.map_err(trouble)?;
    if let Some(done) = desk.recover().await.map_err(trouble)? {
        output.show(&report::recovered(&done))?;
    }
    let reading = read(&desk, arguments).await?;
    output.status(None)?;
    if output.is_for_program() && arguments.dry_run {
        output.json(&report::reading_json(&reading, &url))?;
    } else if !output.is_for_program() {
        output.show(&report::reading(&reading, &url))?;
    }
    refuse_secrets(&reading.findings)?;
    if arguments.dry_run || (asks && !agreed()?) {
        return Ok(None);
    }
    let id = transfer(client, around, &desk, &worktree, &reading, output).await?;
    let upload = UploadStart {
        id,
        head: reading.head.to_string(),
        tree: reading.snapshot.tree.to_string(),
        base: reading.base.as_ref().map(ToString::to_string),
    };
    let repo = RepoBody { url, starting_ref: None, pr_url: None, upload: Some(upload) };
    Ok(Some((repo, Finish { desk, reading })))
}

/// What is left to do once the agent exists.
pub struct Finish {
    desk: Desk,
    reading: Reading,
}

impl Finish {
    /// Notes what this worktree and the agent have in common.
    pub async fn remember(self, agent: &str) -> Result<()> {
        self.desk.keep(&self.reading.snapshot).await.map_err(trouble)?;
        let name = synced_ref(agent, 0)?;
        self.desk.remember(&name, &self.reading.snapshot.tree, &who()).await.map_err(trouble)
    }
}

/// Where the agent's branch goes: the remote, or this very repository.
fn address(worktree: &Worktree, arguments: &Up, client: &Client) -> Result<String> {
    let root = worktree.root().display().to_string();
    let known = worktree.remote_url(&arguments.remote);
    let typed = match known {
        Some(url) if url.starts_with('.') => worktree.root().join(url).display().to_string(),
        Some(url) => url.to_owned(),
        None if arguments.remote == "origin" => root,
        None => {
            let message = format!("--remote {:?}: there is no such remote here", arguments.remote);
            return Err(Trouble::usage(message).into());
        }
    };
    Ok(repository::address(&typed, client.url())?)
}

async fn read(desk: &Desk, arguments: &Up) -> Result<Reading> {
    let snapshot = desk.snapshot(Overlooked::Stay).await.map_err(trouble)?;
    let head = snapshot.head.clone().ok_or_else(|| {
        Trouble::usage("the repository has no commit yet: make a first one, then try again")
    })?;
    let worktree = desk.worktree();
    let base = worktree.known_upstream(&head, &arguments.remote).await.map_err(trouble)?;
    let commits = worktree.count_commits(&head, base.as_ref()).await.map_err(trouble)?;
    let changes = snapshot.changes.clone();
    let filtered = desk.filtered(&changes).await.map_err(trouble)?;
    if !filtered.is_empty() {
        let message = format!(
            "these files go through a filter such as Git LFS, which is not run here: commit and push them first: {}",
            report::some_of(&filtered)
        );
        return Err(Trouble::new(Exit::Usage, "filtered_files", message).into());
    }
    let ids: Vec<_> =
        changes.iter().filter_map(|change| change.new.as_ref()).map(|e| &e.id).collect();
    let mut known = desk.sizes(&ids).await.map_err(trouble)?.into_iter();
    let sizes = changes
        .iter()
        .map(|change| change.new.as_ref().and_then(|_| known.next()).unwrap_or(0))
        .collect();
    let outgoing = desk.outgoing(&snapshot, base.as_ref()).await.map_err(trouble)?;
    let (findings, bytes) = look_for_secrets(desk, &outgoing, &arguments.allow_secret).await?;
    Ok(Reading { snapshot, head, base, commits, changes, sizes, findings, bytes })
}

async fn look_for_secrets(
    desk: &Desk,
    outgoing: &[Outgoing],
    allowed: &[String],
) -> Result<(Vec<Finding>, u64)> {
    let secrets = Secrets::new().context("prepare the search for secrets")?;
    let allowed: BTreeSet<&str> =
        allowed.iter().map(|path| path.trim_start_matches("./")).collect();
    let ids: Vec<_> = outgoing.iter().map(|file| &file.id).collect();
    let sizes = desk.sizes(&ids).await.map_err(trouble)?;
    let mut findings = Vec::new();
    let mut looked = Vec::new();
    for (file, size) in outgoing.iter().zip(&sizes) {
        if allowed.contains(file.path.as_str()) {
            continue;
        }
        findings.extend(secrets.in_name(&file.path));
        if *size <= LOOKED_AT_BYTES {
            looked.push(file);
        }
    }
    let ids: Vec<_> = looked.iter().map(|file| &file.id).collect();
    let mut look = |number: usize, content: &[u8]| {
        if let Some(file) = looked.get(number) {
            findings.extend(secrets.in_content(&file.path, content));
        }
    };
    desk.each_blob(&ids, &mut look).await.map_err(trouble)?;
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings.dedup();
    Ok((findings, sizes.iter().sum()))
}

fn refuse_secrets(findings: &[Finding]) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(report::finding).collect();
    let message = format!(
        "what looks like a secret would leave this computer:\n{}\nleave it out with .gitignore (a commit that has it \
         leaves with its history), or allow a file with --allow-secret PATH",
        lines.join("\n")
    );
    Err(Trouble::new(Exit::Usage, "secrets_found", message).into())
}

fn agreed() -> Result<bool> {
    output::ask("Send it? [y/N] ").context("ask")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("read the answer")?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Packs what the server needs, unless an earlier call did, and sends it.
async fn transfer(
    client: &Client,
    around: &Surroundings,
    desk: &Desk,
    worktree: &Worktree,
    reading: &Reading,
    output: &Output,
) -> Result<String> {
    let base = reading.base.as_ref();
    let words = [
        client.url().as_str(),
        &worktree.root().display().to_string(),
        reading.head.as_str(),
        reading.snapshot.tree.as_str(),
        base.map_or("", |base| base.as_str()),
    ];
    let place = Place::of(&around.state_folder()?, &words)?;
    let sending = match place.left() {
        Some(sending) => sending,
        None => {
            let bar = Bar::spinner("packing", output);
            let wanted = Wanted::snapshot(&reading.head, &reading.snapshot.tree, base);
            let packed = desk.pack_to(&wanted, &place.pack(), &mut |bytes| bar.at(bytes)).await;
            let sending = send::fresh(&packed.map_err(trouble)?);
            place.keep(&sending)?;
            sending
        }
    };
    let bar = Bar::bytes("sending", sending.bytes, output);
    let id = send::send(client, &place, sending, |bytes| bar.at(bytes)).await?;
    place.clear();
    Ok(id)
}

/// What a program reads of a call that sent nothing.
pub fn nothing_sent(output: &mut Output) -> Result<Exit> {
    if output.is_for_program() {
        output.json(&json!({ "sent": false }))?;
    }
    Ok(Exit::Done)
}
