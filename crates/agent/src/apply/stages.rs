//! What the stages of a run take of events: the turn, and publishing what came of it.

use super::keep_newest;
use crate::state::{
    Call, Mending, OPEN_QUESTIONS, Phase, Progress, PublishStep, Publishing, Question, StepNow,
    Turn,
};
use protocol::event::{Event, TurnOutcome};
use protocol::failure::Failure;
use protocol::ids::Epoch;

impl Turn {
    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    pub(super) fn fold(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Steered { message, .. } => self.steers.push_back(*message),
            Event::SteerTaken { message, .. } => {
                self.steers.retain(|waiting| waiting != message);
            }
            Event::StepStarted { step, attempt, .. } if *step == self.step.step => {
                self.step.attempt = *attempt;
            }
            Event::StepStarted { step, attempt, .. } => {
                self.step = StepNow::new(*step, *attempt, at_ms, Progress::Asking);
            }
            Event::MessageFinished { outlay, .. } => {
                self.step.progress = Progress::Answered;
                self.step.outlay.clone_from(outlay);
            }
            Event::StepFinished { .. } => self.step.progress = Progress::Finished,
            Event::ToolCalled { call, .. } => {
                self.step.calls.push(Call { call: call.clone(), returned: false });
            }
            Event::ToolReturned { call, .. } => {
                for known in self.step.calls.iter_mut().filter(|known| known.call == *call) {
                    known.returned = true;
                }
            }
            Event::QuestionAsked { question, default, deadline_ms, .. } => {
                if self.waiting.questions.is_empty() {
                    self.waiting.since_ms = at_ms;
                }
                if self.waiting.questions.len() < OPEN_QUESTIONS {
                    let (question, default) = (*question, default.clone());
                    let asked = Question { question, default, deadline_ms: *deadline_ms };
                    self.waiting.questions.push(asked);
                }
            }
            Event::QuestionAnswered { question, .. } => {
                self.waiting.waited_ms = self.waiting.until(at_ms);
                self.waiting.since_ms = at_ms;
                self.waiting.questions.retain(|open| open.question != *question);
                self.waiting.answered.push_back(*question);
                keep_newest(&mut self.waiting.answered, OPEN_QUESTIONS);
            }
            Event::CancelRequested { .. } => self.phase = Phase::Cancelling,
            _ => {}
        }
    }
}

impl Publishing {
    #[expect(clippy::wildcard_enum_match_arm, reason = "each family takes what is its own")]
    pub(super) fn fold(&mut self, event: &Event, epoch: Epoch, automatic: bool) {
        match event {
            Event::CheckpointWanted { key, .. } => {
                self.step = PublishStep::Checkpointing { key: key.clone(), epoch };
            }
            Event::CheckpointMade { .. } => self.step = PublishStep::Saved,
            Event::PushWanted { key, pushes, .. } => {
                self.step = PublishStep::Pushing { key: key.clone(), pushes: pushes.clone() };
            }
            Event::Pushed { .. } => self.step = PublishStep::Pushed,
            Event::ChecksWanted { key, url, commit, .. } => {
                let (key, url, commit) = (key.clone(), url.clone(), commit.clone());
                self.step = PublishStep::Checking { key, url, commit };
            }
            Event::Checked { .. } => self.step = PublishStep::Checked,
            Event::PullRequestWanted { key, .. } => {
                self.step = PublishStep::Requesting { key: key.clone() };
            }
            Event::PullRequestPublished { .. } => self.step = PublishStep::Done,
            Event::CheckpointFailed { failure, .. } => {
                self.trouble(PublishStep::Unsavable, failure);
            }
            Event::PullRequestFailed { failure, .. } => self.trouble(PublishStep::Done, failure),
            Event::PushFailed { failure, conflict, stops, .. } => {
                self.trouble(PublishStep::Done, failure);
                // A person who cancelled wants quiet; an automatic run is not followed by another.
                if automatic || self.outcome == TurnOutcome::Cancelled {
                    return;
                }
                self.mending = match (conflict, stops.is_empty()) {
                    (Some(conflict), _) => Mending::Merge(conflict.clone()),
                    (None, false) => Mending::Remove(stops.clone()),
                    (None, true) => return,
                };
            }
            _ => {}
        }
    }

    fn trouble(&mut self, step: PublishStep, failure: &Failure) {
        self.step = step;
        self.trouble.get_or_insert_with(|| failure.clone());
    }
}
