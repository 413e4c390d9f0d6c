//! `errand forge hook`, `triggers`, `deliveries`: what people ask for at a host.

use super::{id_of, meant};
use crate::args::forge::{Hook, Switch, Triggers, Which};
use crate::commands::Cx;
use crate::exit::Exit;
use crate::style::{Line, Style};
use crate::table::Table;
use anyhow::Result;
use protocol::api::forges::{ForgeBody, OutcomeBody, TriggersBody, WebhookBody};
use protocol::api::metadata::Items;

/// What empties a list.
const NONE: &str = "none";

pub(super) async fn hook(cx: Cx<'_>, arguments: Hook) -> Result<Exit> {
    let id = id_of(&cx, &arguments.which).await?;
    let query: Vec<_> =
        arguments.repository.iter().map(|name| ("repository", name.clone())).collect();
    let body: WebhookBody = cx.client.get(&["forges", &id, "webhook"], &query).await?;
    if cx.output.is_for_program() {
        cx.output.json(&body)?;
        return Ok(Exit::Done);
    }
    let whose = match &body.repository {
        Some(name) => format!("At the host, among the webhooks of {name}:"),
        None => {
            "At the host, where it tells of every repository. Who has this secret speaks for all:"
                .to_owned()
        }
    };
    cx.output.line(Line::of(Style::Bold, &whose))?;
    let rows = [
        ("address", body.url),
        ("secret", body.secret),
        ("content", "application/json".to_owned()),
        ("events", body.events.join(", ")),
    ];
    for (name, value) in rows {
        cx.output.line(Line::of(Style::Dim, format!("{name:<9}")).and(Style::Plain, &value))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn triggers(cx: Cx<'_>, arguments: Triggers) -> Result<Exit> {
    let known = meant(&cx, &arguments.which).await?;
    let wanted = changed(known.triggers.clone(), &arguments);
    let body = if wanted == known.triggers {
        known
    } else {
        cx.client.put::<ForgeBody>(&["forges", &known.id, "triggers"], &wanted).await?
    };
    if cx.output.is_for_program() {
        cx.output.json(&body.triggers)?;
        return Ok(Exit::Done);
    }
    let TriggersBody { name, labels, autofix, reviews, bots } = body.triggers;
    let listed = |all: Vec<String>| if all.is_empty() { NONE.to_owned() } else { all.join(", ") };
    let switch = |is_on| if is_on { "on" } else { "off" }.to_owned();
    let rows = [
        ("name", format!("@{name}")),
        ("labels", listed(labels)),
        ("autofix", switch(autofix)),
        ("reviews", switch(reviews)),
        ("bots", listed(bots)),
    ];
    for (name, value) in rows {
        cx.output.line(Line::of(Style::Dim, format!("{name:<9}")).and(Style::Plain, &value))?;
    }
    Ok(Exit::Done)
}

fn changed(mut triggers: TriggersBody, arguments: &Triggers) -> TriggersBody {
    let listed = |given: &[String]| match given {
        [only] if only == NONE => Vec::new(),
        all => all.to_vec(),
    };
    if let Some(name) = &arguments.name {
        triggers.name.clone_from(name);
    }
    if !arguments.labels.is_empty() {
        triggers.labels = listed(&arguments.labels);
    }
    if !arguments.bots.is_empty() {
        triggers.bots = listed(&arguments.bots);
    }
    if let Some(switch) = arguments.autofix {
        triggers.autofix = switch == Switch::On;
    }
    if let Some(switch) = arguments.reviews {
        triggers.reviews = switch == Switch::On;
    }
    triggers
}

pub(super) async fn deliveries(cx: Cx<'_>, which: &Which) -> Result<Exit> {
    let id = id_of(&cx, which).await?;
    let all: Items<OutcomeBody> = cx.client.get(&["forges", &id, "deliveries"], &[]).await?;
    if cx.output.is_for_program() {
        cx.output.json(&all)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["AT", "REPOSITORY", "BY", "OUTCOME"], 3);
    for one in &all.items {
        table.row([
            (Style::Dim, one.at.clone()),
            (Style::Plain, one.repository.clone()),
            (Style::Plain, one.actor.clone()),
            (Style::Plain, one.outcome.clone()),
        ]);
    }
    cx.output.show(&table.lines(cx.output.columns()))?;
    if all.items.is_empty() {
        let how = "Nothing came since the server started. To enter the webhook: errand forge hook";
        cx.output.line(Line::of(Style::Dim, how))?;
    }
    Ok(Exit::Done)
}
