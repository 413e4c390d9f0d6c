//! Builds: machines prepared ahead and kept as layers, with which agents of the same repositories
//! begin.
//!
//! A build is an agent without a model. Its run prepares the workspace at the default branch and runs
//! `install`; then its disk is frozen. So its log, its live output, its limits, its cancelling and what
//! becomes of it in a crash are those of every agent. What is ready is noted per environment, that is
//! per list of repositories; a build that fails changes nothing there.
//!
//! TRUST: a build is given no variables and of secrets placeholders only, so no value can be left in its layer. What a person
//! keeps of an agent's own machine is that person's doing, for everybody who uses these repositories.

use crate::agents::{Extras, Handle};
use crate::app::App;
use crate::clock::now_ms;
use crate::{driver, environments};
use agent::state::{Living, Saved};
use anyhow::{Context, Result};
use git::name::BranchName;
use protocol::content::{Prompt, Source};
use protocol::environment::found::ChosenImage;
use protocol::event::{
    AskOptions, BuildOrder, Mode, ModelChoice, PullWishes, RepoSettings, RunLimits, RunStatus,
    Settings,
};
use protocol::failure::Refusal;
use protocol::ids::{AgentId, LayerId, OrgId, RunId};
use protocol::input::Input;
use protocol::limits::ENVIRONMENT_INSTALL_MS;
use sandbox::provider::{Layer, LayerSize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::kv::{Entry, Expect, Put};
use uuid::Uuid;

mod known;
mod manifest;
mod named;
pub mod portable;
mod sweep;

use known::too_many;
pub use known::{Build, Environment, Ground, Origin, Ready, SavedVersion};
pub use manifest::{Manifests, changes};
pub use named::{refusal, snapshot};
pub use sweep::sweep;

/// Kind of the records.
const KIND: &str = "environment";
/// Who opens a build that nobody asked for.
pub const PLATFORM: &str = "errand";
/// Hexadecimal digits that name an environment.
const KEY_DIGITS: usize = 32;
/// Age from which on a build that differs from what is there is made anew, in milliseconds.
const STALE_MS: i64 = 24 * 60 * 60 * 1000;
/// Names what prepared a disk where nothing did.
const UNPREPARED: &str = "nothing";
/// Records of environments read at once.
const PAGE: u16 = 500;

/// Names the environment of these repositories: which they are, and where they lie.
pub fn key(repos: &[RepoSettings]) -> String {
    let mut hasher = blake3::Hasher::new();
    for repo in repos {
        for text in [&repo.url, &repo.folder] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex().chars().take(KEY_DIGITS).collect()
}

/// The layers that a new agent of these repositories begins with.
pub async fn layers(app: &App, org: &OrgId, repos: &[RepoSettings]) -> Result<Vec<LayerId>> {
    let known = match repos {
        [] => None,
        // What agents share begins with nothing but what they put there.
        _ if app.config.sandbox.shared => None,
        _ => read(app, org, &key(repos)).await?,
    };
    let ground = Ground::Base(app.base);
    let current = known.and_then(|(known, _)| known.current(ground).map(|build| build.layer));
    Ok(current.or(app.base).into_iter().collect())
}

/// The build on this image that a new agent of these repositories begins with.
pub async fn on_image(
    app: &App,
    org: &OrgId,
    repos: &[RepoSettings],
    reference: &str,
) -> Result<Option<(ChosenImage, LayerId)>> {
    let known = read(app, org, &key(repos)).await?;
    Ok(known.and_then(|(known, _)| {
        let build = known.current(Ground::Image(reference))?;
        Some((build.ready.as_ref()?.image.clone()?, build.layer))
    }))
}

/// What is known of an environment, with the version that a change must find.
pub async fn read(app: &App, org: &OrgId, key: &str) -> Result<Option<(Environment, Expect)>> {
    let entry = app.store.get(org, KIND, key).await.context("read an environment")?;
    entry.map(|entry| parse(&entry)).transpose()
}

fn parse(entry: &Entry) -> Result<(Environment, Expect)> {
    let environment = serde_json::from_str(&entry.body).context("read an environment")?;
    Ok((environment, Expect::Version(entry.version)))
}

/// Every environment with its key.
pub async fn all(app: &App, org: &OrgId) -> Result<Vec<(String, Environment)>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page =
            app.store.list(org, KIND, "", &after, PAGE).await.context("list environments")?;
        let Some(last) = page.last() else { return Ok(all) };
        after.clone_from(&last.key);
        for entry in &page {
            all.push((entry.key.clone(), parse(entry)?.0));
        }
    }
}

/// Whether the build of this layer is ready by now.
pub async fn is_ready(app: &App, org: &OrgId, layer: LayerId) -> Result<bool> {
    let known = all(app, org).await?;
    let mut builds = known.iter().flat_map(|(_, environment)| &environment.builds);
    Ok(builds.any(|build| build.layer == layer && build.ready.is_some()))
}

/// Changes what is known; of two changes at once none undoes the other.
pub async fn change<T>(
    app: &App,
    org: &OrgId,
    key: &str,
    mut change: impl FnMut(&mut Environment) -> T,
) -> Result<T> {
    loop {
        let known = read(app, org, key).await?;
        let (mut environment, expect) =
            known.unwrap_or_else(|| (Environment::default(), Expect::Absent));
        let outcome = change(&mut environment);
        let body = serde_json::to_string(&environment).context("write an environment")?;
        let put = app.store.put(org, KIND, key, expect, &body).await;
        if let Put::Done(_) = put.context("keep an environment")? {
            return Ok(outcome);
        }
    }
}

/// What a build is made of.
pub struct Order {
    /// Who wants it.
    pub principal: String,
    /// The repositories, with the refs to start from.
    pub repos: Vec<RepoSettings>,
    /// Why.
    pub origin: Origin,
    /// Names what `install` prepares, where that is known.
    pub digest: Option<String>,
}

/// Begins a build, unless what is known of its environment speaks against it.
pub async fn begin(
    app: &Arc<App>,
    org: &OrgId,
    order: Order,
    is_needless: impl Fn(&Environment) -> bool,
) -> Result<Option<Build>> {
    let Order { principal, repos, origin, digest } = order;
    let (agent, key) = (AgentId::from_uuid(Uuid::now_v7()), key(&repos));
    let layer = LayerId::from_uuid(Uuid::now_v7());
    let created_ms = now_ms();
    let build = Build { agent, layer, origin, created_ms, ready: None, pinned: false, digest };
    let urls: Vec<String> = repos.iter().map(|repo| repo.url.clone()).collect();
    // Noted first: a build that nobody knows of would leave a layer that nobody uses. Decided where it
    // is noted: of two that want the same at once one does it.
    let noted = change(app, org, &key, |environment| {
        if is_needless(environment) {
            return false;
        }
        environment.repos.clone_from(&urls);
        environment.builds.push(build.clone());
        true
    });
    if !noted.await? {
        return Ok(None);
    }
    let order = BuildOrder { layer, environment: key };
    let text = format!("Prepare a machine for {}.", urls.join(", "));
    let mut settings = settings(agent, &principal, repos, order)?;
    settings.layers.extend(app.base);
    settings.may_have_image = app.takes_images();
    let input = Input::Open {
        agent,
        settings: Box::new(settings),
        inherited: Vec::new(),
        run: RunId::from_uuid(Uuid::now_v7()),
        prompt: Prompt::of(text, Source::Platform),
        options: AskOptions::default(),
    };
    let handle = app.agents.handle(org, agent);
    handle.submit(input, Extras::default()).await?;
    driver::wake(app, &handle);
    tracing::info!(agent.id = %agent, repos = ?urls, "a build begins");
    Ok(Some(build))
}

fn settings(
    agent: AgentId,
    principal: &str,
    repos: Vec<RepoSettings>,
    order: BuildOrder,
) -> Result<Settings> {
    let first = repos.first().map_or("", |repo| repo.folder.as_str());
    let suffix = agent.uuid().simple().to_string();
    let branch = BranchName::for_task("errand/", "build", suffix.get(26..).unwrap_or_default())
        .map_err(|bad| anyhow::anyhow!("name the branch of a build: {bad}"))?;
    let install_ms = RunLimits::default().hard_time_ms.saturating_add(ENVIRONMENT_INSTALL_MS);
    Ok(Settings {
        name: format!("Build of {first}"),
        principal: principal.to_owned(),
        // What it makes is for everybody.
        opener: None,
        model: ModelChoice { id: "none".to_owned(), params: Vec::new() },
        mode: Mode::default(),
        auto_create_pr: false,
        skip_reviewer_request: false,
        pull: PullWishes::default(),
        work_on_current_branch: false,
        branch_name: None,
        branch: branch.to_string(),
        env_names: Vec::new(),
        startup_commands: Vec::new(),
        metadata: BTreeMap::new(),
        privacy_mode: false,
        limits: RunLimits { hard_time_ms: install_ms, ..RunLimits::default() },
        provider: "local".to_owned(),
        layers: Vec::new(),
        may_have_image: false,
        image: None,
        build: Some(order),
        forked_from: None,
        extra: None,
        repos,
    })
}

/// A layer is there: notes it, and lets go of those that are too many.
pub async fn keep(app: &Arc<App>, handle: &Handle, living: &Living, layer: &Layer) -> Result<()> {
    let repos = &living.settings.repos;
    if repos.is_empty() {
        return Ok(());
    }
    let stands = living.repos.iter().map(|repo| {
        let base = || repo.base.as_ref().map(|base| base.commit.clone());
        repo.tip.clone().or_else(base).unwrap_or_default()
    });
    let LayerSize { bytes, files } = layer.size.unwrap_or_default();
    let base = app.base.filter(|base| layer.below.contains(base));
    let image = living.settings.image.as_deref().cloned();
    let saved = living.set_up.as_ref().and_then(|set_up| set_up.saved.as_deref());
    let saved = saved.map(|Saved { environment, .. }| SavedVersion {
        id: environment.id.clone(),
        name: environment.name.clone(),
        version: environment.version,
    });
    let commits = stands.collect();
    let ready = Ready { at_ms: now_ms(), commits, bytes, files, base, image, saved };
    let prepared = prepared(app, handle, living).await?;
    let ground = ready.ground();
    let (agent, layer) = (handle.id, layer.id);
    let over = change(app, &handle.org, &key(repos), |environment| {
        environment.repos = repos.iter().map(|repo| repo.url.clone()).collect();
        let ready = Some(ready.clone());
        match environment.builds.iter_mut().find(|build| build.layer == layer) {
            Some(build) => {
                build.ready = ready;
                let known = build.digest.take();
                build.digest = known.or_else(|| prepared.clone());
            }
            // A build that was forgotten meanwhile stays so.
            None if living.settings.build.is_some() => {}
            None => {
                let (origin, created_ms) = (Origin::Kept, now_ms());
                let (pinned, digest) = (false, None);
                let build = Build { agent, layer, origin, created_ms, ready, pinned, digest };
                environment.builds.push(build);
            }
        }
        too_many(environment, ground)
    })
    .await?;
    for build in over {
        forget(app, &handle.org, &key(repos), &build).await?;
    }
    Ok(())
}

/// Names what prepared the disk of a build, so that another text or lock file is seen to be another.
async fn prepared(app: &App, handle: &Handle, living: &Living) -> Result<Option<String>> {
    if living.settings.build.is_none() {
        return Ok(None);
    }
    let followed = environments::followed(app, &handle.org, living).await?;
    let digest = followed.map_or_else(|| UNPREPARED.to_owned(), |followed| followed.digest);
    Ok(Some(on_ground(app, living, &digest).1))
}

/// What was tried on another image says nothing about this one.
fn on_ground<'a>(app: &App, living: &'a Living, digest: &str) -> (Ground<'a>, String) {
    let (ground, on) = match &living.settings.image {
        Some(image) => (Ground::Image(&image.reference), format!("+{}", image.reference)),
        None => (Ground::Base(app.base), app.base.map(|id| format!("+{id}")).unwrap_or_default()),
    };
    (ground, format!("{digest}{on}"))
}

/// Deletes the agent of a build, and then what is noted of it: whoever dies in between is followed by
/// somebody who finds the note. Its layer goes once nothing stands on it.
pub async fn forget(app: &Arc<App>, org: &OrgId, key: &str, build: &Build) -> Result<()> {
    if !matches!(build.origin, Origin::Kept | Origin::Imported) {
        let_go(app, org, build).await?;
    }
    change(app, org, key, |now| now.builds.retain(|other| other.layer != build.layer)).await
}

async fn let_go(app: &Arc<App>, org: &OrgId, build: &Build) -> Result<()> {
    let handle = app.agents.handle(org, build.agent);
    let deleting = Input::Delete { principal: PLATFORM.to_owned() };
    match handle.submit(deleting, Extras::default()).await {
        Ok(_) => driver::wake(app, &handle),
        Err(error) if matches!(error.downcast_ref(), Some(Refusal::NoAgent)) => {}
        Err(error) => return Err(error).context("delete an old build"),
    }
    Ok(())
}

/// An agent of these repositories had to install by itself, or found a machine prepared long ago:
/// has one made for the next, unless that is under way, was tried lately, or is what there is.
pub async fn consider(
    app: &Arc<App>,
    org: &OrgId,
    living: &Living,
    digest: &str,
) -> Result<Option<Build>> {
    let settings = &living.settings;
    let on_default = living
        .repos
        .iter()
        .all(|repo| repo.base.as_ref().is_some_and(|base| base.base_branch == base.default_branch));
    let as_it_is = settings.repos.iter().all(|repo| repo.upload.is_none());
    let may_be = app.config.builds.automatic && !app.config.sandbox.shared;
    if !may_be || settings.build.is_some() || !on_default || !as_it_is {
        return Ok(None);
    }
    let since = now_ms().saturating_sub(STALE_MS);
    let (ground, digest) = on_ground(app, living, digest);
    let repos = &settings.repos;
    let repos = repos.iter().map(|repo| RepoSettings { starting_ref: None, ..repo.clone() });
    let order = Order {
        principal: PLATFORM.to_owned(),
        repos: repos.collect(),
        origin: Origin::Automatic,
        digest: Some(digest.clone()),
    };
    begin(app, org, order, |known| known.is_enough(ground, &digest, since)).await
}

/// How a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is at work, or its disk is being frozen.
    Running,
    /// It can be begun with.
    Ready,
    /// It never will be.
    Failed,
}

/// How a build stands whose agent's newest run is like this, if there still is an agent.
pub fn standing(build: &Build, run: Option<RunStatus>) -> Standing {
    match (&build.ready, run) {
        (Some(_), _) => Standing::Ready,
        (None, Some(RunStatus::Creating | RunStatus::Running | RunStatus::Finished)) => {
            Standing::Running
        }
        (None, Some(RunStatus::Error | RunStatus::Cancelled | RunStatus::Expired) | None) => {
            Standing::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_which_repositories_lie_where() {
        let repo = |url: &str, folder: &str| RepoSettings {
            url: url.to_owned(),
            starting_ref: None,
            pr_url: None,
            folder: folder.to_owned(),
            upload: None,
        };
        let one = [repo("https://a.example/x", "x")];
        let other_ref = [RepoSettings { starting_ref: Some("dev".to_owned()), ..one[0].clone() }];
        assert_eq!(key(&one), key(&other_ref), "whatever ref an agent starts from");
        assert_ne!(key(&one), key(&[repo("https://a.example/x", "y")]));
        assert_ne!(key(&one), key(&[repo("https://a.example/xx", "")]));
    }
}
