//! Many agents at once, each watched: all finish, and watchers see events soon after their commit.

use crate::figure::{Figures, Unit, percentile};
use crate::watch::{Seen, wall_ms};
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
    let (mut late, mut all) = (Vec::new(), Vec::new());
    for _ in 0..CROWDS {
        let crowd = crowd().await?;
        finished.push(crowd.finished as f64);
        walls.push(crowd.wall);
        late.push(percentile(&crowd.lags, 99.0));
        all.extend(crowd.lags);
    }
    figures.add("200 agents, 20 steps each: finished", Unit::Count, finished);
    figures.add("200 agents, 20 steps each: wall time", Unit::Seconds, walls);
    let name = "event to watcher, 99 of 100 (clock: 1 ms)";
    figures.add_with_target(name, Unit::Milliseconds, late, WATCH_TARGET_MS);
    figures.add("event to watcher, all", Unit::Milliseconds, all);
    Ok(())
}

/// What came of one crowd.
struct Crowd {
    finished: usize,
    /// Seconds.
    wall: f64,
    /// From each event to its watcher, in milliseconds, ascending.
    lags: Vec<f64>,
}

async fn crowd() -> Result<Crowd> {
    let world = World::start(STEPS).await?;
    let repository = world.repository("crowd")?;
    let started = Instant::now();
    let runs = (0..AGENTS).map(|_| async {
        let agent = world.open("Fix the sign in calc.py.", Some(&repository)).await?;
        let watched_ms = wall_ms();
        let events = world.finished(&agent).await?;
        Ok((agent, watched_ms, events))
    });
    let runs: Result<Vec<(Opened, f64, Vec<Seen>)>> = join_all(runs).await.into_iter().collect();
    let wall = started.elapsed().as_secs_f64();
    let runs = runs?;
    // What happened before its watcher came was read from the log, not awaited.
    let awaited = |watched_ms: f64| move |event: &&Seen| event.made_ms > watched_ms;
    let lag = |event: &Seen| (event.arrived_ms - event.made_ms).max(0.0);
    let mut lags: Vec<f64> = runs
        .iter()
        .flat_map(|(_, watched, events)| events.iter().filter(awaited(*watched)).map(lag))
        .collect();
    lags.sort_by(f64::total_cmp);
    let agents: Vec<Opened> = runs.into_iter().map(|(agent, ..)| agent).collect();
    let finished = agents.len();
    world.end(&agents).await?;
    Ok(Crowd { finished, wall, lags })
}
