//! Machines that environment files name by the id under which they were kept.

use crate::images::{asking, chosen};
use e2e::world::{World, eventually, prompt, shell};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

/// Where the file lies.
const FILE: &str = ".errand/environment.json";
/// An id of ours that nobody was given.
const GONE: &str = "layer-01900000-0000-7000-8000-000000000000";

async fn builds(world: &World) -> Vec<Value> {
    let body = world.api.get("/v1/builds").await.expect(200);
    body["items"].as_array().unwrap().clone()
}

/// Waits until so many builds are ready; the newest one.
async fn ready(world: &World, count: usize) -> Value {
    eventually("a build is ready", async || {
        let builds = builds(world).await;
        builds.iter().filter(|build| build["status"] == "READY").count() == count
    })
    .await;
    builds(world).await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_names_the_machine_that_its_agents_begin_with() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = world.repository("sample");
    let work = [shell("echo first > ~/tool"), Turn::say("Done.")];
    let by_hand = world.errand(&repository, &work).await;
    world.ended_as(&by_hand, "FINISHED").await;
    let snapshot = format!("/v1/agents/{}/snapshot", by_hand.agent);
    let kept = world.api.poke(&snapshot).await.expect(202);
    ready(&world, 1).await;
    let body = json!({"repos": [{"url": repository.url()}]});
    world.api.post("/v1/builds", &body).await.expect(201);
    let newest = ready(&world, 2).await;
    assert_ne!(newest["layer"], kept["layer"]);

    let file = json!({"snapshot": kept["layer"], "install": "echo more >> ~/tool"});
    repository.push("main", "Name a snapshot", &[(FILE, &file.to_string())]);
    let look = [shell("cat ~/tool"), Turn::say("Done.")];
    let named = world.errand(&repository, &look).await;
    world.ended_as(&named, "FINISHED").await;
    assert_eq!(chosen(&world, &named.agent).await.0, "kept");
    assert!(world.outputs(&named.agent).await[0].contains("first\nmore"), "install is on top");

    // What is built from now on is built on the snapshot, and then agents begin with that.
    world.api.post("/v1/builds", &body).await.expect(201);
    ready(&world, 3).await;
    let built = world.errand(&repository, &look).await;
    world.ended_as(&built, "FINISHED").await;
    let output = world.outputs(&built.agent).await.remove(0);
    assert!(output.contains("first\nmore") && output.matches("more").count() == 1, "{output}");

    let file = json!({"snapshot": GONE, "agentCanUpdateSnapshot": false});
    repository.push("main", "Name another", &[(FILE, &file.to_string())]);
    let gone = world.errand(&repository, &look).await;
    world.ended_as(&gone, "FINISHED").await;
    let (outcome, code) = chosen(&world, &gone.agent).await;
    assert_eq!((outcome.as_str(), code.as_str()), ("failed", "snapshot_unknown"));
    let keep = format!("/v1/agents/{}/snapshot", gone.agent);
    world.api.poke(&keep).await.refused(409, "snapshot_forbidden");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_of_other_repositories_is_not_begun_with() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let private = world.repository("private");
    let body = json!({"repos": [{"url": private.url()}]});
    world.api.post("/v1/builds", &body).await.expect(201);
    let layer = ready(&world, 1).await["layer"].clone();
    let repository = asking(&world, "sample", &json!({ "snapshot": layer }));
    let look = [shell("ls /workspace"), Turn::say("Done.")];
    let job = world.errand(&repository, &look).await;
    world.ended_as(&job, "FINISHED").await;
    assert_eq!(chosen(&world, &job.agent).await.1, "snapshot_unknown");
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(output.contains("sample") && !output.contains("private"), "{output}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_somebodys_secrets_is_kept_for_nobody_else_by_mistake() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = world.repository("sample");
    let leave = "printf '//registry.example/:_authToken=%s\n' \"$NPM_TOKEN\" > ~/.npmrc
        mkdir -p ~/deep/er && printf 'user:%s' \"$NPM_TOKEN\" | base64 -w0 > ~/deep/er/auth
        ln -s \"/nowhere/$NPM_TOKEN\" ~/link; echo \"$NODE_ENV\" > ~/plain";
    let turns = [shell(leave), Turn::say("Done.")];
    let job = world
        .open(json!({
            "repos": [{"url": repository.url()}], "prompt": {"text": prompt(&turns)},
            "envVars": {"NPM_TOKEN": "npm_q8Zr/2+xT0aB", "NODE_ENV": "production"},
        }))
        .await;
    world.ended_as(&job, "FINISHED").await;
    let path = format!("/v1/agents/{}/snapshot", job.agent);
    let refused = async |count: usize| -> String {
        world.api.poke(&path).await.expect(202);
        let mut failures = Vec::new();
        eventually("the snapshot is refused", async || {
            let events = world.events(&job.agent).await.into_iter();
            let events = events.map(|entry| entry["event"].clone());
            failures = events.filter(|event| event["type"] == "SnapshotFailed").collect();
            failures.len() == count
        })
        .await;
        let failure = failures.pop().unwrap()["failure"].clone();
        assert_eq!(failure["code"], "snapshot_holds_secrets", "{failure}");
        failure["message"].as_str().unwrap().to_owned()
    };
    let words = refused(1).await;
    for place in ["/home/agent/.npmrc", "/home/agent/deep/er/auth", "/home/agent/link"] {
        assert!(words.contains(&format!("NPM_TOKEN in {place}")), "{place}: {words}");
    }
    assert!(!words.contains("plain") && !words.contains("q8Zr"), "{words}");

    // What is still there is found again, although the disk stands on it by now.
    let clear = world.send(&job.agent, &[shell("rm -r ~/deep ~/link"), Turn::say("Done.")]).await;
    world.ended_as(&clear, "FINISHED").await;
    let words = refused(2).await;
    assert!(words.contains("/.npmrc") && !words.contains("deep"), "{words}");
    assert_eq!(builds(&world).await, Vec::<Value>::new());

    world.api.post(&path, &json!({"withSecrets": true})).await.expect(202);
    ready(&world, 1).await;
    let clear = world.send(&job.agent, &[shell("rm ~/.npmrc"), Turn::say("Done.")]).await;
    world.ended_as(&clear, "FINISHED").await;
    world.api.poke(&path).await.expect(202);
    ready(&world, 2).await;
    let look = [shell("cat ~/plain; ls -A ~"), Turn::say("Done.")];
    let other = world.errand(&repository, &look).await;
    world.ended_as(&other, "FINISHED").await;
    let output = world.outputs(&other.agent).await.remove(0);
    assert!(output.contains("production") && !output.contains(".npmrc"), "{output}");
    world.api.post(&path, &json!({"withSecret": true})).await.refused(400, "validation_error");
    world.end().await;
}
