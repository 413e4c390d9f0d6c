//! A full disk of the server: runs end in plain words, nothing is lost or damaged, and all goes on once
//! there is room again.

use crate::streams::assert_chain;
use e2e::world::{World, prompt, shell, write};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

/// Bytes of the data folder's disk.
const DISK: u64 = 192 * 1024 * 1024;

#[track_caller]
fn assert_full(run: &Value) {
    assert_eq!(
        (run["status"].as_str(), run["error"]["code"].as_str()),
        (Some("ERROR"), Some("disk_full")),
        "{run:#}"
    );
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains("disk") && message.contains("Free some space"), "{message}");
    println!("{}: {message}", run["error"]["phase"]);
}

/// A message is refused in words as long as there is no room.
async fn assert_refused(world: &World, agent: &str) {
    let body = json!({"prompt": {"text": prompt(&[Turn::say("Hello.")])}});
    let refused = world.api.post(&format!("/v1/agents/{agent}/runs"), &body).await;
    let message = refused.refused(507, "disk_full");
    assert!(message.contains("free some space"), "{message}");
    world.api.post("/v1/agents", &body).await.refused(507, "disk_full");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fills_the_disk_ends_in_plain_words_and_its_work_is_kept() {
    let mut world = match World::on_small_disk(DISK).await {
        Ok(world) => world,
        Err(why) => return println!("skipped 1 test: a small disk cannot be mounted: {why}"),
    };
    let repository = world.repository("sample");
    let fill = "head -c 1G /dev/zero > /workspace/ballast; for i in $(seq 100); do cat /workspace/ballast > /dev/null; break; done; echo filled";
    let mut turns = vec![write("work.txt", "so far\n"), shell(fill)];
    turns.extend((0..200).map(|_| shell("head -c 60000 /dev/zero | tr '\\0' x")));
    let job = world.errand(&repository, &turns).await;
    let run = world.ended(&job).await;
    assert_full(&run);
    assert_eq!(world.agent(&job.agent).await["status"], "IDLE");
    assert_refused(&world, &job.agent).await;

    // A server that is started on a full disk serves all the same.
    world.disk.as_ref().unwrap().fill("more-ballast");
    world.kill();
    world.boot();
    assert_refused(&world, &job.agent).await;
    assert_full(&world.run(&job).await);

    let disk = world.disk.as_ref().unwrap();
    disk.free("ballast");
    disk.free("more-ballast");
    world.assert_usable(&job.agent).await;
    let heads = repository.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    let branch = heads.lines().find(|name| *name != "main").expect("a branch of the agent");
    assert_eq!(repository.file(branch, "work.txt"), "so far");
    assert_chain(&world.events(&job.agent).await);
    let other = world.errand(&repository, &[write("b.txt", "b\n"), Turn::say("Done.")]).await;
    world.ended_as(&other, "FINISHED").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_others_fill_stops_runs_in_plain_words_until_there_is_room() {
    let world = match World::on_small_disk(DISK).await {
        Ok(world) => world,
        Err(why) => return println!("skipped 1 test: a small disk cannot be mounted: {why}"),
    };
    let repository = world.repository("sample");
    let turns =
        [write("work.txt", "so far\n"), Turn { forever: true, ..shell("sleep 0.05; seq 20000") }];
    let job = world.errand(&repository, &turns).await;
    let mut watcher = world.watch(&job.agent);
    watcher.until(|event| event["type"] == "ToolReturned").await;
    world.disk.as_ref().unwrap().fill("ballast");
    let run = world.ended(&job).await;
    assert_full(&run);
    world.disk.as_ref().unwrap().free("ballast");
    world.assert_usable(&job.agent).await;
    assert_chain(&world.events(&job.agent).await);
    world.end().await;
}
