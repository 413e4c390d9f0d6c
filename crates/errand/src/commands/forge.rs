//! `errand forge`: hosts of repositories that the server is connected to.

mod orders;

use super::Cx;
use super::login::read_hidden;
use crate::args::forge::{Connect, Forge, Kind, Which};
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::style::{Line, Style};
use crate::table::Table;
use anyhow::{Context as _, Result};
use protocol::api::IdBody;
use protocol::api::forges::{ConnectForge, ForgeBody};
use protocol::api::metadata::Items;
use std::io::Read as _;
use std::path::Path;

/// Bytes of a credential that are read.
const CREDENTIAL_BYTES: u64 = 16 * 1024;

pub(super) async fn forge(cx: Cx<'_>, action: Forge) -> Result<Exit> {
    let body = match action {
        Forge::Ls => return list(cx).await,
        Forge::Disconnect(which) => return disconnect(cx, &which).await,
        Forge::Hook(arguments) => return orders::hook(cx, arguments).await,
        Forge::Triggers(arguments) => return orders::triggers(cx, arguments).await,
        Forge::Deliveries(which) => return orders::deliveries(cx, &which).await,
        Forge::Connect(arguments) => cx.client.post(&["forges"], &wanted(&arguments)?).await?,
        Forge::Check(which) => {
            let id = id_of(&cx, &which).await?;
            cx.client.act(&["forges", &id, "check"]).await?
        }
    };
    tell(&body, cx.output)?;
    Ok(Exit::Done)
}

async fn list(Cx { client, output }: Cx<'_>) -> Result<Exit> {
    let all: Items<ForgeBody> = client.get(&["forges"], &[]).await?;
    if output.is_for_program() {
        output.json(&all)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["HOST", "KIND", "AS", "WITH", "SCOPES", "CHECKED"], 4);
    for one in &all.items {
        table.row([
            (Style::Bold, one.url.clone()),
            (Style::Plain, one.kind.clone()),
            (Style::Plain, one.login.clone()),
            (Style::Plain, one.credential.clone()),
            (Style::Dim, one.scopes.join(" ")),
            (Style::Dim, one.checked_at.clone()),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    if all.items.is_empty() {
        let how = "No host is connected. For github.com: errand forge connect github";
        output.line(Line::of(Style::Dim, how))?;
    }
    Ok(Exit::Done)
}

async fn disconnect(cx: Cx<'_>, which: &Which) -> Result<Exit> {
    let id = id_of(&cx, which).await?;
    let done: IdBody = cx.client.delete(&["forges", &id]).await?;
    if cx.output.is_for_program() {
        cx.output.json(&done)?;
    } else {
        let line = Line::of(Style::Good, "✓ ").and(Style::Plain, "disconnected");
        cx.output.line(line)?;
    }
    Ok(Exit::Done)
}

fn tell(body: &ForgeBody, output: &mut Output) -> Result<()> {
    if output.is_for_program() {
        return Ok(output.json(body)?);
    }
    let words = format!("{} is connected as {}", body.url, body.login);
    Ok(output.line(Line::of(Style::Good, "✓ ").and(Style::Plain, words))?)
}

async fn id_of(cx: &Cx<'_>, which: &Which) -> Result<String> {
    Ok(meant(cx, which).await?.id)
}

/// The connection that is meant, by id, address or host.
async fn meant(cx: &Cx<'_>, which: &Which) -> Result<ForgeBody> {
    let all: Items<ForgeBody> = cx.client.get(&["forges"], &[]).await?;
    let host = |url: &str| url.split("://").nth(1).unwrap_or(url).to_owned();
    let meant = which.host.trim_end_matches('/');
    let fits = |one: &&ForgeBody| one.id == meant || one.url == meant || host(&one.url) == meant;
    let missing = || {
        let message = format!("{meant}: no such host is connected; see `errand forge ls`");
        Trouble::usage(message).into()
    };
    all.items.iter().find(fits).cloned().ok_or_else(missing)
}

fn wanted(arguments: &Connect) -> Result<ConnectForge> {
    let what = if arguments.app.is_some() { "Private key" } else { "Token" };
    let secret = match &arguments.token_file {
        Some(file) => read(file)?,
        None => read_hidden(&format!("{what}: "), CREDENTIAL_BYTES).context("read it")?,
    };
    let secret = Some(secret.trim().to_owned());
    let (token, private_key) = match &arguments.app {
        Some(_) => (None, secret),
        None => (secret, None),
    };
    let kind = match arguments.kind {
        Kind::Github => "github",
        Kind::Gitlab => "gitlab",
        Kind::Gitea => "gitea",
        Kind::Bitbucket => "bitbucket",
    };
    Ok(ConnectForge {
        kind: kind.to_owned(),
        url: arguments.url.clone(),
        token,
        email: arguments.email.clone(),
        app_id: arguments.app.clone(),
        private_key,
    })
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(CREDENTIAL_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(CREDENTIAL_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| Trouble::usage(format!("{}: {error}", file.display())))?;
    Ok(text)
}
