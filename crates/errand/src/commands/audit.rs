//! `errand audit`: who did what when, as the server recorded it, and whether the records hold together.

mod check;

use super::Cx;
use crate::args::audit::{ListAudit, VerifyAudit};
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::output::Output;
use crate::style::{Line, Style};
use crate::table::Table;
use crate::text;
use anyhow::{Context, Result};
use check::Walk;
use protocol::api::Page;
use protocol::api::audit::{AuditHeadBody, AuditRecord};
use protocol::ids::AgentId;
use protocol::limits::PAGE_MAX;
use serde_json::json;
use server::audit::chain::{AuditHead, Broken};
use std::io::Read as _;

/// Bytes read of a file at once.
const PIECE: usize = 64 * 1024;
/// Milliseconds of the units that a time ago is given in.
const UNITS: [(char, i64); 3] = [('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];

pub(super) async fn list(cx: Cx<'_>, arguments: &ListAudit) -> Result<Exit> {
    let Cx { client, output } = cx;
    let mut query = Vec::new();
    if let Some(typed) = &arguments.agent {
        // One that was deleted is found by nobody but the log.
        let id = match AgentId::parse(typed) {
            Ok(id) => id.to_string(),
            Err(_) => lookup::agent(&client, typed).await?.id,
        };
        query.push(("agent", id));
    }
    query.extend(arguments.kind.iter().map(|kind| ("kind", kind.clone())));
    if let Some(typed) = &arguments.since {
        query.push(("since", since(typed, jiff::Timestamp::now())?));
    }
    let mut items: Vec<AuditRecord> = Vec::new();
    let mut cursor: Option<String> = None;
    while items.len() < arguments.limit {
        let limit = (arguments.limit - items.len()).min(PAGE_MAX);
        let mut asked = query.clone();
        asked.push(("limit", limit.to_string()));
        let page: Page<AuditRecord> = client.page(&["audit"], &asked, cursor.as_deref()).await?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    if output.is_for_program() {
        output.json(&json!({ "items": items }))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["#", "WHEN", "WHO", "WHAT", "AGENT", "DETAILS"], 5);
    for one in &items {
        table.row([
            (Style::Dim, one.seq.to_string()),
            (Style::Plain, one.at.clone()),
            (Style::Plain, one.who.clone()),
            (Style::Bold, one.kind.clone()),
            (Style::Plain, one.agent_id.as_deref().map_or("", text::short_id).to_owned()),
            (Style::Dim, details(one)),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}

/// Details on one line, without what refers to other logs.
fn details(one: &AuditRecord) -> String {
    let told = one
        .details
        .iter()
        .filter(|(name, value)| !matches!(name.as_str(), "event" | "key") && !value.is_null());
    let words = told.map(|(name, value)| {
        value.as_str().map_or_else(|| format!("{name}={value}"), |text| format!("{name}={text}"))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn since(typed: &str, now: jiff::Timestamp) -> Result<String, Trouble> {
    let wrong =
        || Trouble::usage(format!("--since: {typed:?} is neither a time nor like 90m, 12h, 7d"));
    if typed.parse::<jiff::Timestamp>().is_ok() {
        return Ok(typed.to_owned());
    }
    let (_, ms) = UNITS.iter().find(|(unit, _)| typed.ends_with(*unit)).ok_or_else(wrong)?;
    let count: i64 =
        typed.get(..typed.len() - 1).unwrap_or_default().parse().map_err(|_| wrong())?;
    let then = now.as_millisecond().saturating_sub(count.saturating_mul(*ms)).max(0);
    Ok(protocol::api::timestamp(then))
}

pub(super) async fn head(cx: Cx<'_>) -> Result<Exit> {
    let Cx { client, output } = cx;
    let head: AuditHeadBody = client.get(&["audit", "head"], &[]).await?;
    match output.is_for_program() {
        true => output.json(&head)?,
        false => output.line(Line::of(Style::Plain, &head.head))?,
    }
    Ok(Exit::Done)
}

pub(super) async fn export(cx: Cx<'_>) -> Result<Exit> {
    let Cx { client, output } = cx;
    if output.is_terminal() {
        let message = "send the log to a file: errand audit export > audit.jsonl";
        return Err(Trouble::usage(message).into());
    }
    let mut response = client.get_for_bytes(&["audit", "export"]).await?;
    // What does not fit is written all the same, and told afterwards.
    let (mut walk, mut outcome) = (Walk::new(None), Ok(()));
    while let Some(bytes) = response.chunk().await.map_err(cut_off)? {
        output.bytes(&bytes)?;
        if outcome.is_ok() {
            outcome = walk.push(&bytes);
        }
    }
    outcome.and_then(|()| walk.end()).map_err(broken)?;
    Ok(Exit::Done)
}

/// What the server sent so far is not the whole log.
fn cut_off(error: reqwest::Error) -> Trouble {
    Trouble::unreachable(format!("the log broke off: {}", error.without_url()))
}

fn broken(broken: Broken) -> Trouble {
    Trouble::new(
        Exit::Failed,
        "audit_broken",
        format!("the audit log does not hold together: {broken}"),
    )
}

fn noted(arguments: &VerifyAudit) -> Result<Option<AuditHead>, Trouble> {
    let read = |text: &String| {
        AuditHead::parse(text)
            .ok_or_else(|| Trouble::usage("--head: write it as `errand audit head` prints it"))
    };
    arguments.head.as_ref().map(read).transpose()
}

/// Checks an export; no server is asked.
pub(super) fn verify_file(
    arguments: &VerifyAudit,
    file: &std::path::Path,
    output: &mut Output,
) -> Result<Exit> {
    let mut walk = Walk::new(noted(arguments)?);
    let failed = |error: std::io::Error| Trouble::usage(format!("{}: {error}", file.display()));
    let mut reader = std::fs::File::open(file).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = reader.read(&mut piece).map_err(failed)?;
        if count == 0 {
            break;
        }
        walk.push(piece.get(..count).unwrap_or_default()).map_err(broken)?;
    }
    told(output, walk.end().map_err(broken)?)
}

/// Checks the server's log.
pub(super) async fn verify(cx: Cx<'_>, arguments: &VerifyAudit) -> Result<Exit> {
    let Cx { client, output } = cx;
    // Taken first: what the server says is its end must be there afterwards.
    let end: AuditHeadBody = client.get(&["audit", "head"], &[]).await?;
    let end = AuditHead::parse(&end.head).context("read the server's head")?;
    let mut walks = [Walk::new(noted(arguments)?), Walk::new(Some(end))];
    let mut response = client.get_for_bytes(&["audit", "export"]).await?;
    while let Some(bytes) = response.chunk().await.map_err(cut_off)? {
        for walk in &mut walks {
            walk.push(&bytes).map_err(broken)?;
        }
    }
    let [mine, theirs] = walks;
    theirs.end().map_err(broken)?;
    told(output, mine.end().map_err(broken)?)
}

fn told(output: &mut Output, head: AuditHead) -> Result<Exit> {
    if output.is_for_program() {
        let hash = head.hash.to_string();
        output.json(&json!({ "records": head.seq, "hash": hash, "head": head.to_string() }))?;
        return Ok(Exit::Done);
    }
    let line = Line::of(Style::Good, "✓ ").and(Style::Bold, text::count(head.seq, "record"));
    output.line(
        line.and(Style::Plain, " hold together; head ").and(Style::Plain, head.to_string()),
    )?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn times_are_given_whole_or_as_so_long_ago() {
        let now = "2026-10-04T12:00:00Z".parse().unwrap();
        for (typed, expected) in [
            ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
            ("90m", "2026-10-04T10:30:00.000Z"),
            ("7d", "2026-09-27T12:00:00.000Z"),
            ("99999999999999999d", "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(since(typed, now).unwrap(), expected);
        }
        for wrong in ["yesterday", "h", "", "1w", "é"] {
            assert!(since(wrong, now).is_err(), "{wrong}");
        }
    }
}
