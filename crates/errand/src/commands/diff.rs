//! `errand diff`: what an agent's branch changes.

use super::Cx;
use crate::args::Diff;
use crate::exit::Exit;
use crate::style::{Line, Shown, Style};
use crate::{diff, lookup};
use anyhow::Result;
use protocol::api::agents::DiffBody;

pub(super) async fn diff(cx: Cx<'_>, arguments: &Diff) -> Result<Exit> {
    let Cx { client, output } = cx;
    let agent = lookup::agent(&client, &arguments.agent).await?;
    let query: &[_] = if arguments.stat { &[("stat", "true".to_owned())] } else { &[] };
    let body: DiffBody = client.get(&["agents", &agent.id, "diff"], query).await?;
    if output.is_for_program() {
        output.json(&body)?;
        return Ok(Exit::Done);
    }
    if body.repos.iter().all(|repo| repo.files.is_empty()) && output.is_terminal() {
        output.line(Line::of(Style::Dim, "nothing changed so far"))?;
    }
    for repo in body.repos.iter().filter(|repo| !repo.files.is_empty()) {
        match (arguments.stat, output.is_terminal()) {
            (true, _) => output.show(&diff::stat(repo))?,
            (false, true) => output.show(&[diff::whole(repo), vec![Shown::Gap]].concat())?,
            // TRUST: not a terminal, so nothing in it can do harm, and a patch must stay as it is.
            (false, false) => output.raw(&diff::raw(repo))?,
        }
    }
    Ok(Exit::Done)
}
