//! T-AUTH 07: what a person approved is that very content. Anything else needs them again.

use crate::forges::{Connected, KINDS};
use e2e::api::{Answer, send};
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, prompt, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// Where a repository says what its agents need.
const FILE: &str = ".errand/environment.json";

/// A line that is turned around.
fn turned(words: &str) -> Turn {
    write("turned.py", &format!("ok = 1 # \u{202e} {words}\n"))
}

/// What keeps the newest push back and was not let through.
async fn stops(world: &World, job: &Job) -> Vec<Value> {
    let agent = world.agent(&job.agent).await;
    let stops = agent["stops"].as_array().cloned().unwrap_or_default();
    stops.into_iter().filter(|stop| stop["isAllowed"] == false).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_let_through_lets_nothing_else_through() {
    let world = World::start().await;
    let repository = world.repository("shop");
    let job = world.errand(&repository, &[turned("seen"), Turn::say("Done.")]).await;
    world.ended_as(&job, "ERROR").await;
    world.mended(&job.agent).await;
    let [seen] = &stops(&world, &job).await[..] else { panic!("one stop") };
    world.let_through(&job.agent, "a sample of the trick").await;
    assert_eq!(stops(&world, &job).await, Vec::<Value>::new());

    // The same file, the same line, the same trick, other words.
    let again = world.send(&job.agent, &[turned("not seen"), Turn::say("Done.")]).await;
    world.ended_as(&again, "ERROR").await;
    let runs = format!("/v1/agents/{}/runs", job.agent);
    eventually("the run is over that mends it", async || {
        let runs = world.api.get(&runs).await.expect(200);
        let is_over = |run: &Value| run["status"] == "ERROR" || run["status"] == "FINISHED";
        runs["items"].as_array().unwrap().iter().all(is_over)
    })
    .await;
    let [new] = &stops(&world, &job).await[..] else { panic!("one more stop") };
    assert_eq!(
        (&new["path"], &new["line"], &new["rule"]),
        (&seen["path"], &seen["line"], &seen["rule"])
    );
    assert_ne!(new["mark"], seen["mark"]);
    let branch = world.agent(&job.agent).await["branchName"].as_str().unwrap().to_owned();
    assert_eq!(repository.head(&branch), None, "T-AUTH 07: nothing was pushed");

    // What was seen still goes.
    let back = world.send(&job.agent, &[turned("seen"), Turn::say("Done.")]).await;
    world.ended_as(&back, "FINISHED").await;
    assert!(repository.file(&branch, "turned.py").ends_with("seen"));
    assert!(!repository.git(&["log", "-p", "--all"]).contains("not seen"));
    world.end().await;
}

async fn from(world: &World, repository: &Repository, start: &str) -> Job {
    let turns = [shell("env | grep -c AGENT_TOKEN; true"), Turn::say("Done.")];
    let repos = json!([{"url": repository.url(), "startingRef": start}]);
    let job = world.open(json!({"prompt": {"text": prompt(&turns)}, "repos": repos})).await;
    world.ended_as(&job, "FINISHED").await;
    job
}

async fn allow(world: &World, job: &Job, digest: &Value) -> Answer {
    let path = format!("/v1/agents/{}/configuration", job.agent);
    world.api.post(&path, &json!({"digest": digest})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_was_allowed_is_not_with_another_byte() {
    let world = World::start().await;
    let secret = json!({"value": "of-the-agent-7c1", "type": "runtime_secret", "plain": true});
    let put = world.api.request(Method::PUT, "/v1/team/secrets/AGENT_TOKEN").json(&secret);
    send("set a secret", put).await.expect(201);
    let repository = world.repository("shop");
    let file = |command: &str| json!({"start": command}).to_string();
    repository.push("topic", "One", &[(FILE, &file("true 1"))]);
    let first = from(&world, &repository, "topic").await;
    let seen = world.agent(&first.agent).await["configurations"][0].clone();
    assert_eq!(seen["isWithheld"], true, "{seen:#}");
    allow(&world, &first, &seen["digest"]).await.expect(200);

    repository.push("topic", "Another byte", &[(FILE, &file("true 2"))]);
    let second = from(&world, &repository, "topic").await;
    let new = world.agent(&second.agent).await["configurations"][0].clone();
    assert_eq!(new["isWithheld"], true, "T-AUTH 07: {new:#}");
    assert_ne!(new["digest"], seen["digest"]);
    allow(&world, &second, &seen["digest"]).await.refused(409, "configuration_unknown");
    let output = world.outputs(&second.agent).await.remove(0);
    assert!(output.trim_end().ends_with("\n0"), "T-AUTH 07: the agent has it: {output}");
    // The agent for whom it was allowed has what was seen, wherever the branch is by now.
    let again = [shell("env | grep -c ^AGENT_TOKEN="), Turn::say("Done.")];
    let again = world.send(&first.agent, &again).await;
    world.ended_as(&again, "FINISHED").await;
    let kept = world.agent(&first.agent).await["configurations"][0].clone();
    assert_eq!((&kept["digest"], &kept["isWithheld"]), (&seen["digest"], &json!(false)));
    world.end().await;
}

async fn pull(world: &World, job: &Job) -> Value {
    let path = format!("/v1/agents/{}/pull-requests", job.agent);
    world.api.get(&path).await.expect(200)["items"][0].clone()
}

/// Merges what was seen a moment ago, after somebody pushed something else.
async fn merged_unseen(world: &World, repository: &Repository, job: &Job) {
    let seen = pull(world, job).await;
    let branch = seen["head"].as_str().unwrap();
    let path = format!("/v1/agents/{}/pull-requests/{}/merge", job.agent, seen["number"]);
    repository.push(branch, "Not seen", &[("unseen.txt", "unseen\n")]);
    let before = repository.head("main");
    let body = json!({"commit": seen["commit"]});
    world.api.post(&path, &body).await.refused(409, "head_moved");
    // Nor is what the agent pushed last merged in its place.
    world.api.post(&path, &json!({})).await.refused(409, "head_moved");
    assert_eq!(repository.head("main"), before, "T-AUTH 07: something unseen was merged");
    let now = json!({"commit": repository.head(branch)});
    assert_eq!(world.api.post(&path, &now).await.expect(200)["state"], "merged");
    assert_eq!(repository.file("main", "unseen.txt"), "unseen");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_commit_that_was_seen_is_merged() {
    let world = World::start().await;
    let repository = world.repository("shop");
    let text = prompt(&[write("a.txt", "a\n"), Turn::say("Done.")]);
    let repos = json!([{"url": repository.url()}]);
    let body = json!({"prompt": {"text": text}, "repos": repos, "autoCreatePR": true});
    let job = world.open(body).await;
    world.ended_as(&job, "FINISHED").await;
    merged_unseen(&world, &repository, &job).await;
    world.end().await;
    for (kind, word) in KINDS {
        let connected = Connected::start(kind, word).await;
        let job = connected.open(&[write("a.txt", "a\n"), Turn::say("Done.")], json!({})).await;
        connected.world.ended_as(&job, "FINISHED").await;
        merged_unseen(&connected.world, &connected.repository, &job).await;
        connected.world.delete(&job.agent).await;
    }
}
