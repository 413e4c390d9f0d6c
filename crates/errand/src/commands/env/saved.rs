//! `errand env ls`, `show`, `save`, `rm`, `history` and `restore`: environments that the server keeps.

use super::super::Cx;
use crate::args::env::{OneEnv, RestoreEnv, SaveEnv, ShowEnv};
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::table::Table;
use crate::{repository, text};
use anyhow::{Context, Result};
use git::url::RemoteUrl;
use protocol::api::IdBody;
use protocol::api::environments::{
    CreateEnvironment, EnvironmentBody, EnvironmentRepo, EnvironmentVersion, ReplaceEnvironment,
    RestoreEnvironment,
};
use protocol::api::metadata::Items;
use protocol::limits::ENVIRONMENT_BYTES;
use std::io::Read;

/// Where they are.
const PATH: &str = "environments";

pub(in crate::commands) async fn ls(cx: Cx<'_>) -> Result<Exit> {
    let Cx { client, output } = cx;
    let all: Items<EnvironmentBody> = client.get(&[PATH], &[]).await?;
    if output.is_for_program() {
        output.json(&all)?;
        return Ok(Exit::Done);
    }
    if all.items.is_empty() {
        let words = "no saved environments; begin with: errand env save FILE --repo .";
        output.line(Line::of(Style::Dim, words))?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["NAME", "REPOSITORIES", "VERSION", "BY", "AGE"], 1);
    for one in &all.items {
        table.row([
            (Style::Bold, one.name.clone()),
            (Style::Plain, urls(&one.repos)),
            (Style::Plain, one.version.to_string()),
            (Style::Plain, one.updated_by.clone()),
            (Style::Dim, text::age(&one.updated_at, now)),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

pub(in crate::commands) async fn show(cx: Cx<'_>, arguments: &ShowEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let found = find(&client, &arguments.environment).await?;
    if let Some(number) = arguments.version {
        let path = [PATH, &found.id, "versions", &number.to_string()];
        let version: EnvironmentVersion = client.get(&path, &[]).await?;
        if output.is_for_program() {
            output.json(&version)?;
            return Ok(Exit::Done);
        }
        let text = version.environment_json.unwrap_or_default();
        shown(output, (&version.name, number), &version.repos, &text)?;
        return Ok(Exit::Done);
    }
    let one: EnvironmentBody = client.get(&[PATH, &found.id], &[]).await?;
    if output.is_for_program() {
        output.json(&one)?;
        return Ok(Exit::Done);
    }
    let text = one.environment_json.as_deref().unwrap_or_default();
    shown(output, (&one.name, one.version), &one.repos, text)?;
    warn(output, &one)?;
    Ok(Exit::Done)
}

fn shown(
    output: &mut Output,
    (name, number): (&str, u64),
    repos: &[EnvironmentRepo],
    text: &str,
) -> Result<()> {
    let head = Line::of(Style::Bold, name).and(Style::Dim, format!("  version {number}"));
    output.line(head)?;
    output.line(Line::of(Style::Dim, for_whom(repos)))?;
    output.show(&[Shown::Gap])?;
    output.show(&[Shown::Chunk(Style::Plain, format!("{}\n", text.trim_end()))])?;
    Ok(())
}

fn for_whom(repos: &[EnvironmentRepo]) -> String {
    match repos {
        [] => "for no repository yet: errand env save FILE --name NAME --repo URL".to_owned(),
        repos => format!("for {}", urls(repos)),
    }
}

fn urls(repos: &[EnvironmentRepo]) -> String {
    repos.iter().map(|repo| repo.url.as_str()).collect::<Vec<_>>().join(", ")
}

fn warn(output: &mut Output, one: &EnvironmentBody) -> Result<()> {
    for remark in &one.warnings {
        let place = format!("! {}:{}  ", remark.line, remark.column);
        let key = if remark.key.is_empty() { String::new() } else { format!("{}: ", remark.key) };
        let line = Line::of(Style::Warn, place).and(Style::Plain, key + &remark.message);
        output.show(&[Shown::Whole(line)])?;
    }
    Ok(())
}

pub(in crate::commands) async fn save(cx: Cx<'_>, arguments: &SaveEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let repos = arguments.repo.iter().map(|typed| {
        let url = repository::address(typed, client.url())?;
        Ok(EnvironmentRepo { url })
    });
    let repos = repos.collect::<Result<Vec<_>, Trouble>>()?;
    let environment_json = read(&arguments.file)?;
    let wanted = named(arguments, &repos)?;
    let all: Items<EnvironmentBody> = client.get(&[PATH], &[]).await?;
    let saved: EnvironmentBody = match chosen(&all.items, &wanted) {
        Some(known) => {
            let body = ReplaceEnvironment {
                name: known.name.clone(),
                repos: if repos.is_empty() { known.repos.clone() } else { repos },
                environment_json,
                version: known.version,
            };
            client.put(&[PATH, &known.id], &body).await?
        }
        None => {
            let body = CreateEnvironment { name: wanted, repos, environment_json, owner: None };
            client.post(&[PATH], &body).await?
        }
    };
    said(output, "saved ", &saved)
}

fn said(output: &mut Output, what: &str, saved: &EnvironmentBody) -> Result<Exit> {
    if output.is_for_program() {
        output.json(saved)?;
        return Ok(Exit::Done);
    }
    let line = Line::of(Style::Good, "✓ ").and(Style::Plain, what).and(Style::Bold, &saved.name);
    let rest = format!(", version {}, {}", saved.version, for_whom(&saved.repos));
    output.line(line.and(Style::Dim, rest))?;
    warn(output, saved)?;
    Ok(Exit::Done)
}

/// The name that was given, or that of the repository.
fn named(arguments: &SaveEnv, repos: &[EnvironmentRepo]) -> Result<String, Trouble> {
    if let Some(name) = &arguments.name {
        return Ok(name.clone());
    }
    let first = repos.first().and_then(|repo| RemoteUrl::parse(&repo.url).ok());
    first.map(|url| url.name()).ok_or_else(|| {
        Trouble::usage("which one is meant? give --name, or --repo for a new one".to_owned())
    })
}

fn read(file: &str) -> Result<String> {
    let mut bytes = Vec::new();
    // One byte more than fits shows the server that it is too large.
    let most = ENVIRONMENT_BYTES as u64 + 1;
    if file == "-" {
        std::io::stdin().take(most).read_to_end(&mut bytes).context("read standard input")?;
    } else {
        let opened = std::fs::File::open(file);
        let opened = opened.map_err(|error| Trouble::usage(format!("{file}: {error}")))?;
        opened.take(most).read_to_end(&mut bytes).with_context(|| format!("read {file}"))?;
    }
    let text = String::from_utf8(bytes);
    text.map_err(|_| Trouble::usage(format!("{file} is not UTF-8 text")).into())
}

pub(in crate::commands) async fn rm(cx: Cx<'_>, wanted: &OneEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let found = find(&client, &wanted.environment).await?;
    let done: IdBody = client.delete(&[PATH, &found.id]).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => {
            output.line(Line::of(Style::Plain, "forgotten ").and(Style::Bold, &found.name))?;
        }
    }
    Ok(Exit::Done)
}

pub(in crate::commands) async fn history(cx: Cx<'_>, wanted: &OneEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let found = find(&client, &wanted.environment).await?;
    let all: Items<EnvironmentVersion> = client.get(&[PATH, &found.id, "versions"], &[]).await?;
    if output.is_for_program() {
        output.json(&all)?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["VERSION", "ORIGIN", "BY", "AGE", ""], 1);
    for version in &all.items {
        let origin = match version.restored_from {
            Some(from) => format!("{} from {from}", version.origin),
            None => version.origin.clone(),
        };
        let current = if version.current { "current" } else { "" };
        table.row([
            (Style::Bold, version.version.to_string()),
            (Style::Plain, origin),
            (Style::Plain, version.created_by.clone()),
            (Style::Dim, text::age(&version.created_at, now)),
            (Style::Good, current.to_owned()),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

pub(in crate::commands) async fn restore(cx: Cx<'_>, arguments: &RestoreEnv) -> Result<Exit> {
    let Cx { client, output } = cx;
    let found = find(&client, &arguments.environment).await?;
    let from = arguments.version.to_string();
    let path = [PATH, &found.id, "versions", &from, "restore"];
    let body = RestoreEnvironment { version: found.version };
    let saved: EnvironmentBody = client.post(&path, &body).await?;
    said(output, &format!("version {from} is back: "), &saved)
}

pub(in crate::commands) async fn find(client: &Client, wanted: &str) -> Result<EnvironmentBody> {
    let all: Items<EnvironmentBody> = client.get(&[PATH], &[]).await?;
    let found = chosen(&all.items, wanted).cloned();
    found.ok_or_else(|| {
        let message =
            format!("there is no saved environment {wanted:?}; `errand env ls` lists them");
        Trouble::new(Exit::NotFound, "environment_not_found", message).into()
    })
}

/// By id, or by name, of which there are no two alike.
fn chosen<'a>(all: &'a [EnvironmentBody], wanted: &str) -> Option<&'a EnvironmentBody> {
    let name = wanted.trim().to_lowercase();
    all.iter().find(|one| one.id == wanted || one.name.to_lowercase() == name)
}
