//! The effects that should be running, each with its key; whether one must wait is not asked here.

use super::decide::is_expired;
use super::{NARROW, base_key, image_key, prepare_key, set_up_key, think_key};
use crate::effect::{Action, Effect, Interruption};
use crate::state::{
    Active, Condition, Disk, Keeping, Living, Phase, PublishStep, Publishing, Sandbox, Stage,
    Standing, Turn, Workspace,
};
use protocol::ids::{AgentId, EffectKey, Epoch};

/// Everything that should be going on.
pub(crate) fn named(agent: AgentId, living: &Living, now_ms: i64) -> Vec<Effect> {
    let mut effects = Vec::new();
    machine(agent, living, &mut effects);
    if let Some(active) = &living.active {
        match &active.stage {
            Stage::Turn(turn) => {
                let expired = is_expired(living, active, turn, now_ms);
                turning(agent, living, active, turn, expired, &mut effects);
            }
            Stage::Publishing(publishing) => publish(active, publishing, &mut effects),
        }
    } else if living.standing == Standing::Deleting && living.sandbox == Sandbox::Absent {
        effects.push(effect(format!("{agent}/erase"), Action::Erase));
    } else if let (Keeping::Wanted { key, layer, purpose }, Sandbox::Absent) =
        (&living.keeping, &living.sandbox)
    {
        let action = Action::Freeze { layer: *layer, purpose: *purpose };
        effects.push(Effect { key: key.clone(), action });
    } else if let Some(epoch) = woken(living) {
        effects.extend(set_up(agent, living, epoch));
    }
    effects
}

fn effect(key: String, action: Action) -> Effect {
    Effect { key: EffectKey(key), action }
}

fn machine(agent: AgentId, living: &Living, effects: &mut Vec<Effect>) {
    match &living.sandbox {
        Sandbox::Absent | Sandbox::Remains { .. } => {}
        Sandbox::Wanted { epoch, key } => {
            effects.push(Effect { key: key.clone(), action: Action::Provision { epoch: *epoch } });
        }
        Sandbox::Up { epoch, .. } => {
            let action = Action::Attach { epoch: *epoch };
            effects.push(effect(format!("{agent}/e{epoch}/attach"), action));
            if living.is_to_be_narrowed(*epoch) {
                let action = Action::Narrow { epoch: *epoch };
                effects.push(effect(format!("{agent}/e{epoch}{NARROW}"), action));
            }
        }
        Sandbox::Stopping { epoch, keep_disk } => {
            let action = Action::Stop { epoch: *epoch, keep_disk: *keep_disk };
            effects.push(effect(format!("{agent}/e{epoch}/stop"), action));
        }
    }
}

fn turning(
    agent: AgentId,
    living: &Living,
    active: &Active,
    turn: &Turn,
    expired: Expired,
    effects: &mut Vec<Effect>,
) {
    let run = active.run;
    match (&turn.phase, expired) {
        (Phase::Failing(_), _) => {}
        (Phase::Cancelling, _) => interrupt(living, active, Interruption::Cancelled, effects),
        (Phase::Starting | Phase::Thinking, Expired::Yes) => {
            interrupt(living, active, Interruption::Expired, effects);
        }
        (Phase::Starting, Expired::No) => {
            effects.push(Effect { key: base_key(run), action: Action::ResolveBase { run } });
        }
        (Phase::Thinking, Expired::No) => {
            if living.settings.build.is_none() {
                effects.push(Effect { key: think_key(run), action: Action::Think { run } });
            }
            if let Some(reference) = living.awaits_image() {
                let action = Action::ChooseImage { run, reference: reference.to_owned() };
                effects.push(Effect { key: image_key(run), action });
            } else if let Some(epoch) = to_prepare(living, active) {
                let action = Action::Prepare { epoch, run };
                effects.push(Effect { key: prepare_key(run, epoch), action });
            } else if let Workspace::Ready(epoch) = active.workspace
                && living.up() == Some(epoch)
            {
                effects.extend(set_up(agent, living, epoch));
            }
        }
    }
}

/// Whether a run used up its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    Yes,
    No,
}

/// The sandbox in which the workspace is still to be made ready for this run.
pub(crate) fn to_prepare(living: &Living, active: &Active) -> Option<Epoch> {
    match (&living.sandbox, active.workspace) {
        (Sandbox::Up { epoch, condition: Condition::Sound, .. }, workspace)
            if workspace != Workspace::Ready(*epoch) =>
        {
            Some(*epoch)
        }
        (
            Sandbox::Absent
            | Sandbox::Wanted { .. }
            | Sandbox::Up { .. }
            | Sandbox::Remains { .. }
            | Sandbox::Stopping { .. },
            _,
        ) => None,
    }
}

/// What the environment file asks for next in this sandbox.
fn set_up(agent: AgentId, living: &Living, epoch: Epoch) -> Option<Effect> {
    let phase = living.to_set_up(epoch).filter(|_| !living.is_to_be_narrowed(epoch))?;
    let key = set_up_key(agent, epoch, phase);
    Some(Effect { key, action: Action::SetUp { epoch, phase } })
}

/// The sandbox that a person woke and that no run uses; its disk has the repositories.
fn woken(living: &Living) -> Option<Epoch> {
    let Sandbox::Up { epoch, condition: Condition::Sound, .. } = living.sandbox else {
        return None;
    };
    let woken = living.set_up.as_ref()?.woken;
    let is_open = living.standing == Standing::Open && living.disk == Disk::Used;
    (is_open && woken == Some(epoch)).then_some(epoch)
}

fn interrupt(living: &Living, active: &Active, because: Interruption, effects: &mut Vec<Effect>) {
    let run = active.run;
    // Without a sandbox that is up nothing can be running inside: the turn is ended by a decision.
    if let Some(epoch) = living.up() {
        let name = match because {
            Interruption::Cancelled => "cancel",
            Interruption::Expired => "expire",
        };
        let action = Action::Interrupt { run, epoch: Some(epoch), because };
        effects.push(effect(format!("{run}/e{epoch}/{name}"), action));
    }
}

fn publish(active: &Active, publishing: &Publishing, effects: &mut Vec<Effect>) {
    let run = active.run;
    match &publishing.step {
        PublishStep::Checkpointing { key, epoch } => {
            let action = Action::Checkpoint { run, epoch: *epoch };
            effects.push(Effect { key: key.clone(), action });
        }
        PublishStep::Pushing { key, pushes } => {
            let action = Action::Push { run, pushes: pushes.clone() };
            effects.push(Effect { key: key.clone(), action });
        }
        PublishStep::Checking { key, url, commit } => {
            let action = Action::Check { run, url: url.clone(), commit: commit.clone() };
            effects.push(Effect { key: key.clone(), action });
        }
        PublishStep::Requesting { key } => {
            let action = Action::PublishPullRequest { run };
            effects.push(Effect { key: key.clone(), action });
        }
        PublishStep::Unsaved
        | PublishStep::Saved
        | PublishStep::Pushed
        | PublishStep::Checked
        | PublishStep::Unsavable
        | PublishStep::Done => {}
    }
}
