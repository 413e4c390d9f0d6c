//! `errand signing-key`: the keys by which the server signs commits.

use super::Cx;
use crate::args::signing::SigningKey;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{Line, Style};
use crate::table::Table;
use anyhow::Result;
use protocol::api::signing::SigningKeysBody;

pub(super) async fn signing_key(cx: Cx<'_>, action: SigningKey) -> Result<Exit> {
    let Cx { client, output } = cx;
    let body: SigningKeysBody = match action {
        SigningKey::Ls | SigningKey::AllowedSigners => client.get(&["signing-keys"], &[]).await?,
        SigningKey::Rotate => client.act(&["signing-keys", "rotate"]).await?,
    };
    match action {
        _ if output.is_for_program() => output.json(&body)?,
        SigningKey::AllowedSigners => output.raw(&body.allowed_signers)?,
        SigningKey::Ls | SigningKey::Rotate => tell(&body, output)?,
    }
    Ok(Exit::Done)
}

fn tell(body: &SigningKeysBody, output: &mut Output) -> Result<()> {
    let mut table = Table::new(&["KEY", "MADE", "RETIRED", "PUBLIC HALF"], 4);
    for key in &body.items {
        let style = if key.retired_at.is_none() { Style::Bold } else { Style::Dim };
        table.row([
            (style, key.fingerprint.clone()),
            (Style::Plain, key.created_at.clone()),
            (Style::Plain, key.retired_at.clone().unwrap_or_default()),
            (Style::Plain, key.public_key.clone()),
        ]);
    }
    output.show(&table.lines(output.columns()))?;
    let how = "Give the public half of the first to the bot's account at your forge as a signing key; for git itself: \
               errand signing-key allowed-signers";
    output.line(Line::of(Style::Dim, how))?;
    Ok(())
}
