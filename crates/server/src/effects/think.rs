//! Drives the model: hands the harness its log, its hands and its memory, and reports how it ended.

use super::Job;
use crate::artifacts;
use crate::clock::now_ms;
use crate::journal::{AgentJournal, INSTRUCTION_BYTES};
use crate::workspace::LinkWorkspace;
use anyhow::{Context, Result};
use git::mirror::Mirror;
use git::name::CommitId;
use git::objects::{EntryKind, FileContent, Listing, Reader};
use harness::turn::{Base, Brain, Repo, Turn, run_turn};
use model::retry::RetryPolicy;
use protocol::event::{AskOptions, Event, Logged, ModelChoice, Settings, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{RunId, Seq};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

/// Entries of the top folder that the model is shown.
const TREE_ENTRIES: usize = 200;
/// Rules files of a repository that are read.
const RULES: usize = 50;

/// Runs the turn to its end.
pub async fn run(job: &Job, run: RunId) -> Result<()> {
    let turn = match prepare(job, run).await? {
        Ok(turn) => turn,
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
        Err(harness::journal::Stopped) => {
            job.cancel.cancelled().await;
            Ok(())
        }
    }
}

async fn keep_artifacts(job: &Job) -> Result<()> {
    let Some(machine) = job.app.machines.get(job.handle.id) else { return Ok(()) };
    artifacts::take(&job.app.store, &machine.link, &job.handle.org, job.handle.id, now_ms()).await
}

async fn prepare(job: &Job, run: RunId) -> Result<std::result::Result<Turn, Failure>> {
    let transcript = job.handle.log(Seq(0)).await?;
    let view = job.view().await?;
    let settings = Arc::clone(&view.living()?.settings);
    let options = options_of(&transcript, run).context("find the run's message")?;
    let choice = options.model.clone().unwrap_or_else(|| settings.model.clone());
    let brain = match brain(job, &choice) {
        Ok(brain) => brain,
        Err(failure) => return Ok(Err(failure)),
    };
    let variables =
        job.app.variables(&job.handle.org, job.handle.id).await.context("unseal the variables")?;
    let (base, bases) = base(job, &settings, &transcript, run, &variables).await?;
    let seen = transcript.last().map_or(Seq(0), |logged| logged.seq);
    let journal = AgentJournal {
        app: Arc::clone(&job.app),
        handle: Arc::clone(&job.handle),
        term: job.term,
        seen: Mutex::new(seen),
        bases,
    };
    let workspace = LinkWorkspace {
        app: Arc::clone(&job.app),
        handle: Arc::clone(&job.handle),
        run,
        variables: Arc::new(variables),
    };
    Ok(Ok(Turn {
        agent: job.handle.id,
        run,
        mode: options.mode.unwrap_or(settings.mode),
        brain,
        limits: settings.limits,
        base,
        transcript,
        workspace: Arc::new(workspace),
        journal: Arc::new(journal),
        cancel: job.cancel.clone(),
    }))
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
    variables: &[(String, String)],
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
    base.facts.push(network_fact(&job.app.config.network.mode));
    let view = job.view().await?;
    let mut bases = Bases::new();
    for (repo, state) in settings.repos.iter().zip(&view.living()?.repos) {
        let known = state.base.as_ref().context("the starting commit is not known")?;
        let commit = CommitId::parse(&known.commit)?;
        let mirror = job.app.mirror(&job.handle.org, &job.app.remote(&repo.url)?, &commit)?;
        let path = format!("/workspace/{}", repo.folder);
        read_repository(&mut base, &path, &mirror, &commit).await?;
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

fn network_fact(mode: &str) -> String {
    let reach = match mode {
        "offline" => "Nothing outside can be reached",
        "allowlist" => "Only listed hosts can be reached",
        "open" => "Any public host can be reached",
        _ => "Package registries can be reached, other hosts only if listed",
    };
    format!("{reach}; a refused connection says how a person can allow it.")
}

/// Instructions and the top of the file tree, from the mirror: the sandbox may not even be up.
async fn read_repository(
    base: &mut Base,
    path: &str,
    mirror: &Mirror,
    commit: &CommitId,
) -> Result<()> {
    let mut reader = mirror.reader().await.context("read the mirror")?;
    let Some(listing) =
        reader.folder(commit, "", TREE_ENTRIES).await.context("list the top folder")?
    else {
        return Ok(());
    };
    // Only what the top folder shows can be there: no question is asked in vain.
    let there = |path: &str| {
        let first = path.split('/').next().unwrap_or(path);
        listing.truncated || listing.entries.iter().any(|entry| entry.path == first.as_bytes())
    };
    let wanted = harness::instructions::wanted();
    for name in wanted.first_of.iter().filter(|name| there(name)) {
        let text = reader
            .file(commit, name, INSTRUCTION_BYTES)
            .await
            .ok()
            .flatten()
            .and_then(FileContent::into_text);
        if let Some(text) = text {
            base.instructions.push((format!("{path}/{name}"), text));
            break;
        }
    }
    let (folder, ending) = wanted.all_in;
    if there(folder) {
        read_rules(base, path, &mut reader, commit, folder, ending).await?;
    }
    show_tree(&mut base.tree, path, &listing);
    Ok(())
}

async fn read_rules(
    base: &mut Base,
    path: &str,
    reader: &mut Reader,
    commit: &CommitId,
    folder: &str,
    ending: &str,
) -> Result<()> {
    let Some(rules) = reader.folder(commit, folder, RULES).await.context("list the rules")? else {
        return Ok(());
    };
    for entry in &rules.entries {
        let name = format!("{folder}/{}", entry.shown_path());
        if entry.kind == EntryKind::Folder || !name.ends_with(ending) {
            continue;
        }
        let text = reader
            .file(commit, &name, INSTRUCTION_BYTES)
            .await
            .ok()
            .flatten()
            .and_then(FileContent::into_text);
        if let Some(rule) = text.as_deref().and_then(harness::instructions::rule_text) {
            base.instructions.push((format!("{path}/{name}"), rule.to_owned()));
        }
    }
    Ok(())
}

fn show_tree(tree: &mut String, path: &str, listing: &Listing) {
    // Writing to a string cannot fail.
    writeln!(tree, "{path}/").unwrap_or_default();
    for entry in listing.entries.iter().take(TREE_ENTRIES) {
        let slash = if entry.kind == EntryKind::Folder { "/" } else { "" };
        writeln!(tree, "  {}{slash}", entry.shown_path()).unwrap_or_default();
    }
    let more = listing.entries.len().saturating_sub(TREE_ENTRIES);
    if more > 0 || listing.truncated {
        writeln!(tree, "  … and more").unwrap_or_default();
    }
}
