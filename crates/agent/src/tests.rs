//! Single promises of the life of an agent, told step by step.

mod flow;
mod machine;
mod models;
mod set_up;
mod snapshots;
mod story;
mod time;

use crate::effect::{Action, Interruption};
use crate::plan;
use protocol::content::Usage;
use protocol::event::{
    AskOptions, Event, Outlay, PushConflict, PushPlan, PushStop, RunStatus, Settings, StopReason,
    TurnOutcome,
};
use protocol::failure::{Failure, Phase, Refusal};
use protocol::ids::{Epoch, Step};
use protocol::input::{Input, WhenBusy};
use protocol::limits;
use story::{Story, URL, agent_id, message, prompt, run, settings, trouble};

#[test]
fn the_sandbox_and_the_base_are_wanted_at_once_and_thinking_waits_for_the_base_alone() {
    let mut story = Story::new(settings());
    let both = [Action::Provision { epoch: Epoch(1) }, Action::ResolveBase { run: run(1) }];
    assert_eq!(story.actions(), both);
    story.base("b0", None);
    assert_eq!(
        story.actions(),
        [Action::Provision { epoch: Epoch(1) }, Action::Think { run: run(1) }]
    );
    story.up(1);
    let prepare = Action::Prepare { epoch: Epoch(1), run: run(1) };
    assert!(story.thinks() && story.names(|action| *action == prepare));
}

#[test]
fn a_workspace_is_not_prepared_before_the_base_is_known() {
    let mut story = Story::new(settings());
    story.up(1);
    assert!(!story.names(|action| matches!(action, Action::Prepare { .. })));
    story.refused(Event::WorkspaceReady { epoch: Epoch(1), run: run(1), branches: Vec::new() });
}

#[test]
fn an_agent_without_repositories_thinks_at_once_and_pushes_nothing() {
    let mut story = Story::new(Settings { repos: Vec::new(), ..settings() });
    assert!(story.thinks());
    story.up(1);
    story.ready(1, 1);
    story.finish();
    assert_eq!(story.ended(1), Some((RunStatus::Finished, None)));
}

#[test]
fn finished_work_is_saved_pushed_and_shown_in_this_order() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    let push = PushPlan {
        url: URL.to_owned(),
        branch: "errand/work".to_owned(),
        expected: None,
        commit: "c1".to_owned(),
    };
    assert_eq!(story.pushes(), [push]);
    story.push();
    story.publish("c1");
    assert_eq!(story.ended(1), Some((RunStatus::Finished, None)));
    assert!(story.names(|action| matches!(action, Action::Attach { .. })), "the sandbox stays");
}

#[test]
fn unchanged_work_is_neither_pushed_nor_shown() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("b0");
    assert_eq!(story.ended(1), Some((RunStatus::Finished, None)));
    assert!(!story.log.iter().any(|event| matches!(event, Event::PushWanted { .. })));
}

#[test]
fn a_follow_up_expects_what_the_remote_shows_now() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.push();
    story.publish("c1");
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b1", Some("p1"));
    story.ready(1, 2);
    story.finish();
    story.checkpoint("c2");
    assert_eq!(story.pushes()[0].expected.as_deref(), Some("p1"));
}

#[test]
fn what_an_earlier_run_could_not_push_is_pushed_by_one_that_only_talked() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.refuse_push();
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("push_refused".to_owned()))));
    // Without an answer of the remote nobody knows what to expect there.
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    let failure = Failure::new(Phase::Repository, "unreachable", "no");
    story.report(Event::BaseFailed { run: run(2), failure });
    assert_eq!(story.ended(2), Some((RunStatus::Error, Some("unreachable".to_owned()))));
    story.ask(3, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.finish();
    assert_eq!(story.pushes()[0].commit, "c1");
    story.push();
    story.publish("c1");
    assert_eq!(story.ended(3), Some((RunStatus::Finished, None)));
    // And once is enough, whoever pushes to the branch meanwhile.
    story.ask(4, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", Some("theirs"));
    story.finish();
    assert_eq!(story.ended(4), Some((RunStatus::Finished, None)));
}

#[test]
fn what_an_earlier_run_could_not_push_is_pushed_by_one_whose_work_cannot_be_saved() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.refuse_push();
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", None);
    story.ready(1, 2);
    story.finish();
    let key = story.key(|action| matches!(action, Action::Checkpoint { .. }));
    story.report(Event::CheckpointFailed { run: run(2), key, failure: trouble("refused") });
    assert_eq!(story.pushes()[0].commit, "c1");
    story.push();
    assert_eq!(story.ended(2), Some((RunStatus::Error, Some("refused".to_owned()))));
}

#[test]
fn work_on_the_current_branch_expects_its_start_and_opens_no_pull_request() {
    let mut repos = settings().repos;
    repos[0].starting_ref = Some("topic".to_owned());
    let mut story = Story::working(Settings { work_on_current_branch: true, repos, ..settings() });
    story.finish();
    story.checkpoint("c1");
    let pushes = story.pushes();
    assert_eq!((pushes[0].branch.as_str(), pushes[0].expected.as_deref()), ("topic", Some("b0")));
    story.push();
    assert_eq!(story.ended(1), Some((RunStatus::Finished, None)));
}

#[test]
fn a_cancelled_run_is_pushed_but_not_shown() {
    let mut story = Story::working(settings());
    story.cancel(1).unwrap();
    let interrupt =
        Action::Interrupt { run: run(1), epoch: Some(Epoch(1)), because: Interruption::Cancelled };
    assert!(story.names(|action| *action == interrupt) && !story.thinks());
    story.refused(Event::TurnEnded {
        run: run(1),
        outcome: TurnOutcome::Finished { result: String::new() },
    });
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Cancelled });
    story.checkpoint("c1");
    story.push();
    assert_eq!(story.ended(1), Some((RunStatus::Cancelled, None)));
}

#[test]
fn cancelling_before_a_sandbox_is_up_ends_the_run_and_the_sandbox_at_once() {
    let mut story = Story::new(settings());
    story.cancel(1).unwrap();
    assert_eq!(story.ended(1), Some((RunStatus::Cancelled, None)));
    assert_eq!(story.stops(), [(StopReason::Idle, true)]);
    assert_eq!(story.actions(), [Action::Stop { epoch: Epoch(1), keep_disk: true }]);
}

#[test]
fn cancelling_is_refused_once_the_turn_is_over() {
    let mut story = Story::working(settings());
    story.finish();
    assert_eq!(story.cancel(1), Err(Refusal::NotCancellable));
    story.checkpoint("b0");
    assert_eq!(story.cancel(1), Err(Refusal::NotCancellable));
    assert_eq!(story.cancel(9), Err(Refusal::NoRun));
}

#[test]
fn a_queued_run_is_cancelled_without_touching_the_active_one() {
    let mut story = Story::working(settings());
    story.ask(2, WhenBusy::Queue).unwrap();
    story.cancel(2).unwrap();
    assert_eq!(story.ended(2), Some((RunStatus::Cancelled, None)));
    assert!(story.thinks());
}

#[test]
fn a_busy_agent_refuses_queues_or_is_steered() {
    let mut story = Story::working(settings());
    assert_eq!(story.ask(2, WhenBusy::Refuse), Err(Refusal::Busy));
    assert_eq!(story.ask(3, WhenBusy::Queue), Ok(1));
    assert_eq!(story.ask(4, WhenBusy::Steer), Ok(1));
    assert!(matches!(story.log.last(), Some(Event::Steered { .. })));
    assert_eq!(story.ask(3, WhenBusy::Queue), Ok(0), "the same message again");
    assert_eq!(story.ask(4, WhenBusy::Steer), Ok(0), "the same message again");
}

#[test]
fn queue_and_steering_are_bounded() {
    let mut story = Story::working(settings());
    for nth in 0..limits::QUEUED_RUNS {
        assert_eq!(story.ask(100 + nth as u128, WhenBusy::Queue), Ok(1));
    }
    assert_eq!(story.ask(99, WhenBusy::Queue), Err(Refusal::QueueFull));
    for nth in 0..limits::QUEUED_STEERS {
        assert_eq!(story.ask(200 + nth as u128, WhenBusy::Steer), Ok(1));
    }
    assert_eq!(story.ask(98, WhenBusy::Steer), Err(Refusal::QueueFull));
}

#[test]
fn a_turn_does_not_finish_over_a_steering_message() {
    let mut story = Story::working(settings());
    story.ask(2, WhenBusy::Steer).unwrap();
    let outcome = TurnOutcome::Finished { result: String::new() };
    story.refused(Event::TurnEnded { run: run(1), outcome });
    story.report(Event::SteerTaken { run: run(1), message: message(2) });
    story.refused(Event::SteerTaken { run: run(1), message: message(2) });
    story.finish();
}

#[test]
fn steering_after_the_turn_is_an_ordinary_message() {
    let mut story = Story::working(settings());
    story.finish();
    story.ask(2, WhenBusy::Steer).unwrap();
    assert!(matches!(story.log.last(), Some(Event::Asked { .. })));
}

#[test]
fn a_failed_base_ends_the_run_with_its_failure() {
    let mut story = Story::new(settings());
    story.report(Event::BaseFailed { run: run(1), failure: trouble("no_repository") });
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("no_repository".to_owned()))));
}

#[test]
fn progress_of_the_model_forgives_its_earlier_failures() {
    let mut story = Story::working(settings());
    let is_think = |action: &Action| matches!(action, Action::Think { .. });
    for step in 1..=3 * u64::from(limits::EFFECT_ATTEMPTS) {
        story.fail(is_think);
        story.wait(60_000);
        let (run, step) = (run(1), Step(step));
        story.report(Event::StepStarted { run, step, attempt: 1, model: "m".to_owned() });
        story.report(Event::StepFinished {
            run,
            step,
            usage: protocol::content::Usage { input_tokens: 2, ..Default::default() },
            cost_micros: 3,
            duration_ms: 1,
            stop: "end".to_owned(),
        });
    }
    let totals = story.living().totals;
    assert_eq!((totals.steps, totals.usage.input_tokens, totals.cost_micros), (12, 24, 36));
}

#[test]
fn a_step_is_started_and_finished_once() {
    let mut story = Story::working(settings());
    let (run, step) = (run(1), Step(1));
    let start = |attempt| Event::StepStarted { run, step, attempt, model: "m".to_owned() };
    story.report(start(1));
    story.refused(start(1));
    story.report(start(2));
    let finished = |attempt| Event::MessageFinished {
        run,
        step,
        attempt,
        dialect: "d".to_owned(),
        parts: Vec::new(),
        frames: Vec::new(),
        outlay: None,
    };
    story.refused(finished(1));
    story.report(finished(2));
    story.refused(finished(2));
    story.refused(start(3));
}

fn step_started(step: u64) -> Event {
    Event::StepStarted { run: run(1), step: Step(step), attempt: 1, model: "m".to_owned() }
}

/// The model's message of the first step, which cost 7.
fn answered() -> Event {
    Event::MessageFinished {
        run: run(1),
        step: Step(1),
        attempt: 1,
        dialect: "d".to_owned(),
        parts: Vec::new(),
        frames: Vec::new(),
        outlay: Some(Outlay {
            usage: Usage { input_tokens: 5, output_tokens: 2, ..Usage::default() },
            cost_micros: 7,
            stop: "tool_use".to_owned(),
        }),
    }
}

#[test]
fn the_open_step_of_a_run_that_ends_is_counted_however_it_ends() {
    let cancelled = |story: &mut Story| {
        story.cancel(1).unwrap();
        story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Cancelled });
    };
    let failed = |story: &mut Story| {
        for _ in 0..limits::SANDBOX_LOSSES {
            let epoch = story.living().epoch.0;
            story.lose(epoch);
            story.stopped(epoch);
            if story.living().turn().is_some() {
                story.up(epoch + 1);
            }
        }
    };
    let ends: [&dyn Fn(&mut Story); 2] = [&cancelled, &failed];
    for end in ends {
        let mut story = Story::working(settings());
        story.report(step_started(1));
        story.report(answered());
        end(&mut story);
        assert!(story.living().turn().is_none(), "the turn is over");
        let totals = story.living().totals;
        assert_eq!((totals.steps, totals.usage.total(), totals.cost_micros), (1, 7, 7));
    }
}

#[test]
fn a_conflict_is_handed_to_the_agent_once_and_not_again() {
    let mut story = Story::working(settings());
    let conflicted = |story: &mut Story| {
        story.finish();
        story.checkpoint(&format!("c{}", story.log.len()));
        let key = story.key(|action| matches!(action, Action::Push { .. }));
        let files = vec!["src/lib.rs".to_owned()];
        let conflict = Some(PushConflict { url: URL.to_owned(), theirs: "p1".to_owned(), files });
        let failure = Failure::new(Phase::Push, "push_conflict", "conflict");
        story.report(Event::PushFailed {
            run: story.active(),
            key,
            failure,
            conflict,
            stops: Vec::new(),
        });
    };
    conflicted(&mut story);
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("push_conflict".to_owned()))));
    assert_eq!(story.active(), crate::plan::follow_up_of(run(1)));
    story.base("b0", Some("p1"));
    story.report(Event::WorkspaceReady {
        epoch: Epoch(1),
        run: story.active(),
        branches: Vec::new(),
    });
    conflicted(&mut story);
    assert!(story.living().active.is_none() && story.living().queue.is_empty());
}

#[test]
fn what_stops_a_push_is_handed_to_the_agent_once_and_a_person_may_let_it_through() {
    let mut story = Story::working(settings());
    let stop = |mark: &str| PushStop {
        url: URL.to_owned(),
        commit: "c1".to_owned(),
        rule: "secret/example".to_owned(),
        path: Some("a.env".to_owned()),
        line: Some(3),
        why: "it looks like a key".to_owned(),
        mark: mark.to_owned(),
    };
    let stopped = |story: &mut Story, mark: &str| {
        story.finish();
        story.checkpoint(&format!("c{}", story.log.len()));
        let key = story.key(|action| matches!(action, Action::Push { .. }));
        let failure = Failure::new(Phase::Push, "push_stopped", "stopped");
        let (run, stops) = (story.active(), vec![stop(mark)]);
        story.report(Event::PushFailed { run, key, failure, conflict: None, stops });
    };
    let allow = |story: &mut Story, mark: &str| {
        let (mark, reason) = (mark.to_owned(), "a sample".to_owned());
        story.give(Input::AllowStop { mark, reason, principal: "owner".to_owned() })
    };
    stopped(&mut story, "m1");
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("push_stopped".to_owned()))));
    assert_eq!(story.active(), crate::plan::follow_up_of(run(1)));
    let asked = story.log.iter().rev().find_map(|event| match event {
        Event::Asked { prompt, .. } => Some(prompt.text.clone()),
        _ => None,
    });
    assert!(asked.unwrap().contains("- a.env:3: it looks like a key (secret/example)"));
    story.base("b0", None);
    story.report(Event::WorkspaceReady {
        epoch: Epoch(1),
        run: story.active(),
        branches: Vec::new(),
    });
    stopped(&mut story, "m2");
    assert!(story.living().active.is_none() && story.living().queue.is_empty());
    let is_stopped = |story: &Story| {
        let living = story.living();
        living.repos[0].is_stopped(&living.allowed_stops)
    };
    assert!(is_stopped(&story));
    assert_eq!(allow(&mut story, "m1"), Err(Refusal::StopUnknown), "only what stopped the newest");
    assert!(is_stopped(&story));
    allow(&mut story, "m2").unwrap();
    let events = story.log.len();
    allow(&mut story, "m2").unwrap();
    assert_eq!(story.log.len(), events, "once");
    assert!(!is_stopped(&story));
}

#[test]
fn an_archived_agent_ends_its_work_stops_its_sandbox_and_refuses_messages() {
    let mut story = Story::working(settings());
    story.ask(2, WhenBusy::Queue).unwrap();
    story.give(Input::Archive { principal: "owner".to_owned() }).unwrap();
    assert_eq!(story.ended(2), Some((RunStatus::Cancelled, None)));
    assert_eq!(story.ask(3, WhenBusy::Queue), Err(Refusal::Archived));
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Cancelled });
    story.checkpoint("b0");
    assert_eq!(story.stops(), [(StopReason::Archived, true)]);
    story.give(Input::Unarchive { principal: "owner".to_owned() }).unwrap();
    assert_eq!(story.ask(3, WhenBusy::Refuse), Ok(1));
}

#[test]
fn a_deleted_agent_publishes_nothing_leaves_no_disk_and_says_nothing_more() {
    let mut story = Story::working(settings());
    story.give(Input::Delete { principal: "owner".to_owned() }).unwrap();
    assert_eq!(story.ask(2, WhenBusy::Queue), Err(Refusal::NoAgent));
    story.refused(Event::Deleted);
    story.report(Event::TurnEnded { run: run(1), outcome: TurnOutcome::Cancelled });
    assert_eq!(story.ended(1), Some((RunStatus::Cancelled, None)));
    assert_eq!(story.actions(), [Action::Stop { epoch: Epoch(1), keep_disk: false }]);
    story.stopped(1);
    assert_eq!(story.actions(), [Action::Erase]);
    story.report(Event::Deleted);
    assert_eq!(plan(&story.state, story.now_ms), crate::effect::Plan::default());
    assert_eq!(story.ask(2, WhenBusy::Queue), Err(Refusal::NoAgent));
}

#[test]
fn an_agent_is_opened_once_and_a_repeat_is_no_error() {
    let mut story = Story::new(settings());
    let open = |nth| Input::Open {
        inherited: Vec::new(),
        agent: agent_id(),
        settings: Box::new(settings()),
        run: run(nth),
        prompt: prompt(),
        options: AskOptions::default(),
    };
    assert_eq!(story.give(open(1)), Ok(0));
    assert_eq!(story.give(open(2)), Err(Refusal::AgentExists));
}

#[test]
fn a_decision_is_accepted_only_when_it_is_what_follows() {
    let mut story = Story::working(settings());
    story.refused(Event::RunStarted { run: run(1) });
    story.refused(Event::Archived { principal: "nobody".to_owned() });
    story
        .give(Input::Report(Event::TurnEnded {
            run: run(1),
            outcome: TurnOutcome::Finished { result: String::new() },
        }))
        .unwrap();
    let next = plan(&story.state, story.now_ms).record.remove(0);
    assert!(matches!(next, Event::CheckpointWanted { .. }));
    assert_eq!(story.give(Input::Report(next)), Ok(1));
}

#[test]
fn a_merged_pull_request_is_followed_by_another_only_for_new_work() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.push();
    story.publish("c1");
    let merged = |number| Input::Merged {
        repo: URL.to_owned(),
        number,
        commit: "m1".to_owned(),
        principal: "owner".to_owned(),
    };
    assert!(matches!(story.give(merged(8)), Err(Refusal::Stale(_))));
    assert_eq!(story.give(merged(7)), Ok(1));
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("m1", Some("c1"));
    story.ready(1, 2);
    story.finish();
    story.checkpoint("c1");
    assert_eq!(story.ended(2), Some((RunStatus::Finished, None)));
}

#[test]
fn a_branch_that_was_brought_up_to_date_is_where_the_next_run_begins() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.push();
    story.publish("c1");
    let updated = |number| Input::BranchUpdated {
        repo: URL.to_owned(),
        number,
        base: "b1".to_owned(),
        previous: "c1".to_owned(),
        commit: "m1".to_owned(),
        principal: "owner".to_owned(),
    };
    assert!(matches!(story.give(updated(8)), Err(Refusal::Stale(_))));
    assert_eq!((story.give(updated(7)), story.give(updated(7))), (Ok(1), Ok(0)));
    let merged = |story: &Story| {
        let base = story.living().repos[0].base.clone().unwrap();
        (base.commit, base.merged)
    };
    let (start, _) = merged(&story);
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base(&start, Some("m1"));
    assert_eq!(merged(&story), (start, Some("b1".to_owned())), "no run forgets it");
    story.ready(1, 2);
    story.finish();
    // Nothing to push: the remote has it.
    story.checkpoint("m1");
    story.publish("m1");
    assert_eq!(story.ended(2), Some((RunStatus::Finished, None)));
}

#[test]
fn a_failed_pull_request_is_made_by_the_next_run() {
    let mut story = Story::working(settings());
    story.finish();
    story.checkpoint("c1");
    story.push();
    let key = story.key(|action| matches!(action, Action::PublishPullRequest { .. }));
    let failure = Failure::new(Phase::PullRequest, "forge_refused", "no");
    story.report(Event::PullRequestFailed { run: run(1), key, failure });
    assert_eq!(story.ended(1), Some((RunStatus::Error, Some("forge_refused".to_owned()))));
    story.ask(2, WhenBusy::Refuse).unwrap();
    story.settle();
    story.base("b0", Some("c1"));
    story.ready(1, 2);
    story.finish();
    story.checkpoint("c1");
    story.publish("c1");
    assert_eq!(story.ended(2), Some((RunStatus::Finished, None)));
}
