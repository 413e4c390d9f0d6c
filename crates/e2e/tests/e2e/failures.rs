//! What goes wrong in the life of a run: it ends with code, plain words and phase, the work so far is
//! kept, and the agent stays usable.

use e2e::host;
use e2e::samples::Repository;
use e2e::world::{Job, World, prompt, shell, write};
use fakes::scripted::script::{Do, Fault, Turn};
use serde_json::{Value, json};

/// The run ended with this code in this phase, in words.
#[track_caller]
fn assert_failed(run: &Value, phase: &str, codes: &[&str]) {
    let error = &run["error"];
    let code = error["code"].as_str().unwrap_or_default();
    assert_eq!(
        (run["status"].as_str(), error["phase"].as_str()),
        (Some("ERROR"), Some(phase)),
        "{run:#}"
    );
    assert!(codes.contains(&code), "{code} is not one of {codes:?}: {error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.len() > 20 && message.contains(' '), "{message:?} is not plain words");
    println!("{phase}/{code}: {message}");
}

async fn fails_on(world: &World, url: &str, more: Value, phase: &str, codes: &[&str]) -> Job {
    let mut repo = json!({"url": url});
    let mut body = json!({"prompt": {"text": prompt(&[Turn::say("Done.")])}});
    for (key, value) in more.as_object().unwrap() {
        match key.as_str() {
            "startingRef" => repo[key] = value.clone(),
            _ => body[key] = value.clone(),
        }
    }
    body["repos"] = json!([repo]);
    let job = world.open(body).await;
    assert_failed(&world.ended(&job).await, phase, codes);
    assert_eq!(world.agent(&job.agent).await["status"], "IDLE");
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_cannot_be_used_is_explained() {
    let world = World::start().await;
    let repos = world.repos();
    let none = json!({});
    fails_on(
        &world,
        &repos.join("none.git").display().to_string(),
        none.clone(),
        "repository",
        &["repository_missing"],
    )
    .await;
    std::fs::create_dir(repos.join("folder")).unwrap();
    fails_on(
        &world,
        &repos.join("folder").display().to_string(),
        none.clone(),
        "repository",
        &["repository_missing"],
    )
    .await;
    let empty = Repository::empty(&repos, "empty");
    let job =
        fails_on(&world, &empty.url(), none.clone(), "repository", &["repository_empty"]).await;
    empty.push("main", "Begin", &[("a.txt", "a\n")]);
    world.assert_usable(&job.agent).await;
    let sample = world.repository("sample");
    fails_on(&world, &sample.url(), json!({"startingRef": "nope"}), "repository", &["ref_missing"])
        .await;
    fails_on(
        &world,
        &sample.url(),
        json!({"startingRef": "1234567890123456789012345678901234567890"}),
        "repository",
        &["ref_missing"],
    )
    .await;
    fails_on(
        &world,
        &sample.url(),
        json!({"branchName": "main"}),
        "repository",
        &["default_branch_refused"],
    )
    .await;
    fails_on(
        &world,
        &sample.url(),
        json!({"startingRef": "main", "workOnCurrentBranch": true}),
        "repository",
        &["default_branch_refused"],
    )
    .await;
    sample.push("taken", "Take it", &[("b.txt", "b\n")]);
    fails_on(
        &world,
        &sample.url(),
        json!({"branchName": "taken"}),
        "repository",
        &["branch_exists"],
    )
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_without_a_branch_or_without_a_server_is_explained() {
    let world = World::start().await;
    let none = json!({});
    let detached = world.repository("detached");
    let head = detached.head("main").unwrap();
    detached.git(&["update-ref", "--no-deref", "HEAD", &head]);
    detached.git(&["update-ref", "refs/tags/v1", &head]);
    detached.git(&["update-ref", "-d", "refs/heads/main"]);
    fails_on(&world, &detached.url(), none.clone(), "repository", &["no_base_branch"]).await;
    fails_on(&world, "http://127.0.0.1:1/x.git", none, "repository", &["repository_unreachable"])
        .await;
    world.end().await;
}

fn failing(fault: Fault, times: u32) -> Vec<Turn> {
    let turn = Turn { fault: Some(fault), fault_times: times, ..Turn::say("Done.") };
    vec![write("work.txt", "so far\n"), turn]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_ends_the_run_with_the_work_kept() {
    let world = World::start().await;
    for (fault, codes) in [
        (Fault::WrongKey, ["model_auth"]),
        (Fault::UnknownModel, ["model_unknown"]),
        (Fault::Refusal, ["model_refused"]),
    ] {
        let repository = world.repository(&format!("{fault:?}"));
        let job = world.errand(&repository, &failing(fault, 1000)).await;
        let run = world.ended(&job).await;
        assert_failed(&run, "model", &codes);
        let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
        assert_eq!(repository.file(branch, "work.txt"), "so far");
        world.assert_usable(&job.agent).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_stumbles_is_asked_again() {
    let world = World::start().await;
    let faults = [
        Fault::RateLimited(1),
        Fault::Overloaded,
        Fault::ServerError,
        Fault::ErrorInStream,
        Fault::Cut,
        Fault::ShortStream,
        Fault::Malformed,
    ];
    let jobs = futures::future::join_all(faults.map(|fault| {
        let world = &world;
        async move { (fault, world.chore(&failing(fault, 1)).await) }
    }))
    .await;
    for (fault, job) in jobs {
        let run = world.ended(&job).await;
        assert_eq!(
            (run["status"].as_str(), run["result"].as_str()),
            (Some("FINISHED"), Some("Done.")),
            "{fault:?}: {run:#}"
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_command_ends_at_its_time_limit() {
    let world = World::start().await;
    let hang = |limit: u64| Do::Call {
        name: "shell".to_owned(),
        arguments: json!({"command": "echo begun; sleep 600 & sleep 600", "timeout_ms": limit}),
    };
    let job =
        world.chore(&[Turn::act(vec![hang(700)]), shell("echo after"), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[0].contains("begun") && outputs[0].contains("time"), "{outputs:?}");
    assert!(outputs[1].contains("after"));
    let left = host::processes_of_agent(&job.agent);
    assert!(!left.iter().any(|process| process.command == "sleep 600"), "{left:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_at_its_limits_with_the_work_kept() {
    let world = World::start().await;
    let endless =
        vec![write("work.txt", "so far\n"), Turn { forever: true, ..shell("echo again") }];
    for (name, limits, code) in [
        ("steps", json!({"steps": 4}), "limit_steps"),
        ("tokens", json!({"tokens": 9000}), "limit_tokens"),
    ] {
        let repository = world.repository(name);
        let body = json!({"prompt": {"text": prompt(&endless)}, "repos": [{"url": repository.url()}], "limits": limits});
        let job = world.open(body).await;
        let run = world.ended(&job).await;
        assert_failed(&run, "model", &[code]);
        let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
        assert_eq!(repository.file(branch, "work.txt"), "so far");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_expires_with_the_work_kept() {
    let world = World::start().await;
    let repository = world.repository("sample");
    // The first long command is left alone when little time is left, the second meets the end.
    let turns = [write("work.txt", "so far\n"), shell("sleep 600"), shell("sleep 601")];
    let body = json!({"prompt": {"text": prompt(&turns)}, "repos": [{"url": repository.url()}], "limits": {"minutes": 1}});
    let job = world.open(body).await;
    let mut watcher = world.watch(&job.agent);
    watcher.until(|event| event["type"] == "ToolCalled" && event["name"] == "shell").await;
    let (mut noticed, mut ended) = (false, false);
    while !ended {
        let event = watcher.next().await;
        noticed |= event["type"] == "Noticed";
        ended = event["type"] == "RunEnded";
    }
    let run = world.run(&job).await;
    assert_eq!(run["status"], "EXPIRED", "{run:#}");
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    assert_eq!(repository.file(branch, "work.txt"), "so far");
    assert!(noticed, "the model was told before the end");
    world.assert_usable(&job.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_the_remote_refuses_is_made_up_for_later() {
    let world = World::start().await;
    let repository = world.repository("sample");
    repository.hook("pre-receive", "#!/bin/sh\necho 'the freeze is on' >&2\nexit 1\n");
    let job = world.errand(&repository, &[write("work.txt", "so far\n"), Turn::say("Done.")]).await;
    let run = world.ended(&job).await;
    assert_failed(&run, "push", &["push_refused"]);
    assert!(run["error"]["message"].as_str().unwrap().contains("the freeze is on"), "{run:#}");
    assert!(run["git"].is_null(), "nothing is reported that is not on the remote: {run:#}");
    repository.hook("pre-receive", "#!/bin/sh\nexit 0\n");
    // With a command: a mere answer may be over before the workspace is ready to be published.
    let next = world.send(&job.agent, &[shell("true"), Turn::say("Again.")]).await;
    let run = world.ended_as(&next, "FINISHED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().expect("a branch");
    assert_eq!(repository.file(branch, "work.txt"), "so far");
    world.end().await;
}

/// A command that waits until it is let go.
const GATE: &str = "until [ -e /workspace/go ]; do sleep 0.02; done; rm -f /workspace/go";

/// Waits until the gate is reached and opens it.
async fn open_gate(agent: &str, between: impl FnOnce()) {
    let mut seen = None;
    e2e::world::eventually("the gate is reached", async || {
        seen = host::processes_of_agent(agent)
            .into_iter()
            .find(|process| process.command.contains("/workspace/go"));
        seen.is_some()
    })
    .await;
    between();
    std::fs::write(format!("/proc/{}/root/workspace/go", seen.expect("a process").pid), "")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_pushes_meanwhile_is_merged_or_handed_to_the_agent_once() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[write("ours.txt", "1\n"), Turn::say("One.")]).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap().to_owned();

    let clean =
        world.send(&job.agent, &[write("ours.txt", "2\n"), shell(GATE), Turn::say("Two.")]).await;
    let mut theirs = String::new();
    open_gate(&job.agent, || {
        theirs = repository.push(&branch, "A person's", &[("theirs.txt", "theirs\n")])
    })
    .await;
    world.ended_as(&clean, "FINISHED").await;
    // The workspace has it too, before anybody works there again.
    let inside = host::processes_of_agent(&job.agent).pop().expect("a machine").pid;
    let theirs_inside = format!("/proc/{inside}/root/workspace/sample/theirs.txt");
    assert_eq!(std::fs::read_to_string(theirs_inside).unwrap(), "theirs\n");
    assert_eq!(
        (repository.file(&branch, "ours.txt"), repository.file(&branch, "theirs.txt")),
        ("2".to_owned(), "theirs".to_owned())
    );
    repository.git(&["merge-base", "--is-ancestor", &theirs, &branch]);

    let conflict = world
        .send(&job.agent, &[write("theirs.txt", "ours now\n"), shell(GATE), Turn::say("Three.")])
        .await;
    open_gate(&job.agent, || {
        theirs = repository.push(&branch, "Another", &[("theirs.txt", "theirs again\n")])
    })
    .await;
    let run = world.ended(&conflict).await;
    assert_failed(&run, "push", &["push_conflict"]);
    assert!(run["error"]["message"].as_str().unwrap().contains("theirs.txt"), "{run:#}");
    let mut watcher = world.watch(&job.agent);
    let asked = watcher
        .until(|event| event["type"] == "Asked" && event["options"]["automatic"] == true)
        .await;
    let automatic = asked["run"].as_str().unwrap().to_owned();
    watcher.until_ended(&automatic).await;
    let run = world.run(&Job { agent: job.agent.clone(), run: automatic }).await;
    println!("the automatic follow-up ended {} with {}", run["status"], run["error"]);
    repository.git(&["merge-base", "--is-ancestor", &theirs, &branch]);
    let asked = world
        .events(&job.agent)
        .await
        .iter()
        .filter(|entry| entry["event"]["options"]["automatic"] == true)
        .count();
    assert_eq!(asked, 1, "a conflict is handed to the agent once");
    world.end().await;
}
