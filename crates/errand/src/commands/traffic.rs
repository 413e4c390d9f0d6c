//! `errand traffic`: what left an agent's machine.

use super::Cx;
use crate::args::Traffic as Arguments;
use crate::exit::{Exit, Trouble};
use crate::live::summary::row;
use crate::style::{Line, Shown, Style};
use crate::table::Table;
use crate::{lookup, text};
use anyhow::Result;
use protocol::api::audit::{AgentTraffic, Traffic};
use std::collections::BTreeMap;

pub(super) async fn traffic(cx: Cx<'_>, arguments: &Arguments) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let all: AgentTraffic = client.get(&["agents", &agent.id, "traffic"], &[]).await?;
    if output.is_for_program() {
        output.json(&all)?;
        return Ok(Exit::Done);
    }
    let shown = match &arguments.run {
        None => all.total,
        Some(run) => {
            let of_run = all.runs.into_iter().find(|one| one.run_id.as_ref() == Some(run));
            let missing = || {
                let message = format!("nothing left during a run {run:?}");
                Trouble::new(Exit::NotFound, "run_not_found", message)
            };
            of_run.ok_or_else(missing)?.traffic
        }
    };
    output.show(&lines(&shown, output.columns()))?;
    Ok(Exit::Done)
}

fn lines(traffic: &Traffic, columns: usize) -> Vec<Shown> {
    let plain = |text: String| Line::of(Style::Plain, text);
    let mut shown = vec![
        row("requests", plain(text::number(traffic.requests))),
        row("sent", plain(text::bytes(traffic.bytes_up))),
        row("received", plain(text::bytes(traffic.bytes_down))),
    ];
    if !traffic.hosts.is_empty() {
        let mut table = Table::new(&["HOST", "REQUESTS", "METHODS", "SENT", "RECEIVED"], 0);
        for host in &traffic.hosts {
            table.row([
                (Style::Bold, place(&host.host, host.port)),
                (Style::Plain, text::number(host.requests)),
                (Style::Plain, counts(&host.methods)),
                (Style::Plain, text::bytes(host.bytes_up)),
                (Style::Plain, text::bytes(host.bytes_down)),
            ]);
        }
        shown.push(Shown::Gap);
        shown.extend(table.lines(columns));
    }
    if !traffic.denials.is_empty() {
        let mut table = Table::new(&["REFUSED", "WHY", "TIMES"], 0);
        for denial in &traffic.denials {
            table.row([
                (Style::Bad, place(&denial.host, denial.port)),
                (Style::Plain, denial.code.clone()),
                (Style::Plain, text::number(denial.count)),
            ]);
        }
        shown.push(Shown::Gap);
        shown.extend(table.lines(columns));
    }
    if !traffic.grants.is_empty() {
        let mut table = Table::new(&["CREDENTIAL", "FOR", "TIMES", "METHODS"], 1);
        for used in &traffic.grants {
            table.row([
                (Style::Bold, used.name.clone()),
                (Style::Plain, place(&used.host, used.port)),
                (Style::Plain, text::number(used.count)),
                (Style::Plain, counts(&used.methods)),
            ]);
        }
        shown.push(Shown::Gap);
        shown.extend(table.lines(columns));
    }
    shown
}

/// A host with its port, where that is not the usual one.
fn place(host: &str, port: u64) -> String {
    match (host, port) {
        ("*", _) => "others".to_owned(),
        (_, 0 | 443) => host.to_owned(),
        _ => format!("{host}:{port}"),
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let words = counts.iter().map(|(name, times)| format!("{name} {times}"));
    words.collect::<Vec<_>>().join(", ")
}
