//! What a pull request says about a run, from our own log and our own copy of the commits.

use crate::agents::View;
use crate::api::diff;
use crate::effects::Job;
use crate::flow;
use crate::gate;
use anyhow::Result;
use forge::describe::{CommandFact, CommitFact, Effort, Facts, FileFact};
use protocol::event::{Event, Logged, RepoSettings, TurnOutcome};
use protocol::ids::{CallId, RunId, Seq};
use std::collections::BTreeMap;

/// Gathers the facts.
pub async fn facts(
    job: &Job,
    view: &View,
    run: RunId,
    index: usize,
    repo: &RepoSettings,
) -> Result<Facts> {
    let log = job.handle.log(Seq(0)).await?;
    let settings = &view.living()?.settings;
    let diff = diff::of_repo(&job.app, job.handle.id, view, index, repo).await?;
    let mut facts = Facts {
        name: view.projection.detail.name.clone(),
        link: format!("{}/agents/{}", job.app.public_url, job.handle.id),
        commands: commands(&log),
        effort: Effort {
            model: settings.model.id.clone(),
            duration_ms: duration(&log),
            cost_micros: Some(view.projection.cost_micros()).filter(|cost| *cost > 0),
        },
        ..Facts::default()
    };
    for logged in &log {
        match &logged.event {
            Event::Asked { prompt, .. } if facts.task.is_empty() => {
                facts.task.clone_from(&prompt.text)
            }
            Event::TurnEnded { run: of, outcome: TurnOutcome::Finished { result } }
                if *of == run =>
            {
                facts.result.clone_from(result)
            }
            Event::CheckpointMade { repos, .. } => {
                let made = repos.iter().find(|made| made.url == repo.url);
                facts.notes = made.map(|made| made.notes.clone()).unwrap_or_default();
            }
            _ => {}
        }
    }
    facts.notes.extend(flow::note(&log));
    facts.notes.extend(gate::notes(&log));
    if let Some(diff) = diff {
        facts.stat = diff.stat;
        facts.commits = diff
            .commits
            .into_iter()
            .rev()
            .map(|commit| CommitFact { id: commit.id, subject: commit.subject })
            .collect();
        let file = |file: protocol::api::agents::FileDiff| FileFact {
            path: file.path,
            additions: file.additions,
            deletions: file.deletions,
        };
        facts.files = diff.files.into_iter().map(file).collect();
    }
    Ok(facts)
}

fn duration(log: &[Logged]) -> u64 {
    let (first, last) =
        (log.first().map_or(0, |logged| logged.at_ms), log.last().map_or(0, |logged| logged.at_ms));
    u64::try_from(last.saturating_sub(first)).unwrap_or(0)
}

/// Commands run after the last edit: only they say something about the result.
pub fn commands(log: &[Logged]) -> Vec<CommandFact> {
    let mut running: BTreeMap<CallId, String> = BTreeMap::new();
    let mut edits: BTreeMap<CallId, ()> = BTreeMap::new();
    let mut commands = Vec::new();
    for logged in log {
        match &logged.event {
            Event::ToolCalled { call, name, arguments, .. } => match name.as_str() {
                "shell" => {
                    running.insert(call.clone(), command_of(arguments));
                }
                "edit_file" | "write_file" => {
                    edits.insert(call.clone(), ());
                }
                _ => {}
            },
            Event::ToolReturned { call, result, duration_ms, .. } => {
                if edits.remove(call).is_some() && !result.is_error {
                    commands.clear();
                }
                if let Some(command) = running.remove(call) {
                    let code =
                        result.detail.as_ref().and_then(|detail| detail.get("exitCode")?.as_i64());
                    let exit_code = code.and_then(|code| i32::try_from(code).ok());
                    commands.push(CommandFact { command, exit_code, duration_ms: *duration_ms });
                }
            }
            _ => {}
        }
    }
    commands
}

fn command_of(arguments: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    parsed.get("command").and_then(|command| command.as_str()).unwrap_or(arguments).to_owned()
}
