//! Cancels at random moments: the command's processes are gone soon, the agent takes the next message.

use e2e::count::count;
use e2e::host;
use e2e::world::{Job, World, shell};
use fakes::scripted::script::Turn;
use std::time::{Duration, Instant};

/// Cancels of which one in a hundred says something.
const ENOUGH: usize = 1000;
/// What the slowest one in a hundred may take.
const BOUND: Duration = Duration::from_secs(1);
/// What the slowest of fewer may take.
const FEW_BOUND: Duration = Duration::from_millis(1500);
/// Every so many cancels an agent is fresh, so that its machine is still being made.
const FRESH: usize = 4;

/// Time from the request until no process of the command is left, seen from the host.
async fn cancel(world: &World, job: &Job) -> Duration {
    let begun = Instant::now();
    let answer = world.api.poke(&format!("/v1/agents/{}/runs/{}/cancel", job.agent, job.run)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    loop {
        let left = host::processes_of_agent(&job.agent);
        if !left.iter().any(|process| process.command.contains("sleep 4242")) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "still there: {left:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_at_any_moment_ends_the_command_within_a_second() {
    let cancels = count(20, ENOUGH);
    let world = World::start().await;
    let stubborn = Turn {
        first_byte_ms: 60,
        per_event_ms: 20,
        ..shell("trap '' TERM; sleep 4242 & (setsid sleep 4242 &) ; sleep 4242")
            .text("I start something that takes long and does not want to end.")
    };
    let polite = Turn {
        first_byte_ms: 60,
        per_event_ms: 20,
        ..shell("sleep 4242 & (setsid sleep 4242 &) ; sleep 4242")
            .text("I start something that takes long.")
    };
    let (mut gone, mut over, mut running) = (Vec::new(), Vec::new(), 0);
    let mut stubborn_gone = Vec::new();
    let mut agent: Option<String> = None;
    for number in 0..cancels {
        // Half of the commands ignore the polite signal.
        let is_stubborn = number % 2 == 1;
        let turns = [if is_stubborn { stubborn.clone() } else { polite.clone() }];
        let job = match agent.as_deref().filter(|_| number % FRESH != 0) {
            Some(agent) => world.send(agent, &turns).await,
            None => world.chore(&turns).await,
        };
        if let Some(old) = agent.replace(job.agent.clone()).filter(|old| *old != job.agent) {
            world.delete(&old).await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..900))).await;
        running += usize::from(
            host::processes_of_agent(&job.agent)
                .iter()
                .any(|process| process.command.contains("sleep 4242")),
        );
        let begun = Instant::now();
        let took = cancel(&world, &job).await;
        if is_stubborn {
            stubborn_gone.push(took)
        } else {
            gone.push(took)
        }
        world.ended_as(&job, "CANCELLED").await;
        over.push(begun.elapsed());
        let left = host::processes_of_agent(&job.agent);
        assert!(!left.iter().any(|process| process.command.contains("sleep 4242")), "{left:?}");
        if number % FRESH == FRESH - 1 {
            world.assert_usable(&job.agent).await;
        }
    }
    gone.sort_unstable();
    stubborn_gone.sort_unstable();
    over.sort_unstable();
    let p99 = |times: &[Duration]| times[(times.len() * 99).div_ceil(100) - 1];
    println!(
        "{cancels} cancels ({running} while the command ran): processes gone after {:?} median, {:?} p99 (those that ignore SIGTERM: {:?} median, {:?} p99); run over after {:?} median, {:?} p99",
        gone[gone.len() / 2],
        p99(&gone),
        stubborn_gone[stubborn_gone.len() / 2],
        p99(&stubborn_gone),
        over[over.len() / 2],
        p99(&over)
    );
    let slowest = p99(&gone).max(p99(&stubborn_gone));
    let bound = if cancels < ENOUGH { FEW_BOUND } else { BOUND };
    assert!(slowest < bound, "the slowest one in a hundred took longer than {bound:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_a_killed_server_left_behind_still_ends_the_command() {
    let rounds = count(3, 30);
    let mut world = World::start().await;
    let first = world.chore(&[Turn::say("Hello.")]).await;
    world.ended_as(&first, "FINISHED").await;
    let agent = first.agent;
    for _ in 0..rounds {
        let job = world.send(&agent, &[shell("sleep 4242")]).await;
        let runs = || {
            let running = host::processes_of_agent(&agent);
            running.iter().any(|process| process.command == "sleep 4242")
        };
        e2e::world::eventually("the command runs", async || runs()).await;
        let path = format!("/v1/agents/{agent}/runs/{}/cancel", job.run);
        world.api.poke(&path).await.expect(200);
        world.kill();
        world.boot();
        world.ended_as(&job, "CANCELLED").await;
        assert!(!runs(), "cancelled, and its command still runs");
    }
    world.assert_usable(&agent).await;
    world.end().await;
}
