//! The loop: look where the log stands, do the next thing, until something ends the run.

use crate::calls::Nested;
use crate::compact;
use crate::journal::Stopped;
use crate::limits::{self, Spent};
use crate::log::Log;
use crate::tools::Registry;
use crate::transcript::{OpenStep, Stage};
use crate::turn::Turn;
use model::price::Price;
use protocol::event::{Event, Mode, Outlay, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, Step};
use protocol::link::OpId;
use std::sync::Arc;

/// `None`: the run goes on.
pub(crate) type End = Option<TurnOutcome>;

/// A run that is being carried on.
pub(crate) struct Loop {
    pub(crate) turn: Turn,
    pub(crate) log: Arc<Log>,
    pub(crate) registry: Registry,
    pub(crate) nested: Arc<Nested>,
    /// Operations whose results are recorded.
    pub(crate) acks: Vec<(Epoch, OpId)>,
    /// The step for which older messages were summarised because the provider insisted.
    pub(crate) shortened: Option<Step>,
}

impl Loop {
    pub(crate) async fn run(mut self) -> Result<TurnOutcome, Stopped> {
        self.registry = Registry::new(self.mode());
        if self.log.with(|transcript| transcript.stage()) == Stage::Asking {
            // A request was in flight when an earlier process ended: it is made again.
            let (step, attempt) = self.open_step();
            self.log.record(vec![self.step_started(step, attempt + 1)]).await?;
        }
        loop {
            if self.turn.cancel.is_cancelled() {
                return Ok(TurnOutcome::Cancelled);
            }
            let stage = self.log.with(|transcript| transcript.stage());
            let end = match stage {
                Stage::Asking => self.ask().await?,
                Stage::Calling => self.call_tools().await?,
                Stage::Between | Stage::Returned => {
                    let text = self.log.with(|transcript| transcript.yielded());
                    self.boundary(Vec::new(), text).await?
                }
            };
            if let Some(outcome) = end {
                return Ok(outcome);
            }
        }
    }

    /// From one step to the next in one record: `events` (the last facts of the step), its end, what
    /// the model is to be told, and the begin of the next step. `yields` is the text of a message
    /// without calls.
    pub(crate) async fn boundary(
        &mut self,
        mut events: Vec<Event>,
        yields: Option<String>,
    ) -> Result<End, Stopped> {
        let run = self.turn.run;
        let (spent, stop) = self.finish_step(&mut events);
        let steers = self.turn.journal.steering();
        let mut notices = match yields {
            Some(text) => {
                match after_message(&text, &stop, steers.is_empty(), self.noticed("empty")) {
                    Next::End(outcome) => {
                        self.log.record(events).await?;
                        // A message that came at the last moment is still part of this run.
                        let is_over = self.turn.journal.steering().is_empty();
                        return Ok(is_over.then_some(outcome));
                    }
                    Next::Tell(notices) => notices,
                }
            }
            None => Vec::new(),
        };
        let (now_ms, failing) =
            (self.turn.journal.now_ms(), self.log.with(|transcript| transcript.failing));
        let reached = limits::reached(&self.turn.limits, &spent, failing, now_ms);
        if let Some(outcome) = reached.or(self.hindered().await) {
            return self.log.record(events).await.map(|()| Some(outcome));
        }
        notices.extend(limits::notices(&self.turn.limits, &spent, failing, now_ms));
        if compact::is_due(spent.context_tokens, self.turn.brain.model.capabilities())
            || stop == "context_full"
        {
            self.log.record(std::mem::take(&mut events)).await?;
            match self.compacted(false).await {
                Ok(event) => events.extend(event),
                Err(outcome) => return Ok(Some(outcome)),
            }
        }
        let notices = notices.into_iter().filter(|(code, _)| *code == "cut" || !self.noticed(code));
        events.extend(notices.map(|(code, text)| Event::Noticed {
            run,
            code: code.to_owned(),
            text,
        }));
        events.extend(steers.into_iter().map(|(message, _)| Event::SteerTaken { run, message }));
        let step = self.log.with(|transcript| transcript.step.next());
        events.push(self.step_started(step, 1));
        let mode = self.mode();
        self.log.record(events).await?;
        if mode != self.mode() {
            self.registry = Registry::new(self.mode());
        }
        Ok(None)
    }

    /// Adds the end of the open step; gives what is spent then and why the model stopped.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only a message says what it cost")]
    fn finish_step(&self, events: &mut Vec<Event>) -> (Spent, String) {
        let now_ms = self.turn.journal.now_ms();
        let price = self.turn.brain.price;
        let fresh = events.iter().find_map(|event| match event {
            Event::MessageFinished { outlay, .. } => outlay.clone(),
            _ => None,
        });
        let used = self.turn.journal.used();
        self.log.with(|transcript| {
            let mut spent = transcript.spent;
            // Programs inside may have had models use something that the turn was not told of yet.
            let (tokens, cost_micros) = used.unwrap_or_default();
            spent.tokens = spent.tokens.max(tokens);
            spent.cost_micros = spent.cost_micros.max(cost_micros);
            let Some(open) = &transcript.open else { return (spent, String::new()) };
            if open.finished {
                return (spent, open.stop.clone());
            }
            let Outlay { usage, cost_micros, stop } = fresh
                .or_else(|| open.outlay.clone())
                .unwrap_or_else(|| guessed(open, spent.context_tokens, price));
            spent.add(&usage, cost_micros);
            spent.context_tokens = usage.total();
            let duration_ms = u64::try_from(now_ms.saturating_sub(open.started_ms)).unwrap_or(0);
            let (run, step) = (self.turn.run, open.step);
            events.push(Event::StepFinished {
                run,
                step,
                usage,
                cost_micros,
                duration_ms,
                stop: stop.clone(),
            });
            (spent, stop)
        })
    }

    /// The mode that holds now: an approved plan is carried out as an agent.
    pub(crate) fn mode(&self) -> Mode {
        let approved = self.log.with(|transcript| transcript.plan_approved);
        if self.turn.mode == Mode::Plan && approved { Mode::Agent } else { self.turn.mode }
    }

    pub(crate) fn open_step(&self) -> (Step, u32) {
        self.log
            .with(|transcript| transcript.open.as_ref().map(|open| (open.step, open.attempt)))
            .unwrap_or_default()
    }

    pub(crate) fn step_started(&self, step: Step, attempt: u32) -> Event {
        Event::StepStarted { run: self.turn.run, step, attempt, model: self.turn.brain.id.clone() }
    }

    /// The end of the run where it cannot go on; a run makes one step in any case, which may be the
    /// one that makes room.
    async fn hindered(&self) -> End {
        if self.log.with(|transcript| transcript.open.is_none()) {
            return None;
        }
        let failure = self.turn.journal.hindrance().await?;
        Some(TurnOutcome::Failed { failure })
    }

    pub(crate) fn noticed(&self, code: &str) -> bool {
        self.log.with(|transcript| transcript.notices.contains(code))
    }
}

/// What follows a message without calls.
enum Next {
    End(TurnOutcome),
    Tell(Vec<(&'static str, String)>),
}

fn after_message(text: &str, stop: &str, nothing_said: bool, empty_before: bool) -> Next {
    let tell = |code, text: &str| Next::Tell(vec![(code, text.to_owned())]);
    match stop {
        "max_tokens" => tell(
            "cut",
            "Your message reached its maximum length and was cut. Go on from where it ended, in smaller pieces.",
        ),
        "paused" | "context_full" => Next::Tell(Vec::new()),
        _ if !nothing_said => Next::Tell(Vec::new()),
        _ if !text.trim().is_empty() => {
            Next::End(TurnOutcome::Finished { result: text.to_owned() })
        }
        _ if empty_before => Next::End(TurnOutcome::Failed {
            failure: Failure::new(
                Phase::Model,
                "model_empty",
                "The model gave an empty answer twice. Send the message again or choose another model.",
            ),
        }),
        _ => {
            tell("empty", "Your last message was empty. Go on with the task, or say what you did.")
        }
    }
}

/// The cost of a message from before messages said it themselves: rather too much than nothing.
fn guessed(open: &OpenStep, context_tokens: u64, price: Option<Price>) -> Outlay {
    let written =
        open.text.len() + open.calls.iter().map(|call| call.arguments.len()).sum::<usize>();
    let (input_tokens, output_tokens) = (context_tokens, (written as u64).div_ceil(4));
    let heard =
        model::piece::Usage { input_tokens, output_tokens, ..model::piece::Usage::default() };
    let stop = if open.calls.is_empty() { "end_turn" } else { "tool_use" }.to_owned();
    Outlay {
        usage: crate::ask::stored(&heard),
        cost_micros: price.map_or(0, |price| price.cost(&heard)),
        stop,
    }
}
