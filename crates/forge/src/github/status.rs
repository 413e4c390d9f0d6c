//! Checks of a commit: runs of apps, and the older statuses.

use super::Github;
use crate::around::{Check, CheckState};
use crate::forge::Result;
use crate::host;
use git::name::CommitId;
use serde::Deserialize;
use serde_json::{Value, json};

/// Characters of a status's description.
const SUMMARY_CHARS: usize = 140;

#[derive(Deserialize)]
pub(super) struct Runs {
    pub(super) check_runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Run {
    #[serde(default)]
    pub(super) id: u64,
    pub(super) name: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
    details_url: Option<String>,
    output: Option<Output>,
    app: Option<Maker>,
}

#[derive(Default, Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
    #[serde(default)]
    annotations_count: u64,
}

/// The app that runs it.
#[derive(Deserialize)]
struct Maker {
    slug: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Statuses {
    pub(crate) statuses: Option<Vec<Status>>,
}

/// A status, newest first within its context.
#[derive(Deserialize)]
pub(crate) struct Status {
    context: String,
    #[serde(alias = "status")]
    state: String,
    description: Option<String>,
    target_url: Option<String>,
}

pub(super) async fn checks(forge: &Github, commit: &CommitId) -> Result<Vec<Check>> {
    let path = forge.many(&format!("/commits/{commit}/check-runs"));
    let runs = forge.host.pages(&path, |page: Runs| page.check_runs).await?.entries;
    let statuses = statuses(forge, commit).await?;
    Ok(runs.into_iter().map(Run::noun).chain(statuses).collect())
}

/// The older ones.
pub(super) async fn statuses(forge: &Github, commit: &CommitId) -> Result<Vec<Check>> {
    let path = forge.many(&format!("/commits/{commit}/status"));
    let statuses = forge.host.pages(&path, |page: Statuses| page.statuses.unwrap_or_default());
    Ok(statuses.await?.entries.into_iter().map(Status::noun).collect())
}

/// A check of ours in the host's words.
pub(crate) fn of(check: &Check) -> Value {
    let state = match check.state {
        CheckState::Pending => "pending",
        CheckState::Passed => "success",
        CheckState::Failed => "failure",
    };
    let summary: String = check.summary.chars().take(SUMMARY_CHARS).collect();
    let mut status = json!({"state": state, "context": check.name, "description": summary});
    if let (Some(link), Some(fields)) = (&check.link, status.as_object_mut()) {
        fields.insert("target_url".to_owned(), json!(link));
    }
    status
}

impl Status {
    pub(crate) fn noun(self) -> Check {
        let state = match self.state.as_str() {
            "success" | "warning" | "skipped" => CheckState::Passed,
            "pending" => CheckState::Pending,
            _ => CheckState::Failed,
        };
        let summary = self.description.unwrap_or_default();
        let link = self.target_url.filter(|link| !link.is_empty());
        Check { name: self.context, state, summary, link }
    }
}

impl Run {
    pub(super) fn state(&self) -> CheckState {
        match (self.status.as_str(), self.conclusion.as_deref()) {
            ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Passed,
            ("completed", _) => CheckState::Failed,
            (_, _) => CheckState::Pending,
        }
    }

    /// What it says of itself.
    pub(super) fn says(&self) -> String {
        let Some(output) = &self.output else { return String::new() };
        let told = [&output.title, &output.summary, &output.text].into_iter().flatten();
        let mut told: Vec<String> = told.cloned().collect();
        // Often one repeats the other.
        told.dedup();
        host::lines(told)
    }

    pub(super) fn has_remarks(&self) -> bool {
        self.output.as_ref().is_some_and(|output| output.annotations_count > 0)
    }

    pub(super) fn is_by(&self, slug: &str) -> bool {
        self.app.as_ref().is_some_and(|app| app.slug.as_deref() == Some(slug))
    }

    /// The number of the job that it is.
    pub(super) fn job(&self) -> Option<u64> {
        let link = self.details_url.as_deref()?;
        let rest = link.rsplit_once("/job/")?.1;
        rest.split(['?', '#', '/']).next()?.parse().ok()
    }

    pub(super) fn link(&self) -> Option<String> {
        self.details_url.clone().or_else(|| self.html_url.clone())
    }

    fn noun(self) -> Check {
        let state = self.state();
        let summary = self.output.and_then(|output| output.title).unwrap_or_default();
        Check { name: self.name, state, summary, link: self.html_url }
    }
}
