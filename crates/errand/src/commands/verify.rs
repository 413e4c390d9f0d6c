//! `errand verify`: checks the signed record of what an agent pushed, with a server or without.
//!
//! TRUST: a server that is asked for record and signers is believed in both. Whoever does not want to believe it keeps
//! the list of signers; then all that counts is checked on this computer.

mod clone;
mod report;
mod target;

use super::Cx;
use crate::args::verify::Verify;
use crate::client::Client;
use crate::exit::{Exit, Trouble};
use crate::output::Output;
use anyhow::{Context as _, Result};
use clone::LocalClone;
use protocol::api::signing::SigningKeysBody;
use protocol::limits::RECORD_BYTES;
use report::{Check, Report};
use server::record::envelope::{self, Checked, Doubt};
use server::record::signers::Signers;
use std::io::Read as _;
use std::path::Path;
use target::Wanted;

/// Bytes of a list of signers.
const SIGNERS_BYTES: usize = 1024 * 1024;

/// Who may sign, and who says so.
struct Allowed {
    signers: Signers,
    is_own: bool,
}

/// Checks a record with nothing but files of this computer.
pub(super) async fn offline(arguments: &Verify, output: &mut Output) -> Result<Exit> {
    let (Some(record), Some(list)) = (&arguments.record, &arguments.allowed_signers) else {
        return Err(Trouble::usage("give --record and --allowed-signers").into());
    };
    let allowed = from_file(list)?;
    let record = read(record, RECORD_BYTES)?;
    let clone = LocalClone::open(arguments.repo.as_deref()).await?;
    let report = examined(&record, &allowed, clone.as_ref(), None).await?;
    report::tell(&[report], output)
}

/// Checks what a server keeps, or a file against the signers that it names.
pub(super) async fn verify(cx: Cx<'_>, arguments: &Verify) -> Result<Exit> {
    let Cx { client, output } = cx;
    let allowed = match &arguments.allowed_signers {
        Some(list) => from_file(list)?,
        None => from_server(&client).await?,
    };
    let clone = LocalClone::open(arguments.repo.as_deref()).await?;
    if let Some(file) = &arguments.record {
        let record = read(file, RECORD_BYTES)?;
        let report = examined(&record, &allowed, clone.as_ref(), None).await?;
        return report::tell(&[report], output);
    }
    let wanted = target::find(&client, arguments.target.as_deref().unwrap_or_default()).await?;
    if let (Some(_), [_, _, ..]) = (arguments.save.as_ref().or(arguments.repo.as_ref()), &*wanted) {
        let message =
            "it has pushed to several repositories: name the pull request of one by its link";
        return Err(Trouble::usage(message).into());
    }
    let mut reports = Vec::new();
    for one in &wanted {
        let record = fetched(&client, one).await?;
        if let Some(file) = &arguments.save {
            std::fs::write(file, &record).with_context(|| format!("write {}", file.display()))?;
        }
        reports.push(examined(&record, &allowed, clone.as_ref(), Some(one)).await?);
    }
    report::tell(&reports, output)
}

async fn fetched(client: &Client, wanted: &Wanted) -> Result<Vec<u8>> {
    let path = ["agents", &wanted.agent, "records", &wanted.commit];
    let query = [("repoUrl", wanted.repository.clone())];
    let mut response = client.get_bytes_of(&path, &query).await?;
    let mut record = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| {
        Trouble::unreachable(format!("the record broke off: {}", error.without_url()))
    })? {
        record.extend_from_slice(&piece);
        if record.len() > RECORD_BYTES {
            let message = format!("the server sent a record of more than {RECORD_BYTES} bytes");
            return Err(Trouble::unreachable(message).into());
        }
    }
    Ok(record)
}

/// Everything that can be said about one record.
async fn examined(
    record: &[u8],
    allowed: &Allowed,
    clone: Option<&LocalClone>,
    wanted: Option<&Wanted>,
) -> Result<Report> {
    let checked = match envelope::check(record, &allowed.signers) {
        Ok(checked) => checked,
        Err(Doubt(why)) => {
            let mut report = Report::unsigned(Check::failed("record", why));
            report.checks.push(Check::skipped("commit", "the record does not hold".to_owned()));
            return Ok(report);
        }
    };
    let Checked { signer, key, .. } = &checked;
    let signed = Check::passed("record", format!("signed by {signer} with {key}"));
    let mut checks = vec![signed, whose(allowed)];
    checks.extend(wanted.map(|wanted| meant(&checked, wanted)));
    match clone {
        Some(clone) => checks.extend(clone.examine(&checked, &allowed.signers).await?),
        None => {
            let why = "give a clone of the repository with --repo".to_owned();
            checks.push(Check::skipped("commit", why.clone()));
            checks.push(Check::skipped("branch", why));
        }
    }
    Ok(Report::new(record, checked.statement, checks))
}

fn whose(allowed: &Allowed) -> Check {
    if allowed.is_own {
        return Check::passed("signers", "from your own list".to_owned());
    }
    let why = "the server named them itself: keep what `errand signing-key allowed-signers` prints, and give it \
               with --allowed-signers";
    Check::skipped("signers", why.to_owned())
}

/// Whether the record is about what was asked for.
fn meant(checked: &Checked, wanted: &Wanted) -> Check {
    let names = checked.statement.subject.iter().any(|subject| subject.name == wanted.repository);
    let is_meant = names
        && checked.commit.as_str() == wanted.commit
        && checked.statement.predicate.agent == wanted.agent;
    let what = wanted.what();
    match is_meant {
        true => Check::passed("subject", format!("it is of {what}")),
        false => Check::failed("subject", format!("it is not of {what}")),
    }
}

fn from_file(file: &Path) -> Result<Allowed> {
    let text = String::from_utf8(read(file, SIGNERS_BYTES)?)
        .map_err(|_| Trouble::usage(format!("{}: is no text", file.display())))?;
    let wrong = |Doubt(why)| Trouble::usage(format!("{}: {why}", file.display()));
    Ok(Allowed { signers: Signers::parse(&text).map_err(wrong)?, is_own: true })
}

async fn from_server(client: &Client) -> Result<Allowed> {
    let body: SigningKeysBody = client.get(&["signing-keys"], &[]).await?;
    let wrong = |Doubt(why)| Trouble::unreachable(format!("the server's signers: {why}"));
    let signers = Signers::parse(&body.allowed_signers).map_err(wrong)?;
    Ok(Allowed { signers, is_own: false })
}

fn read(file: &Path, most: usize) -> Result<Vec<u8>, Trouble> {
    let failed = |error: std::io::Error| Trouble::usage(format!("{}: {error}", file.display()));
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file)
        .map_err(failed)?
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > most {
        return Err(Trouble::usage(format!("{}: has more than {most} bytes", file.display())));
    }
    Ok(bytes)
}
