//! `errand up`: opens an agent that starts from this computer's worktree, and watches it.

use super::{Cx, prompt, run};
use crate::args::Up;
use crate::exit::Exit;
use crate::settings::Surroundings;
use crate::sync::up;
use anyhow::Result;
use protocol::api::agents::{CreateAgent, CreatedAgent, RepoBody};

pub(super) async fn up(cx: Cx<'_>, around: &Surroundings, arguments: &Up) -> Result<Exit> {
    let Cx { client, output } = cx;
    // Standard input may hold the task; it is read before anybody is asked.
    let prompt = prompt::prompt(&arguments.task, &arguments.how)?;
    let Some((repo, finish)) = up::up(&client, output, around, arguments).await? else {
        return if arguments.dry_run { Ok(Exit::Done) } else { up::nothing_sent(output) };
    };
    let body = CreateAgent { prompt, ..body(arguments, repo) };
    let created: CreatedAgent = client.post_once(&["agents"], &body).await?;
    finish.remember(&created.agent.id).await?;
    run::follow(client, output, created, arguments.how.detach).await
}

fn body(arguments: &Up, repo: RepoBody) -> CreateAgent {
    CreateAgent {
        prompt: protocol::api::runs::Prompt { text: String::new(), images: Vec::new() },
        model: prompt::model(&arguments.how),
        name: arguments.name.clone(),
        env: None,
        auto_create_pr: Some(!arguments.no_pr),
        repos: vec![repo],
        work_on_current_branch: None,
        skip_reviewer_request: None,
        open_as_cursor_github_app: None,
        env_vars: prompt::env(&arguments.how),
        run_env_vars: None,
        mcp_servers: None,
        custom_subagents: None,
        mode: prompt::mode(&arguments.how),
        agent_id: None,
        metadata: None,
        agent_serve_agent: None,
        branch_name: arguments.branch.clone(),
        limits: None,
    }
}
