//! Agents follow the environment file of their repository, and none dies of one.

use e2e::samples::Repository;
use e2e::world::{Job, World, eventually, shell, write};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// Where the file lies.
const FILE: &str = ".errand/environment.json";
/// Begins, and goes on once somebody lets it.
const WAITS: &str =
    "echo begun >> ~/installs; until [ -e ~/go ]; do sleep 0.02; done; echo over >> ~/installs";

/// A repository with this file.
fn with(world: &World, file: &Value) -> Repository {
    let repository = world.repository("sample");
    let text = serde_json::to_string_pretty(file).unwrap();
    repository.push("main", "Describe the machine", &[(FILE, &text), (".gitignore", "deps/\n")]);
    repository
}

/// What the log tells of the file.
async fn told(world: &World, agent: &str) -> (Value, Vec<Value>) {
    let events = world.events(agent).await;
    let mut events = events.into_iter().map(|entry| entry["event"].clone());
    let read = events.by_ref().find(|event| event["type"] == "EnvironmentRead").unwrap();
    let phases = events.filter(|event| event["type"] == "SetUpFinished").collect();
    (read["environment"].clone(), phases)
}

fn outcomes(phases: &[Value]) -> Vec<String> {
    let one = |phase: &Value| {
        let (name, outcome) = (phase["phase"].as_str(), phase["outcome"]["type"].as_str());
        format!("{}@{} {}", name.unwrap(), phase["epoch"], outcome.unwrap())
    };
    phases.iter().map(one).collect()
}

/// Lets the machine go; its disk is kept.
async fn asleep(world: &World, agent: &str) {
    world.api.poke(&format!("/v1/agents/{agent}/archive")).await.expect(200);
    eventually("the machine sleeps", async || {
        world.agent(agent).await["sandbox"]["state"] == "none"
    })
    .await;
    world.api.poke(&format!("/v1/agents/{agent}/unarchive")).await.expect(200);
}

/// A file of the machine, as a person reads it.
async fn inside(world: &World, agent: &str, path: &str) -> Option<String> {
    let answer = world.api.get(&format!("/v1/agents/{agent}/files/content?path={path}")).await;
    (answer.status == 200).then_some(answer.text)
}

async fn let_go(world: &World, agent: &str) {
    let path = format!("/v1/agents/{agent}/files/content?path=/home/agent/go");
    let put = world.api.request(Method::PUT, &path).body("go");
    assert_eq!(e2e::api::send("PUT", put).await.status, 200);
}

async fn begun(world: &World, agent: &str) {
    eventually("install has begun", async || {
        inside(world, agent, "/home/agent/installs").await.is_some()
    })
    .await;
}

fn branch(run: &Value) -> String {
    run["git"]["branches"][0]["branch"].as_str().unwrap().to_owned()
}

/// A person who wakes the machine finds the same as a run.
async fn woken(world: &World, agent: &str) {
    asleep(world, agent).await;
    world.api.poke(&format!("/v1/agents/{agent}/wake")).await.expect(202);
    eventually("the terminal is there again", async || {
        let terminals = world.api.get(&format!("/v1/agents/{agent}/terminals")).await;
        terminals.status == 200 && terminals.body["items"][0]["alive"] == true
    })
    .await;
    assert_eq!(inside(world, agent, "/home/agent/starts").await.unwrap().lines().count(), 3);
    assert_eq!(inside(world, agent, "/home/agent/installs").await.unwrap(), "once\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_followed_before_the_first_tool_and_again_when_the_machine_wakes() {
    let world = World::start().await;
    let repository = with(
        &world,
        &json!({
            "name": "shop",
            "snapshot": "snapshot-20260101-a",
            "install": "mkdir -p deps && echo brought > deps/marker && echo once >> ~/installs",
            "start": "(sleep 4243 &) ; echo again >> ~/starts",
            "terminals": [
                {"name": "Web Server", "command": "python3 -m http.server 8123 --directory deps"},
            ],
            "ports": [{"port": 8123, "name": "shop front"}],
        }),
    );
    let fetch = "python3 -c 'import urllib.request as u; print(\"served\", u.urlopen(\"http://127.0.0.1:8123/marker\").read())'";
    let turns = [
        shell("cat deps/marker ~/starts; cat ~/installs"),
        shell(format!("until {fetch} 2>/dev/null; do sleep 0.05; done")),
        write("work.txt", "done\n"),
        Turn::say("Done."),
    ];
    let job = world.errand(&repository, &turns).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[0].contains("brought\nagain\nonce"), "{outputs:#?}");
    assert!(outputs[1].contains("served b'brought"), "{outputs:#?}");
    let files = repository.git(&["ls-tree", "-r", "--name-only", &branch(&run)]);
    assert!(files.contains("work.txt") && !files.contains("deps"), "{files}");

    let (environment, phases) = told(&world, &job.agent).await;
    assert_eq!((&environment["file"], &environment["name"]), (&json!(FILE), &json!("shop")));
    assert_eq!(environment["terminals"][0]["name"], "web-server");
    assert!(
        environment["warnings"][0].as_str().unwrap().contains("`snapshot` is not followed: \"snap")
    );
    assert_eq!(outcomes(&phases), ["install@1 done", "start@1 done", "terminals@1 done"]);
    let events = world.events(&job.agent).await;
    let place = |kind: &str| events.iter().position(|entry| entry["event"]["type"] == kind);
    assert!(place("StepStarted") < place("SetUpFinished"), "the model was asked meanwhile");
    assert!(place("SetUpFinished") < place("ToolCalled"));
    let asked = &world.model.requests()[0].body;
    assert!(asked.contains("web-server (`python3") && asked.contains("8123 (shop front)"));

    let at = |what: &str| format!("/v1/agents/{}/{what}", job.agent);
    let terminals = world.api.get(&at("terminals")).await.expect(200);
    assert_eq!(terminals["items"][0]["name"], "web-server", "{terminals}");
    assert_eq!(terminals["items"][0]["alive"], true);
    let ports = world.api.get(&at("ports")).await.expect(200);
    let front = ports["items"].as_array().unwrap().iter().find(|port| port["port"] == 8123);
    assert_eq!(front.unwrap()["name"], "shop front", "{ports}");

    asleep(&world, &job.agent).await;
    let again = [shell("cat ~/installs ~/starts work.txt; tmux ls || true"), Turn::say("Still.")];
    world.ended_as(&world.send(&job.agent, &again).await, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs.last().unwrap().contains("once\nagain\nagain\ndone"), "{outputs:#?}");
    let (_, phases) = told(&world, &job.agent).await;
    assert_eq!(
        outcomes(&phases[3..]),
        ["install@2 kept", "start@2 done", "terminals@2 done"],
        "the same disk, another machine"
    );
    let terminals = world.api.get(&at("terminals")).await.expect(200);
    assert_eq!(terminals["items"][0]["alive"], true, "{terminals}");

    woken(&world, &job.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_a_warning_and_the_run_still_ends_in_a_pull_request() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let broken = "{\n  \"instal\": \"make\",\n  \"ports\": 80,\n}\n";
    repository.push("main", "Describe the machine", &[(FILE, broken)]);
    let body = json!({
        "prompt": {"text": e2e::world::prompt(&[write("a.txt", "a\n"), Turn::say("Done.")])},
        "repos": [{"url": repository.url()}],
        "autoCreatePR": true,
    });
    let job = world.open(body).await;
    let run = world.ended_as(&job, "FINISHED").await;
    assert!(run["git"]["branches"][0]["prUrl"].is_string(), "{run:#}");
    let (environment, phases) = told(&world, &job.agent).await;
    let problems = environment["problems"].as_array().unwrap();
    let first = problems[0].as_str().unwrap();
    assert!(first.starts_with(".errand/environment.json:2:3  instal: "), "{first}");
    assert!(first.contains("did you mean `install`?"), "{first}");
    assert_eq!((problems.len(), phases.len()), (3, 0), "{problems:#?}");
    assert!(world.model.requests()[0].body.contains("was not followed"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_to_people_and_model_and_the_agent_goes_on() {
    let world = World::start().await;
    let repository = with(
        &world,
        &json!({"install": "echo no such package >&2; exit 3", "start": "kill -9 $$"}),
    );
    let turns = [shell("echo worked"), Turn::say("Done.")];
    let job = world.errand(&repository, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("worked"));
    let (_, phases) = told(&world, &job.agent).await;
    assert_eq!(outcomes(&phases), ["install@1 failed", "start@1 failed"]);
    let failure = &phases[0]["outcome"]["failure"];
    let message = failure["message"].as_str().unwrap();
    assert_eq!((&failure["code"], &failure["phase"]), (&json!("install_failed"), &json!("set_up")));
    assert!(message.contains("status 3") && message.contains("no such package"), "{message}");
    let last = world.model.requests().last().unwrap().body.clone();
    assert!(last.contains("no such package") && last.contains("ended by signal 9"), "{last}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_install_does_not_run_it_twice() {
    let mut world = World::start().await;
    let repository = with(&world, &json!({"install": WAITS}));
    let turns = [shell("cat ~/installs"), Turn::say("Done.")];
    let job: Job = world.errand(&repository, &turns).await;
    begun(&world, &job.agent).await;
    for _ in 0..3 {
        world.kill();
        world.boot();
    }
    eventually("the machine answers again", async || {
        inside(&world, &job.agent, "/home/agent/installs").await.is_some()
    })
    .await;
    let_go(&world, &job.agent).await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[0].contains("begun\nover"), "{outputs:#?}");
    assert_eq!(outputs[0].matches("begun").count(), 1, "{outputs:#?}");
    let (_, phases) = told(&world, &job.agent).await;
    assert_eq!(outcomes(&phases), ["install@1 done"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_ends_install_and_the_next_message_runs_it_again() {
    let world = World::start().await;
    let repository = with(&world, &json!({"install": WAITS}));
    let turns = [shell("cat ~/installs"), Turn::say("Done.")];
    let job = world.errand(&repository, &turns).await;
    begun(&world, &job.agent).await;
    world.api.poke(&format!("/v1/agents/{}/runs/{}/cancel", job.agent, job.run)).await.expect(200);
    world.ended_as(&job, "CANCELLED").await;
    let_go(&world, &job.agent).await;
    world.ended_as(&world.send(&job.agent, &turns).await, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs.last().unwrap().contains("begun\nbegun\nover"), "{outputs:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_the_file_can_be_reached_as_far_as_the_operator_allows() {
    let file = json!({"egressMode": "allow_all", "egressAllowlist": ["listed.example"]});
    let turns = [
        shell("curl -sS http://listed.example/ ; curl -sS http://other.example/ ; true"),
        Turn::say("Done."),
    ];
    for (mode, hosts) in [("packages", json!(["listed.example"])), ("offline", json!(null))] {
        let world = World::with(&format!("[network]\nmode = {mode:?}\n")).await;
        let repository = with(&world, &file);
        let job = world.errand(&repository, &turns).await;
        world.ended_as(&job, "FINISHED").await;
        let (environment, _) = told(&world, &job.agent).await;
        assert_eq!(environment["hosts"], hosts);
        let warning = environment["warnings"].as_array().unwrap().last().unwrap();
        let warning = warning.as_str().unwrap();
        assert!(warning.contains("cannot reach farther") && warning.contains(mode), "{warning}");
        let events = world.events(&job.agent).await;
        let denied: Vec<_> = events
            .iter()
            .filter(|entry| entry["event"]["type"] == "Denied")
            .map(|entry| entry["event"]["host"].as_str().unwrap())
            .collect();
        let expected: &[&str] = if mode == "offline" {
            &["listed.example", "other.example"]
        } else {
            &["other.example"]
        };
        assert_eq!(denied, expected, "{mode}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_no_branch_is_known_to_have_brings_no_file() {
    // A build of the own commit would be what the other agent begins with.
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = with(&world, &json!({"install": "echo once >> ~/installs"}));
    let own = repository.head("main").unwrap();
    // As the head of a fork: the remote gives it to whoever names it.
    repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let text = json!({"install": "echo stranger >> ~/installs"}).to_string();
    let stranger = repository.push("fork", "Describe another machine", &[(FILE, &text)]);
    repository.git(&["update-ref", "refs/pull/1/head", &stranger]);
    repository.git(&["update-ref", "-d", "refs/heads/fork"]);
    for (start, followed) in [(own, true), (stranger, false)] {
        let turns = e2e::world::prompt(&[shell("cat ~/installs || echo none"), Turn::say("Done.")]);
        let repo = json!({"url": repository.url(), "startingRef": start});
        let job = world.open(json!({"prompt": {"text": turns}, "repos": [repo]})).await;
        world.ended_as(&job, "FINISHED").await;
        let output = &world.outputs(&job.agent).await[0];
        let (environment, _) = told(&world, &job.agent).await;
        let expected = if followed { "once" } else { "none" };
        assert!(output.contains(expected) && !output.contains("stranger"), "{output}");
        assert_eq!(environment["problems"].is_null(), followed, "{environment}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_commands_run_before_the_file_each_time_the_machine_comes_up() {
    let mut world = World::start().await;
    let repository = with(&world, &json!({"install": "echo install >> ~/order"}));
    let commands =
        ["git branch --show-current >> ~/order; echo one >> ~/order", "echo $COLOUR >> ~/order"];
    let look = [shell("cat ~/order"), Turn::say("Done.")];
    let body = json!({
        "prompt": {"text": e2e::world::prompt(&look)}, "repos": [{"url": repository.url()}],
        "startupCommands": commands, "envVars": {"COLOUR": "green"}, "branchName": "work/colours",
    });
    let job = world.open(body).await;
    world.ended_as(&job, "FINISHED").await;
    let first = "work/colours\none\ngreen\ninstall\n";
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(output.trim_end().ends_with(&format!("\n{}", first.trim_end())), "{output}");
    let (_, phases) = told(&world, &job.agent).await;
    assert_eq!(outcomes(&phases), ["startup@1 done", "install@1 done"]);
    asleep(&world, &job.agent).await;
    world.kill();
    world.boot();
    world.ended_as(&world.send(&job.agent, &look).await, "FINISHED").await;
    let again = world.outputs(&job.agent).await.pop().unwrap();
    let expected = format!("\n{first}work/colours\none\ngreen");
    assert!(again.trim_end().ends_with(&expected), "{again}");

    // Those of the settings hold for agents that name none, also without a file or a repository.
    let settings =
        json!({"startupCommands": ["echo no such tool >&2; exit 4", "echo never > ~/never"]});
    let change = world.api.request(Method::PATCH, "/v1/settings").json(&settings);
    e2e::api::send("settings", change).await.expect(200);
    let chore = world.chore(&[shell("cat ~/never; pwd"), Turn::say("Done.")]).await;
    world.ended_as(&chore, "FINISHED").await;
    assert!(world.outputs(&chore.agent).await[0].contains("No such file"));
    let events = world.events(&chore.agent).await;
    let event = events.iter().find(|entry| entry["event"]["type"] == "SetUpFinished").unwrap();
    let message = event["event"]["outcome"]["failure"]["message"].as_str().unwrap();
    assert!(message.contains("Startup command 1") && message.contains("no such tool"), "{message}");
    let told = world.model.requests().last().unwrap().body.clone();
    assert!(told.contains("startup commands of this agent were not carried out"), "{told}");
    let plain = json!({"prompt": {"text": "hello"}, "startupCommands": vec!["true"; 21]});
    world.api.post("/v1/agents", &plain).await.refused(400, "validation_error");
    world.end().await;
}
