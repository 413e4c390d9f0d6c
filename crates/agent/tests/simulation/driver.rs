//! A driver as the server has it: level-triggered, told nothing, crashing anywhere.

use crate::effects::{Carried, carry_out};
use crate::mutation::Mutation;
use crate::world::{World, agent_id};
use agent::effect::{Action, Effect};
use agent::{State, accept, apply, plan};
use protocol::event::{Event, Logged, RunStatus};
use protocol::input::Input;

/// One of several servers.
pub struct Driver {
    term: u64,
    leads: bool,
    pub paused: u32,
    state: State,
    running: Vec<Running>,
}

struct Running {
    effect: Effect,
    outcome: Option<Event>,
}

impl Driver {
    pub fn new() -> Self {
        let state = State::new(agent_id());
        Self { term: 0, leads: false, paused: 0, state, running: Vec::new() }
    }

    /// Whether it believes that it holds the lease.
    pub const fn leads(&self) -> bool {
        self.leads
    }

    /// One small thing; whether anything was done.
    pub fn tick(&mut self, world: &mut World) -> bool {
        if self.paused > 0 {
            self.paused -= 1;
            // A driver that slept does not know it: what it was about to do happens now.
            if self.paused == 0 && world.rng.bool() {
                self.progress_one(world);
            }
            return true;
        }
        if !self.leads {
            return self.take_over(world);
        }
        if world.fault(60) {
            self.crash();
            return true;
        }
        if world.fault(40) {
            self.paused = world.rng.u32(1..40);
            return true;
        }
        let renews = !world.faults || world.rng.u32(..4) == 0;
        if renews && !world.renew(self.term) && world.mutation != Mutation::NoTermCheck {
            self.crash();
            return true;
        }
        if !world.fault(4) {
            self.catch_up(world);
        }
        self.round(world)
    }

    fn crash(&mut self) {
        self.leads = false;
        self.running.clear();
    }

    fn take_over(&mut self, world: &mut World) -> bool {
        let Some(term) = world.acquire() else { return false };
        (self.term, self.leads) = (term, true);
        self.state = world.folded();
        self.running.clear();
        if world.mutation == Mutation::EndTwice && world.rng.bool() {
            let last = world
                .log
                .iter()
                .rev()
                .find(|logged| matches!(logged.event, Event::RunEnded { .. }));
            if let Some(logged) = last.cloned() {
                drop(world.append(vec![logged.event], self.state.seq, Some(term)));
            }
        }
        true
    }

    fn catch_up(&mut self, world: &World) {
        let known = usize::try_from(self.state.seq.0).unwrap();
        for logged in world.log.iter().skip(known) {
            apply(&mut self.state, logged);
            let cancelled =
                matches!(logged.event, Event::RunEnded { status: RunStatus::Cancelled, .. });
            if world.mutation == Mutation::LoseQueueOnCancel
                && cancelled
                && let agent::state::Life::Living(living) = &mut self.state.life
            {
                living.queue.clear();
            }
        }
    }

    fn round(&mut self, world: &mut World) -> bool {
        let mut planned = plan(&self.state, world.now_ms);
        if !planned.record.is_empty() {
            mutate_records(world.mutation, &mut planned.record);
            if world.mutation == Mutation::EffectBeforeIntent {
                self.run_ahead(world, &planned.record);
            }
            if world.fault(30) {
                self.crash();
                return true;
            }
            let appended = world.append(planned.record, self.state.seq, Some(self.term));
            if appended.is_err() {
                self.catch_up(world);
            }
            return true;
        }
        self.running.retain(|running| planned.effects.contains(&running.effect));
        for effect in planned.effects {
            if !self.running.iter().any(|running| running.effect == effect) {
                self.running.push(Running { effect, outcome: None });
            }
        }
        self.progress_one(world)
    }

    /// What the mutation does: the effects of decisions that are not in the log.
    fn run_ahead(&mut self, world: &mut World, records: &[Event]) {
        let mut ahead = self.state.clone();
        for event in records {
            let (seq, at_ms) = (ahead.seq.next(), world.now_ms);
            apply(&mut ahead, &Logged { seq, at_ms, event: event.clone() });
        }
        for effect in plan(&ahead, world.now_ms).effects {
            carry_out(world, &ahead, &effect, self.term);
        }
    }

    /// Carries one effect on, or reports what came of it.
    fn progress_one(&mut self, world: &mut World) -> bool {
        let count = self.running.len();
        if count == 0 {
            return false;
        }
        let first = world.rng.usize(..count);
        (0..count).any(|offset| self.progress(world, (first + offset) % count))
    }

    fn progress(&mut self, world: &mut World, index: usize) -> bool {
        let Some(running) = self.running.get_mut(index) else { return false };
        if running.outcome.is_none() {
            let effect = running.effect.clone();
            match carry_out(world, &self.state, &effect, self.term) {
                Carried::Waiting => return false,
                Carried::Done(event) => running.outcome = Some(event),
            }
            if world.fault(25) {
                self.crash();
                return true;
            }
            if !world.fault(2) {
                return true;
            }
        }
        self.report(world, index)
    }

    fn report(&mut self, world: &mut World, index: usize) -> bool {
        let Some(event) = self.running[index].outcome.clone() else { return false };
        let stays = matches!(self.running[index].effect.action, Action::Think { .. });
        match accept(&self.state, Input::Report(event), world.now_ms) {
            Ok(events) => match world.append(events, self.state.seq, Some(self.term)) {
                Ok(()) => {
                    self.catch_up(world);
                    if stays {
                        self.running[index].outcome = None;
                    } else {
                        self.running.remove(index);
                    }
                }
                Err(_) => self.catch_up(world),
            },
            Err(_) => {
                self.running.remove(index);
            }
        }
        true
    }
}

fn mutate_records(mutation: Mutation, records: &mut Vec<Event>) {
    for event in records.iter_mut() {
        match (mutation, &event) {
            (Mutation::PullRequestBeforePush, Event::PushWanted { run, key, .. }) => {
                *event = Event::PullRequestWanted { run: *run, key: key.clone() };
            }
            (Mutation::PushBeforeCheckpoint, Event::CheckpointWanted { run, key }) => {
                *event = Event::PushWanted { run: *run, key: key.clone(), pushes: Vec::new() };
            }
            _ => {}
        }
    }
    if mutation == Mutation::EraseEarly {
        let stops = records.iter().any(|event| {
            matches!(
                event,
                Event::SandboxStopWanted {
                    keep_disk: false,
                    reason: protocol::event::StopReason::Deleted,
                    ..
                }
            )
        });
        if stops {
            records.push(Event::Deleted);
        }
    }
}
