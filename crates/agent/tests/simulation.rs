//! The life of an agent, simulated: thousands of seeded worlds with crashes between every effect and
//! its record, lost machines, sleeping drivers, doubled and late inputs, leaping clocks, and an end at
//! any time. Every fault put in on purpose must be noticed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a simulation may panic, and looks for the few events it is about"
)]

#[path = "simulation/check.rs"]
mod check;
#[path = "simulation/driver.rs"]
mod driver;
#[path = "simulation/effects.rs"]
mod effects;
#[path = "simulation/labels.rs"]
mod labels;
#[path = "simulation/life.rs"]
mod life;
#[path = "simulation/mutation.rs"]
mod mutation;
#[path = "simulation/world.rs"]
mod world;

use life::{Counts, live};
use mutation::Mutation;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Lives of the full simulation.
const SEEDS: u64 = 20_000;
/// Lives within which every mutation must be noticed.
const MUTATION_SEEDS: u64 = 2_000;
/// Threads the lives are spread over.
const THREADS: usize = 2;

/// Lives all seeds, or as many as it takes to find one that goes wrong.
fn live_all(seeds: u64, mutation: Mutation) -> (Counts, Option<String>) {
    let (next, found) = (AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let (mut counts, mut wrong) = (Counts::new(), None);
        while !found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            if let Err(text) = live(seed, mutation, &mut counts) {
                found.store(true, Ordering::Relaxed);
                wrong = Some(text);
            }
        }
        (counts, wrong)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let mut all = (Counts::new(), None);
        for thread in threads {
            let (counts, wrong) = thread.join().unwrap();
            for (name, count) in counts {
                *all.0.entry(name).or_default() += count;
            }
            all.1 = all.1.or(wrong);
        }
        all
    })
}

#[test]
fn every_life_keeps_its_promises() {
    let (counts, wrong) = live_all(SEEDS, Mutation::None);
    if let Some(wrong) = wrong {
        panic!("{wrong}");
    }
    println!("{counts:#?}");
    for name in [
        "ModelAsked",
        "ModelCalled told",
        "ModelCalled assumed",
        "Steered",
        "SteerTaken",
        "BaseFailed",
        "EnvironmentRead",
        "ImageChosen",
        "ImageChosen failed",
        "SetUpFinished done",
        "SetUpFinished kept",
        "SetUpFinished failed",
        "NetworkNarrowed",
        "SandboxFailed",
        "SandboxLost",
        "WorkspaceFailed",
        "EffectFailed",
        "ToolReturned",
        "QuestionAsked",
        "QuestionAnswered",
        "CancelRequested",
        "TurnEnded finished",
        "TurnEnded failed",
        "TurnEnded cancelled",
        "TurnEnded expired",
        "CheckpointMade",
        "CheckpointFailed",
        "Pushed",
        "PushFailed",
        "StopAllowed",
        "PullRequestPublished",
        "PullRequestMerged",
        "BranchUpdated",
        "Asked automatically",
        "Archived",
        "Unarchived",
        "IntegrityLowered",
        "LegsChanged",
        "AllThreeMet",
        "FlowAllowed",
        "SnapshotMade",
        "SnapshotFailed",
        "Woken",
        "Attended",
        "Deleted",
    ] {
        assert!(counts.get(name).copied().unwrap_or(0) >= SEEDS / 100, "too few: {name}");
    }
}

#[test]
fn every_seeded_bug_is_noticed() {
    for mutation in mutation::ALL {
        let (_, wrong) = live_all(MUTATION_SEEDS, mutation);
        let wrong = wrong.unwrap_or_else(|| panic!("{mutation:?} was not noticed"));
        println!("{mutation:?}: {}", wrong.lines().next().unwrap_or_default());
    }
}
