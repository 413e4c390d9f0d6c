//! What a check says: its output, its remarks on lines, and what it printed where it is a job of the
//! host.

use super::Github;
use super::status::{Run, Runs};
use crate::around::CheckState;
use crate::forge::{ForgeError, Result};
use crate::host::{self, PAGE_ENTRIES, Request, segment};
use git::name::CommitId;
use serde::Deserialize;

/// The host's own jobs.
const ACTIONS: &str = "github-actions";

/// Something that a check says of a line.
#[derive(Deserialize)]
struct Remark {
    path: String,
    start_line: u64,
    title: Option<String>,
    message: Option<String>,
}

pub(super) async fn of(forge: &Github, commit: &CommitId, name: &str) -> Result<String> {
    let named = segment(name);
    let path = format!("/commits/{commit}/check-runs?check_name={named}&per_page={PAGE_ENTRIES}");
    let (runs, denied) = match forge.host.read::<Runs>(Request::get(forge.at(&path))).await {
        Ok(told) => (told.check_runs, None),
        // Statuses may be told all the same.
        Err(denied @ ForgeError::Denied { .. }) => (Vec::new(), Some(denied)),
        Err(other) => return Err(other),
    };
    let runs = runs.into_iter().filter(|run| run.name == name);
    let run = runs.max_by_key(|run| (run.state() == CheckState::Failed, run.id));
    if let Some(failed) = run.as_ref().filter(|run| run.state() == CheckState::Failed) {
        return of_run(forge, failed).await;
    }
    match (host::said_of(super::status::statuses(forge, commit).await?, name), run) {
        (Err(ForgeError::Rejected { .. }), Some(run)) => of_run(forge, &run).await,
        (Err(unknown @ ForgeError::Rejected { .. }), None) => Err(denied.unwrap_or(unknown)),
        (told, _) => told,
    }
}

async fn of_run(forge: &Github, run: &Run) -> Result<String> {
    let mut said = vec![host::shortened(&run.says())];
    if run.has_remarks() {
        let path = format!("/check-runs/{}/annotations?per_page={PAGE_ENTRIES}", run.id);
        let told = forge.host.read(Request::get(forge.at(&path))).await;
        let told: Vec<Remark> = match told {
            Ok(told) => told,
            Err(ForgeError::Denied { .. } | ForgeError::Rejected { .. }) => Vec::new(),
            Err(other) => return Err(other),
        };
        said.push(host::shortened(&host::lines(told.into_iter().map(Remark::line))));
    }
    match run.job() {
        Some(job) if run.is_by(ACTIONS) => {
            let log = forge.host.log(&forge.at(&format!("/actions/jobs/{job}/logs"))).await;
            said.push(host::log_or_why(log)?);
        }
        Some(_) | None => said.push(run.link().unwrap_or_default()),
    }
    let text = host::lines(said);
    Ok(if text.is_empty() { host::NOTHING_SAID.to_owned() } else { text })
}

impl Remark {
    fn line(self) -> String {
        let words = [self.title, self.message].into_iter().flatten().collect::<Vec<_>>();
        format!("{}:{}: {}", self.path, self.start_line, words.join(": "))
    }
}
