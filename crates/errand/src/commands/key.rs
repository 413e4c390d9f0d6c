//! `errand key`: makes, lists and revokes API keys.

use super::Cx;
use crate::args::Key;
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::style::{Line, Style};
use crate::table::Table;
use crate::text;
use anyhow::Result;
use protocol::api::IdBody;
use protocol::api::metadata::{ApiKeyBody, CreateApiKey, Items};

pub(super) async fn key(cx: Cx<'_>, action: &Key) -> Result<Exit> {
    match action {
        Key::Create { name } => create(cx, name).await,
        Key::Ls => ls(cx).await,
        Key::Revoke { key } => revoke(cx, key).await,
    }
}

async fn create(cx: Cx<'_>, name: &str) -> Result<Exit> {
    let Cx { client, output } = cx;
    let made: ApiKeyBody =
        client.post(&["api-keys"], &CreateApiKey { name: name.to_owned() }).await?;
    if output.is_for_program() {
        output.json(&made)?;
        return Ok(Exit::Done);
    }
    let token = made.token.unwrap_or_default();
    output.line(Line::of(Style::Bold, token))?;
    output.line(Line::of(
        Style::Dim,
        format!("key {} ({}); this is the only time that it is shown", made.name, made.id),
    ))?;
    Ok(Exit::Done)
}

async fn ls(cx: Cx<'_>) -> Result<Exit> {
    let Cx { client, output } = cx;
    let keys = all(&client).await?;
    if output.is_for_program() {
        output.json(&keys)?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["KEY", "NAME", "AGE"], 1);
    for key in &keys.items {
        table.row([
            (Style::Plain, key.id.clone()),
            (Style::Bold, key.name.clone()),
            (Style::Dim, text::age(&key.created_at, now)),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

async fn revoke(cx: Cx<'_>, wanted: &str) -> Result<Exit> {
    let Cx { client, output } = cx;
    let keys = all(&client).await?;
    let id = find(&keys.items, wanted)?;
    let done: IdBody = client.delete(&["api-keys", id]).await?;
    match output.is_for_program() {
        true => output.json(&done)?,
        false => output.line(Line::of(Style::Plain, "revoked ").and(Style::Bold, wanted))?,
    }
    Ok(Exit::Done)
}

async fn all(client: &Client) -> Result<Items<ApiKeyBody>> {
    client.get(&["api-keys"], &[]).await
}

/// By id, else by name: several keys of one name are never revoked by a guess.
fn find<'a>(keys: &'a [ApiKeyBody], wanted: &str) -> Result<&'a str, Trouble> {
    if let Some(key) = keys.iter().find(|key| key.id == wanted) {
        return Ok(&key.id);
    }
    let mut named = keys.iter().filter(|key| key.name == wanted);
    match (named.next(), named.next()) {
        (Some(key), None) => Ok(&key.id),
        (Some(_), Some(_)) => Err(Trouble::usage(format!(
            "several keys are called {wanted:?}: give the id (errand key ls)"
        ))),
        (None, _) => Err(Trouble::new(
            Exit::NotFound,
            "api_key_not_found",
            format!("there is no key {wanted:?}"),
        )),
    }
}
