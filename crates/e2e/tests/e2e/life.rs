//! The main job over the API, from opening an agent to its deletion.

use e2e::api::send;
use e2e::host;
use e2e::world::{World, assert_clean, prompt, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::time::Duration;

/// A run that lasts until it is cancelled.
fn endless() -> Vec<Turn> {
    vec![shell("sleep 600")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_becomes_a_pushed_branch_and_a_pull_request() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let before = repository.head("main").unwrap();
    let turns = [
        write("calc.py", "def add(a, b):\n    return a + b\n")
            .text("I fix the sign.")
            .thinking("The sign is wrong."),
        shell("python3 -B -c 'import calc; print(calc.add(2, 3))'"),
        Turn::say("Fixed and tried."),
    ];
    let body = json!({"prompt": {"text": prompt(&turns)}, "name": "Fix the sign", "repos": [{"url": repository.url()}], "autoCreatePR": true});
    let job = world.open(body).await;
    let run = world.ended_as(&job, "FINISHED").await;
    assert_eq!(run["result"], "Fixed and tried.");
    assert!(run["durationMs"].as_u64().unwrap() > 0);
    let branch = &run["git"]["branches"][0];
    let name = branch["branch"].as_str().unwrap();
    assert!(name.starts_with("errand/fix-the-sign-"), "{name}");
    assert!(!branch["repoUrl"].as_str().unwrap().contains("://"), "{branch}");
    assert_eq!(repository.head(name).as_deref(), branch["commit"].as_str());
    assert_eq!(repository.file(name, "calc.py"), "def add(a, b):\n    return a + b");
    assert_eq!(repository.git(&["rev-parse", &format!("{name}^")]), before);
    assert_eq!(repository.head("main"), Some(before), "the base branch is never touched");
    repository.git(&["fsck", "--full", "--strict"]);
    let message = repository.git(&["log", "-1", "--format=%B", name]);
    assert!(message.contains(&job.agent), "the agent is named in the commit: {message}");
    assert!(world.outputs(&job.agent).await[1].contains('5'));

    let pulls = world.api.get(&format!("/v1/agents/{}/pull-requests", job.agent)).await.expect(200);
    let pull = &pulls["items"][0];
    assert_eq!(
        (pull["head"].as_str(), pull["base"].as_str(), pull["state"].as_str()),
        (Some(name), Some("main"), Some("open"))
    );
    assert_eq!(pull["commit"], branch["commit"]);
    assert_eq!(branch["prUrl"], pull["url"]);
    assert!(pull["body"].as_str().unwrap().contains("Fixed and tried."), "{pull:#}");
    let diff = world.api.get(&format!("/v1/agents/{}/diff", job.agent)).await.expect(200);
    assert_eq!(diff["repos"][0]["stat"], json!({"files": 1, "additions": 1, "deletions": 1}));
    assert!(diff["repos"][0]["files"][0]["patch"].as_str().unwrap().contains("+    return a + b"));

    let merged = world
        .api
        .post(&format!("/v1/agents/{}/pull-requests/1/merge", job.agent), &json!({}))
        .await
        .expect(200);
    assert_eq!(merged["state"], "merged");
    assert_eq!(repository.file("main", "calc.py"), "def add(a, b):\n    return a + b");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_goes_on_where_the_run_before_ended() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[write("one.txt", "1\n"), Turn::say("One.")]).await;
    let first = world.ended_as(&job, "FINISHED").await;
    let branch = first["git"]["branches"][0]["branch"].as_str().unwrap().to_owned();
    let next = world
        .send(&job.agent, &[shell("cat one.txt > two.txt; echo 2 >> two.txt"), Turn::say("Two.")])
        .await;
    let second = world.ended_as(&next, "FINISHED").await;
    assert_eq!(repository.file(&branch, "two.txt"), "1\n2");
    assert_eq!(repository.git(&["rev-list", "--count", &format!("main..{branch}")]), "2");
    assert_eq!(
        second["git"]["branches"][0]["commit"].as_str(),
        repository.head(&branch).as_deref()
    );
    assert_eq!(world.run(&job).await["git"], second["git"], "git belongs to the agent");

    let quiet = world.send(&job.agent, &[Turn::say("Nothing to do.")]).await;
    world.ended_as(&quiet, "FINISHED").await;
    assert_eq!(
        repository.git(&["rev-list", "--count", &format!("main..{branch}")]),
        "2",
        "no empty commits"
    );
    let runs = world.api.get(&format!("/v1/agents/{}/runs", job.agent)).await.expect(200);
    let ids: Vec<_> =
        runs["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&quiet.run, &next.run, &job.run], "newest first");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_agent_refuses_queues_or_is_steered_as_asked() {
    let world = World::start().await;
    let job = world
        .chore(&[
            shell("until [ -e /workspace/go ]; do sleep 0.05; done; echo gone-on"),
            shell("echo second"),
            Turn::say("First."),
        ])
        .await;
    let runs = format!("/v1/agents/{}/runs", job.agent);
    let mut watcher = world.watch(&job.agent);
    watcher.until_type("ToolCalled").await;
    let plain = json!({"prompt": {"text": "And then?"}});
    world.api.post(&runs, &plain).await.refused(409, "agent_busy");
    let ask =
        |how: &str, turns: &[Turn]| json!({"prompt": {"text": prompt(turns)}, "whenBusy": how});
    let queued = world.api.post(&runs, &ask("queue", &[Turn::say("Queued.")])).await.expect(201);
    assert_eq!(queued["run"]["status"], "CREATING");
    let steer = json!({"prompt": {"text": "Mind the gap."}, "whenBusy": "steer"});
    let steered = world.api.post(&runs, &steer).await.expect(201);
    assert_eq!(
        (steered["steered"].as_bool(), steered["run"]["id"].as_str()),
        (Some(true), Some(job.run.as_str()))
    );
    assert_eq!(world.agent(&job.agent).await["queuedRuns"], 1);
    assert_eq!(world.agent(&job.agent).await["status"], "ACTIVE");

    world
        .api
        .poke(&format!("{runs}/{}/cancel", queued["run"]["id"].as_str().unwrap()))
        .await
        .expect(200);
    let again =
        world.api.post(&runs, &ask("queue", &[Turn::say("Queued again.")])).await.expect(201);
    let again = again["run"]["id"].as_str().unwrap();
    // Only a person's own hand lets the first command go on.
    let waiting = host::processes_of_agent(&job.agent);
    let inside = waiting
        .iter()
        .find(|process| process.command.contains("until"))
        .expect("the command is running");
    std::fs::write(format!("/proc/{}/root/workspace/go", inside.pid), "").unwrap();
    watcher.until_type("SteerTaken").await;
    watcher.until_ended(again).await;
    let heard = world.model.requests().iter().any(|request| request.body.contains("Mind the gap."));
    assert!(heard, "the steering message reached the model");
    let run = world.run(&job).await;
    assert_eq!(
        (run["status"].as_str(), run["result"].as_str()),
        (Some("FINISHED"), Some("First."))
    );
    let list = world.api.get(&runs).await.expect(200);
    let statuses: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["FINISHED", "CANCELLED", "FINISHED"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_keeps_its_work_and_frees_the_agent() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[write("half.txt", "half\n"), shell("sleep 600")]).await;
    let mut watcher = world.watch(&job.agent);
    watcher.until(|event| event["type"] == "ToolCalled" && event["name"] == "shell").await;
    let path = format!("/v1/agents/{}/runs/{}/cancel", job.agent, job.run);
    assert_eq!(world.api.poke(&path).await.expect(200), json!({"id": job.run}));
    let run = world.ended_as(&job, "CANCELLED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    assert_eq!(repository.file(branch, "half.txt"), "half");
    world.api.poke(&path).await.refused(409, "run_not_cancellable");
    let sleeping = host::processes_of_agent(&job.agent);
    assert!(!sleeping.iter().any(|process| process.command.contains("sleep 600")), "{sleeping:?}");
    world.assert_usable(&job.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_agent_takes_no_messages_until_it_is_unarchived() {
    let world = World::start().await;
    let job = world.chore(&[Turn::say("Hello.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let path = format!("/v1/agents/{}", job.agent);
    for _ in 0..2 {
        assert_eq!(
            world.api.poke(&format!("{path}/archive")).await.expect(200),
            json!({"id": job.agent})
        );
    }
    assert_eq!(world.agent(&job.agent).await["status"], "ARCHIVED");
    let plain = json!({"prompt": {"text": "Hello?"}});
    world.api.post(&format!("{path}/runs"), &plain).await.refused(409, "agent_archived");
    let ids = |page: &Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|agent| agent["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&world.api.get("/v1/agents").await.expect(200)), [job.agent.as_str()]);
    assert!(ids(&world.api.get("/v1/agents?includeArchived=false").await.expect(200)).is_empty());
    for _ in 0..2 {
        world.api.poke(&format!("{path}/unarchive")).await.expect(200);
    }
    assert_eq!(world.agent(&job.agent).await["status"], "IDLE");
    world.assert_usable(&job.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_agent_leaves_nothing_even_in_the_middle_of_a_run() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &endless()).await;
    world.watch(&job.agent).until_type("ToolCalled").await;
    let path = format!("/v1/agents/{}", job.agent);
    assert_eq!(world.api.delete(&path).await.expect(200), json!({"id": job.agent}));
    world.delete(&job.agent).await;
    assert_clean(&world.data(), std::slice::from_ref(&job.agent)).await;
    for gone in ["", "/runs", "/events", "/diff", "/artifacts", "/usage", "/pull-requests"] {
        world.api.get(&format!("{path}{gone}")).await.refused(404, "agent_not_found");
    }
    world.api.delete(&path).await.refused(404, "agent_not_found");
    world
        .api
        .post(&format!("{path}/runs"), &json!({"prompt": {"text": "Hello?"}}))
        .await
        .refused(404, "agent_not_found");
    assert_eq!(world.api.get("/v1/agents").await.expect(200)["items"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_crash_interrupts_is_finished_after_the_restart() {
    let mut world = World::start().await;
    let job = world.chore(&endless()).await;
    world.watch(&job.agent).until_type("ToolCalled").await;
    world.api.delete(&format!("/v1/agents/{}", job.agent)).await.expect(200);
    world.kill();
    world.boot();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_ready_for_an_agent_that_was_never_opened_goes_after_a_day() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[Turn::say("Done.")]).await;
    world.ended(&job).await;
    world.kill();
    let folders = world.data().join("agents");
    let [never, fresh] =
        [0, 1].map(|n| folders.join(format!("bc-0190b5a4-7c3e-7bde-8f00-{n:012}")));
    let foreign = folders.join("notes");
    let two_days_ago = std::fs::metadata(&folders).unwrap().modified().unwrap()
        - Duration::from_secs(2 * 24 * 60 * 60);
    for folder in [&never, &fresh, &foreign] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("upload-1.pack"), "half").unwrap();
        // As the server would have made it, which is not root.
        let server = std::fs::metadata(&folders).unwrap();
        chown(folder, Some(server.uid()), Some(server.gid())).unwrap();
    }
    for old in [&never, &foreign, &folders.join(&job.agent)] {
        std::fs::File::open(old).unwrap().set_modified(two_days_ago).unwrap();
    }
    world.boot();
    for _ in 0..500 {
        if !never.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!never.exists(), "{}", world.log_text());
    assert!(folders.join(&job.agent).exists(), "an agent that exists lost its folder");
    for kept in [fresh, foreign] {
        std::fs::remove_dir_all(kept).unwrap();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_create_makes_one_agent() {
    let world = World::start().await;
    let body = json!({"prompt": {"text": prompt(&[Turn::say("Hello.")])}});
    let post = |body: &Value| {
        world.api.request(Method::POST, "/v1/agents").header("idempotency-key", "same").json(body)
    };
    let first = send("first", post(&body)).await.expect(201);
    let second = send("second", post(&body)).await.expect(201);
    assert_eq!(first["agent"]["id"], second["agent"]["id"]);
    assert_eq!(first["run"]["id"], second["run"]["id"]);
    let both = futures::future::join_all((0..8).map(|_| {
        send(
            "race",
            world
                .api
                .request(Method::POST, "/v1/agents")
                .header("idempotency-key", "race")
                .json(&body),
        )
    }))
    .await;
    let ids: std::collections::BTreeSet<_> =
        both.into_iter().map(|answer| answer.expect(201)["agent"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "eight at once with one key make one agent");
    let listed = world.api.get("/v1/agents").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    for agent in listed["items"].as_array().unwrap() {
        world.delete(agent["id"].as_str().unwrap()).await;
    }

    let id = format!("bc-{}", uuid::Uuid::new_v4());
    let named = json!({"prompt": {"text": prompt(&[Turn::say("Hello.")])}, "agentId": id});
    let job = world.open(named.clone()).await;
    assert_eq!(job.agent, id);
    world.api.post("/v1/agents", &named).await.refused(409, "agent_id_conflict");
    world.ended_as(&job, "FINISHED").await;

    let runs = format!("/v1/agents/{id}/runs");
    let follow = |key: &str| {
        world.api.request(Method::POST, &runs).header("idempotency-key", key).json(&body)
    };
    let first = send("run", follow("again")).await.expect(201);
    let second = send("run", follow("again")).await.expect(201);
    assert_eq!(first["run"]["id"], second["run"]["id"]);
    world.end().await;
}
