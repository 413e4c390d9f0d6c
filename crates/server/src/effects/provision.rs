//! Makes the sandbox of an epoch and meets its guest.

use super::{Job, failed};
use crate::lfs::inside::{Inside, Origin};
use crate::machines::Machine;
use crate::sandbox_spec;
use crate::{audit, dependencies, egress, environments};
use anyhow::{Context, Result};
use gateway::attach::{Attaching, Repositories};
use gateway::audit::Peer;
use gateway::repository::{AgentRepository, PushLimits};
use git::name::BranchName;
use protocol::event::{Event, Settings};
use protocol::failure::{Failure, Phase};
use protocol::ids::Epoch;
use protocol::link::{Hello, VERSION};
use sandbox::link::Link;
use sandbox::provider::{MachineState, ProviderError, SandboxKey, SandboxSpec};
use std::sync::Arc;
use std::time::Instant;

/// Makes or finds the sandbox, links up, and reports it.
pub async fn run(job: &Job, epoch: Epoch) -> Result<()> {
    let began = Instant::now();
    let view = job.view().await?;
    let settings = Arc::clone(&view.living()?.settings);
    let key = SandboxKey { agent: job.handle.id, epoch };
    let authority = job.app.seeds.authority(key)?;
    let trusted = authority.certificate();
    let spec = sandbox_spec::spec(&job.app.config, &job.handle.org, key, &settings, trusted);
    let place = job.app.starts.boot().await?;
    job.progress(epoch, "sandbox", "starting", None);
    let machine = match make(job, &settings, spec).await {
        Ok(machine) => machine,
        Err(error) => return refuse(job, epoch, error).await,
    };
    // One that has ended since it came up is not met again under its key: it is reported as up, and
    // then found lost as every other one is.
    if machine.state == MachineState::Running {
        link(job, epoch).await?;
    }
    drop(place);
    let boot_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let isolation =
        serde_json::to_value(&machine.isolation).context("write the isolation report")?;
    job.report(vec![Event::SandboxUp { epoch, boot_ms, isolation }]).await
}

/// Makes it with what its disk is to begin with; without, where a build is gone by now. What a fork
/// begins with is somebody's work and stands nowhere else.
async fn make(
    job: &Job,
    settings: &Settings,
    mut spec: SandboxSpec,
) -> Result<sandbox::provider::Machine, ProviderError> {
    let provider = &job.app.provider;
    match provider.create(&spec).await {
        Err(ProviderError::Refused(words))
            if spec.layers != job.app.base.as_slice() && settings.forked_from.is_none() =>
        {
            tracing::warn!(agent.id = %job.handle.id, words, "a machine starts without its build");
            spec.layers = job.app.base.into_iter().collect();
            provider.create(&spec).await
        }
        made => made,
    }
}

async fn refuse(job: &Job, epoch: Epoch, error: ProviderError) -> Result<()> {
    let code = match &error {
        ProviderError::Refused(_) => "sandbox_refused",
        ProviderError::Isolation(_) => "sandbox_isolation",
        ProviderError::NotRunning(_) | ProviderError::Unavailable(_) => {
            return Err(failed(Phase::Sandbox, "sandbox_unavailable", error.to_string()));
        }
    };
    let failure = Failure::new(
        Phase::Sandbox,
        code,
        format!("{error}; `errand doctor` says what this host can do"),
    );
    job.report(vec![Event::SandboxFailed { epoch, failure }]).await
}

/// Connects to the guest; used again whenever the connection broke.
pub async fn link(job: &Job, epoch: Epoch) -> Result<Machine> {
    let (app, agent) = (&job.app, job.handle.id);
    let stream =
        app.provider.connect(SandboxKey { agent, epoch }).await.context("connect to the guest")?;
    let hello = Hello { version: VERSION, agent, epoch, term: job.term };
    let link = Link::connect(stream, hello).await.context("greet the guest")?;
    let held = app.machines.get(agent).filter(|machine| machine.epoch == epoch);
    let machine = Machine { epoch, link, gateway: held.and_then(|machine| machine.gateway) };
    app.machines.put(agent, machine.clone());
    serve(job, machine).await
}

/// Serves what the sandbox may reach, as soon as the starting commits are known.
pub async fn serve(job: &Job, mut machine: Machine) -> Result<Machine> {
    let view = job.view().await?;
    let living = view.living()?;
    let _turn = job.handle.serving.lock().await;
    let held = job.app.machines.get(job.handle.id).filter(|held| held.epoch == machine.epoch);
    machine.gateway = machine.gateway.or(held.and_then(|held| held.gateway));
    if machine.gateway.is_some() || living.repos.iter().any(|repo| repo.base.is_none()) {
        return Ok(machine);
    }
    let peer = Peer { agent: job.handle.id, epoch: machine.epoch };
    let key = SandboxKey { agent: peer.agent, epoch: peer.epoch };
    let sockets =
        job.app.provider.gateway_sockets(key).await.context("take the gateway's sockets")?;
    let entrances = sandbox_spec::entrances(sockets);
    let branch = BranchName::parse(&living.settings.branch).context("parse the branch")?;
    let mut repositories = Vec::new();
    for repo in &living.settings.repos {
        // TRUST: by the agent's own id, so no sandbox is ever handed another one's repository.
        let opened = job.app.agent_repo(peer.agent, repo)?;
        let remote = job.app.remote(&repo.url)?;
        job.app.large_files(&job.handle.org, &remote.url).tidy().await;
        let origin = Origin::Own(remote.url);
        let quarantine = Some(job.app.quarantine(peer.agent).await?);
        repositories.push(AgentRepository {
            large_files: Inside::new(job.app.clone(), job.handle.org.clone(), origin, quarantine),
            name: repo.folder.clone(),
            url: repo.url.clone(),
            repo: (*opened).clone(),
            branch: branch.clone(),
        });
    }
    let followed = environments::followed(&job.app, &job.handle.org, living).await?;
    // TRUST: what nobody reviewed names no repository that git reads with the server's keys.
    let reviewed = followed.as_ref().filter(|_| living.withheld().is_none());
    let dependencies = reviewed.map_or_else(Vec::new, |followed| {
        let own: Vec<_> = living.settings.repos.iter().map(|repo| repo.url.as_str()).collect();
        let named = followed.understood.environment.dependencies();
        dependencies::served(&job.app, &job.handle.org, &own, named)
    });
    let repositories =
        Repositories { own: repositories, dependencies, push: PushLimits::default() };
    let rules = egress::of(&job.app, &job.handle, living, followed.as_ref()).await?;
    audit::uses::given(&job.app, &job.handle.org, peer, living).await?;
    let authority = job.app.seeds.authority(key)?;
    let attaching = Attaching { entrances, rules, repositories, authority };
    let guard = job.app.gateway.attach(peer, attaching).context("serve the gateway's sockets")?;
    machine.gateway = Some(Arc::new(guard));
    job.app.machines.put(peer.agent, machine.clone());
    Ok(machine)
}
