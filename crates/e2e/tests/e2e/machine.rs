//! People inside an agent's machine: terminals, files, ports, previews, SSH.

mod files;
pub mod previews;
mod socket;
mod ssh;
pub mod terminals;

use e2e::world::{World, eventually};
use fakes::scripted::script::Turn;
use serde_json::json;

/// An agent whose machine is up although no run needs it.
async fn awake(world: &World) -> String {
    let job = world.chore(&[Turn::say("Hello.")]).await;
    world.ended_as(&job, "FINISHED").await;
    world.api.poke(&format!("/v1/agents/{}/wake", job.agent)).await.expect(202);
    eventually("the machine is up", async || {
        world.agent(&job.agent).await["sandbox"]["state"] == "up"
    })
    .await;
    job.agent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_sleeps_says_how_to_wake_it_and_then_serves() {
    sleep_and_wake("").await;
}

/// Has a machine sleep and wake on a server with this configuration.
pub async fn sleep_and_wake(config: &str) {
    let world = World::with(config).await;
    let job = world.chore(&[Turn::say("Hello.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let at = |rest: &str| format!("/v1/agents/{}/{rest}", job.agent);
    // Archived and back: its machine is gone, the agent is not.
    world.api.poke(&at("archive")).await.expect(200);
    eventually("the machine is gone", async || {
        world.agent(&job.agent).await["sandbox"]["state"] == "none"
    })
    .await;
    world.api.poke(&at("wake")).await.refused(409, "agent_archived");
    world.api.poke(&at("unarchive")).await.expect(200);
    let message = world.api.get(&at("stats")).await.refused(409, "sandbox_asleep");
    assert!(message.contains("/wake"), "{message}");
    world.api.poke(&at("wake")).await.expect(202);
    eventually("the machine is up", async || {
        world.agent(&job.agent).await["sandbox"]["state"] == "up"
    })
    .await;
    let stats = world.api.get(&at("stats")).await.expect(200);
    assert!(
        stats["processes"].as_u64().unwrap() >= 1 && stats["diskTotalBytes"].as_u64().unwrap() > 0
    );
    for limit in ["memoryLimitBytes", "processesLimit", "cpuLimitMillis"] {
        assert!(stats[limit].as_u64().unwrap() > 0, "{limit}: {stats}");
    }
    // Nobody works: it sleeps before its hard limit.
    let at = |name: &str| stats[name].as_i64().unwrap();
    assert!(at("atMs") < at("idleStopAtMs") && at("idleStopAtMs") < at("hardStopAtMs"), "{stats}");
    let events = world.events(&job.agent).await;
    assert!(events.iter().any(|event| event["event"]["type"] == "Woken"));
    world.assert_usable(&job.agent).await;
    world.end().await;
}

/// Opens a terminal.
async fn open(world: &World, agent: &str, name: &str) -> serde_json::Value {
    let path = format!("/v1/agents/{agent}/terminals");
    world.api.post(&path, &json!({"name": name, "cols": 120, "rows": 40})).await.expect(200)
}
