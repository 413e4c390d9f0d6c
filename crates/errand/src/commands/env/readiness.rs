//! What is known after the environment file was written and tried: is this repository ready for agents?

use crate::live::summary;
use crate::style::{Line, Shown, Style};
use crate::text;
use protocol::api::agents::Agent;
use protocol::environment::found::{FoundEnvironment, SetUpOutcome};
use protocol::event::{Event, TurnOutcome};
use serde::Serialize;
use std::collections::BTreeSet;

/// Begins a line about a tool.
const TOOL: &str = "TOOL:";
/// Begins a line about a variable that is needed.
const SECRET: &str = "MISSING SECRET:";

/// The report.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "readiness")]
pub(super) struct Readiness {
    /// The file was tried, and all of it went well.
    #[serde(rename = "ready")]
    pub(super) is_ready: bool,
    branch: Option<String>,
    pull_request: Option<String>,
    /// The file as the second agent met it; none where it was not tried or not met.
    file: Option<String>,
    problems: Vec<String>,
    warnings: Vec<String>,
    phases: Vec<Phase>,
    /// What the second agent says of the project's tests.
    tests: Option<String>,
    tools: Vec<String>,
    missing_secrets: Vec<String>,
    refused_hosts: Vec<String>,
}

/// One part of the file, as it went.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Phase {
    phase: &'static str,
    duration_ms: u64,
    failure: Option<String>,
}

impl Readiness {
    /// From the logs of both agents; the second is missing where nothing was tried.
    pub(super) fn of(wrote: &[Event], tried: Option<&[Event]>) -> Self {
        let found = tried.into_iter().flatten().find_map(environment);
        let phases: Vec<Phase> = tried.into_iter().flatten().filter_map(phase).collect();
        let problems = found.map(|found| found.problems.clone()).unwrap_or_default();
        let said = last_words(wrote).unwrap_or_default();
        let hosts: BTreeSet<String> =
            wrote.iter().chain(tried.into_iter().flatten()).filter_map(refused).collect();
        let went_well = phases.iter().all(|phase| phase.failure.is_none());
        Self {
            is_ready: found.is_some() && problems.is_empty() && went_well,
            branch: None,
            pull_request: None,
            file: found.map(|found| found.file.clone()),
            problems,
            warnings: found.map(|found| found.warnings.clone()).unwrap_or_default(),
            phases,
            tests: tried.and_then(last_words).map(str::to_owned),
            tools: after(said, TOOL),
            missing_secrets: after(said, SECRET),
            refused_hosts: hosts.into_iter().collect(),
        }
    }

    /// The same with where the file is to be found.
    pub(super) fn on(self, writer: &Agent) -> Self {
        Self {
            branch: writer.branch_name.clone(),
            pull_request: writer.pull_requests.first().map(|pull| pull.url.clone()),
            ..self
        }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<Shown> {
        let mut all = vec![Shown::Gap, Shown::Line(Line::of(Style::Bold, "Readiness"))];
        all.push(match &self.file {
            Some(file) if self.problems.is_empty() => good(&format!("{file} can be used")),
            Some(file) => bad(&format!("{file} cannot be used")),
            None => bad("no environment file was met: it was not written, or not tried"),
        });
        all.extend(self.problems.iter().map(|problem| more(Style::Bad, problem)));
        all.extend(self.warnings.iter().map(|warning| more(Style::Warn, warning)));
        all.extend(self.phases.iter().flat_map(Phase::lines));
        all.push(Shown::Gap);
        let listed = |label: &'static str, items: &[String]| {
            let line = |(nth, item): (usize, &String)| {
                summary::row(if nth == 0 { label } else { "" }, Line::of(Style::Plain, item))
            };
            items.iter().enumerate().map(line).collect::<Vec<_>>()
        };
        all.extend(listed("tests", self.tests.as_slice()));
        all.extend(listed("tools", &self.tools));
        all.extend(listed("needs", &self.missing_secrets));
        all.extend(listed("refused hosts", &self.refused_hosts));
        all.extend(listed("branch", self.branch.as_slice()));
        all.extend(listed("pull request", self.pull_request.as_slice()));
        all.extend(self.next().into_iter().map(|hint| more(Style::Dim, hint)));
        all
    }

    /// What a person does about it.
    fn next(&self) -> Vec<&'static str> {
        let hints = [
            (!self.missing_secrets.is_empty(), "Give variables with `--env NAME=VALUE`."),
            (
                !self.refused_hosts.is_empty(),
                "Allow hosts with `egressAllowlist` in the file, or in the server's configuration.",
            ),
            (self.is_ready, "Merge it: every agent that starts from there begins like this."),
        ];
        hints.into_iter().filter(|(applies, _)| *applies).map(|(_, hint)| hint).collect()
    }
}

impl Phase {
    fn lines(&self) -> Vec<Shown> {
        let took = text::duration(self.duration_ms);
        match &self.failure {
            None => vec![good(&format!("{}  {took}", self.phase))],
            Some(failure) => {
                vec![bad(&format!("{}  {took}", self.phase)), more(Style::Plain, failure)]
            }
        }
    }
}

fn good(text: &str) -> Shown {
    Shown::Whole(Line::of(Style::Good, "✓ ").and(Style::Plain, text))
}

fn bad(text: &str) -> Shown {
    Shown::Whole(Line::of(Style::Bad, "✗ ").and(Style::Plain, text))
}

fn more(style: Style, text: &str) -> Shown {
    Shown::Whole(Line::of(Style::Plain, "  ").and(style, text))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "one kind of event is looked for")]
fn environment(event: &Event) -> Option<&FoundEnvironment> {
    match event {
        // What is saved on the server stands in for a file that is not there.
        Event::EnvironmentRead { environment, .. } if environment.saved.is_none() => {
            Some(environment)
        }
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "parts of the file are looked for")]
fn phase(event: &Event) -> Option<Phase> {
    let (phase, outcome, duration_ms) = match event {
        Event::ImageChosen { outcome, duration_ms, .. } => ("image", outcome, *duration_ms),
        Event::SetUpFinished { phase, outcome, duration_ms, .. } => {
            (phase.word(), outcome, *duration_ms)
        }
        _ => return None,
    };
    let failure = match outcome {
        SetUpOutcome::Done | SetUpOutcome::Kept => None,
        SetUpOutcome::Failed { failure } => Some(failure.message.clone()),
    };
    Some(Phase { phase, duration_ms, failure })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "one kind of event is looked for")]
fn refused(event: &Event) -> Option<String> {
    match event {
        Event::Denied { host, port, .. } => Some(format!("{host}:{port}")),
        _ => None,
    }
}

/// The text with which the last turn ended.
#[expect(clippy::wildcard_enum_match_arm, reason = "one kind of event is looked for")]
fn last_words(events: &[Event]) -> Option<&str> {
    events.iter().rev().find_map(|event| match event {
        Event::TurnEnded { outcome: TurnOutcome::Finished { result }, .. } => Some(result.as_str()),
        _ => None,
    })
}

/// What follows this word on the lines that begin with it.
fn after(text: &str, word: &str) -> Vec<String> {
    let rest = text.lines().filter_map(|line| line.trim().strip_prefix(word));
    rest.map(|rest| rest.trim().to_owned()).filter(|rest| !rest.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain;
    use protocol::environment::found::{SavedText, SetUpPhase};
    use protocol::failure::{Failure, Phase as Place};
    use protocol::ids::{Epoch, RunId};

    fn run() -> RunId {
        RunId::from_uuid(uuid::Uuid::nil())
    }

    fn ended(result: &str) -> Event {
        let outcome = TurnOutcome::Finished { result: result.to_owned() };
        Event::TurnEnded { run: run(), outcome }
    }

    fn denied(host: &str) -> Event {
        let (code, message) = ("not_allowed".to_owned(), String::new());
        Event::Denied {
            epoch: Epoch(1),
            host: host.to_owned(),
            port: 443,
            code,
            message,
            process: None,
        }
    }

    fn read(problems: &[&str]) -> Event {
        let environment = FoundEnvironment {
            file: ".errand/environment.json".to_owned(),
            problems: problems.iter().map(|text| (*text).to_owned()).collect(),
            ..FoundEnvironment::default()
        };
        Event::EnvironmentRead { run: run(), environment: Box::new(environment) }
    }

    fn set_up(phase: SetUpPhase, outcome: SetUpOutcome) -> Event {
        Event::SetUpFinished { epoch: Epoch(1), phase, outcome, duration_ms: 1_500 }
    }

    const SAID: &str = "Done.\n\nTOOL: node 24.1\nTOOL: python 3.11\nMISSING SECRET: STRIPE_KEY: \
        the payment tests\nTOOL:\n";

    #[test]
    fn a_file_that_was_tried_and_went_well_is_ready() {
        let wrote = [denied("b.example"), ended(SAID)];
        let tried = [
            read(&[]),
            set_up(SetUpPhase::Install, SetUpOutcome::Done),
            denied("a.example"),
            denied("b.example"),
            ended("All 12 tests ran."),
        ];
        let readiness = Readiness::of(&wrote, Some(&tried));
        assert!(readiness.is_ready);
        assert_eq!(readiness.refused_hosts, ["a.example:443", "b.example:443"]);
        let shown = plain(&readiness.lines());
        for line in [
            "✓ .errand/environment.json can be used",
            "✓ install  1.5 s",
            "All 12 tests ran.",
            "node 24.1",
            "python 3.11",
            "STRIPE_KEY: the payment tests",
            "Merge it:",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
        assert_eq!(serde_json::to_value(&readiness).unwrap()["type"], "readiness");
    }

    #[test]
    fn what_failed_is_said_and_nothing_is_ready() {
        let failure = Failure::new(Place::SetUp, "install_failed", "exit code 7".to_owned());
        let failed = set_up(SetUpPhase::Install, SetUpOutcome::Failed { failure });
        let broken = Readiness::of(&[], Some(&[read(&[]), failed]));
        assert!(
            !broken.is_ready && plain(&broken.lines()).contains("✗ install  1.5 s\n  exit code 7")
        );
        let unusable = Readiness::of(&[], Some(&[read(&["ports: is a number"])]));
        assert!(!unusable.is_ready && plain(&unusable.lines()).contains("cannot be used"));
        let saved = Some(SavedText {
            id: String::new(),
            name: "shop".to_owned(),
            version: 1,
            text: "{}".to_owned(),
        });
        let environment = Box::new(FoundEnvironment { saved, ..FoundEnvironment::default() });
        let instead = Event::EnvironmentRead { run: run(), environment };
        let unwritten = Readiness::of(&[], Some(&[instead]));
        assert!(!unwritten.is_ready && plain(&unwritten.lines()).contains("was not written"));
        let untried = Readiness::of(&[ended(SAID)], None);
        assert!(!untried.is_ready && plain(&untried.lines()).contains("not tried"));
    }
}
