//! `errand secret`: values that the server keeps for agents' machines. They are never arguments, which everybody on
//! this computer sees, and never shown again.

mod lines;

use super::Cx;
use super::env::saved;
use super::login::read_hidden;
use crate::args::secret::{ImportSecrets, ListSecrets, RemoveSecret, Secret, SetSecret, Whose};
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::repository;
use crate::style::{Line, Shown, Style};
use crate::table::Table;
use crate::text;
use anyhow::{Context, Result};
use protocol::api::aws::is_role_secret;
use protocol::api::environments::EnvironmentRepo;
use protocol::api::secrets::{
    PutSecret, SecretBody, SecretKind, SecretPlace, SecretScope, SecretValue, SecretsPage,
};
use protocol::limits::{PAGE_MAX, SECRET_VALUE_BYTES, SECRET_VALUE_LEAST_BYTES};
use serde_json::json;
use std::io::Read as _;

/// Bytes read of a value: more than fit, so that one that is too long is refused and not cut.
const READ_BYTES: u64 = 4 * SECRET_VALUE_BYTES as u64;
/// Bytes read of a file of many.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// The server's code where a value without hosts was meant to be no grant, but nobody said so.
const HOSTS_REQUIRED: &str = "secret_hosts_required";

pub(super) async fn secret(cx: Cx<'_>, action: &Secret) -> Result<Exit> {
    match action {
        Secret::List(arguments) => list(cx, arguments).await,
        Secret::Set(arguments) => set(cx, arguments).await,
        Secret::Remove(arguments) => remove(cx, arguments).await,
        Secret::Import(arguments) => import(cx, arguments).await,
    }
}

/// Where the secrets of an owner are.
struct Place(Vec<String>);

impl Place {
    async fn of(client: &Client, whose: &Whose) -> Result<Self> {
        let parts = match &whose.environment {
            Some(wanted) => vec![
                "environments".to_owned(),
                saved::find(client, wanted).await?.id,
                "secrets".to_owned(),
            ],
            None if whose.team => vec!["team".to_owned(), "secrets".to_owned()],
            None => vec!["secrets".to_owned()],
        };
        Ok(Self(parts))
    }

    fn path<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.0.iter().map(String::as_str).chain([name]).collect()
    }
}

async fn list(cx: Cx<'_>, arguments: &ListSecrets) -> Result<Exit> {
    let Cx { client, output } = cx;
    let Place(parts) = Place::of(&client, &arguments.whose).await?;
    let path: Vec<_> = parts.iter().map(String::as_str).collect();
    let mut query = vec![("limit", PAGE_MAX.to_string())];
    if let Some(typed) = &arguments.repo {
        query.push(("repo", repository::address(typed, client.url())?));
    }
    let mut items: Vec<SecretBody> = Vec::new();
    loop {
        let mut asked = query.clone();
        asked.extend(items.last().map(|last| ("cursor", last.id.clone())));
        let page: SecretsPage = client.get(&path, &asked).await?;
        items.extend(page.items);
        if page.next_cursor.is_none() {
            break;
        }
    }
    if output.is_for_program() {
        output.json(&json!({ "items": items }))?;
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        output.line(Line::of(Style::Dim, "no secrets; begin with: errand secret set NAME"))?;
        return Ok(Exit::Done);
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&["NAME", "OF", "WHAT", "FOR", "BY", "AGE", "USED"], 2);
    for one in &items {
        table.row([
            (Style::Bold, one.name.clone()),
            (Style::Plain, owner(one).to_owned()),
            (Style::Plain, what(one)),
            (Style::Plain, for_whom(one)),
            (Style::Plain, one.updated_by.clone()),
            (Style::Dim, text::age(&one.updated_at, now)),
            (
                Style::Dim,
                one.last_used_at.as_ref().map_or("never".to_owned(), |at| text::age(at, now)),
            ),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

const fn owner(one: &SecretBody) -> &'static str {
    match one.owner {
        SecretScope::User => "you",
        SecretScope::Environment => "environment",
        SecretScope::Team => "team",
    }
}

/// What a secret is, in words.
fn what(one: &SecretBody) -> String {
    match one.kind {
        SecretKind::EnvironmentVariable => "a variable, no secret".to_owned(),
        SecretKind::BuildSecret => {
            format!("a grant of what prepares disks, for {}", one.hosts.join(", "))
        }
        SecretKind::RuntimeSecret if is_role_secret(&one.name) => {
            "a role of AWS, whose keys are never in the machine".to_owned()
        }
        SecretKind::RuntimeSecret if one.plain => "plain: its value is in the machine".to_owned(),
        SecretKind::RuntimeSecret => {
            let places: Vec<_> = one.places.iter().map(place).collect();
            format!("a grant for {} ({})", one.hosts.join(", "), places.join(", "))
        }
    }
}

const fn place(place: &SecretPlace) -> &'static str {
    match place {
        SecretPlace::Header => "header",
        SecretPlace::Basic => "basic",
        SecretPlace::Query => "query",
        SecretPlace::Body => "body",
    }
}

fn for_whom(one: &SecretBody) -> String {
    match one.repos.as_slice() {
        [] => "all repositories".to_owned(),
        repos => repos.iter().map(|repo| repo.url.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn repos(typed: &[String], client: &Client) -> Result<Option<Vec<EnvironmentRepo>>, Trouble> {
    let all = typed
        .iter()
        .map(|typed| Ok(EnvironmentRepo { url: repository::address(typed, client.url())? }));
    let all = all.collect::<Result<Vec<_>, Trouble>>()?;
    Ok(Some(all).filter(|all| !all.is_empty()))
}

fn id(id: Option<&String>) -> Vec<(&'static str, String)> {
    id.map(|id| ("id", id.clone())).into_iter().collect()
}

async fn set(cx: Cx<'_>, arguments: &SetSecret) -> Result<Exit> {
    let Cx { client, output } = cx;
    let place = Place::of(&client, &arguments.whose).await?;
    let body = PutSecret {
        repos: repos(&arguments.repo, &client)?,
        kind: arguments.kind.map(SecretKind::from),
        hosts: Some(arguments.hosts.clone()).filter(|hosts| !hosts.is_empty()),
        places: Some(arguments.places.iter().map(|place| (*place).into()).collect())
            .filter(|places: &Vec<SecretPlace>| !places.is_empty()),
        plain: arguments.plain.then_some(true),
        value: SecretValue(value(arguments)?),
    };
    let path = place.path(&arguments.name);
    let kept: SecretBody =
        client.put_by(&path, &id(arguments.id.as_ref()), &body).await.map_err(advised)?;
    if output.is_for_program() {
        output.json(&kept)?;
        return Ok(Exit::Done);
    }
    let line = Line::of(Style::Good, "✓ ").and(Style::Bold, &kept.name);
    let rest = format!("  {}, for {}", what(&kept), for_whom(&kept));
    output.show(&[Shown::Whole(line.and(Style::Dim, rest))])?;
    Ok(Exit::Done)
}

/// The server speaks of fields; who types is told what to type.
fn advised(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Trouble>() {
        Ok(trouble) if trouble.code == HOSTS_REQUIRED => {
            let message = "who is to be given the value? Say so with --host, and programs in the machine see a \
                placeholder only. With --plain they see the value itself, and can send it anywhere";
            Trouble::new(trouble.exit, trouble.code, message).into()
        }
        Ok(trouble) => trouble.into(),
        Err(other) => other,
    }
}

fn value(arguments: &SetSecret) -> Result<String> {
    let text = match &arguments.value_file {
        Some(path) => {
            let read = std::fs::File::open(path).and_then(|file| {
                let mut text = String::new();
                file.take(READ_BYTES).read_to_string(&mut text).map(|_| text)
            });
            read.map_err(|error| {
                Trouble::usage(format!("--value-file {}: {error}", path.display()))
            })?
        }
        None => read_hidden(&format!("Value of {}: ", arguments.name), READ_BYTES)
            .context("read the value")?,
    };
    // What ends the line belongs to the file, not to the value.
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}

async fn remove(cx: Cx<'_>, arguments: &RemoveSecret) -> Result<Exit> {
    let Cx { client, output } = cx;
    let place = Place::of(&client, &arguments.whose).await?;
    let path = place.path(&arguments.name);
    let gone: SecretBody = client.delete_by(&path, &id(arguments.id.as_ref())).await?;
    match output.is_for_program() {
        true => output.json(&gone)?,
        false => output.line(Line::of(Style::Plain, "removed ").and(Style::Bold, &gone.name))?,
    }
    Ok(Exit::Done)
}

async fn import(cx: Cx<'_>, arguments: &ImportSecrets) -> Result<Exit> {
    let Cx { client, output } = cx;
    let all = lines::read(&text_of(&arguments.file)?)
        .map_err(|bad| Trouble::usage(format!("{}: {bad}", arguments.file)))?;
    let place = Place::of(&client, &arguments.whose).await?;
    let repos = repos(&arguments.repo, &client)?;
    let (mut told, mut exit) = (Vec::new(), Exit::Done);
    for (name, value) in all {
        let body = PutSecret {
            value: SecretValue(value),
            kind: None,
            repos: repos.clone(),
            hosts: None,
            places: None,
            plain: None,
        };
        let outcome = one(&client, &place.path(&name), body, arguments.plain).await;
        if output.is_for_program() {
            told.push(match &outcome {
                Ok(kept) => json!({ "name": name, "secret": kept }),
                Err(trouble) => {
                    json!({ "name": name, "code": trouble.code, "message": trouble.message })
                }
            });
        } else {
            let (mark, words) = match &outcome {
                Ok(kept) => (Line::of(Style::Good, "✓ "), what(kept)),
                Err(trouble) => (Line::of(Style::Bad, "✗ "), trouble.message.clone()),
            };
            let line = mark.and(Style::Bold, &name).and(Style::Dim, format!("  {words}"));
            output.show(&[Shown::Whole(line)])?;
        }
        if let Err(trouble) = outcome {
            exit = trouble.exit;
        }
    }
    if output.is_for_program() {
        output.json(&json!({ "items": told }))?;
    }
    Ok(exit)
}

/// What is no grant is plain only where that was asked for; too short to be kept out of texts, it is a variable.
async fn one(
    client: &Client,
    path: &[&str],
    body: PutSecret,
    plain: bool,
) -> Result<SecretBody, Trouble> {
    let said = |error: anyhow::Error| match error.downcast::<Trouble>() {
        Ok(trouble) => trouble,
        Err(other) => Trouble::unreachable(format!("{other:#}")),
    };
    let refused = match client.put_by(path, &[], &body).await.map_err(said) {
        Err(refused) if refused.code == HOSTS_REQUIRED => refused,
        done => return done,
    };
    if !plain {
        let message = "not added: its hosts are not known. Add it with `errand secret set` and --host, or import \
            with --plain, which gives programs in the machine the value itself";
        return Err(Trouble::new(refused.exit, refused.code, message));
    }
    let is_short = body.value.0.len() < SECRET_VALUE_LEAST_BYTES;
    let body = PutSecret {
        kind: is_short.then_some(SecretKind::EnvironmentVariable),
        plain: (!is_short).then_some(true),
        ..body
    };
    client.put_by(path, &[], &body).await.map_err(said)
}

fn text_of(file: &str) -> Result<String, Trouble> {
    let mut text = String::new();
    let most = FILE_BYTES.saturating_add(1);
    let read = match file {
        "-" => std::io::stdin().take(most).read_to_string(&mut text),
        path => {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
        }
    };
    let read = read.map_err(|error| Trouble::usage(format!("{file}: {error}")))?;
    // The rest would be missing without a word, and the last value cut.
    if read as u64 > FILE_BYTES {
        let message =
            format!("{file}: it is larger than {FILE_BYTES} bytes: nothing was added; divide it");
        return Err(Trouble::usage(message));
    }
    Ok(text)
}
