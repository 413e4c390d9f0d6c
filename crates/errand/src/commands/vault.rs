//! `errand vault`: the keys that wrap those of stored values.

use super::Cx;
use crate::args::vault::Vault;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{Line, Style};
use crate::table::Table;
use crate::text;
use anyhow::Result;
use protocol::api::vault::{VaultBody, VaultRemoved};

pub(super) async fn vault(cx: Cx<'_>, action: Vault) -> Result<Exit> {
    let Cx { client, output } = cx;
    let body: VaultBody = match action {
        Vault::Status => client.get(&["vault"], &[]).await?,
        Vault::Rotate => client.act(&["vault", "rotate"]).await?,
        Vault::RemoveOld => {
            let removed: VaultRemoved = client.delete(&["vault", "older-keys"]).await?;
            if output.is_for_program() {
                output.json(&removed)?;
                return Ok(Exit::Done);
            }
            let count = text::count(removed.removed.len() as u64, "key");
            output
                .line(Line::of(Style::Good, "✓ ").and(Style::Plain, format!("{count} removed")))?;
            removed.vault
        }
    };
    if output.is_for_program() {
        output.json(&body)?;
    } else {
        tell(&body, output)?;
    }
    Ok(Exit::Done)
}

fn tell(body: &VaultBody, output: &mut Output) -> Result<()> {
    let mut table = Table::new(&["KEY", "IN", "VALUES", "PROBLEM"], 3);
    for one in &body.generations {
        let style = if one.generation == body.current { Style::Bold } else { Style::Dim };
        table.row([
            (style, one.generation.to_string()),
            (Style::Plain, one.kms_key.clone().unwrap_or_else(|| one.kept.clone())),
            (Style::Plain, one.values.to_string()),
            (Style::Bad, one.problem.clone().unwrap_or_default()),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    let (style, words) = next(body);
    output.line(Line::of(style, words))?;
    Ok(())
}

/// What is left to do.
fn next(body: &VaultBody) -> (Style, String) {
    let waiting = text::count(body.waiting, "value");
    if body.rotating {
        return (Style::Plain, format!("{waiting} still to be wrapped with key {}", body.current));
    }
    if body.waiting > 0 {
        let words = "left with an older key, which therefore stays; the server's log says why";
        return (Style::Warn, format!("{waiting} {words}"));
    }
    if body.generations.len() > 1 {
        let words = "no value needs the older keys any more: errand vault remove-old";
        return (Style::Plain, words.to_owned());
    }
    (Style::Good, "all values are wrapped with this key".to_owned())
}
