//! Files go back to how they were after an earlier run, and nothing is lost by it.

use e2e::victim::{Part, Victim};
use e2e::world::{Job, World, eventually, prompt, shell, write};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

/// Where the ignored file and the others stand.
const LOOK: &str =
    "cat README.md new.txt late.txt deps/kept; git status --porcelain; git log --format=%s -1";

async fn restore(world: &World, agent: &str, run: &str) -> Job {
    let path = format!("/v1/agents/{agent}/restores");
    let answer = world.api.post(&path, &json!({ "runId": run })).await.expect(201);
    Job { agent: agent.to_owned(), run: answer["run"]["id"].as_str().unwrap().to_owned() }
}

/// Lets a machine go on whose startup command waits for a file.
async fn let_go(world: &World, agent: &str) {
    let path = format!("/v1/agents/{agent}/files/content?path=/home/agent/go");
    eventually("the machine is let", async || {
        let put = world.api.request(reqwest::Method::PUT, &path).body("go");
        e2e::api::send("PUT", put).await.status == 200
    })
    .await;
}

fn branch(run: &Value) -> String {
    run["git"]["branches"][0]["branch"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_back_in_a_commit_on_top_and_what_was_there_is_kept() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    repository.push("main", "Ignore", &[(".gitignore", "deps/\n"), ("README.md", "before\n")]);
    let first = [
        write("README.md", "first\n"),
        shell(
            "mkdir -p a deps; echo first > a/one; chmod +x a/one; ln -s one a/link; echo kept > deps/kept",
        ),
        Turn::say("Done."),
    ];
    let one = world.errand(&repository, &first).await;
    let run = world.ended_as(&one, "FINISHED").await;
    let branch = branch(&run);
    let tree = |at: &str| repository.git(&["rev-parse", &format!("{at}^{{tree}}")]);
    let after_first = tree(&branch);
    let second = [
        write("README.md", "second\n"),
        shell(
            "git mv a/one two; rm a/link; echo new > new.txt; git add -A; git commit -qm 'Their own'",
        ),
        Turn::say("Done."),
    ];
    let two = world.send(&one.agent, &second).await;
    world.ended_as(&two, "FINISHED").await;
    let pushed = repository.git(&["rev-parse", &branch]);
    // A person edits meanwhile.
    let late =
        "/v1/agents/{}/files/content?path=/workspace/sample/late.txt".replace("{}", &one.agent);
    let put = world.api.request(reqwest::Method::PUT, &late).body("late\n");
    assert_eq!(e2e::api::send("PUT", put).await.status, 200);

    let asked = world.model.requests().len();
    let back = restore(&world, &one.agent, &one.run).await;
    let run = world.ended_as(&back, "FINISHED").await;
    assert_eq!(world.model.requests().len(), asked, "no model was asked");
    let result = run["result"].as_str().unwrap();
    assert!(result.contains("refs/errand/before/"), "{result}");
    assert_eq!(repository.git(&["rev-parse", &format!("{branch}^")]), pushed, "on top");
    assert_eq!(tree(&branch), after_first, "as after the first run");
    assert!(
        repository.git(&["log", "-1", "--format=%s", &branch]).starts_with("Put the files back")
    );
    let kept =
        "git show $(git for-each-ref --format='%(refname)' refs/errand/before | head -1):late.txt";
    let look = [shell(LOOK), shell(kept), Turn::say("Seen.")];
    world.ended_as(&world.send(&one.agent, &look).await, "FINISHED").await;
    let outputs = world.outputs(&one.agent).await;
    let [.., seen, late] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert!(seen.contains("first\n") && seen.contains("kept\nPut the files back"), "{seen}");
    assert!(!seen.contains("new\n") && late.contains("late"), "{seen} {late}");
    let told = world.model.requests().last().unwrap().body.clone();
    assert!(told.contains("Put the files back to how they were after"), "the model knows");
    assert!(told.contains("The files are as they were. What was not committed"), "{told}");

    // Forward again, over a crash.
    let forward = restore(&world, &one.agent, &two.run).await;
    world.kill();
    world.boot();
    world.ended_as(&forward, "FINISHED").await;
    assert_eq!(tree(&branch).trim(), tree(pushed.trim()).trim());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_gone_back_to_is_refused_in_words() {
    let world = World::start().await;
    let chore = world.chore(&[shell("true"), Turn::say("Done.")]).await;
    world.ended_as(&chore, "FINISHED").await;
    let path = format!("/v1/agents/{}/restores", chore.agent);
    let to = |run: &str| json!({ "runId": run });
    world.api.post(&path, &to(&chore.run)).await.refused(409, "nothing_to_restore");
    world.api.post(&path, &to("run-1")).await.refused(400, "validation_error");
    let unknown = "run-01900000-0000-7000-8000-000000000000";
    world.api.post(&path, &to(unknown)).await.refused(404, "run_not_found");
    world.api.post(&path, &json!({})).await.refused(400, "validation_error");
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[Turn::say("First.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let busy = world.send(&job.agent, &[shell("sleep 30"), Turn::say("Never.")]).await;
    let path = format!("/v1/agents/{}/restores", job.agent);
    world.api.post(&path, &to(&job.run)).await.refused(409, "agent_busy");
    let cancel = format!("/v1/agents/{}/runs/{}/cancel", busy.agent, busy.run);
    world.api.poke(&cancel).await.expect(200);
    world.ended_as(&busy, "CANCELLED").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_meanwhile_is_for_the_model_and_its_work_outlives_the_machine() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    // The machine comes up when it is let.
    let startup = "until [ -e ~/go ]; do sleep 0.02; done; rm ~/go";
    let first = prompt(&[write("work.txt", "first\n"), Turn::say("Done.")]);
    let body = json!({
        "prompt": {"text": first}, "repos": [{"url": repository.url()}], "startupCommands": [startup],
    });
    let job = world.open(body).await;
    let at = |what: &str| format!("/v1/agents/{}/{what}", job.agent);
    let_go(&world, &job.agent).await;
    world.ended_as(&job, "FINISHED").await;
    let second = world.send(&job.agent, &[write("work.txt", "second\n"), Turn::say("Done.")]).await;
    world.ended_as(&second, "FINISHED").await;
    world.api.poke(&at("archive")).await.expect(200);
    eventually("the machine sleeps", async || {
        world.agent(&job.agent).await["sandbox"]["state"] == "none"
    })
    .await;
    world.api.poke(&at("unarchive")).await.expect(200);

    let back = restore(&world, &job.agent, &job.run).await;
    eventually("it began", async || world.run(&back).await["status"] == "RUNNING").await;
    let turns = [
        shell(
            "cat work.txt; echo after >> work.txt; touch ~/begun; until [ -e ~/on ]; do sleep 0.1; done",
        ),
        shell("cat work.txt"),
        Turn::say("Done."),
    ];
    let steer = json!({"prompt": {"text": prompt(&turns)}, "whenBusy": "steer"});
    assert_eq!(world.api.post(&at("runs"), &steer).await.expect(201)["steered"], true);
    let_go(&world, &job.agent).await;
    eventually("the model works", async || {
        world.api.get(&at("files/content?path=/home/agent/begun")).await.status == 200
    })
    .await;
    // Whoever goes on must not put back what the model has done since.
    world.kill();
    assert!(Victim::find(&job.agent, Part::Guest).unwrap().kill());
    world.boot();
    let_go(&world, &job.agent).await;
    world.ended_as(&back, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs.last().unwrap().contains("first\nafter"), "{outputs:#?}");
    let branch = branch(&world.run(&back).await);
    assert_eq!(repository.git(&["show", &format!("{branch}:work.txt")]), "first\nafter");
    world.end().await;
}
