//! `errand show`: one agent, whole.

use super::allow::place;
use super::{Cx, ls};
use crate::args::OneAgent;
use crate::exit::Exit;
use crate::live::summary::{row, used};
use crate::style::{Line, Shown, Style};
use crate::table::Table;
use crate::{lookup, text};
use anyhow::Result;
use protocol::api::Page;
use protocol::api::agents::{
    Agent, ConfigurationBody, FlowBody, FlowState, QuestionBody, StopBody,
};
use protocol::api::runs::Run;
use protocol::event::ConfigurationTrust;
use serde_json::json;

/// Runs that are listed.
const RUNS: usize = 10;

pub(super) async fn show(cx: Cx<'_>, arguments: &OneAgent) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let query = [("limit", RUNS.to_string())];
    let runs: Page<Run> = client.get(&["agents", &agent.id, "runs"], &query).await?;
    if output.is_for_program() {
        output.json(&json!({ "agent": agent, "runs": runs.items }))?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut shown = whole(&agent, now);
    shown.extend(agent.question.iter().flat_map(|question| asks(question, &agent.id)));
    shown.push(Shown::Gap);
    shown.extend(table(&runs.items, now).lines(output.columns()));
    let failures = runs.items.iter().take(1).filter_map(|run| run.error.as_ref());
    shown.extend(failures.map(|failure| Shown::Whole(Line::of(Style::Bad, failure.to_string()))));
    output.show(&shown)?;
    Ok(Exit::Done)
}

/// What configures it, and what to do where that is not trusted.
fn configured(one: &ConfigurationBody, agent: &str) -> Vec<Shown> {
    let why = match one.trust {
        ConfigurationTrust::DefaultBranch => "of the default branch",
        ConfigurationTrust::NamedBranch => "of a trusted branch",
        ConfigurationTrust::Unchanged => "as on the default branch",
        ConfigurationTrust::Changed => "not as on the default branch",
        ConfigurationTrust::Stranger => "of a commit that no branch is known to have",
    };
    let line = Line::of(Style::Plain, &one.digest).and(Style::Dim, format!("  {why}"));
    let mut shown = vec![row("configured", line)];
    if one.is_withheld {
        let words = format!("it has no secrets until you `errand allow {agent} --configuration`");
        shown.push(row("", Line::of(Style::Warn, words)));
    }
    shown
}

/// What keeps its newest push back.
fn stopped(stop: &StopBody, agent: &str) -> Vec<Shown> {
    let line = Line::of(Style::Plain, format!("{} {}", place(stop), stop.why));
    let mut shown = vec![row("not pushed", line.and(Style::Dim, format!("  {}", stop.mark)))];
    if !stop.is_allowed {
        let words = format!("until it is gone, or you `errand allow {agent} --push --reason WHY`");
        shown.push(row("", Line::of(Style::Warn, words)));
    }
    shown
}

/// What it read, if nobody here wrote it, and what came of that.
fn read(flow: &FlowBody, agent: &str) -> Vec<Shown> {
    let untrusted = flow.readings.iter().filter(|reading| reading.integrity.is_untrusted());
    let mut shown: Vec<_> =
        untrusted.map(|reading| row("has read", Line::of(Style::Plain, &reading.source))).collect();
    let to = || flow.outward.join(", ");
    let line = match (flow.state, &flow.allowed_by) {
        (FlowState::Apart, _) => return shown,
        (FlowState::Closed | FlowState::Waiting, _) => {
            let words =
                format!("it sends nothing to {} until you `errand allow {agent} --flow`", to());
            Line::of(Style::Warn, words)
        }
        (FlowState::Allowed, Some(who)) => {
            Line::of(Style::Dim, format!("{who} allowed it to send to {}", to()))
        }
        (FlowState::Allowed | FlowState::Recorded, _) => {
            Line::of(Style::Dim, format!("it may send to {}", to()))
        }
    };
    shown.push(row("", line));
    shown
}

fn whole(agent: &Agent, now: jiff::Timestamp) -> Vec<Shown> {
    let plain = |text: &str| Line::of(Style::Plain, text);
    let mut shown = vec![
        Shown::Whole(
            Line::of(Style::Bold, &agent.name)
                .and(Style::Dim, format!("  {}", agent.status.to_lowercase())),
        ),
        row("agent", plain(&agent.id)),
        row("link", Line::of(Style::Accent, &agent.url)),
    ];
    for repo in &agent.repos {
        let from = repo
            .starting_ref
            .as_deref()
            .map(|starting| format!("  from {starting}"))
            .unwrap_or_default();
        shown.push(row("repository", plain(&repo.url).and(Style::Dim, from)));
    }
    shown.extend(agent.branch_name.iter().map(|branch| row("branch", plain(branch))));
    for pull in &agent.pull_requests {
        shown.push(row(
            "pull request",
            plain(&format!("#{} ", pull.number)).and(Style::Accent, &pull.url),
        ));
    }
    let params = agent.model.params.iter().map(|param| format!(" {}={}", param.id, param.value));
    let mode = format!("{:?}", agent.mode).to_lowercase();
    shown.push(row(
        "model",
        plain(&agent.model.id)
            .and(Style::Dim, params.collect::<String>())
            .and(Style::Dim, format!("  mode {mode}")),
    ));
    shown.extend(agent.configurations.iter().flat_map(|one| configured(one, &agent.id)));
    shown.extend(agent.stops.iter().flat_map(|stop| stopped(stop, &agent.id)));
    shown.extend(read(&agent.flow, &agent.id));
    if !agent.env_var_names.is_empty() {
        shown.push(row("variables", plain(&agent.env_var_names.join(", "))));
    }
    let sandbox = &agent.sandbox;
    let epoch = if sandbox.epoch == 0 {
        String::new()
    } else {
        format!("  {} #{}", sandbox.provider, sandbox.epoch)
    };
    shown.push(row("sandbox", plain(&sandbox.state).and(Style::Dim, epoch)));
    if sandbox.shared {
        let words = "shared: other agents can read and change what is in it";
        shown.push(row("", Line::of(Style::Warn, words)));
    }
    shown.push(row("used", plain(&used(&agent.usage))));
    shown.push(row(
        "opened",
        plain(&format!("{} ago", text::age(&agent.created_at, now)))
            .and(Style::Dim, format!("  {}", agent.created_at)),
    ));
    shown
}

fn asks(question: &QuestionBody, agent: &str) -> Vec<Shown> {
    let mut shown = vec![
        Shown::Gap,
        Shown::Line(Line::of(Style::Accent, "? ").and(Style::Bold, "It asks you:")),
    ];
    shown.extend(
        question.text.lines().map(|line| Shown::Whole(Line::of(Style::Plain, format!("  {line}")))),
    );
    let options = (1..).zip(&question.options);
    shown.extend(options.map(|(number, option)| {
        Shown::Whole(Line::of(Style::Accent, format!("  {number}  ")).and(Style::Plain, option))
    }));
    let hint =
        format!("  errand answer {} \"…\"   until {}", text::short_id(agent), question.deadline);
    shown.push(Shown::Whole(Line::of(Style::Dim, hint)));
    shown
}

fn table(runs: &[Run], now: jiff::Timestamp) -> Table {
    let mut table = Table::new(&["RUN", "STATUS", "TIME", "COST", "AGE", "MESSAGE"], 5);
    for run in runs {
        let (style, sign) = ls::look(&run.status);
        table.row([
            (Style::Plain, run.id.clone()),
            (style, format!("{sign} {}", run.status.to_lowercase())),
            (Style::Plain, run.duration_ms.map(text::duration).unwrap_or_default()),
            (Style::Plain, text::money(text::micros(run.usage.cost.raw_cost_cents))),
            (Style::Dim, text::age(&run.created_at, now)),
            (Style::Plain, text::first_line(&run.prompt_text)),
        ]);
    }
    table
}
