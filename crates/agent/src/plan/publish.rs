//! Decisions after the turn: save the work, push it, show it, end the run.

use super::checkpoint_key;
use super::decide::want_sandbox;
use crate::state::{
    Active, Living, Machines, Mending, PublishStep, Publishing, Pull, Repo, Sandbox, Standing,
    Start, Workspace, elapsed,
};
use protocol::content::{Prompt, Source};
use protocol::event::{
    AskOptions, Event, PushConflict, PushPlan, PushStop, RepoSettings, RunStatus, TurnOutcome,
};
use protocol::failure::{Failure, Phase};
use protocol::ids::{AgentId, EffectKey, RunId};
use uuid::Uuid;

/// Turns a run's id into that of the run which settles its conflict; leaves version and variant be.
const FOLLOW_UP_MASK: u128 = 0x5ca1_ab1e_c0de_0c0d_0bad_f00d_ca11_ab1e;
/// Who asks for a follow-up that no person asked for.
const PLATFORM_PRINCIPAL: &str = "errand";
/// Files named in the message about a conflict.
const FILES_NAMED: usize = 50;

pub(super) fn decide(
    agent: AgentId,
    living: &Living,
    active: &Active,
    publishing: &Publishing,
    now_ms: i64,
) -> Option<Event> {
    let deleting = living.standing == Standing::Deleting;
    let end = || end(living, active, publishing, now_ms);
    match &publishing.step {
        PublishStep::Unsaved if must_save(living, active) => save(agent, living, active),
        PublishStep::Checkpointing { .. }
        | PublishStep::Pushing { .. }
        | PublishStep::Requesting { .. } => None,
        // Checks may take their time, and whoever deletes the agent does not wait for them.
        _ if deleting => end(),
        PublishStep::Checking { .. } => None,
        PublishStep::Saved => want_push(living, active, Repo::differs)
            .or_else(|| want_pull_request(living, active, publishing))
            .or_else(end),
        PublishStep::Unsaved | PublishStep::Unsavable => {
            want_late_push(living, active).or_else(end)
        }
        PublishStep::Pushed => want_checks(living, active)
            .or_else(|| after_push(living, active, publishing))
            .or_else(end),
        PublishStep::Checked => after_push(living, active, publishing).or_else(end),
        PublishStep::Done => end(),
    }
}

fn must_save(living: &Living, active: &Active) -> bool {
    active.workspace != Workspace::Never
        && !living.repos.is_empty()
        && living.settings.build.is_none()
        && living.standing != Standing::Deleting
}

fn save(agent: AgentId, living: &Living, active: &Active) -> Option<Event> {
    let run = active.run;
    match (&living.sandbox, &active.machines) {
        (Sandbox::Up { epoch, .. }, _) => {
            Some(Event::CheckpointWanted { run, key: checkpoint_key(run, *epoch) })
        }
        (_, Machines::Exhausted(failure)) => {
            let message = format!("The work could not be saved: {}", failure.message);
            let failure = Failure::new(Phase::Commit, failure.code.clone(), message);
            Some(Event::CheckpointFailed { run, key: checkpoint_key(run, living.epoch), failure })
        }
        (_, Machines::Available { .. }) => want_sandbox(agent, living, active),
    }
}

/// Commits that an earlier run saved and could not push do not wait for a run that has work of its
/// own to save. Where the remote could not even be asked, they wait for the next run.
fn want_late_push(living: &Living, active: &Active) -> Option<Event> {
    match active.start {
        Start::Confirmed => want_push(living, active, |repo| repo.unpushed.is_some()),
        Start::Unconfirmed => None,
    }
}

fn want_push(living: &Living, active: &Active, chosen: impl Fn(&Repo) -> bool) -> Option<Event> {
    let pushes: Vec<PushPlan> = living
        .repos
        .iter()
        .zip(&living.settings.repos)
        .filter(|(repo, _)| chosen(repo))
        .filter_map(|(repo, settings)| push(living, repo, settings))
        .collect();
    let run = active.run;
    let key = EffectKey(format!("{run}/push"));
    (!pushes.is_empty()).then_some(Event::PushWanted { run, key, pushes })
}

fn push(living: &Living, repo: &Repo, chosen: &RepoSettings) -> Option<PushPlan> {
    let base = repo.base.as_ref()?;
    let tip = repo.tip.as_ref()?;
    let stands = repo.remote.as_ref().unwrap_or(&base.commit);
    let (branch, expected) = if living.settings.work_on_current_branch {
        (chosen.starting_ref.as_ref().unwrap_or(&base.base_branch), Some(stands.clone()))
    } else {
        (&living.settings.branch, repo.remote.clone())
    };
    let (url, branch, commit) = (repo.url.clone(), branch.clone(), tip.clone());
    Some(PushPlan { url, branch, expected, commit })
}

fn want_checks(living: &Living, active: &Active) -> Option<Event> {
    let run = active.run;
    let (url, commit) = living.to_check()?;
    let (url, commit) = (url.to_owned(), commit.to_owned());
    Some(Event::ChecksWanted { run, key: EffectKey(format!("{run}/checks")), url, commit })
}

fn after_push(living: &Living, active: &Active, publishing: &Publishing) -> Option<Event> {
    publishing.trouble.is_none().then(|| want_pull_request(living, active, publishing)).flatten()
}

fn want_pull_request(living: &Living, active: &Active, publishing: &Publishing) -> Option<Event> {
    let finished = matches!(publishing.outcome, TurnOutcome::Finished { .. });
    let settings = &living.settings;
    let opens = settings.auto_create_pr && finished && !settings.work_on_current_branch;
    let run = active.run;
    living
        .repos
        .iter()
        .zip(&settings.repos)
        // One that was there before the agent is told what was done, whatever else was asked for.
        .any(|(repo, chosen)| {
            repo.wants_pull_request(opens || (finished && chosen.pr_url.is_some()))
        })
        .then(|| Event::PullRequestWanted { run, key: EffectKey(format!("{run}/pull")) })
}

impl Repo {
    /// Whether the remote stands elsewhere than our side.
    fn differs(&self) -> bool {
        let stands = self.remote.as_ref().or(self.base.as_ref().map(|base| &base.commit));
        self.tip.is_some() && self.tip.as_ref() != stands
    }

    /// Whether there is something to show on the remote: `opens` allows a first pull request.
    fn wants_pull_request(&self, opens: bool) -> bool {
        let (Some(remote), Some(base)) = (&self.remote, &self.base) else { return false };
        let differs = *remote != base.commit;
        match &self.pull {
            Pull::Absent => opens && differs,
            Pull::Open(_) => differs,
            Pull::Merged(pull) => opens && differs && pull.commit != *remote,
        }
    }
}

fn end(living: &Living, active: &Active, publishing: &Publishing, now_ms: i64) -> Option<Event> {
    if living.standing == Standing::Open {
        match &publishing.mending {
            Mending::Settled => {}
            Mending::Merge(conflict) => return Some(asked(active.run, merge(conflict))),
            Mending::Remove(stops) => return Some(asked(active.run, remove(stops))),
        }
    }
    let (status, failure, result) = match (&publishing.outcome, publishing.trouble.clone()) {
        (TurnOutcome::Finished { result }, None) => (RunStatus::Finished, None, result.clone()),
        (TurnOutcome::Finished { result }, trouble) => (RunStatus::Error, trouble, result.clone()),
        (TurnOutcome::Failed { failure }, _) => {
            (RunStatus::Error, Some(failure.clone()), String::new())
        }
        (TurnOutcome::Cancelled, _) => (RunStatus::Cancelled, None, String::new()),
        (TurnOutcome::Expired, _) => (RunStatus::Expired, None, String::new()),
    };
    let duration_ms = elapsed(active.started_at_ms, now_ms);
    Some(Event::RunEnded { run: active.run, status, failure, result, duration_ms })
}

/// The id of the run that mends what kept another from pushing; the same for every repeat.
pub(crate) fn follow_up_of(run: RunId) -> RunId {
    RunId::from_uuid(Uuid::from_u128(run.uuid().as_u128() ^ FOLLOW_UP_MASK))
}

fn merge(conflict: &PushConflict) -> String {
    let mut text = format!(
        "Somebody pushed to the branch of {} while you were working (commit {}), and the two do not merge by themselves. Merge their commit into your work, keep what both sides meant, and make sure that it still works. Files in conflict:\n",
        conflict.url, conflict.theirs
    );
    for file in conflict.files.iter().take(FILES_NAMED) {
        text.push_str("- ");
        text.push_str(file);
        text.push('\n');
    }
    if conflict.files.len() > FILES_NAMED {
        text.push_str("- and more\n");
    }
    text
}

fn remove(stops: &[PushStop]) -> String {
    let mut text =
        "Your work was not pushed, because it holds something that may not leave:\n".to_owned();
    for stop in stops.iter().take(FILES_NAMED) {
        let place = match (&stop.path, stop.line) {
            (Some(path), Some(line)) => format!("{path}:{line}: "),
            (Some(path), None) => format!("{path}: "),
            (None, _) => "a commit's message: ".to_owned(),
        };
        text.push_str(&format!("- {place}{} ({})\n", stop.why, stop.rule));
    }
    if stops.len() > FILES_NAMED {
        text.push_str("- and more\n");
    }
    text.push_str(
        "Take it out of the files and of what you write in commits, in a way that keeps the work right. You need not \
         rewrite history: what was not pushed yet becomes one commit of the files as they are then. Do not write it in \
         another spelling; if it has to stay, say why, and a person decides.",
    );
    text
}

fn asked(run: RunId, text: String) -> Event {
    let options = AskOptions { automatic: true, ..AskOptions::default() };
    let prompt = Prompt::of(text, Source::Platform);
    let principal = PLATFORM_PRINCIPAL.to_owned();
    Event::Asked { run: follow_up_of(run), prompt, options, principal }
}
