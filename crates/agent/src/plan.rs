//! What comes next: decisions and intents to record, then the effects that should be running.
//!
//! `decide` names one event that follows from the state alone; [`plan`] collects them until none is
//! left, and only then names effects. So an effect never runs before its intent is in the log.

mod decide;
mod effects;
mod publish;

pub use decide::DEFAULT_PRINCIPAL;

pub(crate) use decide::decide;
pub(crate) use effects::named;
#[cfg(test)]
pub(crate) use publish::follow_up_of;

use crate::apply::apply;
use crate::effect::Plan;
use crate::state::{Failing, Life, Living, Stage, State, later};
use protocol::environment::found::SetUpPhase;
use protocol::event::Logged;
use protocol::ids::{AgentId, EffectKey, Epoch, LayerId, RunId};

/// Decisions of one plan; the next plan continues.
const DECISIONS: usize = 32;
/// Waiting time after the first, second, … failure of an effect, in milliseconds.
const BACKOFF_MS: [u64; 4] = [1_000, 4_000, 15_000, 60_000];

/// What shall be recorded, and, when nothing has to be recorded first, what shall be running.
pub fn plan(state: &State, now_ms: i64) -> Plan {
    let mut plan = Plan::default();
    if let Some(event) = decide(state, now_ms) {
        let mut ahead = state.clone();
        let mut next = Some(event);
        while let Some(event) = next {
            let logged = Logged { seq: ahead.seq.next(), at_ms: now_ms, event };
            apply(&mut ahead, &logged);
            plan.record.push(logged.event);
            next = if plan.record.len() < DECISIONS { decide(&ahead, now_ms) } else { None };
        }
        return plan;
    }
    let Life::Living(living) = &state.life else { return plan };
    let mut wake = Wake { now_ms, at_ms: None };
    living.timers(&mut wake);
    for effect in named(state.agent, living, now_ms) {
        match living.failing.iter().find(|failing| failing.key == effect.key) {
            Some(failing) if failing.waits_at(now_ms) => wake.at(failing.again_at_ms()),
            Some(_) | None => plan.effects.push(effect),
        }
    }
    plan.wake_at_ms = wake.at_ms;
    plan
}

/// The earliest of several moments that are still to come.
struct Wake {
    now_ms: i64,
    at_ms: Option<i64>,
}

impl Wake {
    fn at(&mut self, at_ms: i64) {
        if at_ms > self.now_ms {
            self.at_ms = Some(self.at_ms.map_or(at_ms, |earlier| earlier.min(at_ms)));
        }
    }
}

impl Failing {
    fn again_at_ms(&self) -> i64 {
        let last = BACKOFF_MS.len().saturating_sub(1);
        let nth = usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(last).min(last);
        later(self.last_at_ms, BACKOFF_MS.get(nth).copied().unwrap_or_default())
    }

    /// A clock set back must not freeze the effect, so a failure in the future does not count.
    fn waits_at(&self, now_ms: i64) -> bool {
        self.last_at_ms <= now_ms && now_ms < self.again_at_ms()
    }
}

impl Living {
    fn timers(&self, wake: &mut Wake) {
        let stops = [self.hard_stop_at_ms(), self.idle_stop_at_ms()];
        stops.into_iter().flatten().for_each(|at_ms| wake.at(at_ms));
        self.model_calls.iter().for_each(|call| wake.at(call.deadline_ms));
        let Some(active) = &self.active else { return };
        let Stage::Turn(turn) = &active.stage else { return };
        for open in &turn.waiting.questions {
            wake.at(open.deadline_ms);
        }
        if turn.waiting.questions.is_empty() {
            let allowed = self.settings.limits.hard_time_ms.saturating_add(turn.waiting.waited_ms);
            wake.at(later(active.started_at_ms, allowed));
        }
    }
}

/// The key under which the sandbox of an epoch is made, found and ended.
pub fn provision_key(agent: AgentId, epoch: Epoch) -> EffectKey {
    EffectKey(format!("{agent}/e{epoch}/provision"))
}

pub(crate) fn prepare_key(run: RunId, epoch: Epoch) -> EffectKey {
    EffectKey(format!("{run}/e{epoch}/prepare"))
}

pub(crate) fn set_up_key(agent: AgentId, epoch: Epoch, phase: SetUpPhase) -> EffectKey {
    EffectKey(format!("{agent}/e{epoch}/{}", phase.word()))
}

/// How the keys end under which sandboxes are given the agent's own network.
pub(crate) const NARROW: &str = "/narrow";

pub(crate) fn snapshot_key(agent: AgentId, layer: LayerId) -> EffectKey {
    EffectKey(format!("{agent}/{layer}/freeze"))
}

pub(crate) fn base_key(run: RunId) -> EffectKey {
    EffectKey(format!("{run}/base"))
}

pub(crate) fn image_key(run: RunId) -> EffectKey {
    EffectKey(format!("{run}/image"))
}

pub(crate) fn think_key(run: RunId) -> EffectKey {
    EffectKey(format!("{run}/think"))
}

pub(crate) fn checkpoint_key(run: RunId, epoch: Epoch) -> EffectKey {
    EffectKey(format!("{run}/e{epoch}/checkpoint"))
}
