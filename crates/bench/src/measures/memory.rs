//! Memory per agent, awake and asleep.

use crate::figure::{Figures, Unit};
use crate::process::{proportional, resident};
use crate::world::{Opened, World};
use anyhow::Result;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use std::time::Duration;

/// Agents whose sandboxes are up at once.
const LIVE: usize = 50;
/// Agents that sleep.
const SLEEPING: usize = 500;
/// Agents that are opened at once.
const AT_ONCE: usize = 8;
/// Silence before memory is looked at.
const SETTLED: Duration = Duration::from_secs(2);
/// Mebibytes per live agent.
const LIVE_TARGET_MIB: f64 = 8.0;
/// Kibibytes per sleeping agent.
const SLEEPING_TARGET_KIB: f64 = 64.0;
/// One command, so that everything in the sandbox has been used.
const PROMPT: &str = "Look around.\nscript: {\"turns\": [{\"calls\": [{\"shell\": \"ls\"}]}, {\"text\": \"Done.\"}]}";

/// Agents whose run is over and whose sandbox waits for the next one.
pub async fn live(figures: &mut Figures) -> Result<()> {
    let world = World::start(0).await?;
    let repository = world.repository("live")?;
    // What the first ones warm up is not theirs.
    let mut agents = open(&world, AT_ONCE, |world| world.open(PROMPT, Some(&repository))).await?;
    let before = parts(&world).await;
    agents.extend(open(&world, LIVE, |world| world.open(PROMPT, Some(&repository))).await?);
    let after = parts(&world).await;
    let each = |part: usize| {
        let of = |parts: &[u64; 3]| parts.get(part).copied().unwrap_or_default() as f64;
        (of(&after) - of(&before)) / LIVE as f64 / f64::from(1 << 20)
    };
    let unit = Unit::Mebibytes;
    let whole = vec![each(0) + each(1) + each(2)];
    figures.add_with_target("live agent, proportional memory", unit, whole, LIVE_TARGET_MIB);
    figures.add("  of it: server", unit, vec![each(0)]);
    figures.add("  of it: launcher", unit, vec![each(1)]);
    figures.add("  of it: shim, guest and what runs inside", unit, vec![each(2)]);
    world.end(&agents).await
}

/// Agents that did a run and were archived: no sandbox, nobody watching.
pub async fn sleeping(figures: &mut Figures) -> Result<()> {
    let world = World::start(0).await?;
    let mut agents = asleep(&world, SLEEPING / 5).await?;
    let before = server_resident(&world).await;
    agents.extend(asleep(&world, SLEEPING).await?);
    let after = server_resident(&world).await;
    let each = (after as f64 - before as f64) / SLEEPING as f64 / 1024.0;
    let name = "sleeping agent, resident memory of the server";
    figures.add_with_target(name, Unit::Kibibytes, vec![each], SLEEPING_TARGET_KIB);
    world.end(&agents).await
}

async fn open<'a, F>(
    world: &'a World,
    count: usize,
    one: impl Fn(&'a World) -> F,
) -> Result<Vec<Opened>>
where
    F: Future<Output = Result<Opened>>,
{
    let one = &one;
    let opened = stream::iter(0..count).map(|_| async move {
        let agent = one(world).await?;
        world.finished(&agent).await?;
        Ok(agent)
    });
    opened.buffer_unordered(AT_ONCE).try_collect().await
}

async fn asleep(world: &World, count: usize) -> Result<Vec<Opened>> {
    let mut agents = Vec::new();
    while agents.len() < count {
        let now = AT_ONCE.min(count - agents.len());
        let batch = open(world, now, |world| world.open(PROMPT, None)).await?;
        for agent in &batch {
            world.archive(agent).await?;
        }
        agents.extend(batch);
    }
    world.without_sandboxes().await?;
    Ok(agents)
}

/// Proportional memory of the server, its launcher, its sandboxes.
async fn parts(world: &World) -> [u64; 3] {
    tokio::time::sleep(SETTLED).await;
    let family = world.family();
    [
        proportional([&family.server]),
        proportional(&family.launcher),
        proportional(&family.sandboxes),
    ]
}

async fn server_resident(world: &World) -> u64 {
    tokio::time::sleep(SETTLED).await;
    resident(world.family().server)
}
