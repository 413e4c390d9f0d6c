//! `errand context`: the servers that `errand login` stored.

use crate::args::Context as Action;
use crate::contexts::Contexts;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::Surroundings;
use crate::style::{Line, Style};
use crate::table::Table;
use anyhow::Result;
use serde_json::json;

pub(super) fn context(action: &Action, around: &Surroundings, output: &mut Output) -> Result<Exit> {
    let path = around.login_file()?;
    let mut all = Contexts::load(&path)?;
    match action {
        Action::Ls => return list(&all, output),
        Action::Use { name } => {
            all.choose(Some(name))?;
            all.current = Some(name.clone());
        }
        Action::Rm { name } => all.forget(name)?,
    }
    all.save(&path)?;
    list(&all, output)
}

fn list(all: &Contexts, output: &mut Output) -> Result<Exit> {
    let is_current = |name: &str| all.current.as_deref() == Some(name);
    if output.is_for_program() {
        let items = all.contexts.iter().map(|(name, server)| {
            json!({ "name": name, "url": server.url, "current": is_current(name),
                "keychain": server.token.is_none() })
        });
        output.json(&json!({ "items": items.collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    if all.contexts.is_empty() {
        output
            .line(Line::of(Style::Dim, "none; begin with: errand login --url URL --name NAME"))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["", "CONTEXT", "SERVER", "KEY"], 2);
    for (name, server) in &all.contexts {
        let place = if server.token.is_none() { "keychain" } else { "file" };
        table.row([
            (Style::Accent, if is_current(name) { "●" } else { "" }.to_owned()),
            (Style::Bold, name.clone()),
            (Style::Plain, server.url.clone()),
            (Style::Dim, place.to_owned()),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}
