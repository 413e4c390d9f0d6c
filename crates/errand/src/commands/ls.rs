//! `errand ls`: agents, newest first.

use super::Cx;
use crate::args::{List, StatusName};
use crate::client::Client;
use crate::client::socket::{Came, Socket};
use crate::exit::{Exit, Trouble};
use crate::live::view::ending;
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::table::Table;
use crate::{repository, text};
use anyhow::Result;
use protocol::api::Page;
use protocol::api::agents::Agent;
use protocol::event::RunStatus;
use protocol::limits::PAGE_MAX;
use serde_json::json;
use std::time::Duration;

/// How often a kept list is made again when nothing happens.
const AGES: Duration = Duration::from_secs(5);
/// Shortest time between two pictures.
const REPAINT: Duration = Duration::from_millis(250);

pub(super) async fn ls(cx: Cx<'_>, arguments: &List) -> Result<Exit> {
    let Cx { client, output } = cx;
    let query = query(arguments, &client);
    if arguments.watch {
        // Waited for all the time: a Ctrl-C between two looks must not be lost.
        return tokio::select! {
            kept = keep(&client, output, arguments, &query) => kept,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
        };
    }
    let page = agents(&client, &query, arguments.limit).await?;
    if output.is_for_program() {
        output.json(&page)?;
        return Ok(Exit::Done);
    }
    if page.items.is_empty() {
        output.line(Line::of(Style::Dim, "no agents; begin with: errand run --repo . \"task\""))?;
        return Ok(Exit::Done);
    }
    output.show(&table(&page.items).lines(output.columns()))?;
    if page.next_cursor.is_some() {
        output.line(Line::of(
            Style::Dim,
            format!("… there are more: --limit {}", arguments.limit.saturating_mul(2)),
        ))?;
    }
    Ok(Exit::Done)
}

fn table(agents: &[Agent]) -> Table {
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["AGENT", "NAME", "STATUS", "BRANCH", "COST", "AGE"], 1);
    for agent in agents {
        table.row(cells(agent, now));
    }
    table
}

/// Keeps the list on the screen up to date: told by the server that something changed, and by the
/// clock that ages grew.
async fn keep(
    client: &Client,
    output: &mut Output,
    arguments: &List,
    query: &[(&str, String)],
) -> Result<Exit> {
    if !output.is_terminal() || output.is_for_program() {
        return Err(
            Trouble::usage("--watch needs a terminal; for programs there is /v1/live").into()
        );
    }
    let mut changes = None;
    loop {
        // Asked for first, so that no change falls between list and socket.
        if changes.is_none() {
            changes = subscribe(client).await.ok();
        }
        let page = agents(client, query, arguments.limit).await;
        match &page {
            Ok(page) => output.repaint(&table(&page.items).lines(output.columns()))?,
            Err(error) => {
                output.repaint(&[Shown::Line(Line::of(Style::Warn, format!("{error}")))])?
            }
        }
        tokio::select! {
            is_open = changed(&mut changes) => if !is_open { changes = None },
            () = tokio::time::sleep(AGES) => {}
        }
        tokio::time::sleep(REPAINT).await;
    }
}

async fn subscribe(client: &Client) -> Result<Socket> {
    let mut socket = client.socket("live", &["live"]).await?;
    socket.control(&json!({ "type": "watchList", "id": 1 })).await?;
    Ok(socket)
}

/// Waits for a change; never, without a socket. Says whether the socket still stands.
async fn changed(socket: &mut Option<Socket>) -> bool {
    match socket {
        Some(socket) => !matches!(socket.next().await, Err(_) | Ok(Came::Over(_))),
        None => std::future::pending().await,
    }
}

fn query(arguments: &List, client: &Client) -> Vec<(&'static str, String)> {
    let wants_archived = arguments.all || matches!(arguments.status, Some(StatusName::Archived));
    let mut query = vec![("includeArchived", wants_archived.to_string())];
    query.extend(arguments.search.iter().map(|text| ("search", text.clone())));
    // A repository that is gone from this machine may still be looked for as it was typed.
    let repo =
        |typed: &String| repository::address(typed, client.url()).unwrap_or_else(|_| typed.clone());
    query.extend(arguments.repo.iter().map(|typed| ("repo", repo(typed))));
    query.extend(arguments.status.map(|status| ("status", status_text(status).to_owned())));
    query
}

const fn status_text(status: StatusName) -> &'static str {
    match status {
        StatusName::Active => "ACTIVE",
        StatusName::Idle => "IDLE",
        StatusName::Archived => "ARCHIVED",
    }
}

async fn agents(client: &Client, query: &[(&str, String)], limit: usize) -> Result<Page<Agent>> {
    let mut all = Page { items: Vec::new(), next_cursor: None };
    loop {
        let wanted = (limit.max(1) - all.items.len()).min(PAGE_MAX);
        let query = [query, &[("limit", wanted.to_string())]].concat();
        let page = client.page::<Agent>(&["agents"], &query, all.next_cursor.as_deref()).await?;
        all.items.extend(page.items);
        all.next_cursor = page.next_cursor;
        if all.next_cursor.is_none() || all.items.len() >= limit.max(1) {
            return Ok(all);
        }
    }
}

fn cells(agent: &Agent, now: jiff::Timestamp) -> [(Style, String); 6] {
    let plain = |text: &str| (Style::Plain, text.to_owned());
    [
        (Style::Accent, text::short_id(&agent.id).to_owned()),
        (Style::Bold, agent.name.clone()),
        status(agent),
        plain(agent.branch_name.as_deref().unwrap_or("-")),
        plain(&text::money(text::micros(agent.usage.cost.raw_cost_cents))),
        (Style::Dim, text::age(&agent.created_at, now)),
    ]
}

/// What matters most: a question, then the archive, then how the newest run stands.
fn status(agent: &Agent) -> (Style, String) {
    if agent.question.is_some() {
        return (Style::Accent, "? asks you".to_owned());
    }
    if agent.status == "ARCHIVED" {
        return (Style::Dim, "archived".to_owned());
    }
    // The newest run waits behind another one, which is what the agent is doing.
    let is_behind = agent.status == "ACTIVE" && agent.queued_runs > 0;
    let status = if is_behind { "RUNNING" } else { &agent.latest_run_status };
    let (style, sign) = look(status);
    let queued = match agent.queued_runs {
        0 => String::new(),
        queued => format!(" +{queued}"),
    };
    (style, format!("{sign} {}{queued}", status.to_lowercase()))
}

/// Look and sign of a run's status as the API spells it.
pub(super) fn look(status: &str) -> (Style, &'static str) {
    use RunStatus::{Cancelled, Creating, Error, Expired, Finished, Running};
    let known = [Creating, Running, Finished, Error, Cancelled, Expired].map(ending);
    let found = known.into_iter().find(|(_, _, name)| *name == status);
    found.map_or((Style::Plain, "·"), |(style, sign, _)| (style, sign))
}
