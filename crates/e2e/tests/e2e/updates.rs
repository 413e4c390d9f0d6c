//! A pull request whose base has moved: a person has the base merged into its branch, wherever the pull request is kept.

use crate::forges::Connected;
use e2e::api::{Answer, send};
use e2e::samples::Repository;
use e2e::world::{Job, World, prompt, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// Would stop a push that brought it.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n-----END OPENSSH PRIVATE KEY-----\n";

async fn pull(world: &World, job: &Job) -> Value {
    let path = format!("/v1/agents/{}/pull-requests", job.agent);
    world.api.get(&path).await.expect(200)["items"][0].clone()
}

async fn update(world: &World, job: &Job, pull: &Value) -> Answer {
    let path = format!("/v1/agents/{}/pull-requests/{}/update", job.agent, pull["number"]);
    send("update", world.api.request(Method::POST, &path).json(&json!({}))).await
}

async fn told(world: &World, job: &Job) -> usize {
    let events = world.events(&job.agent).await;
    events.iter().filter(|event| event["event"]["type"] == "BranchUpdated").count()
}

async fn opened(world: &World, repository: &Repository, turns: &[Turn]) -> Job {
    let repos = json!([{"url": repository.url()}]);
    let text = prompt(turns);
    world.open(json!({"prompt": {"text": text}, "repos": repos, "autoCreatePR": true})).await
}

/// Works, and shows what it ran.
async fn worked(world: &World, repository: &Repository) -> Job {
    let turns = [write("one.txt", "1\n"), shell("test -e one.txt"), Turn::say("One.")];
    let job = opened(world, repository, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_gets_what_its_base_has_become() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = worked(&world, &repository).await;
    let before = pull(&world, &job).await;
    assert_eq!(before["behind"], 0);
    assert_eq!(before["evidence"]["commands"].as_array().unwrap().len(), 1, "{before:#}");
    let base = repository.push("main", "Go on", &[("theirs.txt", "2\n"), ("old.pem", KEY)]);
    repository.push("main", "Go on again", &[("more.txt", "3\n")]);
    assert_eq!(pull(&world, &job).await["behind"], 2);

    let updated = update(&world, &job, &before).await.expect(200);
    let branch = before["head"].as_str().unwrap();
    let head = repository.head(branch).unwrap();
    assert_eq!((updated["commit"].as_str(), &updated["behind"]), (Some(&*head), &json!(0)));
    assert_eq!(repository.git(&["rev-list", "--count", &format!("{branch}..main")]), "0");
    let parent = repository.git(&["rev-parse", &format!("{branch}^1")]);
    assert_eq!(Some(parent.as_str()), before["commit"].as_str(), "nothing was rewritten");
    let said = repository.git(&["log", "-1", "--format=%an%n%B", branch]);
    assert!(said.contains("Requested-by: ") && said.contains("Merge main into"), "{said}");
    assert!(repository.git(&["cat-file", "commit", branch]).contains("BEGIN SSH SIGNATURE"));
    // What came with the base is not the agent's, and nothing was run with it.
    assert_eq!((&updated["stat"], &updated["review"]), (&before["stat"], &before["review"]));
    assert_eq!(updated["evidence"]["commands"], json!([]), "{updated:#}");
    let diff = world.api.get(&format!("/v1/agents/{}/diff", job.agent)).await.expect(200);
    assert_eq!(diff["repos"][0]["files"].as_array().unwrap().len(), 1, "{diff:#}");

    let again = update(&world, &job, &before).await.expect(200);
    assert_eq!((again["commit"].as_str(), told(&world, &job).await), (Some(&*head), 1));
    let audit = world.api.get("/v1/audit?kind=pull_request").await.expect(200);
    assert!(audit["items"].to_string().contains("pull_request.updated"), "{audit:#}");

    // The next run begins there, and the gate has nothing against what the base brought.
    let more = [shell("cat theirs.txt more.txt > two.txt"), Turn::say("Two.")];
    let more = world.send(&job.agent, &more).await;
    world.ended_as(&more, "FINISHED").await;
    assert_eq!(repository.file(branch, "two.txt"), "2\n3");
    assert!(repository.git(&["rev-list", branch]).contains(&base));
    let last = pull(&world, &job).await;
    assert_eq!(last["stat"]["files"], 2, "{last:#}");
    let path = format!("/v1/agents/{}/pull-requests/1/merge", job.agent);
    let body = json!({"commit": last["commit"]});
    assert_eq!(world.api.post(&path, &body).await.expect(200)["state"], "merged");
    update(&world, &job, &before).await.refused(409, "pull_request_not_open");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_changed_is_for_the_agent_and_nothing_is_done() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let mine = "def add(a, b):\n    return a + b\n";
    let job = opened(&world, &repository, &[write("calc.py", mine), Turn::say("Mended.")]).await;
    world.ended_as(&job, "FINISHED").await;
    repository.push("main", "Mend", &[("calc.py", "def add(a, b):\n    return b + a\n")]);
    let before = pull(&world, &job).await;
    let refused = update(&world, &job, &before).await.expect(409);
    let message = refused["error"]["message"].as_str().unwrap();
    assert_eq!(refused["error"]["code"], "merge_conflict");
    assert!(message.contains("calc.py") && message.contains("errand send"), "{message}");
    assert_eq!(
        repository.head(before["head"].as_str().unwrap()).as_deref(),
        before["commit"].as_str()
    );
    assert_eq!(
        (pull(&world, &job).await["behind"].clone(), told(&world, &job).await),
        (json!(1), 0)
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_work_is_left_alone_and_two_at_once_are_one() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = worked(&world, &repository).await;
    let before = pull(&world, &job).await;
    repository.push("main", "Go on", &[("theirs.txt", "2\n")]);
    let waits = "until [ -e /workspace/go ]; do sleep 0.05; done";
    let mut watcher = world.watch(&job.agent);
    let second = world.send(&job.agent, &[shell(waits), Turn::say("Waited.")]).await;
    watcher.until_type("RunStarted").await;
    update(&world, &job, &before).await.refused(409, "agent_busy");
    let cancel = format!("/v1/agents/{}/runs/{}/cancel", job.agent, second.run);
    world.api.poke(&cancel).await.expect(200);
    world.ended_as(&second, "CANCELLED").await;

    let both = tokio::join!(update(&world, &job, &before), update(&world, &job, &before));
    let commits = [both.0.expect(200)["commit"].clone(), both.1.expect(200)["commit"].clone()];
    let branch = before["head"].as_str().unwrap();
    assert_eq!(commits[0], commits[1]);
    assert_eq!(repository.git(&["rev-list", "--merges", "--count", branch]), "1");
    assert_eq!(told(&world, &job).await, 1);
    // A person who pushes meanwhile loses nothing.
    repository.push(branch, "By hand", &[("hand.txt", "4\n")]);
    repository.push("main", "Go on again", &[("more.txt", "3\n")]);
    update(&world, &job, &before).await.expect(200);
    for (file, content) in [("hand.txt", "4"), ("more.txt", "3"), ("one.txt", "1")] {
        assert_eq!(repository.file(branch, file), content);
    }
    repository.push(branch, "By hand again", &[("hand.txt", "5\n")]);
    let now = pull(&world, &job).await;
    assert_eq!((&now["state"], &now["number"]), (&json!("open"), &before["number"]), "{now:#}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_on_every_host() {
    for (kind, word) in crate::forges::KINDS {
        let connected = Connected::start(kind, word).await;
        let Connected { world, repository, .. } = &connected;
        let turns = [shell("echo hello > hello.txt"), Turn::say("There is a greeting now.")];
        let job = connected.open(&turns, json!({})).await;
        world.ended_as(&job, "FINISHED").await;
        let before = pull(world, &job).await;
        repository.push("main", "Go on", &[("theirs.txt", "2\n")]);
        assert_eq!(pull(world, &job).await["behind"], 1, "{kind:?}");
        let updated = update(world, &job, &before).await.expect(200);
        let branch = before["head"].as_str().unwrap();
        let head = repository.head(branch);
        assert_eq!(
            (updated["commit"].as_str(), &updated["behind"]),
            (head.as_deref(), &json!(0)),
            "{kind:?}"
        );
        let again = update(world, &job, &before).await.expect(200);
        assert_eq!((again["commit"].as_str(), told(world, &job).await), (head.as_deref(), 1));
        assert_eq!(repository.file(branch, "theirs.txt"), "2");
        // What the host tells of may be somebody else's, which is not here.
        repository.push(branch, "By hand", &[("hand.txt", "3\n")]);
        let now = pull(world, &job).await;
        let moved = repository.head(branch);
        assert_eq!((now["commit"].as_str(), &now["review"]), (moved.as_deref(), &Value::Null));
        world.delete(&job.agent).await;
    }
}
