//! Machines prepared ahead: agents begin with what a build left, whatever becomes of later builds.

use e2e::api::send;
use e2e::count::count;
use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, prompt, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Where the environment file lies.
const FILE: &str = ".errand/environment.json";
/// Brings what is in no commit.
const INSTALL: &str = "mkdir -p deps && echo brought > deps/marker && echo once >> ~/installs";

/// A repository whose machine is made so.
fn installing(world: &World, install: &str) -> Repository {
    let repository = world.repository("sample");
    describe(&repository, install);
    repository
}

fn describe(repository: &Repository, install: &str) {
    let text = json!({ "install": install }).to_string();
    repository.push("main", "Describe the machine", &[(FILE, &text), (".gitignore", "deps/\n")]);
}

async fn builds(world: &World) -> Vec<Value> {
    let body = world.api.get("/v1/builds").await.expect(200);
    body["items"].as_array().unwrap().clone()
}

async fn start(world: &World, repository: &Repository) -> Value {
    let body = json!({"repos": [{"url": repository.url()}]});
    world.api.post("/v1/builds", &body).await.expect(201)
}

/// Waits until no build is at work; the newest one.
async fn built(world: &World, status: &str) -> Value {
    eventually("a build is over", async || {
        let builds = builds(world).await;
        !builds.is_empty() && builds.iter().all(|build| build["status"] != "RUNNING")
    })
    .await;
    let newest = builds(world).await.remove(0);
    assert_eq!(newest["status"], status, "{newest:#}");
    newest
}

/// What the set-up of an agent came to, and the phases of its workspace.
async fn set_up(world: &World, agent: &str) -> (Vec<Value>, Vec<String>) {
    let events = world.events(agent).await;
    let of = |kind: &'static str| {
        events.iter().map(|entry| &entry["event"]).filter(move |event| event["type"] == kind)
    };
    let outcomes = of("SetUpFinished").map(|event| event["outcome"]["type"].clone()).collect();
    let phases = of("PhaseFinished").map(|event| event["phase"].as_str().unwrap().to_owned());
    (outcomes, phases.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_agent_begins_with_what_the_first_one_had_to_install() {
    let world = World::start().await;
    let repository = installing(&world, INSTALL);
    let first = world.errand(&repository, &[shell("cat deps/marker"), Turn::say("Done.")]).await;
    world.ended_as(&first, "FINISHED").await;
    assert_eq!(set_up(&world, &first.agent).await.0, ["done"]);
    let build = built(&world, "READY").await;
    assert_eq!((&build["origin"], &build["current"]), (&json!("automatic"), &json!(true)));
    assert!(build["files"].as_u64().unwrap() > 3, "{build:#}");
    let log = set_up(&world, build["id"].as_str().unwrap()).await;
    assert_eq!(log.0, ["done"], "its log is that of an agent");
    let listed = world.api.get("/v1/agents").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "builds are no agents to talk to");

    // What the remote has by now is fetched on top of what the build had.
    repository.push("main", "Go on", &[("news.txt", "new\n"), ("README.md", "other\n")]);
    let look = "cat deps/marker news.txt README.md ~/installs; git status --porcelain; git branch";
    let turns = [shell(look), write("work.txt", "done\n"), Turn::say("Done.")];
    let second = world.errand(&repository, &turns).await;
    let run = world.ended_as(&second, "FINISHED").await;
    let (outcomes, phases) = set_up(&world, &second.agent).await;
    assert_eq!(outcomes, ["kept"]);
    assert!(phases.contains(&"snapshot".to_owned()), "{phases:?}");
    let output = world.outputs(&second.agent).await.remove(0);
    assert!(output.contains("brought\nnew\nother\nonce\n* errand/"), "{output}");
    assert!(!output.contains("errand/build"), "{output}");
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    let changed = repository.git(&["diff", "--name-only", "main", branch]);
    assert_eq!(changed.trim(), "work.txt");
    assert_eq!(builds(&world).await.len(), 1, "there was nothing to install, so nothing to build");
    let again = [shell("cat deps/marker work.txt"), Turn::say("Still.")];
    world.ended_as(&world.send(&second.agent, &again).await, "FINISHED").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_branch_has_installed_is_in_nobody_elses_machine() {
    let world = World::start().await;
    let repository = installing(&world, INSTALL);
    let trojan =
        "mkdir -p ~/.local/bin && touch ~/.local/bin/git && echo 'touch ~/ran' >> ~/.bashrc";
    let text = json!({ "install": trojan }).to_string();
    repository.push("topic", "Plant", &[(FILE, &text)]);
    let look = "ls ~/.local/bin 2>/dev/null; grep -s ran ~/.bashrc; echo looked";
    let body = json!({
        "prompt": {"text": prompt(&[shell(look), Turn::say("Done.")])},
        "repos": [{"url": repository.url(), "startingRef": "topic"}],
    });
    let planted = world.open(body).await;
    world.ended_as(&planted, "FINISHED").await;
    let output = world.outputs(&planted.agent).await.remove(0);
    assert!(output.contains("git\ntouch ~/ran\nlooked"), "it was installed: {output}");
    assert!(builds(&world).await.is_empty(), "T-CTX 08: only the default branch is built");

    let turns = [shell(look), Turn::say("Done.")];
    let first = world.errand(&repository, &turns).await;
    world.ended_as(&first, "FINISHED").await;
    built(&world, "READY").await;
    let second = world.errand(&repository, &turns).await;
    world.ended_as(&second, "FINISHED").await;
    assert_eq!(set_up(&world, &second.agent).await.0, ["kept"]);
    for job in [first, second] {
        let output = world.outputs(&job.agent).await.remove(0);
        assert!(output.ends_with("\nlooked\n") && !output.contains("git"), "T-CTX 08: {output}");
        assert!(!output.contains("ran"), "T-CTX 08: {output}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_changes_nothing_and_says_why() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = installing(&world, INSTALL);
    start(&world, &repository).await;
    let good = built(&world, "READY").await;
    describe(&repository, "echo out of luck; exit 7");
    start(&world, &repository).await;
    let bad = built(&world, "FAILED").await;
    let why = bad["failure"]["message"].as_str().unwrap();
    assert!(why.contains("status 7") && why.contains("out of luck"), "{why}");
    let layer = |build: &Value| format!("/v1/builds/{}", build["layer"].as_str().unwrap());
    let pin = async |build: &Value, pinned: bool| {
        let request = world.api.request(Method::PATCH, &layer(build));
        e2e::api::send("pin", request.json(&json!({ "pinned": pinned }))).await
    };
    pin(&bad, true).await.refused(409, "build_not_ready");
    assert_eq!(pin(&good, true).await.expect(200)["current"], true);
    let job = world.errand(&repository, &[shell("cat deps/marker"), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("brought"));
    assert_eq!(set_up(&world, &job.agent).await.0, ["failed"], "the file asks for more by now");

    let message = world
        .api
        .post(
            &format!("/v1/agents/{}/runs", text(&good, "id")),
            &json!({"prompt": {"text": "hello"}}),
        )
        .await;
    message.refused(409, "is_build");
    let none = json!({"repos": []});
    world.api.post("/v1/builds", &none).await.refused(400, "validation_error");
    assert_eq!(pin(&good, false).await.expect(200)["pinned"], false);
    world.api.delete(&layer(&good)).await.expect(200);
    world.api.delete(&layer(&good)).await.refused(404, "build_not_found");
    // Its agent goes on over a layer that nobody else will begin with.
    let again = [shell("cat deps/marker"), Turn::say("Still.")];
    world.ended_as(&world.send(&job.agent, &again).await, "FINISHED").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_leaves_no_half_made_build() {
    let mut world = World::with("[builds]\nautomatic = false\n").await;
    let repository = installing(&world, &format!("sleep 0.3; {INSTALL}"));
    for round in 0..count(4, 100) {
        start(&world, &repository).await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..900))).await;
        world.kill();
        world.boot();
        built(&world, "READY").await;
        let look = shell("cat deps/marker ~/installs");
        let job = world.errand(&repository, &[look, Turn::say("Done.")]).await;
        world.ended_as(&job, "FINISHED").await;
        let (outcomes, _) = set_up(&world, &job.agent).await;
        assert_eq!(outcomes, ["kept"], "round {round}");
        let output = world.outputs(&job.agent).await.remove(0);
        assert!(output.contains("brought\nonce"), "round {round}: {output}");
        assert_eq!(output.matches("once").count(), 1, "round {round}: {output}");
        world.delete(&job.agent).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_set_up_by_hand_is_what_others_begin_with() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let work = [shell("echo tool > ~/tool; echo half >> README.md; sleep 0.5"), Turn::say("Done.")];
    let job = world.errand(&repository, &work).await;
    let path = format!("/v1/agents/{}/snapshot", job.agent);
    eventually("there is a disk to keep", async || world.api.poke(&path).await.status == 202).await;
    world.api.poke(&path).await.refused(409, "agent_busy");
    // The run is not disturbed: its disk is kept when it is over.
    world.ended_as(&job, "FINISHED").await;
    let kept = {
        eventually("the machine is kept", async || !builds(&world).await.is_empty()).await;
        built(&world, "READY").await
    };
    assert_eq!((&kept["origin"], &kept["id"]), (&json!("kept"), &json!(job.agent)));
    let look = [shell("cat ~/tool; git status --porcelain; tail -1 README.md"), Turn::say("Done.")];
    let other = world.errand(&repository, &look).await;
    world.ended_as(&other, "FINISHED").await;
    let output = world.outputs(&other.agent).await.remove(0);
    assert!(output.contains("tool\n") && !output.contains("half"), "{output}");
    let again = [shell("tail -1 README.md"), Turn::say("Still.")];
    world.ended_as(&world.send(&job.agent, &again).await, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[1].contains("half"), "its own work is as it was");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_sleeps_and_wakes_again_and_again_has_its_files() {
    sleep_with_files("", "mkfifo ~/a/pipe").await;
}

/// Looks at the files of a machine that sleeps again and again, on a server with this configuration.
pub async fn sleep_with_files(config: &str, make_more: &str) {
    let world = World::with(config).await;
    let repository = world.repository("sample");
    let fill = "mkdir -p ~/a/b && for n in $(seq 200); do head -c $((n * 37)) /dev/urandom > ~/a/b/$n; done; \
                ln -s nowhere ~/a/link; chmod 600 ~/a/b/7; touch -d @1000000000 ~/a/b/9";
    let sum = "cd ~/a && find . -printf '%p %m %T@ %s %y %l\\n' | sort | sha256sum; cat b/* | sha256sum; git -C /workspace/sample status --porcelain | sha256sum";
    let job = world
        .errand(
            &repository,
            &[shell(format!("{fill}; {make_more}")), shell(sum), Turn::say("Done.")],
        )
        .await;
    world.ended_as(&job, "FINISHED").await;
    let before = world.outputs(&job.agent).await[1].clone();
    let at = |what: &str| format!("/v1/agents/{}/{what}", job.agent);
    for round in 0..count(3, 100) {
        world.api.poke(&at("archive")).await.expect(200);
        eventually("the machine sleeps", async || {
            world.agent(&job.agent).await["sandbox"]["state"] == "none"
        })
        .await;
        world.api.poke(&at("unarchive")).await.expect(200);
        let again = world.send(&job.agent, &[shell(sum), Turn::say("Same.")]).await;
        world.ended_as(&again, "FINISHED").await;
        let after = world.outputs(&job.agent).await.pop().unwrap();
        assert_eq!(after, before, "round {round}");
    }
    world.end().await;
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

async fn fork(world: &World, agent: &str, body: &Value) -> (String, String) {
    let answer = world.api.post(&format!("/v1/agents/{agent}/forks"), body).await.expect(201);
    let id = |what: &str| text(&answer[what], "id").to_owned();
    (id("agent"), id("run"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_goes_on_with_files_and_conversation_on_a_branch_of_its_own() {
    fork_twice("").await;
}

/// Forks an agent of a server with this configuration, from its end and from an earlier point.
pub async fn fork_twice(config: &str) {
    let world = World::with(config).await;
    let repository = world.repository("sample");
    let work = [
        shell(
            "echo hidden > ~/note; echo one > one.txt; printf 'deps/\\n' > .gitignore; mkdir deps; echo lib > deps/lib",
        ),
        Turn::say("The first is done."),
    ];
    let first = world.errand(&repository, &work).await;
    world.ended_as(&first, "FINISHED").await;
    let second =
        world.send(&first.agent, &[write("two.txt", "two\n"), Turn::say("And two.")]).await;
    world.ended_as(&second, "FINISHED").await;

    let look = "cat ~/note one.txt deps/lib; ls two.txt; git status --porcelain; git log --format=%s | head -2";
    let turns = [shell(look), write("three.txt", "three\n"), Turn::say("Forked.")];
    let body = json!({"prompt": {"text": e2e::world::prompt(&turns)}});
    let (agent, run) = fork(&world, &first.agent, &body).await;
    let forked = e2e::world::Job { agent, run };
    let ended = world.ended_as(&forked, "FINISHED").await;
    let outputs = world.outputs(&forked.agent).await;
    assert!(
        outputs.iter().any(|output| output.contains("hidden\none\nlib\ntwo.txt")),
        "{outputs:#?}"
    );
    let branch = ended["git"]["branches"][0]["branch"].as_str().unwrap();
    let files = repository.git(&["diff", "--name-only", "main", branch]);
    assert_eq!(
        files.split_whitespace().collect::<Vec<_>>(),
        [".gitignore", "one.txt", "three.txt", "two.txt"]
    );
    let asked = world.model.requests();
    let asked = asked.iter().rev().find(|request| request.body.contains("three.txt")).unwrap();
    assert!(asked.body.contains("The first is done.") && asked.body.contains("And two."));
    let usage = world.agent(&forked.agent).await;
    assert!(usage["usage"] != world.agent(&first.agent).await["usage"], "it pays for itself alone");

    // From an earlier point: what came later is neither in the files nor in the conversation.
    let turns = [shell("ls *.txt; cat deps/lib; git status --porcelain"), Turn::say("Earlier.")];
    let body = json!({"prompt": {"text": e2e::world::prompt(&turns)}, "runId": first.run, "branchName": "errand/again"});
    let (agent, run) = fork(&world, &first.agent, &body).await;
    let earlier = e2e::world::Job { agent, run };
    world.ended_as(&earlier, "FINISHED").await;
    let output = world.outputs(&earlier.agent).await.pop().unwrap();
    assert!(output.contains("one.txt\nlib") && !output.contains("two.txt"), "{output}");
    let asked = world.model.requests().pop().unwrap();
    assert!(asked.body.contains("The first is done.") && !asked.body.contains("And two."));

    // Whoever was forked goes on as it was, and may go.
    let again = [shell("cat ~/note one.txt two.txt; ls three.txt"), Turn::say("Still.")];
    world.ended_as(&world.send(&first.agent, &again).await, "FINISHED").await;
    let output = world.outputs(&first.agent).await.pop().unwrap();
    assert!(output.contains("hidden\none\ntwo") && output.contains("No such file"), "{output}");
    world.delete(&first.agent).await;
    let again = [shell("cat ~/note three.txt"), Turn::say("Still.")];
    world.ended_as(&world.send(&forked.agent, &again).await, "FINISHED").await;
    assert!(world.outputs(&forked.agent).await.pop().unwrap().contains("hidden\nthree"));
    for agent in [&forked.agent, &earlier.agent] {
        world.delete(agent).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_forked_is_refused_in_words() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[shell("sleep 0.5"), Turn::say("Done.")]).await;
    let path = format!("/v1/agents/{}/forks", job.agent);
    let body = json!({"prompt": {"text": "go on"}});
    world.api.post(&path, &body).await.refused(409, "agent_busy");
    world.ended_as(&job, "FINISHED").await;
    let unknown =
        json!({"prompt": {"text": "go on"}, "runId": "run-0190b5a4-7c3e-7bde-8f00-0123456789ab"});
    world.api.post(&path, &unknown).await.refused(404, "run_not_found");
    let branch = json!({"prompt": {"text": "go on"}, "branchName": "a..b"});
    world.api.post(&path, &branch).await.refused(400, "invalid_branch_name");
    world.api.post(&path, &json!({"prompt": {"text": " "}})).await.refused(400, "validation_error");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_can_be_forked_as_often_as_one_likes() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let line = shell("echo line >> ~/lines");
    let source = world.errand(&repository, &[line.clone(), Turn::say("Done.")]).await;
    world.ended_as(&source, "FINISHED").await;
    let look = prompt(&[shell("wc -l < ~/lines"), Turn::say("Done.")]);
    // More than a disk can stand on.
    for nth in 1..=count(2, 70) {
        let (agent, run) = fork(&world, &source.agent, &json!({"prompt": {"text": look}})).await;
        world.ended_as(&Job { agent: agent.clone(), run }, "FINISHED").await;
        let output = world.outputs(&agent).await.pop().unwrap();
        assert!(output.trim_end().ends_with(&format!("\n{nth}")), "{nth}: {output}");
        world.delete(&agent).await;
        let more = world.send(&source.agent, &[line.clone(), Turn::say("Done.")]).await;
        world.ended_as(&more, "FINISHED").await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_travels_to_another_server() {
    let here = World::start().await;
    let repository = installing(&here, INSTALL);
    start(&here, &repository).await;
    let build = built(&here, "READY").await;
    let layer = build["layer"].as_str().unwrap();
    let path = format!("/v1/builds/{layer}/file");
    let file = here.api.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/zstd");
    let file = file.error_for_status().unwrap().bytes().await.unwrap();

    let there = World::start().await;
    let same = Repository::empty(&there.repos(), "sample");
    let other = Repository::empty(&there.repos(), "other");
    repository.git(&["push", &same.url(), "main"]);
    let take = async |bytes: &[u8], repos: &str| {
        let path = format!("/v1/builds/file?repos={repos}");
        let request = there.api.request(Method::POST, &path).body(bytes.to_vec());
        send("import a build", request).await
    };
    let urls = same.url();
    take(&file[..file.len() / 2], &urls).await.refused(400, "build_file_invalid");
    take(b"another file", &urls).await.refused(400, "build_file_invalid");
    take(&file, &format!("{urls},{urls}")).await.refused(400, "validation_error");
    let words = take(&file, &other.url()).await.refused(400, "validation_error");
    assert!(words.contains("\"other\"") && words.contains("\"sample\""), "{words}");
    take(&file, "https://").await.refused(400, "validation_error");
    assert_eq!(builds(&there).await, [] as [Value; 0]);

    let taken = take(&file, &urls).await.expect(201);
    for key in ["layer", "commits", "files"] {
        assert_eq!(taken[key], build[key], "{key}");
    }
    assert_eq!((&taken["origin"], &taken["current"]), (&json!("imported"), &json!(true)));
    take(&file, &urls).await.refused(409, "build_exists");
    // What git noted about the files is true of the copies: it need not look at them.
    let look = "git diff-files; cat deps/marker ~/installs; git log --oneline | wc -l";
    let turns = [shell(look), write("work.txt", "done\n"), Turn::say("Done.")];
    let agent = there.errand(&same, &turns).await;
    let run = there.ended_as(&agent, "FINISHED").await;
    assert_eq!(set_up(&there, &agent.agent).await.0, ["kept"]);
    let output = there.outputs(&agent.agent).await.remove(0);
    assert!(output.contains("\nbrought\nonce\n"), "{output}");
    assert!(!output.contains(":100644"), "{output}");
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    assert_eq!(same.git(&["diff", "--name-only", "main", branch]), "work.txt");
    // What came from elsewhere goes like any other, and goes on from here.
    let again = there.api.request(Method::GET, &path).send().await.unwrap();
    assert!(again.error_for_status().unwrap().bytes().await.unwrap().len() > 1000);
    let forget = async || there.api.delete(&format!("/v1/builds/{layer}")).await.expect(200);
    forget().await;
    assert_eq!(builds(&there).await, [] as [Value; 0]);
    take(&file, &urls).await.expect(201);
    forget().await;
    here.api
        .get("/v1/builds/layer-00000000-0000-0000-0000-000000000001/file")
        .await
        .refused(404, "build_not_found");
    there.end().await;
    here.end().await;
}
