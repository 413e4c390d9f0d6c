//! Many pages and terminals open while the server is killed: each comes back by itself, and nothing is
//! lost or seen twice.

mod page;
mod seat;
mod socket;

use crate::streams::assert_chain;
use e2e::count::count;
use e2e::world::{Job, World, shell};
use fakes::scripted::script::Turn;
use page::Page;
use seat::Seat;
use std::time::{Duration, Instant};

/// Agents that work meanwhile.
const AGENTS: usize = 5;
/// Live sockets.
const PAGES: usize = 50;
/// Terminals, each with somebody at it.
const SEATS: usize = 20;
/// Steps of each agent's run.
const STEPS: usize = 60;
/// Longest life of a server between two kills, in milliseconds.
const LIFE_MS: u64 = 4000;
/// Everything must be over by then.
const OVER: Duration = Duration::from_secs(400);

/// A run that says and prints a little, slowly.
fn steps() -> Vec<Turn> {
    let step = |index: usize| Turn {
        per_event_ms: 15,
        ..shell(format!("echo step {index}; sleep 0.2; echo over"))
            .text("I do the next step and say so in several words.")
    };
    (0..STEPS).map(step).chain([Turn::say("All steps are done.")]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_terminals_come_back_after_every_kill_and_miss_nothing() {
    let passed = tokio::time::timeout(OVER, Box::pin(kills(count(2, 5)))).await;
    assert!(passed.is_ok(), "not over after {OVER:?}");
}

async fn kills(kills: usize) {
    let mut world = World::start().await;
    let mut jobs: Vec<Job> = Vec::new();
    for _ in 0..AGENTS {
        jobs.push(world.chore(&steps()).await);
    }
    let api = world.api.clone();
    let pages: Vec<Page> =
        (0..PAGES).map(|index| Page::open(&api, &jobs[index % AGENTS].agent)).collect();
    for job in &jobs {
        world.watch(&job.agent).until_type("SandboxUp").await;
    }
    let mut seats: Vec<Seat> = Vec::new();
    for index in 0..SEATS {
        seats.push(Seat::sit(&api, &jobs[index % AGENTS].agent, &format!("t{index}")).await);
    }
    let (mut ready, mut back, mut seated) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..LIFE_MS))).await;
        world.kill();
        ready.push(world.boot());
        let began = Instant::now();
        for page in &pages {
            page.back(round + 1).await;
        }
        back.push(began.elapsed());
        for seat in &mut seats {
            seat.comes_back(round).await;
        }
        seated.push(began.elapsed());
    }
    for job in &jobs {
        world.ended_as(job, "FINISHED").await;
    }
    let (mut events, mut catching_up) = (0, 0);
    for job in &jobs {
        let stored = world.events(&job.agent).await;
        assert_chain(&stored);
        events += stored.len();
        for page in pages.iter().filter(|page| page.agent == job.agent) {
            // What was missed is compared event by event; a gap or repeat has ended the page before.
            let seen = page.until(stored.len()).await;
            assert_eq!(seen.events[..stored.len()], stored[..], "a page saw what is stored");
            assert!(seen.lists > kills, "each of its sockets told of agents");
            catching_up += seen.batches;
        }
    }
    println!(
        "{kills} kills, {PAGES} pages, {SEATS} terminals, {events} events of {AGENTS} agents; ready \
         after {ready:?}, all pages back after another {back:?}, all terminals typed at after \
         {seated:?}; {catching_up} stored rounds were sent"
    );
    drop((pages, seats));
    world.end().await;
}
