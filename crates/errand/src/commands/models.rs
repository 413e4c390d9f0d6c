//! `errand models`: what `--model` takes.

use super::Cx;
use crate::exit::Exit;
use crate::style::{Line, Style};
use crate::table::Table;
use anyhow::Result;
use protocol::api::metadata::{Items, ModelBody};

pub(super) async fn models(cx: Cx<'_>) -> Result<Exit> {
    let Cx { client, output } = cx;
    let models: Items<ModelBody> = client.get(&["models"], &[]).await?;
    if output.is_for_program() {
        output.json(&models)?;
        return Ok(Exit::Done);
    }
    if models.items.is_empty() {
        let text = "no model is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY for the server";
        output.line(Line::of(Style::Warn, text))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["MODEL", "NAME", "CAN", "PARAMETERS"], 3);
    for model in &models.items {
        let mark = if model.is_default { " (default)" } else { "" };
        let parameters = model.parameters.iter().map(|parameter| {
            let values: Vec<_> =
                parameter.values.iter().map(|value| value.value.as_str()).collect();
            format!("{}={}", parameter.id, values.join("|"))
        });
        table.row([
            (Style::Bold, format!("{}{mark}", model.id)),
            (Style::Plain, model.display_name.clone()),
            (Style::Plain, model.capabilities.join(", ")),
            (Style::Dim, parameters.collect::<Vec<_>>().join(" ")),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    Ok(Exit::Done)
}
