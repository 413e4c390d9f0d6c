//! The door: an input becomes events, or is refused. Deterministic; ids and time come in.

mod commands;
mod reports;

use crate::state::State;
use protocol::event::Event;
use protocol::failure::Refusal;
use protocol::input::Input;

/// Decides about one input. No events means that it was accepted before.
pub fn accept(state: &State, input: Input, now_ms: i64) -> Result<Vec<Event>, Refusal> {
    match input {
        Input::Open { agent, settings, inherited, run, prompt, options } => {
            let opening = commands::Opening { settings, inherited, run, prompt, options };
            commands::open(state, agent, opening)
        }
        Input::Ask { run, prompt, options, when_busy, principal, message } => {
            let asking = commands::Asking { run, prompt, options, principal, message };
            commands::ask(state.living().ok_or(Refusal::NoAgent)?, asking, when_busy)
        }
        Input::Cancel { run, principal } => {
            commands::cancel(state.living().ok_or(Refusal::NoAgent)?, run, principal)
        }
        Input::Answer { question, answer, principal } => {
            commands::answer(commands::existing(state)?, question, answer, principal)
        }
        Input::Rename { name } => commands::rename(commands::existing(state)?, name),
        Input::Archive { principal } => commands::archive(commands::existing(state)?, principal),
        Input::Unarchive { principal } => {
            Ok(commands::unarchive(commands::existing(state)?, principal))
        }
        Input::Delete { principal } => Ok(commands::delete(commands::existing(state)?, principal)),
        Input::Wake { principal } => commands::wake(commands::existing(state)?, principal),
        Input::Snapshot { layer, purpose, principal } => {
            let living = commands::existing(state)?;
            commands::snapshot(state.agent, living, (layer, purpose), principal)
        }
        Input::AllowHost { entry, run_only, principal } => {
            commands::allow_host(commands::existing(state)?, entry, run_only, principal)
        }
        Input::AllowConfiguration { digest, principal } => {
            commands::allow_configuration(commands::existing(state)?, digest, principal)
        }
        Input::AllowStop { mark, reason, principal } => {
            commands::allow_stop(commands::existing(state)?, mark, reason, principal)
        }
        Input::AllowFlow { integrity, principal } => {
            commands::allow_flow(commands::existing(state)?, integrity, principal)
        }
        Input::Attend { principal } => {
            Ok(commands::inside(commands::existing(state)?, Event::Attended { principal }))
        }
        Input::TakeTerminal { terminal, principal } => {
            let taken = Event::TerminalTaken { terminal, principal };
            Ok(commands::inside(commands::existing(state)?, taken))
        }
        Input::ReleaseTerminal { terminal, principal } => {
            let released = Event::TerminalReleased { terminal, principal };
            Ok(commands::inside(commands::existing(state)?, released))
        }
        Input::Merged { repo, number, commit, principal } => {
            let living = commands::existing(state)?;
            if commands::has_open_pull_request(living, &repo, number) {
                Ok(vec![Event::PullRequestMerged { repo, number, commit, principal }])
            } else {
                Err(Refusal::Stale("no such open pull request"))
            }
        }
        Input::BranchUpdated { repo, number, base, previous, commit, principal } => {
            let living = commands::existing(state)?;
            let updated = Event::BranchUpdated { repo, number, base, previous, commit, principal };
            commands::branch_updated(living, updated)
        }
        Input::Report(event) => {
            reports::check(state, &event, now_ms)?;
            Ok(reports::whole(state, event, now_ms))
        }
    }
}
