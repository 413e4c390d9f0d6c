//! `errand env init`: one agent writes the environment file, a second one begins as it says.
//!
//! The first finds out by doing what the project needs. The second proves it: it starts from the first
//! one's branch, on a machine on which nothing was done by hand, and so meets the file as every later
//! agent will.

use super::find;
use super::readiness::Readiness;
use crate::args::env::InitEnv;
use crate::client::Client;
use crate::commands::{Cx, run};
use crate::exit::Exit;
use crate::live::view::Prompts;
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::{live, lookup, repository};
use anyhow::Result;
use protocol::api::agents::{Agent, CreateAgent, CreatedAgent, EventsBody, RepoBody};
use protocol::api::runs::Prompt;
use protocol::event::{Event, ModelChoice};
use std::path::Path;

/// What the first agent is asked.
const WRITE: &str = include_str!("init/write.md");
/// What the second agent is asked.
const TRY: &str = include_str!("init/try.md");

pub(in crate::commands) async fn init(cx: Cx<'_>, arguments: &InitEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let url = repository(arguments, &client)?;
    let text = match &arguments.hint {
        Some(hint) => format!("{WRITE}\nWhat the person who asks says about it: {hint}\n"),
        None => WRITE.to_owned(),
    };
    let first = CreateAgent {
        name: Some("Environment file".to_owned()),
        auto_create_pr: Some(true),
        ..order(arguments, text, &url, arguments.reference.clone())
    };
    let (writer, exit) = work(&client, output, &first).await?;
    let wrote = events(&client, &writer.id).await?;
    if exit != Exit::Done || arguments.no_check {
        return tell(output, &Readiness::of(&wrote, None).on(&writer), exit);
    }
    if !output.is_for_program() {
        let line = Line::of(Style::Bold, "Trying it on a fresh machine");
        output.show(&[Shown::Gap, Shown::Line(line), Shown::Gap])?;
    }
    let second = CreateAgent {
        name: Some("Try the environment file".to_owned()),
        auto_create_pr: Some(false),
        ..order(arguments, TRY.to_owned(), &url, writer.branch_name.clone())
    };
    let (trier, exit) = work(&client, output, &second).await?;
    let tried = events(&client, &trier.id).await?;
    // It was for this one thing.
    let _: protocol::api::IdBody = client.act(&["agents", &trier.id, "archive"]).await?;
    tell(output, &Readiness::of(&wrote, Some(&tried)).on(&writer), exit)
}

fn repository(arguments: &InitEnv, client: &Client) -> Result<String> {
    let typed = match &arguments.repo {
        Some(typed) => typed.clone(),
        None => find::root_of(&Path::new(".").canonicalize()?).display().to_string(),
    };
    Ok(repository::address(&typed, client.url())?)
}

fn order(
    arguments: &InitEnv,
    text: String,
    url: &str,
    starting_ref: Option<String>,
) -> CreateAgent {
    let repo = RepoBody { url: url.to_owned(), starting_ref, pr_url: None, upload: None };
    let model = arguments.model.clone().map(|id| ModelChoice { id, params: Vec::new() });
    let variables = arguments.env.iter().cloned().collect();
    CreateAgent {
        model,
        env_vars: Some(variables).filter(|all: &std::collections::BTreeMap<_, _>| !all.is_empty()),
        ..run::plain(Prompt { text, images: Vec::new() }, vec![repo])
    }
}

/// Opens an agent and watches it; the agent as it is afterwards.
async fn work(client: &Client, output: &mut Output, order: &CreateAgent) -> Result<(Agent, Exit)> {
    let created: CreatedAgent = client.post_once(&["agents"], order).await?;
    run::tell(output, &created, false)?;
    let agent = lookup::id_of(&created.agent)?;
    let exit = live::watch_run(client, output, agent, &created.run.id, 0, Prompts::Hidden).await?;
    Ok((client.get(&["agents", &created.agent.id], &[]).await?, exit))
}

async fn events(client: &Client, agent: &str) -> Result<Vec<Event>> {
    let mut all = Vec::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let query = [("after", from.to_string())];
        let page: EventsBody = client.get(&["agents", agent, "events"], &query).await?;
        after = page.next_after;
        // What a newer server tells beside this is not needed.
        all.extend(page.items.into_iter().filter_map(|one| serde_json::from_value(one.event).ok()));
    }
    Ok(all)
}

fn tell(output: &mut Output, readiness: &Readiness, exit: Exit) -> Result<Exit> {
    match output.is_for_program() {
        true => output.json(readiness)?,
        false => output.show(&readiness.lines())?,
    }
    Ok(if exit == Exit::Done && !readiness.is_ready { Exit::Failed } else { exit })
}
