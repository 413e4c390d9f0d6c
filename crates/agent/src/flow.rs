//! The rule of two at run time: what an agent has read, which secrets it has, and where it could carry data, folded from
//! its log. Whoever serves its sandbox asks [`Flow::is_closed`]; the log says when and why.
//!
//! ```text
//!   integrity  Member ─ Repository ─ Packages ─┬─ Outsider ─ Web     falls only
//!                                              └ untrusted from here
//!   closed  =  untrusted  ∧  secrets  ∧  ways out  ∧  not allowed by the administrator or by a person
//! ```
//!
//! TRUST: secrets stay in the sum once an agent had them, since it may know by then what they open. A person's
//! permission is for what was read so far: it ends with something that is worth less.

use protocol::content::{Prompt, Source};
use protocol::event::{ConfigurationTrust, Event, RepoBase};
use protocol::flow::{Integrity, Legs, Reading, WhenAllThree};

/// Secrets and ways out that are named; more are as good as these.
const NAMED: usize = 50;

/// What the rule of two goes by, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// What lowered its integrity, each level once, in the order of reading.
    pub readings: Vec<Reading>,
    /// What the server told last; its secrets are all that there ever were.
    pub legs: Legs,
    /// As far down as people allowed it, by whom.
    pub allowed: Option<(Integrity, String)>,
    /// What was recorded of all three, last.
    met: Option<(Integrity, WhenAllThree)>,
}

impl Flow {
    /// What its words are worth.
    pub fn integrity(&self) -> Integrity {
        self.readings.iter().map(|reading| reading.integrity).min().unwrap_or_default()
    }

    /// What made them worth that.
    fn lowest(&self) -> Option<&Reading> {
        self.readings.iter().min_by_key(|reading| reading.integrity)
    }

    /// What it read that nobody here wrote, where it has secrets and could carry data out.
    pub fn meeting(&self) -> Option<&Reading> {
        let lowest = self.lowest().filter(|reading| reading.integrity.is_untrusted())?;
        let has_both = !self.legs.secrets.is_empty() && !self.legs.outward.is_empty();
        has_both.then_some(lowest)
    }

    /// Whether a person allowed what holds now.
    pub fn is_allowed(&self) -> bool {
        self.allowed.as_ref().is_some_and(|(allowed, _)| *allowed <= self.integrity())
    }

    /// Whether its ways out are closed.
    pub fn is_closed(&self) -> bool {
        let is_wanted = self.legs.when_all_three.closes();
        is_wanted && self.meeting().is_some() && !self.is_allowed()
    }

    /// What is still to be recorded of all three.
    pub(crate) fn to_record(&self) -> Option<Event> {
        let reading = self.meeting()?;
        let now = (reading.integrity, self.legs.when_all_three);
        let is_news = !self.is_allowed() && self.met != Some(now);
        is_news.then(|| Event::AllThreeMet { reading: reading.clone(), legs: self.legs.clone() })
    }

    /// Whether the server tells something new.
    pub fn is_news(&self, legs: &Legs) -> bool {
        let mut after = self.clone();
        after.tell(legs);
        after.legs != self.legs
    }

    fn tell(&mut self, legs: &Legs) {
        for secret in &legs.secrets {
            if !self.legs.secrets.contains(secret) && self.legs.secrets.len() < NAMED {
                self.legs.secrets.push(secret.clone());
            }
        }
        self.legs.outward = legs.outward.iter().take(NAMED).cloned().collect();
        self.legs.when_all_three = legs.when_all_three;
    }

    fn read(&mut self, integrity: Integrity, source: impl FnOnce() -> String) {
        if integrity < self.integrity() {
            self.readings.push(Reading { integrity, source: source() });
        }
    }

    fn asked(&mut self, prompt: &Prompt) {
        match prompt.source {
            Source::Owner | Source::Member | Source::Platform => {}
            Source::Outsider => {
                self.read(Integrity::Outsider, || "a message of somebody outside".to_owned());
            }
            Source::Tool | Source::Web => {
                self.read(Integrity::Web, || "a message that was fetched".to_owned());
            }
        }
        for reading in prompt.asked_at.iter().flat_map(|asked| &asked.readings) {
            self.read(reading.integrity, || reading.source.clone());
        }
    }

    fn started_from(&mut self, bases: &[RepoBase]) {
        for base in bases {
            let trust = base.configuration.as_ref().map(|configuration| configuration.trust);
            match trust {
                Some(ConfigurationTrust::Stranger) => self.read(Integrity::Outsider, || {
                    format!(
                        "the files of commit {}, which no branch of {} has",
                        base.commit, base.url
                    )
                }),
                Some(
                    ConfigurationTrust::DefaultBranch
                    | ConfigurationTrust::NamedBranch
                    | ConfigurationTrust::Unchanged
                    | ConfigurationTrust::Changed,
                )
                | None => {
                    self.read(Integrity::Repository, || format!("the files of {}", base.url));
                }
            }
        }
    }

    /// Folds one event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most events say nothing about it")]
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Asked { prompt, .. } | Event::Steered { prompt, .. } => self.asked(prompt),
            Event::BaseResolved { repos, .. } => self.started_from(repos),
            Event::IntegrityLowered { reading, .. } => {
                self.read(reading.integrity, || reading.source.clone());
            }
            Event::LegsChanged { legs } => self.tell(legs),
            Event::AllThreeMet { reading, legs } => {
                self.met = Some((reading.integrity, legs.when_all_three));
            }
            Event::FlowAllowed { integrity, principal } => {
                self.allowed = Some((*integrity, principal.clone()));
            }
            _ => {}
        }
    }
}
