//! An environment file as people have it written, and its terminals as they sit down at them.

use super::person::Person;
use e2e::world::{World, prompt, write};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};

/// Where the file lies.
const FILE: &str = ".errand/environment.json";

#[tokio::test(flavor = "multi_thread")]
async fn people_sit_down_at_the_terminals_of_the_file_by_name() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let text = r#"{
        "terminals": [{"name": "web", "command": "echo serv''ing in $PWD; sleep 4244"}],
        "start": "exit 7"
    }"#;
    repository.push("main", "Describe the machine", &[(FILE, text)]);
    let turns = [e2e::world::shell("tmux capture-pane -p -t web || true"), Turn::say("Done.")];
    let job = world.errand(&repository, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    let person = Person::of(&world);
    let mut terminal = person.sits(&["attach", &job.agent, "web"]);
    terminal.shows("serving in /workspace/sample");
    // What runs there is a person's to end; a shell is left.
    terminal.keys("\x03");
    terminal.shows("it ended with status 130");
    terminal.line("echo sh''ell");
    terminal.shows("\nshell");
    terminal.keys("\x1d");
    assert_eq!(terminal.ends(), 0);
    let log = person.says(&["watch", "--plain", "--from-start", &job.agent]);
    assert!(log.contains("terminal web: echo"), "{log}");
    assert!(log.contains("`start` of .errand/environment.json ended with status 7"), "{log}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_writes_the_file_and_another_tries_it() {
    let world = World::with("[builds]\nautomatic = false\n").await;
    let repository = world.repository("sample");
    let (person, url) = (Person::of(&world), repository.url());
    let hint = |file: &str, says: &str| prompt(&[write(FILE, file), Turn::say(says)]);
    let report = "Done.\nTOOL: bash 5\nMISSING SECRET: SHOP_KEY: the payment tests";
    let good = hint(r#"{"install": "echo brought > ~/brought"}"#, report);
    let told = person.says(&["env", "init", "--json", "--repo", &url, &good]);
    let readiness: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&readiness["type"], &readiness["ready"]), (&json!("readiness"), &json!(true)));
    assert_eq!(
        (&readiness["file"], &readiness["phases"][0]["phase"]),
        (&json!(FILE), &json!("install"))
    );
    assert_eq!(readiness["tools"], json!(["bash 5"]), "{readiness}");
    assert_eq!(readiness["missingSecrets"], json!(["SHOP_KEY: the payment tests"]));
    let branch = readiness["branch"].as_str().unwrap();
    assert!(repository.file(branch, FILE).contains("brought"), "it is on its branch");

    let bad = hint(r#"{"install": "echo no luck; exit 7"}"#, "Done.");
    let output = person.errand(&["env", "init", "--repo", &url, &bad]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("✗ install") && text.contains("ended with status 7"), "{text}");
    let all = world.api.get("/v1/agents").await.expect(200);
    for agent in all["items"].as_array().unwrap() {
        world.delete(agent["id"].as_str().unwrap()).await;
    }
    world.end().await;
}
