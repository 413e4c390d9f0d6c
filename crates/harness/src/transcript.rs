//! The log folded into what the loop needs: the conversation, the step that is open, what is spent.
//!
//! A pure function of the log. So a run that is carried on after a crash sends the same requests as
//! one that was never interrupted.

use crate::limits::Spent;
use crate::said::{Block, Said, text_of};
use model::conversation::Message;
use protocol::content::{Part, Prompt, Todo, ToolResult};
use protocol::event::{Event, Logged, Outlay};
use protocol::ids::{CallId, Epoch, MessageId, QuestionId, RunId, Seq, Step};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the model is told about a call that a former run left without a result.
const LEFT_OPEN: &str =
    "Not finished: the run ended before this call returned. What it did until then is unknown.";

/// The conversation and the state of the run.
pub(crate) struct Transcript {
    pub(crate) run: RunId,
    /// Last position applied.
    pub(crate) seen: Seq,
    /// When it was recorded.
    last_ms: i64,
    /// Last step begun.
    pub(crate) step: Step,
    /// The step that was begun last in this run.
    pub(crate) open: Option<OpenStep>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) spent: Spent,
    /// Codes of the notices of this run.
    pub(crate) notices: HashSet<String>,
    pub(crate) todos: Vec<Todo>,
    /// A person approved the plan of this run.
    pub(crate) plan_approved: bool,
    /// Instruction files below the root that the model has been shown.
    pub(crate) instructions: HashSet<String>,
    /// Questions of this run by the call that asked them.
    pub(crate) questions: HashMap<CallId, QuestionId>,
    /// How often the same failing calls came in a row.
    pub(crate) failing: u32,
    failing_calls: Vec<(String, String)>,
    waiting: HashMap<QuestionId, i64>,
    prompts: HashMap<RunId, Prompt>,
    steers: HashMap<MessageId, Prompt>,
    /// Goes before the model with the next step.
    coming: Vec<Block>,
    images: HashMap<String, Arc<str>>,
}

/// One message of the conversation.
pub(crate) struct Entry {
    /// Position of the event that completed it.
    pub(crate) seq: Seq,
    /// The prompt of a run is kept when older messages go.
    pub(crate) prompt_of: Option<RunId>,
    said: Said,
    built: Option<Arc<Message>>,
}

impl Entry {
    pub(crate) const fn said(&self) -> &Said {
        &self.said
    }
}

/// A step that was begun.
pub(crate) struct OpenStep {
    pub(crate) step: Step,
    pub(crate) attempt: u32,
    pub(crate) started_ms: i64,
    /// The model's message is in the log.
    pub(crate) answered: bool,
    /// The end of the step is in the log.
    pub(crate) finished: bool,
    /// Why the model stopped, once finished.
    pub(crate) stop: String,
    /// What the message cost, if it says so.
    pub(crate) outlay: Option<Outlay>,
    /// Text of the message.
    pub(crate) text: String,
    pub(crate) calls: Vec<CallState>,
}

/// A tool call of the open step.
#[derive(Debug, Clone)]
pub(crate) struct CallState {
    pub(crate) call: CallId,
    pub(crate) provider_id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// Where it was started, if it was.
    pub(crate) epoch: Option<Epoch>,
    pub(crate) result: Option<ToolResult>,
}

/// Where the run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No step is open.
    Between,
    /// The model is to be asked.
    Asking,
    /// Tool calls have no result yet.
    Calling,
    /// Every call has its result, the step is not finished.
    Returned,
}

impl Transcript {
    pub(crate) fn new(run: RunId) -> Self {
        Self {
            run,
            seen: Seq(0),
            last_ms: i64::MIN,
            step: Step(0),
            open: None,
            entries: Vec::new(),
            spent: Spent::default(),
            notices: HashSet::new(),
            todos: Vec::new(),
            plan_approved: false,
            instructions: HashSet::new(),
            questions: HashMap::new(),
            failing: 0,
            failing_calls: Vec::new(),
            waiting: HashMap::new(),
            prompts: HashMap::new(),
            steers: HashMap::new(),
            coming: Vec::new(),
            images: HashMap::new(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match &self.open {
            None => Stage::Between,
            Some(open) if open.finished => Stage::Between,
            Some(open) if !open.answered => Stage::Asking,
            Some(open) if open.calls.iter().any(|call| call.result.is_none()) => Stage::Calling,
            Some(_) => Stage::Returned,
        }
    }

    /// The text of the last message, if it had no calls.
    pub(crate) fn yielded(&self) -> Option<String> {
        let open = self.open.as_ref().filter(|open| open.answered && open.calls.is_empty())?;
        Some(open.text.clone())
    }

    /// Takes the next event of the log; one that was taken before changes nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest belongs to a step or not to the loop"
    )]
    pub(crate) fn apply(&mut self, logged: Logged) {
        let Logged { seq, at_ms, event } = logged;
        if seq <= self.seen {
            return;
        }
        self.seen = seq;
        self.follow_clock(at_ms);
        let ours = event.run() == Some(self.run);
        match event {
            Event::Asked { run, prompt, .. } => {
                self.prompts.insert(run, prompt);
            }
            Event::Steered { message, prompt, .. } => {
                self.steers.insert(message, prompt);
            }
            Event::SteerTaken { message, .. } => {
                self.coming.extend(self.steers.remove(&message).map(Block::steering));
            }
            Event::Noticed { code, text, .. } => {
                self.coming.push(Block::notice(&text));
                if ours {
                    self.notices.insert(code);
                }
            }
            Event::RunStarted { run } => self.run_started(seq, at_ms, run),
            Event::TurnEnded { .. } => self.leave_open_step(seq),
            Event::TodosChanged { todos, .. } => self.todos = todos,
            Event::QuestionAsked { question, call, .. } => {
                self.waiting.insert(question, at_ms);
                self.questions.extend(call.map(|call| (call, question)));
            }
            Event::QuestionAnswered { question, .. } => {
                let since = self.waiting.remove(&question).unwrap_or(at_ms);
                self.spent.waited_ms += at_ms.saturating_sub(since);
            }
            Event::Compacted { upto, summary, usage, cost_micros, .. } => {
                self.compact(upto, &summary);
                if ours {
                    self.spent.add(&usage, cost_micros);
                }
            }
            // What programs inside had models use counts towards the same limits.
            Event::ModelCalled { usage, cost_micros, .. } if ours => {
                self.spent.add(&usage, cost_micros);
            }
            other => self.apply_step(seq, at_ms, other, ours),
        }
    }

    fn apply_step(&mut self, seq: Seq, at_ms: i64, event: Event, ours: bool) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the life of the machine and of the branch is not the loop's"
        )]
        match event {
            Event::StepStarted { step, attempt, .. } => {
                self.step_started(seq, at_ms, step, attempt, ours)
            }
            Event::MessageFinished { dialect, parts, outlay, .. } => {
                self.answered(seq, dialect, parts, outlay);
            }
            Event::ToolCalled { call, epoch, .. } => {
                if let Some(call) = self.call_mut(&call) {
                    call.epoch = Some(epoch);
                }
            }
            Event::ToolReturned { call, result, .. } => self.returned(seq, &call, result, ours),
            Event::StepFinished { usage, cost_micros, stop, .. } => {
                if let Some(open) = &mut self.open {
                    open.finished = true;
                    open.stop = stop;
                }
                if ours {
                    self.spent.add(&usage, cost_micros);
                }
                self.spent.context_tokens = usage.total();
                self.count_failing();
            }
            _ => {}
        }
    }

    /// A clock that was set back takes all that is being measured with it.
    fn follow_clock(&mut self, at_ms: i64) {
        let back_ms = self.last_ms.saturating_sub(at_ms);
        self.last_ms = at_ms;
        if back_ms <= 0 {
            return;
        }
        self.spent.started_ms = self.spent.started_ms.saturating_sub(back_ms);
        self.waiting.values_mut().for_each(|since| *since = since.saturating_sub(back_ms));
        if let Some(open) = &mut self.open {
            open.started_ms = open.started_ms.saturating_sub(back_ms);
        }
    }

    fn run_started(&mut self, seq: Seq, at_ms: i64, run: RunId) {
        self.leave_open_step(seq);
        self.open = None;
        self.failing = 0;
        let context_tokens = self.spent.context_tokens;
        self.spent = Spent { started_ms: at_ms, context_tokens, ..Spent::default() };
        let before = std::mem::take(&mut self.coming);
        if !before.is_empty() {
            self.push(seq, None, Said::User(before));
        }
        if let Some(prompt) = self.prompts.remove(&run) {
            self.push(seq, Some(run), Said::User(vec![Block::prompt(prompt)]));
        }
    }

    fn step_started(&mut self, seq: Seq, at_ms: i64, step: Step, attempt: u32, ours: bool) {
        let blocks = std::mem::take(&mut self.coming);
        if !blocks.is_empty() {
            self.push(seq, None, Said::User(blocks));
        }
        let again = self.open.as_ref().is_some_and(|open| open.step == step);
        if ours && !again {
            self.spent.steps += 1;
        }
        self.step = step;
        self.open = Some(OpenStep {
            step,
            attempt,
            started_ms: at_ms,
            answered: false,
            finished: false,
            stop: String::new(),
            outlay: None,
            text: String::new(),
            calls: Vec::new(),
        });
    }

    fn answered(&mut self, seq: Seq, dialect: String, parts: Vec<Part>, outlay: Option<Outlay>) {
        if let Some(open) = &mut self.open {
            open.outlay = outlay;
            open.answered = true;
            open.text = text_of(&parts);
            open.calls = parts.iter().filter_map(call_of).collect();
        }
        // An empty message is refused by every provider.
        if !parts.is_empty() {
            self.push(seq, None, Said::Assistant { dialect, parts });
        }
    }

    fn returned(&mut self, seq: Seq, call: &CallId, result: ToolResult, ours: bool) {
        let shown = result.detail.as_ref().and_then(|detail| detail.get("instructions"));
        let shown =
            shown.and_then(|paths| serde_json::from_value::<Vec<String>>(paths.clone()).ok());
        self.instructions.extend(shown.unwrap_or_default());
        let approved = result.detail.as_ref().and_then(|detail| detail.get("planApproved"));
        self.plan_approved |=
            ours && approved.and_then(serde_json::Value::as_bool).unwrap_or_default();
        if let Some(call) = self.call_mut(call) {
            call.result = Some(result);
        }
        self.push_results(seq);
    }

    /// All results of a message go together: providers want each call answered at once.
    fn push_results(&mut self, seq: Seq) {
        let Some(open) = &self.open else { return };
        let results = open
            .calls
            .iter()
            .map(|call| call.result.clone().map(|result| (call.provider_id.clone(), result)));
        if let Some(results) = results.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()) {
            self.push(seq, None, Said::Tools(results));
        }
    }

    fn leave_open_step(&mut self, seq: Seq) {
        // Whether the step was ended first, so that it is counted, makes no difference to its calls.
        let calls = || self.open.iter().flat_map(|open| &open.calls);
        if calls().all(|call| call.result.is_some()) {
            return;
        }
        for call in self.open.iter_mut().flat_map(|open| &mut open.calls) {
            call.result.get_or_insert_with(|| ToolResult {
                text: LEFT_OPEN.to_owned(),
                is_error: true,
                detail: None,
                truncated: false,
            });
        }
        self.push_results(seq);
    }

    fn compact(&mut self, upto: Seq, summary: &str) {
        let entries = std::mem::take(&mut self.entries);
        let (old, kept): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(|entry| entry.seq <= upto);
        // The task stands in the person's own words as long as its run lasts.
        self.entries = old.into_iter().filter(|entry| entry.prompt_of == Some(self.run)).collect();
        self.push(upto, None, Said::User(vec![Block::summary(summary)]));
        self.entries.extend(kept);
        self.instructions.clear();
        self.spent.context_tokens = 0;
    }

    fn count_failing(&mut self) {
        let Some(open) = &self.open else { return };
        let all_failed = !open.calls.is_empty()
            && open
                .calls
                .iter()
                .all(|call| call.result.as_ref().is_some_and(|result| result.is_error));
        let calls: Vec<(String, String)> =
            open.calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect();
        self.failing = match (all_failed, calls == self.failing_calls) {
            (true, true) => self.failing + 1,
            (true, false) => 1,
            (false, _) => 0,
        };
        self.failing_calls = calls;
    }

    fn call_mut(&mut self, id: &CallId) -> Option<&mut CallState> {
        self.open.as_mut()?.calls.iter_mut().find(|call| call.call == *id)
    }

    fn push(&mut self, seq: Seq, prompt_of: Option<RunId>, said: Said) {
        self.entries.push(Entry { seq, prompt_of, said, built: None });
    }

    /// Digests of images that [`Self::messages`] will want and does not have.
    pub(crate) fn images_wanted(&self) -> Vec<String> {
        let unbuilt = self.entries.iter().filter(|entry| entry.built.is_none());
        let wanted = unbuilt.flat_map(|entry| entry.said.images());
        wanted.filter(|digest| !self.images.contains_key(digest)).collect()
    }

    /// Hands over an image's bytes in base64.
    pub(crate) fn put_image(&mut self, digest: String, base64: String) {
        self.images.insert(digest, Arc::from(base64));
    }

    /// The conversation for the model; what was built for an earlier request is shared.
    pub(crate) fn messages(&mut self) -> Vec<Arc<Message>> {
        let images = &self.images;
        let built = self.entries.iter_mut().map(|entry| {
            let said = &entry.said;
            entry.built.get_or_insert_with(|| Arc::new(said.message(images))).clone()
        });
        built.collect()
    }
}

pub(crate) fn call_of(part: &Part) -> Option<CallState> {
    match part {
        Part::ToolCall { call, provider_id, name, arguments, .. } => Some(CallState {
            call: call.clone(),
            provider_id: provider_id.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            epoch: None,
            result: None,
        }),
        Part::Text { .. } | Part::Thinking { .. } | Part::Opaque { .. } => None,
    }
}
