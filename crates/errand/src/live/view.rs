//! What a person sees of an agent: a pure fold from events and deltas to lines.

use super::cards::Cards;
use super::message::Message;
use super::phases::{self, aside, noted};
use super::said::Said;
use crate::style::{Line, Shown, Style};
use crate::text;
use protocol::content::Usage;
use protocol::delta::Delta;
use protocol::event::{Event, QuestionKind, RunStatus, Settings};
use protocol::failure::Failure;
use protocol::ids::{QuestionId, RunId, Step};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Which part of an agent's life is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Everything,
    /// From the beginning of this run on.
    Since(RunId),
    /// This run alone.
    Only(RunId),
}

/// Whether messages are shown to whom may have written them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompts {
    /// The reader may not know them.
    Shown,
    /// The reader has just written it.
    Hidden,
}

/// A question that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: QuestionId,
    /// Answers to choose from.
    pub options: Vec<String>,
}

impl Question {
    /// The answer that was meant: an option by its number, or the text itself.
    pub fn answer(&self, typed: &str) -> String {
        let typed = typed.trim();
        let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        number.and_then(|at| self.options.get(at)).cloned().unwrap_or_else(|| typed.to_owned())
    }
}

/// What a run has used so far.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    usage: Usage,
    cost_micros: u64,
}

/// The fold.
#[derive(Debug)]
pub struct View {
    scope: Scope,
    prompts: Prompts,
    /// How to come back to the agent, for hints.
    agent: String,
    is_reached: bool,
    active: Option<RunId>,
    asked: BTreeMap<RunId, Message>,
    said: Said,
    cards: Cards,
    spent: Spent,
    doing: Option<String>,
    question: Option<Question>,
    ended: BTreeMap<RunId, RunStatus>,
}

impl View {
    /// A view of this agent that has seen nothing yet.
    pub fn new(agent: &str, scope: Scope, prompts: Prompts) -> Self {
        Self {
            scope,
            prompts,
            agent: agent.to_owned(),
            is_reached: scope == Scope::Everything,
            active: None,
            asked: BTreeMap::new(),
            said: Said::default(),
            cards: Cards::default(),
            spent: Spent::default(),
            doing: None,
            question: None,
            ended: BTreeMap::new(),
        }
    }

    /// What is going on now.
    pub fn doing(&self) -> Option<&str> {
        self.doing.as_deref()
    }

    /// The question that waits for an answer.
    pub const fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }

    /// How this run ended, once it did.
    pub fn ended(&self, run: RunId) -> Option<RunStatus> {
        self.ended.get(&run).copied()
    }

    /// Whether a run was accepted and is not over.
    pub fn is_busy(&self) -> bool {
        self.active.is_some() || !self.asked.is_empty()
    }

    /// Takes runs for known that were accepted before the first event to come.
    pub fn knows(&mut self, run: RunId, prompt: &str, is_active: bool) {
        if is_active {
            self.active = Some(run);
            self.is_reached |= self.scope == Scope::Since(run);
        } else {
            self.asked.insert(run, Message { order: prompt.to_owned(), place: None });
        }
    }

    /// The next event of the log.
    pub fn event(&mut self, event: &Event) -> Vec<Shown> {
        if let Event::RunStarted { run } = event {
            self.active = Some(*run);
            self.spent = Spent::default();
            self.is_reached |= self.scope == Scope::Since(*run);
        }
        let run = event.run().or(self.active);
        let is_shown = match self.scope {
            Scope::Everything | Scope::Since(_) => self.is_reached,
            Scope::Only(only) => run == Some(only),
        };
        if is_shown && let Some(doing) = phases::doing(event) {
            self.doing = Some(doing.to_owned());
        }
        let lines = self.fold(event);
        let lines = if is_shown { lines } else { Vec::new() };
        if !lines.is_empty() && !matches!(event, Event::ToolReturned { .. }) {
            self.cards.interrupted();
        }
        lines
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "those without a memory are shown by phases"
    )]
    fn fold(&mut self, event: &Event) -> Vec<Shown> {
        match event {
            Event::Opened { settings } => opened(settings),
            Event::Asked { run, prompt, principal, .. } => {
                self.asked(*run, Message::of(prompt, principal))
            }
            Event::Steered { prompt, principal, .. } => {
                self.steered(&Message::of(prompt, principal), principal)
            }
            Event::RunStarted { run } => self.started(*run),
            Event::StepStarted { attempt, step, .. } => again(*step, *attempt),
            Event::MessageFinished { step, attempt, parts, frames, .. } => {
                self.said.finish((*step, *attempt), parts, frames)
            }
            Event::ToolCalled { call, name, arguments, .. } => {
                self.cards.called(call, name, arguments);
                self.doing = self.cards.doing(call);
                Vec::new()
            }
            Event::ToolReturned { call, result, duration_ms, .. } => {
                self.doing = None;
                self.cards.returned(call, result, *duration_ms)
            }
            Event::StepFinished { step, usage, cost_micros, duration_ms, .. } => {
                self.step_finished(*step, usage, *cost_micros, *duration_ms)
            }
            Event::Compacted { usage, cost_micros, .. }
            | Event::ModelCalled { usage, cost_micros, .. } => {
                self.spend(usage, *cost_micros);
                phases::lines(event)
            }
            Event::QuestionAsked { question, kind, text, options, default, .. } => {
                self.question = Some(Question { id: *question, options: options.clone() });
                self.doing = Some("waiting for your answer".to_owned());
                asks(&self.agent, *kind, text, options, default)
            }
            Event::QuestionAnswered { question, answer, principal } => {
                self.question.take_if(|open| open.id == *question);
                self.doing = None;
                let who = Line::of(Style::Accent, "→ ").and(Style::Plain, answer);
                vec![Shown::Whole(who.and(Style::Dim, format!("  ({principal})")))]
            }
            Event::RunEnded { run, status, failure, duration_ms, .. } => {
                self.run_ended(*run, *status, failure.as_ref(), *duration_ms)
            }
            Event::SandboxStopped { .. } => Vec::new(),
            _ => phases::lines(event),
        }
    }

    /// What is live only.
    pub fn delta(&mut self, delta: &Delta) -> Vec<Shown> {
        let is_shown = match (self.scope, delta_run(delta)) {
            (Scope::Only(only), Some(run)) => only == run,
            (Scope::Only(only), None) => self.active == Some(only),
            (Scope::Everything | Scope::Since(_), _) => self.is_reached,
        };
        if !is_shown {
            return Vec::new();
        }
        match delta {
            Delta::Text { step, attempt, kind, text, end, .. } => {
                self.cards.interrupted();
                self.said.delta((*step, *attempt), *kind, text, *end)
            }
            Delta::ToolDrafted { name, .. } => {
                self.doing = Some(format!("writing a call of {name}"));
                Vec::new()
            }
            Delta::Output { call, stream, offset, text, .. } => {
                self.cards.output(call, *stream, *offset, text)
            }
            Delta::Retrying { delay_ms, reason, .. } => {
                self.doing = Some("waiting for the model".to_owned());
                vec![noted(format!(
                    "{reason}; the model is asked again in {}",
                    text::duration(*delay_ms)
                ))]
            }
            Delta::Progress { phase, text, percent, .. } => {
                let percent = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
                let last = text.lines().next_back().unwrap_or_default();
                self.doing = Some(format!("{phase}{percent} {last}"));
                Vec::new()
            }
        }
    }

    fn asked(&mut self, run: RunId, message: Message) -> Vec<Shown> {
        let first_line = text::first_line(&message.order);
        self.asked.insert(run, message);
        match self.active {
            Some(_) => {
                self.doing.get_or_insert_with(|| "waiting for the active run".to_owned());
                vec![aside(format!("queued behind the active run: {first_line}"))]
            }
            None => Vec::new(),
        }
    }

    fn steered(&self, message: &Message, principal: &str) -> Vec<Shown> {
        match self.prompts {
            Prompts::Shown => said_by(&format!("{principal} steers"), message),
            Prompts::Hidden => Vec::new(),
        }
    }

    fn started(&mut self, run: RunId) -> Vec<Shown> {
        let message = self.asked.remove(&run).unwrap_or_default();
        match self.prompts {
            Prompts::Shown => said_by(&run.to_string(), &message),
            Prompts::Hidden => Vec::new(),
        }
    }

    fn spend(&mut self, usage: &Usage, cost_micros: u64) {
        self.spent.usage.add(usage);
        self.spent.cost_micros += cost_micros;
    }

    fn step_finished(
        &mut self,
        step: Step,
        usage: &Usage,
        cost_micros: u64,
        duration_ms: u64,
    ) -> Vec<Shown> {
        self.spend(usage, cost_micros);
        self.doing = None;
        let spent = text::money(self.spent.cost_micros);
        vec![aside(format!(
            "step {step} · {} · {} (run {spent}) · {}",
            text::tokens(usage),
            text::money(cost_micros),
            text::duration(duration_ms),
        ))]
    }

    fn run_ended(
        &mut self,
        run: RunId,
        status: RunStatus,
        failure: Option<&Failure>,
        duration_ms: u64,
    ) -> Vec<Shown> {
        self.ended.insert(run, status);
        self.asked.remove(&run);
        self.active.take_if(|active| *active == run);
        self.question = None;
        self.doing = None;
        let (style, sign, name) = ending(status);
        let spent = format!(
            "  {} · {}",
            text::tokens(&self.spent.usage),
            text::money(self.spent.cost_micros)
        );
        let line = Line::of(style, format!("{sign} {name}"))
            .and(Style::Plain, format!(" in {}", text::duration(duration_ms)))
            .and(Style::Dim, spent);
        let mut shown = vec![Shown::Gap, Shown::Whole(line)];
        if let Some(failure) = failure {
            let line = Line::of(Style::Bad, format!("  {}", failure.message));
            shown.push(Shown::Whole(line.and(Style::Dim, format!("  ({})", failure.code))));
        }
        shown
    }
}

const fn delta_run(delta: &Delta) -> Option<RunId> {
    match delta {
        Delta::Text { run, .. }
        | Delta::ToolDrafted { run, .. }
        | Delta::Output { run, .. }
        | Delta::Retrying { run, .. } => Some(*run),
        Delta::Progress { .. } => None,
    }
}

/// How an ended run is shown: look, sign, and the status as the API spells it.
pub const fn ending(status: RunStatus) -> (Style, &'static str, &'static str) {
    match status {
        RunStatus::Creating => (Style::Dim, "○", "CREATING"),
        RunStatus::Running => (Style::Accent, "●", "RUNNING"),
        RunStatus::Finished => (Style::Good, "✓", "FINISHED"),
        RunStatus::Error => (Style::Bad, "✗", "ERROR"),
        RunStatus::Cancelled => (Style::Warn, "■", "CANCELLED"),
        RunStatus::Expired => (Style::Warn, "■", "EXPIRED"),
    }
}

fn opened(settings: &Settings) -> Vec<Shown> {
    let line = Line::of(Style::Bold, &settings.name)
        .and(Style::Dim, format!("  {}  {}", settings.model.id, settings.branch));
    vec![Shown::Line(line)]
}

fn said_by(who: &str, message: &Message) -> Vec<Shown> {
    let mut shown = vec![Shown::Gap, Shown::Line(Line::of(Style::Bold, "▶ ").and(Style::Dim, who))];
    let place = message.place.iter();
    shown.extend(place.map(|place| Shown::Whole(Line::of(Style::Dim, format!("  {place}")))));
    let order = message.order.lines();
    shown.extend(order.map(|line| Shown::Whole(Line::of(Style::Bold, format!("  {line}")))));
    shown.push(Shown::Gap);
    shown
}

fn again(step: Step, attempt: u32) -> Vec<Shown> {
    if attempt <= 1 {
        return Vec::new();
    }
    vec![aside(format!("step {step} is asked again (attempt {attempt})"))]
}

fn asks(
    agent: &str,
    kind: QuestionKind,
    text: &str,
    options: &[String],
    default: &str,
) -> Vec<Shown> {
    let what = match kind {
        QuestionKind::PlanApproval => "Is this plan to be carried out?",
        QuestionKind::Question => "The agent asks:",
        QuestionKind::AllowRequest => "May this be reached?",
    };
    let mut shown =
        vec![Shown::Gap, Shown::Line(Line::of(Style::Accent, "? ").and(Style::Bold, what))];
    shown
        .extend(text.lines().map(|line| Shown::Whole(Line::of(Style::Plain, format!("  {line}")))));
    let numbered = (1..).zip(options).map(|(number, option)| {
        Line::of(Style::Accent, format!("  {number}  ")).and(Style::Plain, option)
    });
    shown.extend(numbered.map(Shown::Whole));
    let hint = format!(
        "  answer: errand answer {agent} \"…\"   without an answer: {}",
        text::first_line(default)
    );
    shown.push(Shown::Whole(Line::of(Style::Dim, hint)));
    shown
}
