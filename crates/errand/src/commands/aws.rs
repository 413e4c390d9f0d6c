//! `errand aws`: how agents act under a role of AWS, and what to paste there.

use super::Cx;
use crate::args::Aws;
use crate::exit::Exit;
use crate::output::Output;
use crate::style::{Line, Style};
use anyhow::Result;
use protocol::api::aws::{AwsBody, ROLE_SECRETS};

pub(super) async fn aws(cx: Cx<'_>, arguments: &Aws) -> Result<Exit> {
    let Cx { client, output } = cx;
    let body: AwsBody = if arguments.check {
        client.act(&["team", "aws", "check"]).await?
    } else {
        client.get(&["team", "aws"], &[]).await?
    };
    let is_refused = arguments.check && body.last.as_ref().is_some_and(|last| last.error.is_some());
    let exit = if is_refused { Exit::Failed } else { Exit::Done };
    if output.is_for_program() {
        output.json(&body)?;
    } else {
        tell(&body, output)?;
    }
    Ok(exit)
}

fn tell(body: &AwsBody, output: &mut Output) -> Result<()> {
    let mut fact = |name: &str, style: Style, text: &str| {
        output.line(Line::of(Style::Dim, format!("{name:<12}")).and(style, text))
    };
    if !body.configured {
        fact("server", Style::Warn, "has no keys at AWS: its operator sets them under [aws]")?;
    }
    if let Some(principal) = &body.principal {
        fact("server", Style::Plain, principal)?;
    }
    if let Some(problem) = &body.problem {
        fact("server", Style::Bad, problem)?;
    }
    fact("external id", Style::Bold, &body.external_id)?;
    fact("your own", Style::Plain, &body.own_external_id)?;
    let none = format!("none: errand secret set {} --team", ROLE_SECRETS[0]);
    fact("role", Style::Plain, body.role.as_deref().unwrap_or(&none))?;
    if let Some(last) = &body.last {
        match &last.error {
            Some(error) => fact("last asked", Style::Bad, &format!("{}: {error}", last.at))?,
            None => fact("last asked", Style::Good, &format!("{}: given", last.at))?,
        }
    }
    output.line(Line::of(Style::Dim, "trust policy of the role:"))?;
    for line in body.trust_policy.lines() {
        output.line(Line::of(Style::Plain, line))?;
    }
    Ok(())
}
