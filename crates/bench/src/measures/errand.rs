//! Whole errands of 21 steps, and what lies between the model's answer and its next request.

use super::yardsticks::{FORK, HTTP};
use crate::figure::{Figures, Unit, milliseconds};
use crate::repository::Repository;
use crate::watch::Seen;
use crate::world::{Opened, World};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Instant;

/// Tool steps of one errand: read, edit, run, seven times.
const STEPS: usize = 21;
/// Errands, one after the other.
const RUNS: usize = 10;
/// Milliseconds between answer and next request, for a read or an edit.
const FILE_TARGET_MS: f64 = 2.0;
/// The same for a command.
const COMMAND_TARGET_MS: f64 = 8.0;
/// Seconds of a whole errand.
const WHOLE_TARGET_S: f64 = 1.0;

/// Samples by what was measured.
#[derive(Default)]
struct Samples {
    read: Vec<f64>,
    edit: Vec<f64>,
    command: Vec<f64>,
    first: Vec<f64>,
    whole: Vec<f64>,
    phases: [Vec<f64>; 4],
}

/// What ends each phase of an errand.
const PHASES: [(&str, &str); 4] = [
    ("  of it: until the sandbox is up", "SandboxUp"),
    ("  of it: until the workspace is ready", "WorkspaceReady"),
    ("  of it: until the last step is done", "TurnEnded"),
    ("  of it: until the commit is made", "CheckpointMade"),
];

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let world = World::start(STEPS).await?;
    let repository = world.repository("errand")?;
    let mut agents = Vec::new();
    let mut samples = Samples::default();
    // The first one clones and warms up; it does not count.
    agents.push(errand(&world, &repository, &mut Samples::default()).await?);
    for _ in 0..RUNS {
        agents.push(errand(&world, &repository, &mut samples).await?);
    }
    report(figures, samples);
    world.end(&agents).await
}

fn report(figures: &mut Figures, samples: Samples) {
    let Samples { read, edit, command, first, whole, phases } = samples;
    let unit = Unit::Milliseconds;
    figures.add_with_target("answer to next request, read", unit, read, FILE_TARGET_MS);
    figures.compare_to(HTTP);
    figures.add_with_target("answer to next request, edit", unit, edit, FILE_TARGET_MS);
    figures.compare_to(HTTP);
    figures.add_with_target("answer to next request, command", unit, command, COMMAND_TARGET_MS);
    figures.compare_to(FORK);
    figures.add("first answer to next request (waits for the sandbox)", unit, first);
    figures.add_with_target(
        "errand of 21 steps, POST to end",
        Unit::Seconds,
        whole,
        WHOLE_TARGET_S,
    );
    for ((name, _), times) in PHASES.iter().zip(phases) {
        figures.add(name, unit, times);
    }
}

async fn errand(world: &World, repository: &Repository, samples: &mut Samples) -> Result<Opened> {
    let agent = world.open("Fix the sign in calc.py.", Some(repository)).await?;
    let events = world.finished(&agent).await?;
    let ended = events.last().context("a run without events")?.arrived;
    samples.whole.push((ended - agent.sent).as_secs_f64());
    for ((_, kind), times) in PHASES.iter().zip(&mut samples.phases) {
        times.push(milliseconds(arrival(&events, kind)? - agent.sent));
    }
    gaps(world, agent.sent, samples)?;
    verify(repository, &events)?;
    world.archive(&agent).await?;
    world.without_sandboxes().await?;
    Ok(agent)
}

fn arrival(events: &[Seen], kind: &str) -> Result<Instant> {
    let event = events.iter().find(|event| event.kind == kind);
    Ok(event.with_context(|| format!("no event {kind}"))?.arrived)
}

fn gaps(world: &World, since: Instant, samples: &mut Samples) -> Result<()> {
    let requests = world.requests_since(since);
    ensure!(requests.len() == STEPS + 1, "the model was asked {} times", requests.len());
    for (step, (before, after)) in requests.iter().zip(requests.iter().skip(1)).enumerate() {
        let answered = before.answered.context("an answer was not finished")?;
        let gap = milliseconds(after.arrived.saturating_duration_since(answered));
        match (step, step % 3) {
            (0, _) => samples.first.push(gap),
            (_, 0) => samples.read.push(gap),
            (_, 1) => samples.edit.push(gap),
            (_, _) => samples.command.push(gap),
        }
    }
    Ok(())
}

/// The branch is on the remote with all edits, at the commit that the log names.
fn verify(repository: &Repository, events: &[Seen]) -> Result<()> {
    let opened = events.first().context("a run without events")?;
    let opened: Value = serde_json::from_str(&opened.data)?;
    let branch = opened.pointer("/event/settings/branch").and_then(Value::as_str);
    let file = repository.file(branch.context("read the branch's name")?, "calc.py")?;
    for edit in 1..=STEPS / 3 {
        ensure!(file.contains(&format!("# edit {edit};")), "edit {edit} was not pushed: {file}");
    }
    Ok(())
}
