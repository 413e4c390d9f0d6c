//! Agents that begin with what a build left, whatever the size of it; waking and forking them.

use crate::figure::{Figures, Unit, milliseconds};
use crate::repository::Repository;
use crate::watch::{Seen, Watch};
use crate::world::{Opened, World};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Files of the large repository.
const FILES: usize = 100_000;
/// Folders they lie in.
const FOLDERS: usize = 1000;
/// Brings 500 MB in 5,000 files.
const INSTALL: &str = "python3 -c \"import os\nos.makedirs('deps', exist_ok=True)\nfor n in range(5000):\n    open(f'deps/{n}', 'wb').write(os.urandom(100000))\"";
/// Agents of each kind, one after the other.
const RUNS: usize = 10;
/// Milliseconds from POST to the first tool's result.
const FIRST_TARGET_MS: f64 = 100.0;
/// Milliseconds that freezing takes, without writing out.
const FREEZE_TARGET_MS: f64 = 20.0;
/// Milliseconds until a machine that sleeps is up, and until a fork's is.
const WAKE_TARGET_MS: f64 = 150.0;
/// Time for a build.
const BUILD: Duration = Duration::from_secs(600);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);
const EMPTY: &str = "POST to first tool result, build of a small repository";
/// One command, and the run is over.
const PROMPT: &str = "Do as the script says.\nscript: {\"turns\": [{\"calls\": [{\"shell\": \"true\"}]}, {\"text\": \"Done.\"}]}";

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let world = World::start(0).await?;
    let small = world.repository("small")?;
    let large = world.repository_with("large", |work| fill(work, FILES))?;
    let mut agents = Vec::new();
    build(&world, &small).await?;
    let settle = build(&world, &large).await?;
    let (mut in_small, mut in_large) = (Vec::new(), Vec::new());
    for round in 0..=RUNS {
        for (repository, samples) in [(&small, &mut in_small), (&large, &mut in_large)] {
            let (agent, waited) = first_result(&world, repository).await?;
            // The first one warms up; it does not count.
            if round > 0 {
                samples.push(waited);
            }
            world.archive(&agent).await?;
            world.without_sandboxes().await?;
            agents.push(agent);
        }
    }
    figures.add(EMPTY, Unit::Milliseconds, in_small);
    let name = "the same, 100,000 files and 500 MB of dependencies";
    figures.add_with_target(name, Unit::Milliseconds, in_large, FIRST_TARGET_MS);
    figures.compare_to(EMPTY);
    figures.add("build of it: writing its layer out", Unit::Seconds, vec![settle]);
    woken(&world, figures, agents.last().context("no agent")?).await?;
    forked(&world, figures, &large, &mut agents).await?;
    world.end(&agents).await
}

/// A repository of so many files, for which 500 MB are installed.
pub fn fill(work: &Path, files: usize) -> Result<()> {
    for number in 0..FOLDERS.min(files) {
        fs::create_dir(work.join(format!("d{number:03}")))?;
    }
    for number in 0..files {
        let path = work.join(format!("d{:03}/f{number:06}.txt", number % FOLDERS));
        fs::write(path, format!("file {number}\n"))?;
    }
    fs::create_dir(work.join(".errand"))?;
    let file = json!({ "install": INSTALL }).to_string();
    fs::write(work.join(".errand/environment.json"), file)?;
    Ok(fs::write(work.join(".gitignore"), "deps/\n")?)
}

/// Builds; the seconds from the end of the run until its layer was written out.
pub async fn build(world: &World, repository: &Repository) -> Result<f64> {
    let body = json!({"repos": [{"url": repository.url()}]});
    let build = world.api.post("/v1/builds", &body).await?;
    let id = build.get("id").and_then(Value::as_str).context("read the build")?.to_owned();
    let deadline = Instant::now() + BUILD;
    loop {
        let builds = world.api.get(&format!("/v1/builds?repo={}", repository.url())).await?;
        let status = builds.pointer("/items/0/status").and_then(Value::as_str);
        match status.context("read the build's status")? {
            "READY" => break,
            "RUNNING" if Instant::now() < deadline => tokio::time::sleep(LOOK).await,
            other => anyhow::bail!("the build is {other}: {builds}"),
        }
    }
    let events = Watch::open(&world.api, &id).await?.until("SnapshotMade").await?;
    let [.., stopped, made] = events.as_slice() else { anyhow::bail!("too few events") };
    Ok((made.made_ms - stopped.made_ms) / 1000.0)
}

/// An agent that runs one command; the time until its result.
pub async fn first_result(world: &World, repository: &Repository) -> Result<(Opened, f64)> {
    let agent = world.open(PROMPT, Some(repository)).await?;
    let events = Watch::open(&world.api, &agent.id).await?.until("ToolReturned").await?;
    let returned = events.last().context("no tool was called")?;
    ensure!(is_prepared(&events), "the agent did not begin with the build");
    let waited = milliseconds(returned.arrived - agent.sent);
    world.finished(&agent).await?;
    Ok((agent, waited))
}

fn is_prepared(events: &[Seen]) -> bool {
    events.iter().any(|event| event.kind == "PhaseFinished" && event.data.contains("snapshot"))
}

async fn woken(world: &World, figures: &mut Figures, agent: &Opened) -> Result<()> {
    let at = |what: &str| format!("/v1/agents/{}{what}", agent.id);
    let mut samples = Vec::new();
    for _ in 0..RUNS {
        world.api.post(&at("/unarchive"), &Value::Null).await?;
        let known = world.api.get(&at("")).await?;
        let seq = known.get("seq").and_then(Value::as_u64).context("read the agent")?;
        let asked = Instant::now();
        world.api.post(&at("/wake"), &Value::Null).await?;
        let up = Watch::open_after(&world.api, &agent.id, seq).await?.until("SandboxUp").await?;
        let up = up.last().context("it did not wake")?.arrived;
        samples.push(milliseconds(up - asked));
        world.archive(agent).await?;
        world.without_sandboxes().await?;
    }
    let name = "a sleeping machine wakes";
    figures.add_with_target(name, Unit::Milliseconds, samples, WAKE_TARGET_MS);
    Ok(())
}

async fn forked(
    world: &World,
    figures: &mut Figures,
    repository: &Repository,
    agents: &mut Vec<Opened>,
) -> Result<()> {
    let (source, _) = first_result(world, repository).await?;
    let path = format!("/v1/agents/{}/forks", source.id);
    let (mut freeze, mut up, mut result) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let sent = Instant::now();
        let made = world.api.post(&path, &json!({"prompt": {"text": PROMPT}})).await?;
        let id = made.pointer("/agent/id").and_then(Value::as_str).context("read the fork")?;
        let fork = Opened { sent, id: id.to_owned() };
        let mut watch = Watch::open(&world.api, &fork.id).await?;
        let started = watch.until("SandboxUp").await?;
        up.push(milliseconds(started.last().context("no machine")?.arrived - sent));
        let returned = watch.until("ToolReturned").await?;
        result.push(milliseconds(returned.last().context("no tool")?.arrived - sent));
        world.finished(&fork).await?;
        world.archive(&fork).await?;
        agents.push(fork);
        freeze.push(newest_freeze(world, &source).await?);
        // Woken again, so that each fork has to stop it first.
        world.api.post(&format!("/v1/agents/{}/wake", source.id), &Value::Null).await?;
        tokio::time::sleep(LOOK * 10).await;
    }
    let unit = Unit::Milliseconds;
    figures.add_with_target(
        "freezing a disk, without writing it out",
        unit,
        freeze,
        FREEZE_TARGET_MS,
    );
    figures.add_with_target("fork: POST until its machine is up", unit, up, WAKE_TARGET_MS);
    figures.add("fork: POST to first tool result", unit, result);
    world.archive(&source).await?;
    world.without_sandboxes().await?;
    agents.push(source);
    Ok(())
}

async fn newest_freeze(world: &World, agent: &Opened) -> Result<f64> {
    let mut after = 0;
    let mut newest = None;
    loop {
        let page = world.api.get(&format!("/v1/agents/{}/events?after={after}", agent.id)).await?;
        for entry in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            newest = entry.pointer("/event/freezeMs").and_then(Value::as_f64).or(newest);
        }
        match page.get("nextAfter").and_then(Value::as_u64) {
            Some(next) => after = next,
            None => return newest.context("the agent was never frozen"),
        }
    }
}
