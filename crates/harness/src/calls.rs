//! Carries out the tool calls of a message: reading ones side by side, others in order, each under
//! its own name, so that a call that was begun before a crash is attached to and not made again.

use crate::instructions;
use crate::journal::Stopped;
use crate::limits::{self, SOFT_TIME};
use crate::steps::{End, Loop};
use crate::tools::{Cx, Output, Reach, Tool, Trouble};
use crate::transcript::CallState;
use crate::workspace::WorkspaceGone;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::{self, BoxStream};
use protocol::content::ToolResult;
use protocol::event::{Event, TurnOutcome};
use protocol::ids::{CallId, Epoch, Step};
use protocol::limits::CANCEL_GRACE_MS;
use protocol::link::{EditFile, OpId, Request};
use serde_json::Value;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a command gets first when the person cancels.
const SIGTERM: i32 = 15;
/// How the model learns that a result was cut.
const REST: &str =
    "Ask for less at a time: read_file with offset_line and limit, shell_output with offset.";
/// What the model is told of a call whose machine is gone.
const UNKNOWN: &str = "Outcome unknown: the machine was lost while this ran. It was not repeated. Another machine is being prepared; what was not published may be missing there. Look at the state before you go on.";

/// A call ready to be carried out.
struct Job {
    state: CallState,
    step: Step,
    tool: Result<(Arc<dyn Tool>, Value), String>,
    cx: Cx,
    nested: Arc<Nested>,
    /// The machine on which it was begun is gone.
    lost: bool,
}

/// The calls of a message while they are carried out.
struct Calls {
    outstanding: HashSet<CallId>,
    /// None changes anything.
    only_read: bool,
    /// What the first of them will ask for, if that is an edit.
    edit: Option<EditFile>,
    done: BoxStream<'static, Result<Done, Stopped>>,
    epoch: Epoch,
    /// Little time is left.
    hurry: CancellationToken,
}

/// What a call came to.
struct Done {
    events: Vec<Event>,
    /// The operation that the guest may forget.
    forget: Option<(Epoch, OpId)>,
    lost: bool,
}

/// Instruction files below the roots of the repositories.
pub(crate) struct Nested {
    pub(crate) roots: Vec<String>,
    /// Files that do not exist, so that they are asked for once.
    pub(crate) absent: Mutex<HashSet<String>>,
}

impl Loop {
    /// Carries out the calls of the open step that have no result yet.
    pub(crate) async fn call_tools(&mut self) -> Result<End, Stopped> {
        let (step, _) = self.open_step();
        let states = self.log.with(|transcript| {
            let calls = transcript.open.iter().flat_map(|open| &open.calls);
            calls.filter(|call| call.result.is_none()).cloned().collect::<Vec<_>>()
        });
        let epoch = if states.iter().any(|call| self.needs_machine(&call.name, &call.arguments)) {
            match self.machine().await? {
                Ok(epoch) => epoch,
                Err(outcome) => return Ok(Some(outcome)),
            }
        } else {
            Epoch(0)
        };
        let fresh = states.iter().filter(|call| call.epoch.is_none());
        self.log.record(fresh.map(|call| self.begun(step, call, epoch)).collect()).await?;
        let calls = self.calls(step, states, epoch);
        self.work_off(calls).await
    }

    /// Records the message whose calls these are. What changes nothing does not wait for that: calls
    /// that read, or making ready the edit that comes first.
    pub(crate) async fn begin_calls(
        &mut self,
        step: Step,
        states: Vec<CallState>,
        epoch: Epoch,
        message: Vec<Event>,
    ) -> Result<End, Stopped> {
        let mut calls = self.calls(step, states, epoch);
        let mut early = Vec::new();
        let recorded = self.log.record(message);
        beside(recorded, self.head_start(&mut calls, &mut early)).await?;
        calls.done = stream::iter(early).chain(calls.done).boxed();
        self.work_off(calls).await
    }

    async fn head_start(&self, calls: &mut Calls, early: &mut Vec<Result<Done, Stopped>>) {
        if calls.only_read {
            while let Some(done) = calls.done.next().await {
                early.push(done);
            }
        } else if let Some(edit) = calls.edit.take() {
            self.turn.workspace.foresee(calls.epoch, edit).await;
        }
    }

    /// Calls with which nobody has begun.
    fn calls(&self, step: Step, states: Vec<CallState>, epoch: Epoch) -> Calls {
        let hurry = CancellationToken::new();
        let job = |state| self.job(step, state, epoch, hurry.clone());
        let jobs: Vec<Job> = states.into_iter().map(job).collect();
        let reads =
            |job: &Job| job.tool.as_ref().map_or(true, |(tool, _)| tool.reach() == Reach::Reads);
        let edit = |job: &Job| {
            job.tool.as_ref().ok().and_then(|(tool, arguments)| tool.edit(&job.cx, arguments))
        };
        let only_read = jobs.iter().all(reads);
        Calls {
            outstanding: jobs.iter().map(|job| job.state.call.clone()).collect(),
            only_read,
            edit: jobs.first().and_then(edit),
            done: carried_out(jobs, only_read),
            epoch,
            hurry,
        }
    }

    /// Waits for the machine, or for what ends the run before it is there.
    async fn machine(&self) -> Result<Result<Epoch, TurnOutcome>, Stopped> {
        let ready = tokio::select! {
            biased;
            () = self.turn.cancel.cancelled() => return Ok(Err(TurnOutcome::Cancelled)),
            ready = self.turn.workspace.ready() => ready,
        };
        match ready {
            Ok(epoch) => Ok(Ok(epoch)),
            Err(WorkspaceGone::Failed(failure)) => Ok(Err(TurnOutcome::Failed { failure })),
            Err(WorkspaceGone::Stopped(stopped)) => Err(stopped),
        }
    }

    fn job(&self, step: Step, state: CallState, epoch: Epoch, hurry: CancellationToken) -> Job {
        let tool = self.registry.resolve(&state.name, &state.arguments);
        let begun = state.epoch.unwrap_or(epoch);
        let machine = self.needs_machine(&state.name, &state.arguments);
        let cx = Cx {
            run: self.turn.run,
            mode: self.mode(),
            call: state.call.clone(),
            epoch,
            cwd: Arc::from(self.turn.base.cwd.as_str()),
            images: self.turn.brain.model.capabilities().images,
            workspace: Arc::clone(&self.turn.workspace),
            log: Arc::clone(&self.log),
            hurry,
        };
        Job {
            state,
            step,
            tool,
            cx,
            nested: Arc::clone(&self.nested),
            lost: machine && begun != epoch,
        }
    }

    async fn work_off(&mut self, calls: Calls) -> Result<End, Stopped> {
        let Calls { mut outstanding, mut done, epoch, hurry, .. } = calls;
        loop {
            let next = tokio::select! {
                biased;
                () = self.turn.cancel.cancelled() => {
                    drop(done);
                    self.end_commands(epoch, outstanding.iter().map(|call| call.0.as_str())).await;
                    return Ok(Some(TurnOutcome::Cancelled));
                }
                next = done.next() => next,
                () = self.soft_time(), if !hurry.is_cancelled() => {
                    hurry.cancel();
                    continue;
                }
            };
            let Some(next) = next else { return Ok(None) };
            let Done { events, forget, .. } = next?;
            self.acks.extend(forget);
            for event in &events {
                if let Event::ToolReturned { call, .. } = event {
                    outstanding.remove(call);
                }
            }
            if outstanding.is_empty() {
                // The last result, the end of this step and the begin of the next are one record.
                return self.boundary(events, None).await;
            }
            self.log.record(events).await?;
        }
    }

    /// Until little time is left, unless the model was told so before. A long call does not hide it:
    /// what can be left running is, and the model hears of it at the end of the step.
    async fn soft_time(&self) {
        if self.noticed(SOFT_TIME) {
            return std::future::pending().await;
        }
        let spent = self.log.with(|transcript| transcript.spent);
        let now_ms = self.turn.journal.now_ms();
        let left_ms = limits::until_soft_ms(&self.turn.limits, &spent, now_ms);
        tokio::time::sleep(Duration::from_millis(left_ms)).await;
    }

    /// Ends what the cancelled calls started; a machine that does not answer is the driver's.
    async fn end_commands(&self, epoch: Epoch, calls: impl Iterator<Item = &str>) {
        if epoch == Epoch(0) {
            return;
        }
        let kills = calls
            .filter_map(|call| OpId::parse(call).ok())
            .map(|op| self.turn.workspace.request(epoch, Request::Kill { op, signal: SIGTERM }));
        let grace = Duration::from_millis(CANCEL_GRACE_MS / 2);
        if tokio::time::timeout(grace, futures::future::join_all(kills)).await.is_err() {
            tracing::warn!(run.id = %self.turn.run, "commands of a cancelled run did not end in time");
        }
    }

    /// Lets the guest forget what is recorded, while the model is thinking.
    pub(crate) async fn acknowledge(&self) -> Infallible {
        for (epoch, op) in &self.acks {
            let request = Request::Ack { op: op.clone() };
            if let Err(error) = self.turn.workspace.request(*epoch, request).await {
                tracing::debug!(%op, %error, "the guest could not be told to forget");
            }
        }
        std::future::pending().await
    }
}

/// Waits for the one, and lets the other do meanwhile what it can.
async fn beside<T>(first: impl Future<Output = T>, other: impl Future<Output = ()>) -> T {
    match select(std::pin::pin!(first), std::pin::pin!(other)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), first)) => first.await,
    }
}

/// The outcomes of the jobs as they come: all at once if every one only reads, else in order.
fn carried_out(jobs: Vec<Job>, only_read: bool) -> BoxStream<'static, Result<Done, Stopped>> {
    if only_read {
        let all: stream::FuturesUnordered<_> =
            jobs.into_iter().map(|job| carry_out(job, false)).collect();
        return all.boxed();
    }
    stream::unfold((jobs.into_iter(), false), |(mut jobs, lost)| async move {
        let done = carry_out(jobs.next()?, lost).await;
        let lost = lost || done.as_ref().is_ok_and(|done| done.lost);
        Some((done, (jobs, lost)))
    })
    .boxed()
}

async fn carry_out(job: Job, machine_lost: bool) -> Result<Done, Stopped> {
    let Job { state, step, tool, cx, nested, lost } = job;
    let started_ms = cx.log.journal.now_ms();
    let elsewhere = tool.as_ref().map_or(true, |(tool, _)| tool.reach() == Reach::Elsewhere);
    let called = match tool {
        _ if (lost || machine_lost) && !elsewhere => Err(Trouble::Lost("another epoch".to_owned())),
        Err(complaint) => Err(Trouble::Told(complaint)),
        Ok((tool, arguments)) => tool.call(&cx, arguments).await,
    };
    let lost = matches!(called, Err(Trouble::Lost(_)));
    let mut output = match called {
        Ok(output) => output,
        Err(Trouble::Stopped) => return Err(Stopped),
        Err(Trouble::Told(text)) => Output { is_error: true, ..Output::text(text) },
        Err(Trouble::Lost(reason)) => {
            tracing::info!(call = %state.call, reason, "a call's outcome is unknown");
            Output { is_error: true, ..Output::text(UNKNOWN) }
        }
    };
    nested.add(&cx, &mut output).await;
    let forget = if output.acknowledge { cx.op().ok().map(|op| (cx.epoch, op)) } else { None };
    let mut events = std::mem::take(&mut output.events);
    let result: ToolResult = output.into_result(REST);
    let elapsed = cx.log.journal.now_ms().saturating_sub(started_ms);
    let duration_ms = u64::try_from(elapsed).unwrap_or(0);
    events.push(Event::ToolReturned { run: cx.run, step, call: state.call, result, duration_ms });
    Ok(Done { events, forget, lost })
}

impl Nested {
    /// Adds instruction files of the folders above a touched path that the model has not seen.
    async fn add(&self, cx: &Cx, output: &mut Output) {
        let Some(path) = output.touched.take() else { return };
        let mut shown = Vec::new();
        for file in instructions::above(&self.roots, &cx.cwd, &path) {
            let known = cx.log.with(|transcript| transcript.instructions.contains(&file));
            if known || self.absent.lock().unwrap_or_else(PoisonError::into_inner).contains(&file) {
                continue;
            }
            match cx.log.journal.instruction(&file).await {
                Some(text) => {
                    let text = instructions::one(&file, &text, instructions::FILE_BYTES / 4);
                    output.text.insert_str(0, &text);
                    shown.push(Value::String(file));
                }
                None => {
                    self.absent.lock().unwrap_or_else(PoisonError::into_inner).insert(file);
                }
            }
        }
        if !shown.is_empty() {
            let detail = output.detail.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Value::Object(detail) = detail {
                detail.insert("instructions".to_owned(), Value::Array(shown));
            }
        }
    }
}
