//! `errand build`: machines prepared ahead; `errand snapshot`: one that was set up by hand.

use super::Cx;
use crate::args::KeepMachine;
use crate::args::build::{Build, ExportBuild, ImportBuild, ListBuilds, OneBuild, StartBuild};
use crate::client::Client;
use crate::client::follow::{Followed, Follower};
use crate::exit::{Exit, Trouble};
use crate::live;
use crate::live::view::Prompts;
use crate::output::Output;
use crate::style::{Line, Style};
use crate::table::Table;
use crate::{lookup, repository, text};
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::agents::{Agent, RepoBody};
use protocol::api::builds::{
    BuildBody, BuildChange, BuildChanges, CreateBuild, CreateSnapshot, SnapshotBody, UpdateBuild,
};
use protocol::api::metadata::Items;
use protocol::event::Event;
use protocol::ids::AgentId;
use serde_json::json;
use std::path::PathBuf;

pub(super) async fn build(cx: Cx<'_>, action: &Build) -> Result<Exit> {
    match action {
        Build::Start(arguments) => start(cx, arguments).await,
        Build::Ls(arguments) => ls(cx, arguments).await,
        Build::Changes(wanted) => changes(cx, wanted).await,
        Build::Pin(wanted) => pin(cx, wanted, true).await,
        Build::Unpin(wanted) => pin(cx, wanted, false).await,
        Build::Export(arguments) => export(cx, arguments).await,
        Build::Import(arguments) => import(cx, arguments).await,
        Build::Rm(wanted) => rm(cx, wanted).await,
    }
}

async fn start(cx: Cx<'_>, arguments: &StartBuild) -> Result<Exit> {
    let Cx { client, output } = cx;
    if arguments.reference.is_some() && arguments.repo.len() > 1 {
        let message =
            "--ref needs exactly one --repo: with several nobody knows which one is meant";
        return Err(Trouble::usage(message).into());
    }
    let repos = arguments.repo.iter().map(|typed| {
        let url = repository::address(typed, client.url())?;
        Ok(RepoBody { url, starting_ref: arguments.reference.clone(), pr_url: None, upload: None })
    });
    let repos = repos.collect::<Result<Vec<_>, Trouble>>()?;
    let made: BuildBody = client.post(&["builds"], &CreateBuild { repos }).await?;
    if output.is_for_program() {
        output.json(&made)?;
    } else {
        output.line(Line::of(Style::Plain, "build ").and(Style::Bold, &made.id))?;
    }
    if arguments.detach {
        return Ok(Exit::Done);
    }
    let agent: Agent = client.get(&["agents", &made.id], &[]).await?;
    let id = lookup::id_of(&agent)?;
    let run = agent.latest_run_id;
    let ended = live::watch_run(&client, output, id, &run, 0, Prompts::Hidden).await?;
    if ended != Exit::Done {
        return Ok(ended);
    }
    kept(&client, output, id, 0).await
}

pub(super) async fn snapshot(cx: Cx<'_>, arguments: &KeepMachine) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let asked = CreateSnapshot { with_secrets: arguments.with_secrets };
    let wanted: SnapshotBody = client.post(&["agents", &agent.id, "snapshot"], &asked).await?;
    if output.is_for_program() {
        output.json(&wanted)?;
    }
    kept(&client, output, lookup::id_of(&agent)?, agent.seq).await
}

/// Waits until the disk is kept, and says what it holds.
async fn kept(client: &Client, output: &mut Output, agent: AgentId, after: u64) -> Result<Exit> {
    output.status(Some("keeping the machine"))?;
    let mut follower = Follower::start(client, agent, after).await?;
    loop {
        let Followed::Event(body) = follower.next().await? else { continue };
        // A newer server may tell of more than we know.
        match serde_json::from_value(body.event) {
            Ok(Event::SnapshotMade { layer, bytes, files, .. }) => {
                output.status(None)?;
                let holds = format!("{} in {}", text::bytes(bytes), text::count(files, "file"));
                let line = Line::of(Style::Good, "✓ ").and(Style::Plain, "new agents begin with ");
                let line = line.and(Style::Bold, layer.to_string());
                if !output.is_for_program() {
                    output.line(line.and(Style::Dim, format!("  {holds}")))?;
                }
                return Ok(Exit::Done);
            }
            Ok(Event::SnapshotFailed { failure, .. }) => {
                output.status(None)?;
                return Err(Trouble::new(Exit::Failed, failure.code, failure.message).into());
            }
            Ok(_) | Err(_) => {}
        }
    }
}

async fn ls(cx: Cx<'_>, arguments: &ListBuilds) -> Result<Exit> {
    let Cx { client, output } = cx;
    let repo =
        |typed: &String| repository::address(typed, client.url()).unwrap_or_else(|_| typed.clone());
    let query: Vec<_> = arguments.repo.iter().map(|typed| ("repo", repo(typed))).collect();
    let builds: Items<BuildBody> = client.get(&["builds"], &query).await?;
    if output.is_for_program() {
        output.json(&builds)?;
        return Ok(Exit::Done);
    }
    if builds.items.is_empty() {
        let words = "no builds; begin with: errand build start --repo .";
        output.line(Line::of(Style::Dim, words))?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["BUILD", "REPOSITORIES", "STATUS", "SIZE", "AGE"], 1);
    for build in &builds.items {
        table.row(cells(build, now));
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

fn cells(build: &BuildBody, now: jiff::Timestamp) -> [(Style, String); 5] {
    let (style, status) = match (build.status.as_str(), build.pinned, build.current) {
        ("READY", true, _) => (Style::Good, "pinned".to_owned()),
        ("READY", _, true) => (Style::Good, "current".to_owned()),
        ("FAILED", ..) => {
            let why = build.failure.as_ref().map_or("", |failure| failure.code.as_str());
            (Style::Bad, format!("failed {why}").trim_end().to_owned())
        }
        (other, ..) => (Style::Plain, other.to_lowercase()),
    };
    let size = if build.bytes > 0 { text::bytes(build.bytes) } else { String::new() };
    [
        (Style::Plain, text::short_id(&build.id).to_owned()),
        (Style::Bold, build.repos.join(", ")),
        (style, status),
        (Style::Plain, size),
        (Style::Dim, text::age(&build.created_at, now)),
    ]
}

async fn changes(cx: Cx<'_>, wanted: &OneBuild) -> Result<Exit> {
    let Cx { client, output } = cx;
    let build = find(&client, &wanted.build).await?;
    output.status(Some("looking through its disk"))?;
    let told = client.get(&["builds", &build.layer, "changes"], &[]).await;
    output.status(None)?;
    let told: BuildChanges = told?;
    if output.is_for_program() {
        output.json(&told)?;
        return Ok(Exit::Done);
    }
    let beside = told.beside.as_deref().map(text::short_id);
    let words = match (told.items.is_empty(), beside) {
        (true, Some(before)) => format!("nothing that runs by itself differs from {before}"),
        (true, None) => "it brings nothing that runs by itself".to_owned(),
        (false, Some(before)) => format!("what runs by itself, beside {before}:"),
        (false, None) => "what it brings that runs by itself:".to_owned(),
    };
    output.line(Line::of(Style::Dim, words))?;
    let mut table = Table::new(&["CHANGE", "WHAT", "FILE"], 2);
    for BuildChange { path, kind, change } in &told.items {
        let (style, what) = match kind.as_str() {
            "startup" => (Style::Bad, "read at a start"),
            "knownProgram" => (Style::Bad, "known program"),
            _ => (Style::Plain, "program"),
        };
        let cells = [(style, change), (style, &what.to_owned()), (Style::Bold, path)];
        table.row(cells.map(|(style, text)| (style, text.clone())));
    }
    if !told.items.is_empty() {
        output.show(&table.lines(output.columns()))?;
    }
    if !told.whole {
        output.line(Line::of(Style::Bad, "it brings more programs than are told here"))?;
    }
    Ok(Exit::Done)
}

async fn pin(cx: Cx<'_>, wanted: &OneBuild, pinned: bool) -> Result<Exit> {
    let Cx { client, output } = cx;
    let build = find(&client, &wanted.build).await?;
    let body: BuildBody = client.patch(&["builds", &build.layer], &UpdateBuild { pinned }).await?;
    if output.is_for_program() {
        output.json(&body)?;
        return Ok(Exit::Done);
    }
    let what = if pinned { "new agents begin with " } else { "unpinned " };
    output.line(Line::of(Style::Plain, what).and(Style::Bold, text::short_id(&build.id)))?;
    Ok(Exit::Done)
}

async fn export(cx: Cx<'_>, arguments: &ExportBuild) -> Result<Exit> {
    let Cx { client, output } = cx;
    let build = find(&client, &arguments.build).await?;
    let usual = || PathBuf::from(format!("{}.tar.zst", build.layer));
    let target = arguments.output.clone().unwrap_or_else(usual);
    if target.exists() {
        let message = format!("{} is there already: name another file with -o", target.display());
        return Err(Trouble::usage(message).into());
    }
    let path = ["builds", &build.layer, "file"];
    let told = client.download(&path, &[], &target, |done| {
        output.status(Some(&format!("writing {}", text::bytes(done))))
    });
    let bytes = told.await?;
    output.status(None)?;
    if output.is_for_program() {
        output.json(&json!({ "file": target, "layer": build.layer, "bytes": bytes }))?;
        return Ok(Exit::Done);
    }
    let line = Line::of(Style::Good, "✓ ").and(Style::Bold, target.display().to_string());
    output.line(line.and(Style::Dim, format!("  {}", text::bytes(bytes))))?;
    Ok(Exit::Done)
}

async fn import(cx: Cx<'_>, arguments: &ImportBuild) -> Result<Exit> {
    let Cx { client, output } = cx;
    let repos = arguments.repo.iter().map(|typed| repository::address(typed, client.url()));
    let repos = repos.collect::<Result<Vec<_>, Trouble>>()?;
    let query = (!repos.is_empty()).then(|| ("repos", repos.join(",")));
    output.status(Some("taking it in"))?;
    let query: Vec<_> = query.into_iter().collect();
    let made = client.post_file(&["builds", "file"], &query, &arguments.file).await;
    output.status(None)?;
    let made: BuildBody = made?;
    if output.is_for_program() {
        output.json(&made)?;
        return Ok(Exit::Done);
    }
    let holds = format!("{} in {}", text::bytes(made.bytes), text::count(made.files, "file"));
    let words = if made.current { "new agents begin with " } else { "here is " };
    let line = Line::of(Style::Good, "✓ ").and(Style::Plain, words).and(Style::Bold, &made.layer);
    output.line(line.and(Style::Dim, format!("  {holds}")))?;
    if !made.current {
        let words = "agents begin with it where an environment file names it as `snapshot`";
        output.line(Line::of(Style::Dim, words))?;
    }
    Ok(Exit::Done)
}

async fn rm(cx: Cx<'_>, wanted: &OneBuild) -> Result<Exit> {
    let Cx { client, output } = cx;
    let build = find(&client, &wanted.build).await?;
    let done: IdBody = client.delete(&["builds", &build.layer]).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => {
            output.line(Line::of(Style::Plain, "forgotten ").and(Style::Bold, &build.id))?;
        }
    }
    Ok(Exit::Done)
}

async fn find(client: &Client, wanted: &str) -> Result<BuildBody> {
    let all: Items<BuildBody> = client.get(&["builds"], &[]).await?;
    let fits = |build: &&BuildBody| {
        let digits = wanted.strip_prefix(AgentId::PREFIX).unwrap_or(wanted);
        let id = build.id.strip_prefix(AgentId::PREFIX).unwrap_or(&build.id);
        build.layer == wanted || !digits.is_empty() && id.starts_with(digits)
    };
    let found: Vec<&BuildBody> = all.items.iter().filter(fits).collect();
    match found.as_slice() {
        [build] => Ok((*build).clone()),
        [] => {
            let message = format!("there is no build {wanted:?}; `errand build ls` lists them");
            Err(Trouble::new(Exit::NotFound, "build_not_found", message).into())
        }
        [_, _, ..] => {
            let message =
                format!("{wanted:?} fits several builds: give more of the id, or the layer");
            Err(Trouble::usage(message).into())
        }
    }
}
