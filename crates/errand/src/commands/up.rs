//! `errand up`: opens an agent that starts from this computer's worktree, and watches it.

use super::{Cx, prompt, run};
use crate::args::Up;
use crate::exit::Exit;
use crate::settings::Surroundings;
use crate::sync::up;
use anyhow::Result;
use protocol::api::agents::{CreateAgent, CreatedAgent};

pub(super) async fn up(cx: Cx<'_>, around: &Surroundings, arguments: &Up) -> Result<Exit> {
    let Cx { client, output } = cx;
    // Standard input may hold the task; it is read before anybody is asked.
    let prompt = prompt::prompt(&arguments.task, &arguments.how)?;
    let Some((repo, finish)) = up::up(&client, output, around, arguments).await? else {
        return if arguments.dry_run { Ok(Exit::Done) } else { up::nothing_sent(output) };
    };
    let body = CreateAgent {
        model: prompt::model(&arguments.how),
        name: arguments.name.clone(),
        auto_create_pr: Some(!arguments.no_pr),
        env_vars: prompt::env(&arguments.how),
        mode: prompt::mode(&arguments.how),
        branch_name: arguments.branch.clone(),
        ..run::plain(prompt, vec![repo])
    };
    let created: CreatedAgent = client.post_once(&["agents"], &body).await?;
    finish.remember(&created.agent.id).await?;
    run::follow(client, output, created, arguments.how.detach).await
}
