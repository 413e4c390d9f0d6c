//! `errand fork`: a new agent that goes on where another one is.

use super::{Cx, prompt, run};
use crate::args::build::Fork;
use crate::exit::Exit;
use crate::lookup;
use anyhow::Result;
use protocol::api::agents::{CreateFork, CreatedAgent};
use protocol::api::runs::Prompt;
use protocol::event::ModelChoice;

pub(super) async fn fork(cx: Cx<'_>, arguments: &Fork) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let model = arguments.model.clone().map(|id| ModelChoice { id, params: Vec::new() });
    let body = CreateFork {
        prompt: Prompt { text: prompt::words(&arguments.task)?, images: Vec::new() },
        run_id: arguments.run.clone(),
        name: arguments.name.clone(),
        branch_name: arguments.branch.clone(),
        auto_create_pr: arguments.no_pr.then_some(false),
        model,
    };
    output.status(Some("freezing the machine"))?;
    let path = ["agents", &agent.id, "forks"];
    let created: CreatedAgent = client.post_once(&path, &body).await?;
    output.status(None)?;
    run::follow(client, output, created, arguments.detach).await
}
