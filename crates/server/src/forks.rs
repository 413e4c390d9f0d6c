//! Forks: a new agent that goes on where another one was, with the same conversation and the same
//! files, on a branch of its own.
//!
//! The other agent's disk is frozen, and both stand on the layer from then on. Its commits are handed
//! over as if a person had sent them. Of its log the conversation is taken over. So the two have nothing
//! in common any more: either may be deleted.

use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::bases;
use crate::driver;
use crate::effects::Failed;
use agent::state::{Disk, Living};
use anyhow::{Context, Result};
use git::agent_repo::AgentRepo;
use git::name::CommitId;
use git::worktree::outgoing::Wanted;
use protocol::event::{Event, Logged, RepoSettings, SnapshotPurpose, UploadStart};
use protocol::failure::{Failure, Phase, Refusal};
use protocol::ids::{AgentId, LayerId, RunId, Seq};
use protocol::input::Input;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// Time in which a machine must be stopped and its disk frozen.
const FREEZE: Duration = Duration::from_secs(60);

/// What a new agent takes over.
pub struct Inheritance {
    /// Where its disk begins.
    pub layers: Vec<LayerId>,
    /// Where its branches begin.
    pub repos: Vec<RepoSettings>,
    /// What was said.
    pub conversation: Vec<Event>,
    /// The last run of it.
    pub run: RunId,
}

/// The run that a fork goes on from: this one, or the newest that is over.
pub fn point(log: &[Logged], wanted: Option<RunId>) -> Result<RunId, Refusal> {
    let ended = log.iter().rev().filter_map(agent::fork::over);
    let mut ended = ended.filter(|run| wanted.is_none_or(|wanted| wanted == *run));
    ended.next().ok_or(Refusal::NoRun)
}

/// Makes ready what the new agent takes over. The agent that is forked must be at rest.
pub async fn prepare(
    app: &Arc<App>,
    source: &Arc<Handle>,
    target: AgentId,
    wanted: Option<RunId>,
) -> Result<Inheritance> {
    let view = source.view().await?;
    let living = view.living()?;
    if living.settings.build.is_some() {
        return Err(Refusal::IsBuild.into());
    }
    if living.active.is_some() || !living.queue.is_empty() {
        return Err(Refusal::Busy.into());
    }
    let log = source.log(Seq(0)).await?;
    let run = point(&log, wanted)?;
    let conversation = agent::fork::inherited(&log, run).ok_or(Refusal::NoRun)?;
    let repos = repositories(app, source, living, (&log, run), target).await?;
    keep_blobs(app, source, target, &conversation).await?;
    let layers = match living.disk {
        Disk::Blank => living.settings.layers.clone(),
        Disk::Used => vec![freeze(app, source).await?],
    };
    Ok(Inheritance { layers, repos, conversation, run })
}

/// Stops the machine and freezes its disk; it wakes with its next message as it was.
async fn freeze(app: &Arc<App>, source: &Arc<Handle>) -> Result<LayerId> {
    let layer = LayerId::from_uuid(Uuid::now_v7());
    let mut changes = source.changes();
    let purpose = SnapshotPurpose::Fork;
    let input = Input::Snapshot { layer, purpose, principal: crate::builds::PLATFORM.to_owned() };
    let asked = source.submit(input, Extras::default()).await?;
    let mut after = asked.last().map_or(Seq(0), |entry| entry.logged.seq);
    driver::wake(app, source);
    let made = async {
        loop {
            changes.borrow_and_update();
            for logged in source.log(after).await? {
                after = logged.seq;
                match logged.event {
                    Event::SnapshotMade { layer: made, .. } if made == layer => return Ok(layer),
                    Event::SnapshotFailed { failure, .. } => return Err(Failed(failure).into()),
                    _ => {}
                }
            }
            changes.changed().await.context("watch the agent that is forked")?;
        }
    };
    let late = |_| {
        let message = format!("the machine was not frozen within {} s", FREEZE.as_secs());
        Failed(Failure::new(Phase::Sandbox, "snapshot_late", message))
    };
    tokio::time::timeout(FREEZE, made).await.map_err(late)?
}

/// The repositories as the new agent starts from them, with what their remotes do not have.
async fn repositories(
    app: &App,
    source: &Handle,
    living: &Living,
    (log, run): (&[Logged], RunId),
    target: AgentId,
) -> Result<Vec<RepoSettings>> {
    let mut repos = Vec::new();
    for (repo, state) in living.settings.repos.iter().zip(&living.repos) {
        let Some(base) = &state.base else {
            repos.push(repo.clone());
            continue;
        };
        let tip = tip(log, run, &repo.url).unwrap_or_else(|| base.commit.clone());
        let ours = app.agent_repo(source.id, repo)?;
        let tree = ours.tree_of(&CommitId::parse(&tip)?).await?.to_string();
        let id = Uuid::new_v4().simple().to_string();
        let base = Some(bases::since(&ours, base, &tip).await?.to_string());
        let upload = UploadStart { id, head: tip, tree, base };
        hand_over(app, &ours, &upload, target).await?;
        repos.push(RepoSettings { upload: Some(upload), pr_url: None, ..repo.clone() });
    }
    Ok(repos)
}

/// Where a branch stood on our side when a run was over.
pub fn tip(log: &[Logged], run: RunId, url: &str) -> Option<String> {
    let end = log.iter().position(|logged| agent::fork::over(logged) == Some(run))?;
    log.get(..=end)?.iter().rev().find_map(|logged| match &logged.event {
        Event::Pushed { pushes, .. } => {
            pushes.iter().find(|push| push.url == url).map(|push| push.commit.clone())
        }
        Event::CheckpointMade { repos, .. } => {
            repos.iter().find(|repo| repo.url == url).map(|repo| repo.commit.clone())
        }
        _ => None,
    })
}

/// Writes the commits where the new agent looks for what a person sent.
async fn hand_over(
    app: &App,
    ours: &AgentRepo,
    upload: &UploadStart,
    target: AgentId,
) -> Result<()> {
    let have: Vec<String> = upload.base.iter().cloned().collect();
    if have.contains(&upload.head) {
        return Ok(());
    }
    let place = crate::uploads::claimed(app, target, upload)?;
    let folder = place.parent().unwrap_or(Path::new("/"));
    tokio::fs::create_dir_all(folder).await.context("make the agent's folder")?;
    let wanted = Wanted { want: vec![upload.head.clone(), upload.tree.clone()], have };
    let mut pack = ours.send_pack(&wanted).await.context("pack the commits")?;
    let mut file = tokio::fs::File::create(&place).await.context("keep the commits")?;
    tokio::io::copy(&mut pack.stdout, &mut file).await.context("keep the commits")?;
    file.flush().await.context("keep the commits")?;
    pack.finish().await.context("pack the commits")
}

/// Pictures and long outputs belong to the new agent too.
async fn keep_blobs(
    app: &App,
    source: &Handle,
    target: AgentId,
    conversation: &[Event],
) -> Result<()> {
    let mut digests = BTreeSet::new();
    for event in conversation {
        collect(&serde_json::to_value(event).context("read an event")?, &mut digests);
    }
    for digest in digests {
        // What is gone from there is not there for anybody.
        if let Some(bytes) = app.store.blob(&source.org, &digest).await? {
            let owner = target.to_string();
            let now = crate::clock::now_ms();
            app.store.put_blob(&source.org, &owner, &bytes, now).await?;
        }
    }
    Ok(())
}

fn collect(value: &serde_json::Value, digests: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                if let (true, Some(digest)) = (name == "blob", value.as_str()) {
                    digests.insert(digest.to_owned());
                }
                collect(value, digests);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, digests)),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
