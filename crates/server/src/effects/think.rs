//! Drives the model: hands the harness its log, its hands and its memory, and reports how it ended.

use super::{Job, restore};
use crate::artifacts;
use crate::clock::now_ms;
use crate::egress;
use crate::environments::{self, Followed, Reach};
use crate::journal::AgentJournal;
use crate::models_inside;
use crate::redact;
use crate::secrets;
use crate::workspace::LinkWorkspace;
use anyhow::{Context, Result};
use gateway::policy::EgressMode;
use git::mirror::Mirror;
use git::name::CommitId;
use harness::turn::{Base, Brain, Repo, Turn, run_turn};
use harness::workspace::Workspace as _;
use model::retry::RetryPolicy;
use protocol::event::{AskOptions, Event, Logged, ModelChoice, Settings, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{RunId, Seq};
use std::sync::{Arc, Mutex};

/// Runs the turn to its end.
pub async fn run(job: &Job, run: RunId) -> Result<()> {
    let log = job.handle.log(Seq(0)).await?;
    match options_of(&log, run).and_then(|options| options.restore) {
        // Once is enough: what was done since, in this machine or the one before, is the model's.
        Some(target) if !is_restored(&log, run) => put_back(job, run, target).await,
        Some(_) | None => drive(job, run, log).await,
    }
}

fn is_restored(log: &[Logged], run: RunId) -> bool {
    log.iter().any(|logged| {
        matches!(&logged.event, Event::Noticed { run: of, code, .. }
            if *of == run && code == restore::RESTORED)
    })
}

/// The files of that run are to be there again.
async fn put_back(job: &Job, run: RunId, target: RunId) -> Result<()> {
    let workspace = LinkWorkspace {
        app: Arc::clone(&job.app),
        handle: Arc::clone(&job.handle),
        run,
        variables: Arc::default(),
    };
    let Ok(epoch) = workspace.ready().await else {
        // Cancelled or failing: whoever decided that says what comes next.
        job.cancel.cancelled().await;
        return Ok(());
    };
    let outcome = restore::carry_out(job, epoch, (run, target)).await?;
    let view = job.view().await?;
    let is_awaited = view.living()?.turn().is_some_and(|turn| !turn.steers.is_empty());
    let told = match &outcome {
        TurnOutcome::Finished { result } => {
            Some(Event::Noticed { run, code: restore::RESTORED.to_owned(), text: result.clone() })
        }
        TurnOutcome::Failed { .. } | TurnOutcome::Cancelled | TurnOutcome::Expired => None,
    };
    // What people said meanwhile is for the model.
    if let (Some(told), true) = (&told, is_awaited) {
        job.report(vec![told.clone()]).await?;
        let log = job.handle.log(Seq(0)).await?;
        return drive(job, run, log).await;
    }
    let ended = Event::TurnEnded { run, outcome };
    job.report(told.into_iter().chain([ended]).collect()).await
}

/// Has the model work.
async fn drive(job: &Job, run: RunId, transcript: Vec<Logged>) -> Result<()> {
    let (turn, journal) = match prepare(job, run, transcript).await? {
        Ok(prepared) => prepared,
        Err(failure) => {
            return job
                .report(vec![Event::TurnEnded { run, outcome: TurnOutcome::Failed { failure } }])
                .await;
        }
    };
    let without_repository = turn.base.repos.is_empty();
    match run_turn(turn).await {
        Ok(outcome) if without_repository => {
            // No worktree is taken over afterwards, so what was left for people is taken here.
            keep_artifacts(job).await?;
            job.report(vec![Event::TurnEnded { run, outcome }]).await
        }
        Ok(outcome) => job.report(vec![Event::TurnEnded { run, outcome }]).await,
        // Cancelled, fenced or over: whoever stopped it says what comes next.
        Err(harness::journal::Stopped) => match journal.trouble() {
            Some(error) => Err(error).context("record what the turn did"),
            None => {
                job.cancel.cancelled().await;
                Ok(())
            }
        },
    }
}

async fn keep_artifacts(job: &Job) -> Result<()> {
    let Some(machine) = job.app.machines.get(job.handle.id) else { return Ok(()) };
    artifacts::take(&job.app.store, &machine.link, &job.handle.org, job.handle.id, now_ms()).await
}

type Prepared = std::result::Result<(Turn, Arc<AgentJournal>), Failure>;

async fn prepare(job: &Job, run: RunId, transcript: Vec<Logged>) -> Result<Prepared> {
    let view = job.view().await?;
    let living = view.living()?;
    let settings = Arc::clone(&living.settings);
    let options = options_of(&transcript, run).context("find the run's message")?;
    let choice = options.model.clone().unwrap_or_else(|| settings.model.clone());
    let brain = match brain(job, &choice) {
        Ok(brain) => brain,
        Err(failure) => return Ok(Err(failure)),
    };
    let variables =
        secrets::variables(&job.app, &job.handle.org, job.handle.id, living, secrets::Phase::Work)
            .await
            .context("unseal the variables")?;
    let followed = environments::followed(&job.app, &job.handle.org, living).await?;
    let variables = environments::variables(followed.as_ref(), variables);
    let variables = models_inside::variables(&job.app, job.handle.id, variables);
    // Secrets may have changed since the machine came up.
    egress::follow(&job.app, &job.handle).await?;
    let (mut base, bases) =
        base(job, &settings, &transcript, run, (&variables, followed.as_ref())).await?;
    base.facts.extend(environments::without_credentials(living));
    base.facts.extend(secrets::facts(&job.app, &job.handle.org, living).await?);
    let seen = transcript.last().map_or(Seq(0), |logged| logged.seq);
    let journal = Arc::new(AgentJournal {
        app: Arc::clone(&job.app),
        handle: Arc::clone(&job.handle),
        run,
        term: job.term,
        seen: Mutex::new(seen),
        bases,
        redactor: redact::of_agent(&job.app, &job.handle.org, living).await?,
        outputs: Mutex::default(),
        trouble: Mutex::default(),
    });
    let workspace = LinkWorkspace {
        app: Arc::clone(&job.app),
        handle: Arc::clone(&job.handle),
        run,
        variables: Arc::new(variables),
    };
    let turn = Turn {
        agent: job.handle.id,
        run,
        mode: options.mode.unwrap_or(settings.mode),
        brain,
        limits: settings.limits,
        base,
        transcript,
        workspace: Arc::new(workspace),
        journal: Arc::clone(&journal) as _,
        cancel: job.cancel.clone(),
    };
    Ok(Ok((turn, journal)))
}

fn options_of(transcript: &[Logged], run: RunId) -> Option<&AskOptions> {
    transcript.iter().find_map(|logged| match &logged.event {
        Event::Asked { run: of, options, .. } if *of == run => Some(options),
        _ => None,
    })
}

fn brain(job: &Job, choice: &ModelChoice) -> std::result::Result<Brain, Failure> {
    let entry = job.app.catalog.find(&choice.id).ok_or_else(|| {
        let message = format!(
            "the model {:?} is no longer configured: choose another with --model",
            choice.id
        );
        Failure::new(Phase::Model, "model_unknown", message)
    })?;
    Ok(Brain {
        model: model::catalog::Catalog::open(entry, &job.app.http),
        id: entry.id.clone(),
        parameters: choice
            .params
            .iter()
            .map(|param| (param.id.clone(), param.value.clone()))
            .collect(),
        price: entry.price,
        retry: RetryPolicy::default(),
    })
}

type Bases = Vec<(String, Mirror, CommitId)>;

async fn base(
    job: &Job,
    settings: &Settings,
    transcript: &[Logged],
    run: RunId,
    (variables, followed): (&[(String, String)], Option<&Followed>),
) -> Result<(Base, Bases)> {
    let started = transcript.iter().find_map(|logged| match &logged.event {
        Event::RunStarted { run: of } if *of == run => Some(logged.at_ms),
        _ => None,
    });
    let date = protocol::api::timestamp(started.unwrap_or_default());
    let mut base = Base { date: date.get(..10).unwrap_or_default().to_owned(), ..Base::default() };
    base.cwd = match settings.repos.as_slice() {
        [only] => format!("/workspace/{}", only.folder),
        [] | [_, _, ..] => "/workspace".to_owned(),
    };
    if !variables.is_empty() {
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        base.facts.push(format!("Variables set in every command: {}.", names.join(", ")));
    }
    let network =
        egress::network_of(&job.app, &job.handle.org, job.view().await?.living()?).await?;
    let mode = match followed {
        Some(followed) => Reach::of(&network, &followed.understood.environment)?.mode,
        None => network.mode,
    };
    base.facts.push(network_fact(mode));
    let read = transcript.iter().find_map(|logged| match &logged.event {
        Event::EnvironmentRead { environment, .. } => Some(environments::facts(environment)),
        _ => None,
    });
    base.facts.extend(read.unwrap_or_default());
    let view = job.view().await?;
    let mut bases = Bases::new();
    for (repo, state) in settings.repos.iter().zip(&view.living()?.repos) {
        let known = state.base.as_ref().context("the starting commit is not known")?;
        let commit = CommitId::parse(&known.commit)?;
        let mirror = job.app.mirror(&job.handle.org, &job.app.remote(&repo.url)?, &commit)?;
        let path = format!("/workspace/{}", repo.folder);
        let look = job.app.first_looks.at(&mirror, &commit).await?;
        let inside = |(name, text): &(String, String)| (format!("{path}/{name}"), text.clone());
        base.instructions.extend(look.instructions.iter().map(inside));
        base.tree.push_str(&format!("{path}/\n{}", look.tree));
        base.repos.push(Repo {
            path: path.clone(),
            url: repo.url.clone(),
            branch: settings.branch.clone(),
            base_branch: known.base_branch.clone(),
        });
        bases.push((path, mirror, commit));
    }
    Ok((base, bases))
}

fn network_fact(mode: EgressMode) -> String {
    let reach = match mode {
        EgressMode::Offline => "Nothing outside can be reached",
        EgressMode::Allowlist => "Only listed hosts can be reached",
        EgressMode::Open => "Any public host can be reached",
        EgressMode::Packages => "Package registries can be reached, other hosts only if listed",
    };
    format!("{reach}; a refused connection says how a person can allow it.")
}
