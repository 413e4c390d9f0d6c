//! Errands in one sandbox that agents share, and what is refused there.

use e2e::world::{World, prompt, shell, write};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

use crate::base::refusal;
use crate::isolation::{Kernel, try_everything};

const SHARED: &str = "[sandbox]\nshared = true\n";

/// Whether this host can share sandboxes; says why not.
fn can_share() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only a server that was started as root shares sandboxes");
    }
    is_root
}

/// Works on the sample, and meets the other one in the home that they share.
fn work(own: &str, other: &str) -> Vec<Turn> {
    let meet = format!(
        "echo {own} > ~/{own}; setsid sleep 5{own} >/dev/null 2>&1 & \
         until [ -s ~/{other} ]; do sleep 0.1; done; cat ~/{other}; \
         ls /workspace/*/{other}.txt /workspace/{other}.txt 2>&1 | grep -c 'No such'"
    );
    vec![write(&format!("{own}.txt"), own), shell(&meet), Turn::say("Met.")]
}

async fn refused(world: &World, path: &str, body: &Value) {
    world.api.post(path, body).await.refused(409, "sandbox_shared");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_errands_in_one_sandbox_become_two_pull_requests() {
    if !can_share() {
        return;
    }
    let world = World::with(SHARED).await;
    let repository = world.repository("sample");
    let before = repository.head("main").unwrap();
    let mut jobs = Vec::new();
    for (own, other) in [("11", "22"), ("22", "11")] {
        let body = json!({
            "prompt": {"text": prompt(&work(own, other))},
            "repos": [{"url": repository.url()}],
            "autoCreatePR": true,
        });
        jobs.push((own, other, world.open(body).await));
    }
    for (own, other, job) in &jobs {
        let run = world.ended_as(job, "FINISHED").await;
        let output = world.outputs(&job.agent).await.join("\n");
        assert!(output.contains(&format!("{other}\n2")), "{output}");
        let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
        assert_eq!(repository.file(branch, &format!("{own}.txt")), *own);
        let files = repository.git(&["diff", "--name-only", &before, branch]);
        assert_eq!(files, format!("{own}.txt"), "what the other one wrote is not in it");
        assert_eq!(world.agent(&job.agent).await["sandbox"]["shared"], true);
        let pulls = format!("/v1/agents/{}/pull-requests", job.agent);
        let pulls = world.api.get(&pulls).await.expect(200);
        assert_eq!(pulls["items"][0]["head"], branch);
        assert_eq!(pulls["items"].as_array().unwrap().len(), 1);
    }
    let doctor = world.api.get("/v1/doctor").await.expect(200).to_string();
    assert!(doctor.contains("sandbox: own_sandbox"), "{doctor}");
    assert!(doctor.contains("read, change and end each other's processes"), "{doctor}");
    let (_, _, first) = &jobs[0];
    let (_, _, second) = &jobs[1];
    let agent = format!("/v1/agents/{}", first.agent);
    refused(&world, &format!("{agent}/forks"), &json!({"prompt": {"text": "Go on."}})).await;
    refused(&world, &format!("{agent}/snapshot"), &json!({})).await;
    let build = json!({"repos": [{"url": repository.url()}]});
    refused(&world, "/v1/builds", &build).await;
    world.delete(&first.agent).await;
    let see = [shell("cat ~/11; cat /workspace/22.txt /workspace/*/22.txt"), Turn::say("There.")];
    let next = world.send(&second.agent, &see).await;
    world.ended_as(&next, "FINISHED").await;
    let output = world.outputs(&second.agent).await.join("\n");
    assert!(output.contains("11\n"), "{output}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_outlive_the_server_together() {
    if !can_share() {
        return;
    }
    let mut world = World::with(SHARED).await;
    let repository = world.repository("sample");
    let leave = "setsid sleep 5678 >/dev/null 2>&1 & \
                 until pgrep -fx 'sleep 5678' >/dev/null; do :; done; echo left";
    let leave = [shell(leave), Turn::say("Left.")];
    let one = world.errand(&repository, &leave).await;
    world.ended_as(&one, "FINISHED").await;
    world.kill();
    world.boot();
    let see = [shell("pgrep -fxc 'sleep 5678'"), Turn::say("Seen.")];
    let two = world.errand(&repository, &see).await;
    world.ended_as(&two, "FINISHED").await;
    let output = world.outputs(&two.agent).await.join("\n");
    assert!(output.contains("\n1\n") || output.starts_with("1\n"), "{output}");
    world.assert_usable(&one.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_script_is_refused_in_a_shared_sandbox_too() {
    if can_share() {
        try_everything(SHARED, Kernel::Host).await;
    }
}

#[test]
fn a_server_does_not_share_what_it_cannot() {
    for (config, words) in [
        ("isolation = \"oci\"\nruntime = \"runc\"", "but sandbox.isolation is \"oci\""),
        ("base = \"/nowhere.tar\"", "but sandbox.base is \"/nowhere.tar\""),
    ] {
        let said = refusal(&format!("{SHARED}{config}\n"));
        assert!(said.contains("sandbox.shared: is true") && said.contains(words), "{said}");
    }
}
