//! What must hold after every event, told from the log alone and without the agent's own state.

use crate::world::Git;
use agent::effect::{Action, Effect};
use protocol::event::{Event, RunStatus};
use protocol::ids::{EffectKey, Epoch, MessageId, RunId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An observer of the log; remembers the first thing that was wrong.
#[derive(Default)]
pub struct Check {
    pub wrong: Option<String>,
    /// Runs that a caller was told are accepted.
    pub acknowledged: Vec<RunId>,
    asked: BTreeSet<RunId>,
    queue: VecDeque<RunId>,
    active: Option<RunId>,
    pub ended: BTreeMap<RunId, RunStatus>,
    steers: BTreeSet<MessageId>,
    saved: bool,
    pushed: bool,
    turn_over: bool,
    /// Epoch that was wanted and is not stopped.
    epoch: Option<Epoch>,
    newest: u64,
    intents: BTreeSet<EffectKey>,
    pub deleted: bool,
}

impl Check {
    pub fn fail(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    fn ensure(&mut self, holds: bool, what: &str) {
        if !holds {
            self.fail(what.to_owned());
        }
    }

    pub fn open_runs(&self) -> usize {
        self.queue.len() + usize::from(self.active.is_some())
    }

    /// An effect is about to touch the world.
    pub fn starts(&mut self, effect: &Effect, keys: &mut BTreeMap<EffectKey, Action>) {
        let known = keys.entry(effect.key.clone()).or_insert_with(|| effect.action.clone());
        if *known != effect.action {
            let what = format!("key {} for {known:?} and {:?}", effect.key, effect.action);
            self.fail(what);
        }
        let needs_intent = matches!(
            effect.action,
            Action::Provision { .. }
                | Action::Checkpoint { .. }
                | Action::Push { .. }
                | Action::PublishPullRequest { .. }
        );
        if needs_intent && !self.intents.contains(&effect.key) {
            self.fail(format!("{} without an intent", effect.key));
        }
    }

    pub fn observe(&mut self, event: &Event, git: &Git) {
        let deleted = self.deleted;
        self.ensure(!deleted, "something was recorded after the end");
        match event {
            Event::Asked { run, .. } => {
                let new = self.asked.insert(*run);
                self.ensure(new, "one run asked twice");
                self.queue.push_back(*run);
            }
            Event::RunStarted { run } => {
                let next = self.queue.pop_front() == Some(*run) && self.active.is_none();
                self.ensure(next, "a run started out of turn");
                self.active = Some(*run);
                (self.saved, self.turn_over) = (false, false);
            }
            Event::RunEnded { run, status, .. } => self.run_ended(*run, *status),
            Event::Steered { message, .. } => {
                let new = self.steers.insert(*message);
                self.ensure(new, "one steering message accepted twice");
            }
            Event::SteerTaken { message, .. } => {
                let waited = self.steers.remove(message);
                self.ensure(waited, "a steering message taken that did not wait");
            }
            Event::TurnEnded { run, .. } => {
                let once = self.active == Some(*run) && !self.turn_over;
                self.ensure(once, "a turn ended twice or out of turn");
                self.turn_over = true;
            }
            Event::StepStarted { .. } | Event::ToolCalled { .. } => {
                let over = self.turn_over;
                self.ensure(!over, "the model worked after its turn");
            }
            _ => self.observe_outside(event, git),
        }
    }

    fn observe_outside(&mut self, event: &Event, git: &Git) {
        match event {
            Event::SandboxWanted { epoch, key, .. } => {
                let fits = self.epoch.is_none() && epoch.0 == self.newest + 1;
                self.ensure(fits, "a second sandbox was wanted");
                (self.epoch, self.newest) = (Some(*epoch), epoch.0);
                self.intents.insert(key.clone());
            }
            Event::SandboxStopped { epoch } => {
                let fits = self.epoch == Some(*epoch);
                self.ensure(fits, "a sandbox stopped that was not there");
                self.epoch = None;
            }
            // A push whose outcome was lost is seen here, by the next run.
            Event::BaseResolved { repos, .. } => {
                self.pushed |= repos.iter().any(|base| base.head.is_some());
            }
            Event::CheckpointWanted { key, .. } => {
                self.intents.insert(key.clone());
            }
            Event::CheckpointMade { .. } => self.saved = true,
            Event::PushWanted { key, .. } => {
                let saved = self.saved;
                self.ensure(saved, "a push was wanted before the worktree was taken");
                self.intents.insert(key.clone());
            }
            Event::Pushed { pushes, .. } => {
                let there = pushes.iter().all(|push| {
                    git.branch
                        .is_some_and(|at| git.contains(at, crate::world::number(&push.commit)))
                });
                self.ensure(there, "a push was recorded that the remote does not show");
                self.pushed = true;
            }
            Event::PullRequestWanted { key, .. } => {
                let fits = self.pushed && git.branch.is_some();
                self.ensure(fits, "a pull request was wanted before its push");
                self.intents.insert(key.clone());
            }
            Event::Deleted => {
                let gone = self.epoch.is_none() && self.active.is_none() && self.queue.is_empty();
                self.ensure(gone, "deleted while something was still there");
                self.deleted = true;
            }
            _ => {}
        }
    }

    fn run_ended(&mut self, run: RunId, status: RunStatus) {
        let first = self.ended.insert(run, status).is_none();
        self.ensure(first, "a run ended twice");
        if self.active == Some(run) {
            self.active = None;
            let heard = status != RunStatus::Finished || self.steers.is_empty();
            self.ensure(heard, "a run finished without taking a steering message");
            self.steers.clear();
        } else {
            let queued = self.queue.contains(&run);
            self.ensure(queued, "a run ended that was not there");
            self.queue.retain(|waiting| *waiting != run);
        }
        self.ensure(status.is_terminal(), "a run ended without a final status");
    }
}
