//! Many agents at once, each watched: all finish, and watchers see events soon after their commit.

use crate::figure::{Figures, Unit, percentile};
use crate::watch::Seen;
use crate::world::{Opened, World};
use anyhow::Result;
use futures::future::join_all;
use std::time::Instant;

/// Crowds, one after the other.
const CROWDS: usize = 3;
/// Agents at once.
const AGENTS: usize = 200;
/// Tool steps of each.
const STEPS: usize = 20;
/// Milliseconds from the time of an event to its arrival, for 99 of 100 events.
const WATCH_TARGET_MS: f64 = 100.0;

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let (mut finished, mut walls) = (Vec::new(), Vec::new());
    let (mut late, mut late_with_first, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CROWDS {
        let crowd = crowd().await?;
        finished.push(crowd.finished as f64);
        walls.push(crowd.wall);
        late.push(percentile(&crowd.awaited, 99.0));
        late_with_first.push(percentile(&crowd.with_first, 99.0));
        all.extend(crowd.awaited);
    }
    figures.add("200 agents, 20 steps each: finished", Unit::Count, finished);
    figures.add("200 agents, 20 steps each: wall time", Unit::Seconds, walls);
    let name = "event to watcher, 99 of 100 (clock: 1 ms)";
    figures.add_with_target(name, Unit::Milliseconds, late, WATCH_TARGET_MS);
    let name = "the same, with those from before the watcher's answer";
    figures.add(name, Unit::Milliseconds, late_with_first);
    figures.add("event to watcher, all", Unit::Milliseconds, all);
    Ok(())
}

/// What came of one crowd; times in milliseconds, ascending.
struct Crowd {
    finished: usize,
    /// Seconds.
    wall: f64,
    /// Of events that were made while somebody watched.
    awaited: Vec<f64>,
    /// The same, and of events that were made between the request to watch and its answer.
    with_first: Vec<f64>,
}

async fn crowd() -> Result<Crowd> {
    let world = World::start(STEPS).await?;
    let repository = world.repository("crowd")?;
    let started = Instant::now();
    let runs = (0..AGENTS).map(|_| async {
        let agent = world.open("Fix the sign in calc.py.", Some(&repository)).await?;
        let (watch, events) = world.watched(&agent).await?;
        Ok((agent, watch, events))
    });
    let runs: Result<Vec<_>> = join_all(runs).await.into_iter().collect();
    let wall = started.elapsed().as_secs_f64();
    let runs = runs?;
    let lag = |event: &Seen| (event.arrived_ms - event.made_ms).max(0.0);
    let (mut awaited, mut with_first) = (Vec::new(), Vec::new());
    for (_, watch, events) in &runs {
        // What happened before its watcher came was read from the log, not awaited.
        let since = |moment: f64| events.iter().filter(move |event| event.made_ms > moment);
        awaited.extend(since(watch.answered_ms).map(lag));
        with_first.extend(since(watch.asked_ms).map(lag));
    }
    awaited.sort_by(f64::total_cmp);
    with_first.sort_by(f64::total_cmp);
    let agents: Vec<Opened> = runs.into_iter().map(|(agent, ..)| agent).collect();
    let finished = agents.len();
    world.end(&agents).await?;
    Ok(Crowd { finished, wall, awaited, with_first })
}
