//! From a person's request to the first one that the model gets.

use crate::figure::{Figures, Unit, milliseconds};
use crate::repository::Repository;
use crate::world::{Opened, World};
use anyhow::{Context, Result};

/// Agents on a repository that is known.
const WARM_RUNS: usize = 20;
/// Agents on a repository that is seen for the first time.
const COLD_RUNS: usize = 5;
/// Milliseconds from POST to the first model request.
const TARGET_MS: f64 = 50.0;
/// The model yields at once.
const PROMPT: &str = "Say hello.\nscript: {\"turns\": [{\"text\": \"Hello.\"}]}";

/// Measures all.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    let world = World::start(0).await?;
    let mut agents = Vec::new();
    let mut cold = Vec::new();
    for number in 0..COLD_RUNS {
        let repository = world.repository(&format!("cold-{number}"))?;
        cold.push(first_request(&world, Some(&repository), &mut agents).await?);
    }
    let repository = world.repository("warm")?;
    first_request(&world, Some(&repository), &mut agents).await?;
    let (mut warm, mut without) = (Vec::new(), Vec::new());
    for _ in 0..WARM_RUNS {
        warm.push(first_request(&world, Some(&repository), &mut agents).await?);
        without.push(first_request(&world, None, &mut agents).await?);
    }
    let name = "POST to first model request, warm";
    figures.add_with_target(name, Unit::Milliseconds, warm, TARGET_MS);
    let name = "POST to first model request, cold mirror";
    figures.add(name, Unit::Milliseconds, cold);
    let name = "POST to first model request, no repository";
    figures.add(name, Unit::Milliseconds, without);
    world.end(&agents).await
}

async fn first_request(
    world: &World,
    repository: Option<&Repository>,
    agents: &mut Vec<Opened>,
) -> Result<f64> {
    let agent = world.open(PROMPT, repository).await?;
    world.finished(&agent).await?;
    let requests = world.requests_since(agent.sent);
    let first = requests.first().context("the model was not asked")?;
    let waited = first.arrived - agent.sent;
    // Its sandbox would be in the way of the next one's.
    world.archive(&agent).await?;
    world.without_sandboxes().await?;
    agents.push(agent);
    Ok(milliseconds(waited))
}
