//! `errand run`: opens an agent with its first message and watches it.

use super::{Cx, prompt};
use crate::args::Run;
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::live::view::Prompts;
use crate::live::{self, summary};
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::{lookup, repository, text};
use anyhow::Result;
use protocol::api::agents::{CreateAgent, CreatedAgent, LimitsBody, RepoBody};
use protocol::api::runs::Prompt;
use serde_json::json;
use std::io;

pub(super) async fn run(cx: Cx<'_>, arguments: &Run) -> Result<Exit> {
    let Cx { client, output } = cx;
    let body = body(arguments, client.url())?;
    let created: CreatedAgent = client.post_once(&["agents"], &body).await?;
    follow(client, output, created, arguments.how.detach).await
}

/// Tells of a new agent and watches its first run, unless nobody wants to.
pub(super) async fn follow(
    client: Client,
    output: &mut Output,
    created: CreatedAgent,
    detach: bool,
) -> Result<Exit> {
    tell(output, &created, detach)?;
    if detach {
        return Ok(Exit::Done);
    }
    let agent = lookup::id_of(&created.agent)?;
    live::watch_run(&client, output, agent, &created.run.id, 0, Prompts::Hidden).await
}

/// Tells of a new agent; alone, or before all that its run tells.
pub(super) fn tell(output: &mut Output, created: &CreatedAgent, alone: bool) -> io::Result<()> {
    if !output.is_for_program() {
        return output.show(&opened(created));
    }
    match alone {
        true => output.json(created),
        false => {
            let told = json!({ "type": "created", "agent": created.agent, "run": created.run });
            output.json(&told)
        }
    }
}

fn body(arguments: &Run, server: &url::Url) -> Result<CreateAgent> {
    if arguments.reference.is_some() && arguments.repo.len() > 1 {
        return Err(Trouble::usage(
            "--ref needs exactly one --repo: with several nobody knows which one is meant",
        )
        .into());
    }
    let repos = arguments.repo.iter().map(|typed| {
        let url = repository::address(typed, server)?;
        let (starting_ref, pr_url) = (arguments.reference.clone(), arguments.pr.clone());
        Ok(RepoBody { url, starting_ref, pr_url, upload: None })
    });
    let repos = repos.collect::<Result<Vec<_>, Trouble>>()?;
    let limits = LimitsBody {
        steps: arguments.limit_steps,
        tokens: arguments.limit_tokens,
        cost_cents: arguments.limit_cents,
        minutes: arguments.limit_minutes,
    };
    let auto_create_pr = Some(!arguments.no_pr && !repos.is_empty());
    Ok(CreateAgent {
        model: prompt::model(&arguments.how),
        name: arguments.name.clone(),
        auto_create_pr,
        draft_pr: arguments.draft.then_some(true),
        reviewers: Some(&arguments.reviewer).filter(|it| !it.is_empty()).cloned(),
        labels: Some(&arguments.label).filter(|it| !it.is_empty()).cloned(),
        env_vars: prompt::env(&arguments.how),
        mode: prompt::mode(&arguments.how),
        branch_name: arguments.branch.clone(),
        limits: Some(limits).filter(|limits| *limits != LimitsBody::default()),
        startup_commands: Some(&arguments.startup).filter(|it| !it.is_empty()).cloned(),
        ..plain(prompt::prompt(&arguments.task, &arguments.how)?, repos)
    })
}

/// An agent with these and nothing else said.
pub(super) const fn plain(prompt: Prompt, repos: Vec<RepoBody>) -> CreateAgent {
    CreateAgent {
        prompt,
        repos,
        model: None,
        name: None,
        env: None,
        auto_create_pr: None,
        work_on_current_branch: None,
        skip_reviewer_request: None,
        draft_pr: None,
        reviewers: None,
        labels: None,
        open_as_cursor_github_app: None,
        env_vars: None,
        run_env_vars: None,
        mcp_servers: None,
        custom_subagents: None,
        mode: None,
        agent_id: None,
        metadata: None,
        agent_serve_agent: None,
        branch_name: None,
        limits: None,
        startup_commands: None,
    }
}

fn opened(created: &CreatedAgent) -> Vec<Shown> {
    let agent = &created.agent;
    let mut shown = vec![Shown::Line(Line::of(Style::Bold, &agent.name))];
    let id = Line::of(Style::Plain, &agent.id);
    shown.push(summary::row("agent", id));
    shown.push(summary::row("model", Line::of(Style::Plain, &agent.model.id)));
    shown.extend(
        agent
            .branch_name
            .iter()
            .map(|branch| summary::row("branch", Line::of(Style::Plain, branch))),
    );
    let watch = format!("errand watch {}", text::short_id(&agent.id));
    shown.push(summary::row("come back", Line::of(Style::Accent, watch)));
    shown.push(Shown::Gap);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser as _;

    fn body_of(line: &[&str]) -> Result<CreateAgent> {
        let Command::Run(run) =
            Arguments::try_parse_from([&["errand", "run"], line].concat())?.command
        else {
            unreachable!("it is a run")
        };
        body(&run, &crate::settings::parse_url("http://127.0.0.1:7420").unwrap())
    }

    #[test]
    fn a_command_line_becomes_the_body_of_the_api() {
        let repo = "https://git.example/o/r";
        let line = [
            "--repo",
            repo,
            "--ref",
            "main",
            "--branch",
            "x/y",
            "--env",
            "A=1=2",
            "--model",
            "m",
            "--param",
            "effort=low",
            "--mode",
            "plan",
            "--limit-minutes",
            "5",
            "do it",
        ];
        let body = serde_json::to_value(body_of(&line).unwrap()).unwrap();
        let expected = json!({
            "prompt": { "text": "do it" },
            "model": { "id": "m", "params": [{ "id": "effort", "value": "low" }] },
            "repos": [{ "url": repo, "startingRef": "main" }],
            "autoCreatePR": true,
            "envVars": { "A": "1=2" },
            "mode": "plan",
            "branchName": "x/y",
            "limits": { "minutes": 5 },
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn nothing_is_sent_that_was_not_asked_for() {
        let body = serde_json::to_value(body_of(&["--no-repo", "think"]).unwrap()).unwrap();
        assert_eq!(body, json!({ "prompt": { "text": "think" }, "autoCreatePR": false }));
        let no_pr = body_of(&["--repo", "https://git.example/o/r", "--no-pr", "x"]).unwrap();
        assert_eq!(no_pr.auto_create_pr, Some(false));
    }

    #[test]
    fn one_ref_for_several_repositories_is_refused() {
        assert!(
            body_of(&[
                "--repo",
                "https://a.example/r",
                "--repo",
                "https://b.example/r",
                "--ref",
                "x",
                "t"
            ])
            .is_err()
        );
    }
}
