//! Asks the model: builds the request from the log, listens, records the message and its calls.

use crate::blame;
use crate::compact;
use crate::context;
use crate::journal::Stopped;
use crate::listen::{Bill, Heard, Listener};
use crate::said;
use crate::steps::{End, Loop};
use crate::tools::Reach;
use crate::transcript::{CallState, call_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use model::conversation::{Message, Request};
use model::error::ModelError;
use model::piece::{Finish, Piece, Stop, Usage};
use model::retry::with_retries;
use protocol::content;
use protocol::event::{Event, Outlay, TurnOutcome};
use protocol::ids::{Epoch, Step};
use std::sync::Arc;

impl Loop {
    /// Asks the model for the open step.
    pub(crate) async fn ask(&mut self) -> Result<End, Stopped> {
        let request = Arc::new(self.request().await);
        let (step, attempt) = self.open_step();
        let brain = &self.turn.brain;
        // Agents that failed together shall not ask again together.
        let seed = step.0 ^ u64::from(attempt) << 32 ^ self.turn.run.uuid().as_u64_pair().1;
        let pieces = with_retries(Arc::clone(&brain.model), request, brain.retry, seed);
        let listener = Listener {
            log: &self.log,
            run: self.turn.run,
            step,
            attempt,
            model: &brain.id,
            frames: Vec::new(),
            waiting: None,
            end: 0,
            bill: Bill::new(brain.price, self.log.with(|transcript| compact::tokens(transcript))),
        };
        let heard = tokio::select! {
            biased;
            () = self.turn.cancel.cancelled() => return Ok(Some(TurnOutcome::Cancelled)),
            heard = listener.listen(pieces) => heard?,
            never = self.acknowledge() => match never {},
        };
        self.acks.clear();
        match heard {
            Ok(heard) => self.heard(step, heard).await,
            Err(ModelError::ContextTooLong(said)) => self.too_long(said).await,
            Err(error) => Ok(Some(blame::outcome(&self.turn.brain.id, &error))),
        }
    }

    async fn heard(&mut self, step: Step, heard: Heard) -> Result<End, Stopped> {
        let Heard { finish, attempt, frames, lost_micros } = heard;
        let Finish { parts, usage, stop, .. } = finish;
        let run = self.turn.run;
        let message = Message::assistant(parts);
        let dialect = said::dialect_name(message.dialect);
        let parts = said::to_stored(message.parts, run, step);
        let outlay = Some(Outlay {
            usage: stored(&usage),
            cost_micros: self
                .turn
                .brain
                .price
                .map_or(0, |price| price.cost(&usage).saturating_add(lost_micros)),
            stop: stop_name(&stop),
        });
        let calls: Vec<CallState> = parts.iter().filter_map(call_of).collect();
        let text = said::text_of(&parts);
        let mut events =
            vec![Event::MessageFinished { run, step, attempt, dialect, parts, frames, outlay }];
        if calls.is_empty() {
            return self.boundary(events, Some(text)).await;
        }
        let Some(epoch) = self.at_hand(&calls) else {
            self.log.record(events).await?;
            return Ok(None);
        };
        events.extend(calls.iter().map(|call| self.begun(step, call, epoch)));
        self.begin_calls(step, calls, epoch, events).await
    }

    /// The machine for the calls of a message; None while it is not up yet.
    fn at_hand(&self, calls: &[CallState]) -> Option<Epoch> {
        let needs = calls.iter().any(|call| self.needs_machine(&call.name, &call.arguments));
        if !needs {
            return Some(Epoch(0));
        }
        self.turn.workspace.ready().now_or_never()?.ok()
    }

    /// A call as it begins. Epoch 0 stands for "without a machine".
    pub(crate) fn begun(&self, step: Step, state: &CallState, epoch: Epoch) -> Event {
        let CallState { call, name, arguments, .. } = state.clone();
        let epoch = if self.needs_machine(&name, &arguments) { epoch } else { Epoch(0) };
        Event::ToolCalled { run: self.turn.run, step, call, epoch, name, arguments }
    }

    /// Whether a call will touch the machine; a call that cannot be made does not.
    pub(crate) fn needs_machine(&self, name: &str, arguments: &str) -> bool {
        self.registry
            .resolve(name, arguments)
            .is_ok_and(|(tool, _)| tool.reach() != Reach::Elsewhere)
    }

    async fn request(&self) -> Request {
        self.load_images().await;
        Request {
            system: context::system(self.mode(), &self.turn.base),
            tools: self.registry.specs(),
            messages: self.log.with(|transcript| transcript.messages()),
            parameters: self.turn.brain.parameters.clone(),
            max_output_tokens: None,
            cache_key: Some(self.turn.agent.to_string()),
        }
    }

    async fn load_images(&self) {
        if !self.turn.brain.model.capabilities().images {
            return;
        }
        for digest in self.log.with(|transcript| transcript.images_wanted()) {
            if let Some(bytes) = self.log.journal.blob(&digest).await {
                self.log.with(|transcript| transcript.put_image(digest, STANDARD.encode(bytes)));
            }
        }
    }

    /// The provider found the request too long: one summary, then one more attempt.
    async fn too_long(&mut self, said: String) -> Result<End, Stopped> {
        let (step, attempt) = self.open_step();
        let failed =
            || Some(blame::outcome(&self.turn.brain.id, &ModelError::ContextTooLong(said)));
        if self.shortened == Some(step) {
            return Ok(failed());
        }
        match self.compacted(true).await {
            Ok(None) => Ok(failed()),
            Ok(Some(event)) => {
                self.shortened = Some(step);
                self.log.record(vec![event, self.step_started(step, attempt + 1)]).await?;
                Ok(None)
            }
            Err(outcome) => Ok(Some(outcome)),
        }
    }

    /// Makes a summary of the older messages, if there are any.
    pub(crate) async fn compacted(&self, hard: bool) -> Result<Option<Event>, TurnOutcome> {
        let brain = &self.turn.brain;
        let order = self
            .log
            .with(|transcript| compact::order(transcript, brain.model.capabilities(), hard));
        let Some(compact::Order { upto, request, fallback }) = order else { return Ok(None) };
        tracing::info!(run.id = %self.turn.run, upto = upto.0, "summarising older messages");
        let answer = self.whole_answer(request);
        let finish = tokio::select! {
            biased;
            () = self.turn.cancel.cancelled() => return Err(TurnOutcome::Cancelled),
            answer = answer => answer.map_err(|error| blame::outcome(&brain.id, &error))?,
        };
        let text = said::text_of(&said::to_stored(finish.parts, self.turn.run, Step(0)));
        Ok(Some(Event::Compacted {
            run: self.turn.run,
            upto,
            summary: compact::summary(text, fallback),
            usage: stored(&finish.usage),
            cost_micros: brain.price.map_or(0, |price| price.cost(&finish.usage)),
        }))
    }

    async fn whole_answer(&self, request: Request) -> Result<Finish, ModelError> {
        use futures::StreamExt as _;
        let brain = &self.turn.brain;
        let mut pieces = with_retries(Arc::clone(&brain.model), Arc::new(request), brain.retry, 0);
        while let Some(piece) = pieces.next().await {
            if let Piece::Finished(finish) = piece? {
                return Ok(finish);
            }
        }
        Err(ModelError::CutStream)
    }
}

pub(crate) fn stored(usage: &Usage) -> content::Usage {
    content::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_write_tokens: usage.cache_write_tokens,
        cache_read_tokens: usage.cache_read_tokens,
    }
}

fn stop_name(stop: &Stop) -> String {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::ContextFull => "context_full",
        Stop::Paused => "paused",
        Stop::Other(other) => other,
    }
    .to_owned()
}
