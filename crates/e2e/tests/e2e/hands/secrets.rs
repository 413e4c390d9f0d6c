//! Secrets as people add them: an agent has what is meant to be inside, and nobody reads it anywhere.

use super::person::{Person, said};
use e2e::world::{World, prompt, shell};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;

/// What no answer, event or log line may hold.
const VALUE: &str = "e2e-plain-5b1d9c37";
const GRANT: &str = "e2e-grant-a70c44f2";

/// `errand secret` with a value on standard input.
fn given(person: &Person, value: &str, arguments: &[&str]) -> String {
    let mut command = person.errand(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    said(child.wait_with_output().unwrap(), arguments)
}

fn assert_clean(what: &str, text: &str) {
    let encoded = "ZTJlLXBsYWluLTViMWQ5YzM3";
    for hidden in [VALUE, GRANT, encoded] {
        assert!(!text.contains(hidden), "{what} holds {hidden}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_a_plain_secret_and_nothing_that_is_kept_or_shown_tells_it() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let person = Person::of(&world);
    let mut told =
        given(&person, &format!("{VALUE}\n"), &["secret", "set", "DEPLOY_TOKEN", "--plain"]);
    told += &given(&person, GRANT, &["secret", "set", "NPM_TOKEN", "--team"]);
    told += &person.says(&["secret", "list"]);
    told += &person.says(&["secret", "list", "--json"]);
    assert!(told.contains("plain: its value is in the machine"), "{told}");
    assert!(told.contains("a grant for registry.npmjs.org (header, basic)"), "{told}");
    assert_clean("the command line", &told);

    let turns = [
        shell(
            "sleep 0.5; printf '%s' \"live:${DEPLOY_TOKEN:0:9}\"; sleep 0.5; echo \"${DEPLOY_TOKEN:9}:over\"",
        ),
        shell(
            "echo length ${#DEPLOY_TOKEN}, npm ${NPM_TOKEN:0:6}; printf %s \"$DEPLOY_TOKEN\" | base64",
        ),
        shell(
            "echo x > made; git add made; git commit -qm \"Use $DEPLOY_TOKEN\"; echo more >> made",
        ),
        Turn::say(format!("The token is {VALUE}.")),
    ];
    let job = world
        .open(json!({"prompt": {"text": prompt(&turns)}, "repos": [{"url": repository.url()}], "autoCreatePR": true}))
        .await;
    let mut watcher = world.watch(&job.agent);
    let mut live = Vec::new();
    loop {
        let event = watcher.next().await;
        live.append(&mut watcher.deltas);
        if event["type"] == "RunEnded" {
            assert_eq!(event["status"], "FINISHED", "{event}");
            break;
        }
    }
    let shown: String = live
        .iter()
        .filter(|delta| delta["type"] == "output" && delta["stream"] == "stdout")
        .filter_map(|delta| delta["text"].as_str())
        .collect();
    assert!(shown.contains("live:[REDACTED]:over"), "{shown}");
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[0].contains("live:[REDACTED]:over"), "{outputs:?}");
    assert!(outputs[1].contains("length 18, npm errand\n[REDACTED]"), "{outputs:?}");
    // What the model itself was told to say is its own; what it saw is not among it.
    let returned: Vec<Value> = world.events(&job.agent).await;
    let returned = returned.iter().filter(|entry| entry["event"]["type"] == "ToolReturned");
    assert_clean("the log", &returned.map(Value::to_string).collect::<String>());
    assert_clean("live output", &shown);
    let agent = world.agent(&job.agent).await;
    let branch = agent["branchName"].as_str().unwrap();
    let commits = repository.git(&["log", "--format=%B", branch]);
    assert!(commits.contains("Use [REDACTED]"), "{commits}");
    assert_clean("messages of commits", &commits);
    let pulls = world.api.get(&format!("/v1/agents/{}/pull-requests", job.agent)).await.expect(200);
    assert!(pulls.to_string().contains("The token is [REDACTED]."), "{pulls:#}");
    assert_clean("pull requests", &pulls.to_string());
    assert_clean("the server's log", &world.log_text());
    assert_clean("the API", &world.api.get("/v1/secrets").await.expect(200).to_string());

    person.says(&["secret", "remove", "DEPLOY_TOKEN"]);
    let again =
        world.send(&job.agent, &[shell("echo now ${DEPLOY_TOKEN-gone}"), Turn::say("Done.")]).await;
    world.ended_as(&again, "FINISHED").await;
    assert!(world.outputs(&job.agent).await.pop().unwrap().contains("now gone"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_is_told_line_by_line_and_nothing_is_plain_by_itself() {
    let world = World::start().await;
    let person = Person::of(&world);
    let file = person.home().join(".env");
    let text =
        format!("# the shop\nexport NPM_TOKEN='{GRANT}'\nDATABASE_URL=\"{VALUE}\"\nLEVEL=debug\n");
    std::fs::write(&file, text).unwrap();
    let output = person.errand(&["secret", "import", ".env"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("NPM_TOKEN  a grant for registry.npmjs.org"), "{told}");
    assert!(told.contains("DATABASE_URL  not added: its hosts are not known"), "{told}");
    assert_clean("what is told", &told);
    let told = person.says(&["secret", "import", ".env", "--plain"]);
    assert!(told.contains("NPM_TOKEN  a grant for"), "what has hosts stays a grant: {told}");
    assert!(told.contains("DATABASE_URL  plain: its value is in the machine"), "{told}");
    assert!(told.contains("LEVEL  a variable, no secret"), "{told}");
    let mut terminal = person.sits(&["secret", "set", "TYPED_TOKEN", "--host", "api.example.com"]);
    terminal.shows("Value of TYPED_TOKEN: ");
    terminal.line(VALUE);
    terminal.shows("a grant for api.example.com");
    assert_eq!(terminal.ends(), 0);
    let (code, complaint) = person.fails(&["secret", "set", "BAD-NAME", "--value-file", ".env"]);
    assert!(code == 2 && complaint.contains("name: has letters"), "{complaint}");
    let job = world
        .chore(&[shell("echo $LEVEL ${#DATABASE_URL} ${NPM_TOKEN:0:6}"), Turn::say("Done.")])
        .await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("debug 18 errand"));
    world.end().await;
}
