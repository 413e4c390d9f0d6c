//! What a check says, and what the steps printed that failed, where it is a pipeline of the host.

use super::Bitbucket;
use super::wire::Page;
use crate::forge::{Forge as _, Result};
use crate::host::{self, PAGE_ENTRIES, Request, segment};
use git::name::CommitId;
use serde::Deserialize;

/// Steps whose logs are told.
const STEPS: usize = 3;

#[derive(Deserialize)]
struct Pipeline {
    uuid: String,
    build_number: u64,
}

#[derive(Deserialize)]
struct Step {
    uuid: String,
    name: Option<String>,
    state: Option<StepState>,
}

#[derive(Deserialize)]
struct StepState {
    result: Option<Ended>,
}

#[derive(Deserialize)]
struct Ended {
    name: String,
}

pub(super) async fn of(forge: &Bitbucket, commit: &CommitId, name: &str) -> Result<String> {
    let check = host::worst(forge.checks(commit).await?, name)?;
    let mut said = vec![host::said(&check)];
    if let Some(number) = check.link.as_deref().and_then(build) {
        match steps(forge, commit, number).await {
            Ok(printed) => said.extend(printed),
            Err(error) => said.push(host::log_or_why(Err(error))?),
        }
    }
    let text = host::lines(said);
    Ok(if text.is_empty() { host::NOTHING_SAID.to_owned() } else { text })
}

/// The number of the pipeline whose page it is.
fn build(link: &str) -> Option<u64> {
    let (before, rest) = link.rsplit_once("/results/")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    before.contains("pipelines").then(|| digits.parse().ok()).flatten()
}

async fn steps(forge: &Bitbucket, commit: &CommitId, number: u64) -> Result<Vec<String>> {
    // TRUST: anybody with a token may report a check with any link, so only this commit's count.
    let path =
        format!("/pipelines?target.commit.hash={commit}&sort=-created_on&pagelen={PAGE_ENTRIES}");
    let found: Page<Pipeline> = forge.host.read(Request::get(forge.at(&path))).await?;
    let mut found = found.values.into_iter().filter(|found| found.build_number == number);
    let Some(pipeline) = found.next() else { return Ok(Vec::new()) };
    let below = format!("/pipelines/{}/steps", segment(&pipeline.uuid));
    let path = format!("{below}?pagelen={PAGE_ENTRIES}");
    let steps: Page<Step> = forge.host.read(Request::get(forge.at(&path))).await?;
    let mut printed = Vec::new();
    for step in steps.values.into_iter().filter(Step::failed).take(STEPS) {
        let log = format!("{below}/{}/log", segment(&step.uuid));
        let log = host::log_or_why(forge.host.log(&forge.at(&log)).await)?;
        printed.push(host::shortened(&step.name.unwrap_or_default()));
        printed.push(log);
    }
    Ok(printed)
}

impl Step {
    fn failed(&self) -> bool {
        let ended = self.state.as_ref().and_then(|state| state.result.as_ref());
        ended.is_some_and(|ended| matches!(ended.name.as_str(), "FAILED" | "ERROR"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_pipelines_name_their_number() {
        for (link, number) in [
            ("https://bitbucket.org/acme/widget/pipelines/results/12", Some(12)),
            ("https://bitbucket.org/acme/widget/addon/pipelines/home#!/results/7", Some(7)),
            ("https://bitbucket.org/acme/widget/pipelines/results/12/steps/%7Bx%7D", Some(12)),
            ("https://ci.example/results/12", None),
            ("https://bitbucket.org/acme/widget/pipelines/results/", None),
        ] {
            assert_eq!(build(link), number, "{link}");
        }
    }
}
