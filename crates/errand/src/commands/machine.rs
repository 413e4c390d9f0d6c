//! What the commands into a machine share: the machine must be up, and says so when it is.

use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::output::Output;
use anyhow::Result;
use protocol::api::agents::Agent;
use std::time::Duration;
use tokio::time::Instant;

/// How long a machine may take to come up.
const UP_MAX: Duration = Duration::from_secs(180);
/// How often it is looked after while it comes up.
const LOOK: Duration = Duration::from_millis(300);

/// The agent with its machine up; a sleeping one is woken.
pub(super) async fn awake(
    client: &Client,
    output: Option<&mut Output>,
    wanted: &str,
) -> Result<Agent> {
    let agent = lookup::agent(client, wanted).await?;
    if agent.sandbox.state == "up" {
        return Ok(agent);
    }
    let mut output = output;
    let _: serde_json::Value = client.act(&["agents", &agent.id, "wake"]).await?;
    let until = Instant::now() + UP_MAX;
    loop {
        if let Some(output) = output.as_deref_mut() {
            output.status(Some("waking the machine"))?;
        }
        let agent: Agent = client.get(&["agents", &agent.id], &[]).await?;
        if agent.sandbox.state == "up" {
            if let Some(output) = output.as_deref_mut() {
                output.status(None)?;
            }
            return Ok(agent);
        }
        if Instant::now() >= until {
            let message = format!(
                "the machine did not come up within {} s; `errand watch {}` tells why",
                UP_MAX.as_secs(),
                agent.id
            );
            return Err(Trouble::new(Exit::Unreachable, "sandbox_asleep", message).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}
