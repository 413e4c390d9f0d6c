//! `errand doctor`: can the server be reached, is the key good, do its walls stand.

use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use crate::settings::{Settings, Surroundings};
use crate::style::{Line, Shown, Style};
use anyhow::Result;
use protocol::api::agents::{DoctorBody, DoctorCheck};
use protocol::api::metadata::Me;

pub(super) async fn doctor(around: &Surroundings, output: &mut Output) -> Result<Exit> {
    let mut checks = Vec::new();
    let exit = match examine(around, &mut checks).await {
        Ok(()) if checks.iter().any(|check| check.state == "missing") => Exit::Failed,
        Ok(()) => Exit::Done,
        Err(error) => {
            checks.push(check("server", "missing", format!("{error:#}")));
            error.downcast_ref::<Trouble>().map_or(Exit::Failed, |trouble| trouble.exit)
        }
    };
    match output.is_for_program() {
        true => output.json(&DoctorBody { checks })?,
        false => output.show(&checks.iter().flat_map(lines).collect::<Vec<_>>())?,
    }
    Ok(exit)
}

async fn examine(around: &Surroundings, checks: &mut Vec<DoctorCheck>) -> Result<()> {
    let settings = Settings::decide(around)?;
    let client = Client::new(settings)?;
    checks.push(check("key", "ok", format!("from {}", client.key_source())));
    let me: Me = client.get(&["me"], &[]).await?;
    checks.push(check(
        "server",
        "ok",
        format!("{} answers and knows the key as {:?}", client.url(), me.api_key_name),
    ));
    let body: DoctorBody = client.get(&["doctor"], &[]).await?;
    checks.extend(body.checks);
    Ok(())
}

fn check(name: &str, state: &str, detail: String) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), state: state.to_owned(), detail }
}

fn lines(check: &DoctorCheck) -> Vec<Shown> {
    let (style, sign) = match check.state.as_str() {
        "ok" => (Style::Good, "✓"),
        "reduced" => (Style::Warn, "!"),
        _ => (Style::Bad, "✗"),
    };
    let head = Line::of(style, format!("{sign} {}", check.name))
        .and(Style::Dim, format!("  {}", check.state));
    vec![Shown::Line(head), Shown::Whole(Line::of(Style::Plain, format!("    {}", check.detail)))]
}
