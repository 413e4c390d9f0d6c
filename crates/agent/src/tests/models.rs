//! What programs inside have models use: within the limits of the run, and counted whatever happens.

use super::story::{Story, run, settings};
use crate::state::Room;
use protocol::content::Usage;
use protocol::event::{Counted, Event};
use protocol::ids::{Epoch, RunId, Seq};
use protocol::limits;

fn used(tokens: u64) -> Usage {
    Usage { output_tokens: tokens, ..Usage::default() }
}

fn asked(story: &Story, of: Option<RunId>, tokens: u64) -> Event {
    let deadline_ms = story.now_ms + 60_000;
    let (model, aside, epoch) = ("m".to_owned(), used(tokens), Epoch(1));
    Event::ModelAsked { run: of, epoch, model, aside, cost_micros: tokens, deadline_ms }
}

fn ask(story: &mut Story, of: Option<RunId>, tokens: u64) -> Seq {
    let event = asked(story, of, tokens);
    story.report(event);
    story.living().model_calls.last().unwrap().asked
}

fn told(of: Option<RunId>, asked: Seq, tokens: u64) -> Event {
    let (model, counted) = ("m".to_owned(), Counted::Told);
    Event::ModelCalled { run: of, asked, model, usage: used(tokens), cost_micros: tokens, counted }
}

/// A run whose sandbox is up, with limits of a hundred tokens and millionths of a dollar.
fn story() -> Story {
    let mut settings = settings();
    settings.limits.tokens = 100;
    settings.limits.cost_micros = 100;
    Story::working(settings)
}

#[test]
fn a_question_is_counted_once_and_for_the_run_that_asked_it() {
    let mut story = story();
    let first = ask(&mut story, Some(run(1)), 50);
    story.report(told(Some(run(1)), first, 7));
    story.refused(told(Some(run(1)), first, 7));
    let active = story.living().active.as_ref().unwrap();
    assert_eq!((active.spent.usage.total(), active.spent.cost_micros), (7, 7));
    assert_eq!(story.living().totals.cost_micros, 7);
    assert_eq!(active.spent.steps, 0, "it is no step");
    story.refused(asked(&story, None, 1));
    story.refused(asked(&story, Some(run(9)), 1));
}

#[test]
fn what_nobody_counts_in_time_counts_in_full() {
    let mut story = story();
    ask(&mut story, Some(run(1)), 50);
    story.wait(59_000);
    assert_eq!(story.living().totals.usage.total(), 0);
    story.wait(1_000);
    assert_eq!(story.living().totals.usage.total(), 50);
    assert!(story.living().model_calls.is_empty());
}

#[test]
fn one_question_may_go_past_a_limit_and_no_two_do() {
    let mut story = story();
    let room = |story: &Story, tokens| story.living().model_room(&used(tokens), tokens);
    assert_eq!(room(&story, 1_000), Room::Enough);
    let first = ask(&mut story, Some(run(1)), 60);
    assert_eq!((room(&story, 40), room(&story, 41)), (Room::Enough, Room::Crowded));
    story.refused(asked(&story, Some(run(1)), 41));
    story.report(told(Some(run(1)), first, 100));
    assert_eq!(room(&story, 1), Room::Spent);
    story.refused(asked(&story, Some(run(1)), 1));
}

#[test]
fn between_runs_there_is_a_small_limit_that_begins_anew_with_each() {
    let mut story = story();
    story.finish();
    story.checkpoint("c1");
    story.push();
    story.publish("c1");
    assert!(story.living().active.is_none());
    let first = ask(&mut story, None, limits::MODELS_BETWEEN_TOKENS);
    story.report(told(None, first, limits::MODELS_BETWEEN_TOKENS));
    assert_eq!(story.living().model_room(&used(1), 1), Room::Spent);
    story.ask(2, protocol::input::WhenBusy::Refuse).unwrap();
    story.settle();
    assert_eq!(story.living().between, crate::state::Totals::default());
    assert_eq!(story.living().model_room(&used(1), 1), Room::Enough);
}

#[test]
fn only_so_many_are_open_at_a_time() {
    let mut story = story();
    for _ in 0..limits::MODEL_CALLS {
        ask(&mut story, Some(run(1)), 1);
    }
    assert_eq!(story.living().model_room(&used(1), 1), Room::Crowded);
}
