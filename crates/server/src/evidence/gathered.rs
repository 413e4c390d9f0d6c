//! What an agent's log tells a reviewer, folded. Pure.

use crate::effects::restore::RESTORED;
use agent::plan::DEFAULT_PRINCIPAL;
use forge::commands::ends_in_edit;
use forge::describe::CommandFact;
use protocol::api::review::{DenialsBody, ExceptionBody, InterventionBody, InterventionKind};
use protocol::event::{Event, Logged};
use protocol::ids::CallId;
use std::collections::{BTreeMap, BTreeSet};

/// Hosts that are named.
const HOSTS: usize = 20;
/// Hosts that a sentence names.
const SAID: usize = 5;
/// Different hosts that are counted; a program inside can make up any number.
const COUNTED: usize = 1_000;
/// Exceptions that are told, and people that are named.
const TOLD: usize = 50;

/// What there is.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Commands run after the last edit, in their order: only they say something about the result.
    pub commands: Vec<CommandFact>,
    /// What people allowed.
    pub exceptions: Vec<ExceptionBody>,
    /// What people did.
    pub interventions: Vec<InterventionBody>,
    /// What people allowed, as far as nothing else has a sentence for it.
    said: Vec<String>,
    refused: BTreeMap<String, u32>,
    denials: u32,
    running: BTreeMap<CallId, String>,
    edits: BTreeSet<CallId>,
    is_asked: bool,
}

impl Gathered {
    /// Folds a log.
    pub fn of(log: &[Logged]) -> Self {
        let mut gathered = Self::default();
        for logged in log {
            gathered.calls(&logged.event);
            gathered.people(&logged.event);
            gathered.allowed(&logged.event);
        }
        gathered
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most events say nothing about it")]
    fn calls(&mut self, event: &Event) {
        match event {
            Event::ToolCalled { call, name, arguments, .. } => match name.as_str() {
                "shell" => {
                    self.running.insert(call.clone(), command_of(arguments));
                }
                "edit_file" | "write_file" => {
                    self.edits.insert(call.clone());
                }
                _ => {}
            },
            Event::ToolReturned { call, result, duration_ms, .. } => {
                if self.edits.remove(call) && !result.is_error {
                    self.commands.clear();
                }
                if let Some(command) = self.running.remove(call) {
                    let code =
                        result.detail.as_ref().and_then(|detail| detail.get("exitCode")?.as_i64());
                    if ends_in_edit(&command) {
                        self.commands.clear();
                    }
                    self.commands.push(CommandFact {
                        command,
                        exit_code: code.and_then(|code| i32::try_from(code).ok()),
                        duration_ms: *duration_ms,
                    });
                }
            }
            Event::Noticed { code, .. } if code == RESTORED => self.commands.clear(),
            // Nothing was run with what came from the base.
            Event::BranchUpdated { .. } => self.commands.clear(),
            Event::Denied { host, .. } => {
                self.denials = self.denials.saturating_add(1);
                if self.refused.len() < COUNTED || self.refused.contains_key(host) {
                    *self.refused.entry(host.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most events are nobody's doing")]
    fn people(&mut self, event: &Event) {
        use InterventionKind::{Answer, FollowUp, Machine, Steering, Takeover};
        let (kind, by) = match event {
            Event::Asked { .. } if !self.is_asked => {
                self.is_asked = true;
                return;
            }
            Event::Asked { principal, options, .. } if !options.automatic => (FollowUp, principal),
            Event::Steered { principal, .. } => (Steering, principal),
            Event::QuestionAnswered { principal, .. } if principal != DEFAULT_PRINCIPAL => {
                (Answer, principal)
            }
            Event::TerminalTaken { principal, .. } => (Takeover, principal),
            Event::Attended { principal } => (Machine, principal),
            _ => return,
        };
        if kind == Takeover {
            // Whoever types may have changed what was checked.
            self.commands.clear();
        }
        let at = self.interventions.iter().position(|one| one.kind == kind);
        let at = at.unwrap_or_else(|| {
            self.interventions.push(InterventionBody { kind, count: 0, by: Vec::new() });
            self.interventions.len() - 1
        });
        if let Some(one) = self.interventions.get_mut(at) {
            one.count = one.count.saturating_add(1);
            if !one.by.contains(by) && one.by.len() < TOLD {
                one.by.push(by.clone());
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most events allow nothing")]
    fn allowed(&mut self, event: &Event) {
        let (what, by, reason) = match event {
            Event::HostAllowed { entry, run, principal } => {
                let long = if run.is_some() { ", for one run" } else { "" };
                (format!("connections to {entry}{long}"), principal, None)
            }
            Event::StopAllowed { mark, reason, principal } => {
                (format!("a push that the gate had stopped (mark {mark})"), principal, Some(reason))
            }
            Event::ConfigurationAllowed { principal, .. } => (
                "credentials with a configuration that is not trusted by itself".to_owned(),
                principal,
                None,
            ),
            Event::FlowAllowed { principal, .. } => (
                "carrying data out after reading what nobody here wrote, with secrets at hand"
                    .to_owned(),
                principal,
                None,
            ),
            _ => return,
        };
        if self.exceptions.len() < TOLD {
            if matches!(event, Event::HostAllowed { .. } | Event::ConfigurationAllowed { .. }) {
                self.said.push(format!("{by} allowed {what}."));
            }
            let (by, reason) = (by.clone(), reason.cloned());
            self.exceptions.push(ExceptionBody { what, by, reason });
        }
    }

    /// Refused connections, the hosts asked for most often first.
    pub fn denials(&self) -> DenialsBody {
        let mut hosts: Vec<_> = self.refused.iter().collect();
        hosts.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let more = hosts.len().saturating_sub(HOSTS);
        DenialsBody {
            count: self.denials,
            hosts: hosts.into_iter().take(HOSTS).map(|(host, _)| host.clone()).collect(),
            more_hosts: u32::try_from(more).unwrap_or(u32::MAX),
        }
    }

    /// The same in sentences, for the text of a pull request.
    pub fn notes(&self, plain_secrets: &[String]) -> Vec<String> {
        let mut notes = Vec::new();
        let denials = self.denials();
        if denials.count > 0 {
            let noun = if denials.count == 1 { "connection" } else { "connections" };
            let hosts: Vec<_> = denials.hosts.iter().take(SAID).map(String::as_str).collect();
            let more = self.refused.len().saturating_sub(hosts.len());
            let more = if more > 0 { format!(" and {more} more hosts") } else { String::new() };
            let hosts = hosts.join(", ");
            notes.push(format!(
                "{} {noun} out of the sandbox refused: {hosts}{more}.",
                denials.count
            ));
        }
        notes.extend(self.said.iter().cloned());
        if !plain_secrets.is_empty() {
            let names = plain_secrets.join(", ");
            notes.push(format!(
                "The sandbox had the values of these secrets in plain text: {names}."
            ));
        }
        for InterventionBody { kind, count, by } in &self.interventions {
            let times = if *count == 1 { String::new() } else { format!(" {count} times") };
            notes.push(format!("{} {}{times}.", by.join(", "), did(*kind)));
        }
        notes
    }
}

fn did(kind: InterventionKind) -> &'static str {
    match kind {
        InterventionKind::FollowUp => "sent a follow-up",
        InterventionKind::Steering => "steered the agent while it worked",
        InterventionKind::Answer => "answered a question",
        InterventionKind::Takeover => "took over a terminal or the browser",
        InterventionKind::Machine => "worked in the machine",
    }
}

fn command_of(arguments: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    parsed.get("command").and_then(|command| command.as_str()).unwrap_or(arguments).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::content::{Prompt, Source, ToolResult};
    use protocol::event::AskOptions;
    use protocol::flow::Integrity;
    use protocol::ids::{Epoch, MessageId, RunId, Seq, Step};
    use uuid::Uuid;

    fn logged(events: Vec<Event>) -> Vec<Logged> {
        let place = |(at, event)| Logged { seq: Seq(at), at_ms: 0, event };
        (1..).zip(events).map(place).collect()
    }

    fn call(id: &str, tool: &str, command: &str, code: i32) -> [Event; 2] {
        let (run, step, call) = (RunId::from_uuid(Uuid::nil()), Step(1), CallId(id.to_owned()));
        let called = Event::ToolCalled {
            run,
            step,
            call: call.clone(),
            epoch: Epoch(1),
            name: tool.to_owned(),
            arguments: serde_json::json!({ "command": command }).to_string(),
        };
        let result = ToolResult {
            text: String::new(),
            is_error: code != 0,
            detail: Some(serde_json::json!({ "exitCode": code })),
            truncated: false,
        };
        [called, Event::ToolReturned { run, step, call, result, duration_ms: 5 }]
    }

    fn ran(events: &[[Event; 2]]) -> Vec<String> {
        let log = logged(events.iter().flatten().cloned().collect());
        Gathered::of(&log).commands.into_iter().map(|fact| fact.command).collect()
    }

    #[test]
    fn only_commands_after_the_last_edit_count() {
        let test = |id| call(id, "shell", "cargo test", 0);
        assert_eq!(ran(&[test("1"), call("2", "edit_file", "", 0), test("3")]).len(), 1);
        assert_eq!(ran(&[test("1"), call("2", "write_file", "", 1)]).len(), 1, "it edited nothing");
        let sed = call("2", "shell", "sed -i s/a/b/ x", 0);
        assert_eq!(ran(&[test("1"), sed]), ["sed -i s/a/b/ x"]);
        let taken = Event::TerminalTaken { terminal: "t".to_owned(), principal: "ann".to_owned() };
        let [called, returned] = test("1");
        assert!(Gathered::of(&logged(vec![called, returned, taken])).commands.is_empty());
        let updated = Event::BranchUpdated {
            repo: "r".to_owned(),
            number: 1,
            base: "b1".to_owned(),
            previous: "c1".to_owned(),
            commit: "m1".to_owned(),
            principal: "ann".to_owned(),
        };
        let [called, returned] = test("1");
        assert!(Gathered::of(&logged(vec![called, returned, updated])).commands.is_empty());
    }

    #[test]
    fn what_was_refused_allowed_and_done_by_people_is_told() {
        let asked = |by: &str| Event::Asked {
            run: RunId::from_uuid(Uuid::nil()),
            prompt: Prompt::of("x".to_owned(), Source::Owner),
            options: AskOptions::default(),
            principal: by.to_owned(),
        };
        let denied = |host: &str| Event::Denied {
            epoch: Epoch(1),
            host: host.to_owned(),
            port: 443,
            code: "host_not_allowed".to_owned(),
            message: String::new(),
            process: None,
        };
        let steered = Event::Steered {
            run: RunId::from_uuid(Uuid::nil()),
            message: MessageId::from_uuid(Uuid::nil()),
            prompt: Prompt::of("y".to_owned(), Source::Member),
            principal: "bob".to_owned(),
        };
        let gathered = Gathered::of(&logged(vec![
            asked("ann"),
            denied("b.test"),
            denied("a.test"),
            denied("a.test"),
            steered,
            asked("bob"),
            asked("ann"),
            Event::StopAllowed {
                mark: "m".to_owned(),
                reason: "a sample".to_owned(),
                principal: "ann".to_owned(),
            },
            Event::FlowAllowed { integrity: Integrity::Web, principal: "ann".to_owned() },
            Event::HostAllowed {
                entry: "docs.test".to_owned(),
                run: None,
                principal: "ann".to_owned(),
            },
        ]));
        let notes = gathered.notes(&["TOKEN".to_owned()]);
        assert_eq!(
            notes,
            [
                "3 connections out of the sandbox refused: a.test, b.test.",
                "ann allowed connections to docs.test.",
                "The sandbox had the values of these secrets in plain text: TOKEN.",
                "bob steered the agent while it worked.",
                "bob, ann sent a follow-up 2 times.",
            ]
        );
        assert_eq!(gathered.exceptions.len(), 3);
        assert_eq!(gathered.exceptions[0].reason.as_deref(), Some("a sample"));
    }
}
