//! The server killed with SIGKILL at random instants: every run finishes, nothing is done twice or lost.

use crate::streams::assert_chain;
use e2e::count::count;
use e2e::world::{Job, World, shell, write};
use fakes::scripted::script::{Do, Turn};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Steps of one run.
const STEPS: usize = 30;
/// Longest life of a server between two kills, in milliseconds.
const LIFE_MS: u64 = 1500;

/// Commands that append one line each, with edits between them.
fn steps(run: usize) -> Vec<Turn> {
    let slow = |turn: Turn| Turn { first_byte_ms: 15, per_event_ms: 2, ..turn };
    let mut turns = vec![write("edit.txt", "step 0\n")];
    for step in 1..STEPS {
        turns.push(slow(match step % 3 {
            0 => Turn::act(vec![Do::Edit {
                path: "edit.txt".to_owned(),
                old: format!("step {}\n", step - 3),
                new: format!("step {step}\n"),
            }]),
            1 => shell(format!("echo {run}.{step} >> lines.txt; sleep 0.05; echo said"))
                .text("I append a line to the file."),
            _ => shell(format!("sleep 0.02; echo {run}.{step} >> lines.txt")),
        }));
    }
    turns.push(Turn::say("All steps are done."));
    turns
}

fn lines(runs: usize) -> Vec<String> {
    (0..runs)
        .flat_map(|run| {
            (1..STEPS).filter(|step| step % 3 != 0).map(move |step| format!("{run}.{step}"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_finish_although_the_server_is_killed_again_and_again() {
    let kills = count(8, 100);
    let mut world = World::start().await;
    let repository = world.repository("sample");
    let mut jobs: Vec<Job> = vec![world.errand(&repository, &steps(0)).await];
    let agent = jobs[0].agent.clone();
    let mut watcher = world.watch(&agent);
    let mut phases = BTreeSet::new();
    let (mut ready, mut in_flight) = (Vec::new(), 0);
    for _ in 0..kills {
        let until = Instant::now() + Duration::from_millis(fastrand::u64(0..LIFE_MS));
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(event) = tokio::time::timeout(left, watcher.next()).await else { break };
            if event["type"] == "RunEnded" {
                assert_eq!(event["status"], "FINISHED", "{event:#}");
                jobs.push(world.send(&agent, &steps(jobs.len())).await);
            }
        }
        let last =
            watcher.events.last().map(|entry| entry["event"]["type"].as_str().unwrap().to_owned());
        in_flight += usize::from(last.as_deref() != Some("RunEnded"));
        phases.extend(last);
        world.kill();
        ready.push(world.boot());
    }
    for job in &jobs {
        let run = world.ended(job).await;
        assert_eq!(run["status"], "FINISHED", "{run:#}");
        assert_eq!(run["result"], "All steps are done.");
    }
    while watcher.events.iter().filter(|entry| entry["event"]["type"] == "RunEnded").count()
        < jobs.len()
    {
        watcher.next().await;
    }
    let branch =
        world.run(&jobs[0]).await["git"]["branches"][0]["branch"].as_str().unwrap().to_owned();
    assert_eq!(
        repository.file(&branch, "lines.txt").lines().collect::<Vec<_>>(),
        lines(jobs.len()),
        "each command appended its line once"
    );
    let events = world.events(&agent).await;
    assert_chain(&events);
    assert_eq!(
        watcher.events, events,
        "the watcher saw each event once, across {} breaks",
        watcher.breaks
    );
    ready.sort_unstable();
    println!(
        "{kills} kills ({in_flight} inside a run, after {phases:?}), {} runs of {STEPS} steps, {} events, ready again after {:?} (median)",
        jobs.len(),
        events.len(),
        ready[ready.len() / 2]
    );
    world.end().await;
}
