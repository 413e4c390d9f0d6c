//! Other coding agents in a sandbox, unmodified, with a placeholder for a key: they work through the
//! gateway, what they use is counted, and a limit stops them in plain words.

use e2e::count::count;
use e2e::world::{Job, World, prompt, shell, write};
use fakes::scripted::Options;
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Both kinds of models, at a provider that takes the operator's key only.
const CONFIG: &str = r#"
[models]
default = "priced"
inside = true

[[models.list]]
id = "priced"
dialect = "anthropic"
base_url = "MODEL"
api_key = "the-operators-key"
input_price = 3.0
output_price = 15.0
cache_write_price = 3.75
cache_read_price = 0.3

[[models.list]]
id = "answering"
dialect = "openai_responses"
base_url = "MODEL/v1"
api_key = "the-operators-key"
input_price = 3.0
output_price = 15.0
cache_read_price = 0.3
"#;

/// One request to the gateway: path, header of the key, key, body; prints status, denial and body.
const ASK: &str = r#"ask() { curl -sS -D /tmp/head -o /tmp/body -H "$2: $3" -H 'content-type: application/json' -d "$4" "http://errand.internal/model/$1"; head -1 /tmp/head; grep -i x-errand-denied /tmp/head; head -c 600 /tmp/body; echo; }
MESSAGE='{"model":"priced","max_tokens":100,"messages":[{"role":"user","content":"Hello."}]}'
"#;

async fn world() -> World {
    let key = Some("the-operators-key".to_owned());
    World::with_model(CONFIG, Options { key, ..Options::default() }).await
}

fn calls(events: &[Value], kind: &str, run: &str) -> Vec<Value> {
    let events = events.iter().map(|entry| &entry["event"]);
    events.filter(|event| event["type"] == kind && event["run"] == run).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_inside_asks_listed_models_with_its_placeholder_and_is_counted() {
    let world = world().await;
    let script = format!(
        r#"{ASK}
echo "ONE $ANTHROPIC_BASE_URL $OPENAI_BASE_URL"
[ "$ANTHROPIC_API_KEY" = "$ERRAND_MODEL_TOKEN" ] && [ "$OPENAI_API_KEY" = "$ERRAND_MODEL_TOKEN" ] && [ -z "$GEMINI_API_KEY" ] && echo SAME
echo TWO; ask anthropic/v1/messages x-api-key "$ERRAND_MODEL_TOKEN" "$MESSAGE"
echo THREE; ask anthropic/v1/messages x-api-key sk-ant-own "$MESSAGE"
echo FOUR; ask anthropic/v1/messages x-api-key "$ERRAND_MODEL_TOKEN" '{{"model":"other","max_tokens":1,"messages":[]}}'
echo FIVE; ask anthropic/v1/complete x-api-key "$ERRAND_MODEL_TOKEN" '{{}}'
echo SIX; ask openai/v1/chat/completions authorization "Bearer $ERRAND_MODEL_TOKEN" '{{"model":"answering","stream":true,"messages":[{{"role":"user","content":"Hello."}}]}}'
echo SEVEN; curl -sS -H "authorization: Bearer $ERRAND_MODEL_TOKEN" http://errand.internal/model/openai/v1/models; echo"#
    );
    let job = world.chore(&[shell(script), Turn::say("Done.")]).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await.remove(0);
    let part = |from: &str, to: &str| {
        let rest = output.split(from).nth(1).unwrap_or_default();
        rest.split(to).next().unwrap_or_default().to_owned()
    };
    let one = part("ONE", "TWO");
    assert!(one.contains("http://errand.internal/model/anthropic"), "{output}");
    assert!(one.contains("/model/openai/v1") && one.contains("SAME"), "{output}");
    assert!(part("TWO", "THREE").contains("200 OK"), "{output}");
    let own = part("THREE", "FOUR");
    assert!(own.contains(" 403 ") && own.contains("denied: foreign_credential"), "{output}");
    assert!(own.contains("permission_error") && own.contains("ERRAND_MODEL_TOKEN"), "{output}");
    let other = part("FOUR", "FIVE");
    assert!(other.contains("denied: model_not_allowed") && other.contains("priced"), "{output}");
    assert!(part("FIVE", "SIX").contains(" 404 "), "{output}");
    // Nobody asked for the figures of the stream, and they are there.
    let stream = part("SIX", "SEVEN");
    assert!(stream.contains("200 OK") && stream.contains("data: "), "{output}");
    assert!(part("SEVEN", "\n\n").contains("\"answering\""), "{output}");
    let events = world.events(&job.agent).await;
    let called = calls(&events, "ModelCalled", &job.run);
    assert_eq!(called.len(), 2, "{called:#?}");
    assert!(called.iter().all(|call| call["counted"] == "told"), "{called:#?}");
    let cost: u64 = called.iter().map(|call| call["costMicros"].as_u64().unwrap()).sum();
    let steps: u64 = calls(&events, "StepFinished", &job.run)
        .iter()
        .map(|step| step["costMicros"].as_u64().unwrap())
        .sum();
    let counted = run["usage"]["cost"]["rawCostCents"].as_f64().unwrap();
    assert!(cost > 0 && (counted * 10_000.0 - (cost + steps) as f64).abs() < 1.0, "{run:#}");
    let denied = |code: &str| events.iter().any(|entry| entry["event"]["code"] == code);
    assert!(denied("foreign_credential") && denied("model_not_allowed"));
    let usage = world.api.get(&format!("/v1/agents/{}/usage", job.agent)).await.expect(200);
    assert_eq!(usage["cost"], run["usage"]["cost"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_used_up_the_budget_is_refused_for_good_in_plain_words() {
    let world = world().await;
    let script = format!(
        "{ASK}\nMESSAGE=${{MESSAGE/Hello./$(seq 3000 | tr '\\n' ' ')}}\nfor i in $(seq 20); do ask anthropic/v1/messages x-api-key \"$ERRAND_MODEL_TOKEN\" \"$MESSAGE\"; done"
    );
    let body = json!({
        "prompt": {"text": prompt(&[shell(script), Turn::say("Never said.")])},
        "limits": {"costCents": 4},
    });
    let job = world.open(body).await;
    let run = world.ended(&job).await;
    assert_eq!(run["error"]["code"], "limit_cost", "{run:#}");
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(output.contains("200 OK"), "{output}");
    assert!(output.contains("denied: budget_exhausted") && output.contains(" 403 "), "{output}");
    assert!(output.contains("limits.costCents") && !output.contains(" 429 "), "{output}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_model_is_offered_inside_unless_the_operator_wants_it() {
    let world = World::start().await;
    let script = "echo \"[$ANTHROPIC_BASE_URL$ERRAND_MODEL_TOKEN]\"; curl -sS -d '{}' http://errand.internal/model/anthropic/v1/messages";
    let job = world.chore(&[shell(script), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let output = world.outputs(&job.agent).await.remove(0);
    assert!(output.contains("[]") && output.contains("inside = true"), "{output}");
    world.end().await;
}

/// A coding agent as its vendor ships it.
struct Client {
    name: &'static str,
    /// Its program, as npm installs it.
    program: &'static str,
    /// What is run inside, in an empty folder; the prompt is in the file `prompt`.
    command: &'static str,
}

const CLIENTS: [Client; 2] = [
    Client {
        name: "claude",
        program: "@anthropic-ai/claude-code-linux-x64/claude",
        command: "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1 ../claude -p --model priced --dangerously-skip-permissions \"$(cat ../prompt)\" </dev/null",
    },
    Client {
        name: "codex",
        program: "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        command: "../codex exec -m answering -c model_provider=errand -c model_providers.errand.name=Errand -c model_providers.errand.base_url=$OPENAI_BASE_URL -c model_providers.errand.env_key=OPENAI_API_KEY -c model_providers.errand.wire_api=responses --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox \"$(cat ../prompt)\" </dev/null",
    },
];

/// Its program, installed as `clients/package.json` pins it; none without npm or without network.
#[expect(clippy::disallowed_methods, reason = "npm is a program of its own")]
fn program(client: &Client) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let program = folder.join("node_modules").join(client.program);
    if !program.exists() {
        let install = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
        Command::new("npm").args(install).current_dir(folder).output().ok()?;
    }
    program.exists().then_some(program)
}

async fn put(world: &World, job: &Job, path: &str, content: Vec<u8>) {
    let path = format!("/v1/agents/{}/files/content?path=/home/agent/{path}", job.agent);
    let answer = world.api.request(reqwest::Method::PUT, &path).body(content).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// Runs a client with its task; what it printed.
async fn task(
    world: &World,
    job: &Job,
    (client, folder): (&Client, &str),
    turns: &[Turn],
) -> (Job, String) {
    put(world, job, "prompt", prompt(turns).into_bytes()).await;
    let command = format!(
        "cd ~ && chmod +x {name} && mkdir {folder} && cd {folder} && timeout 100 env {command} 2>&1 | tail -c 3000; echo \"WROTE $(cat hello.txt)\"",
        name = client.name,
        command = client.command
    );
    let job = world.send(&job.agent, &[shell(command), Turn::say("Done.")]).await;
    world.ended(&job).await;
    let output = world.outputs(&job.agent).await.pop().unwrap();
    (job, output)
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_coding_agents_work_unmodified_and_stop_at_the_budget() {
    if count(0, 1) == 0 {
        println!("SKIPPED 1: foreign coding agents are tried with ERRAND_TEST_COUNTS=full only");
        return;
    }
    for client in &CLIENTS {
        let Some(program) = program(client) else {
            println!(
                "SKIPPED 1: {} is not installed: npm is missing or has no network",
                client.name
            );
            continue;
        };
        let world = world().await;
        let body = json!({
            "prompt": {"text": prompt(&[shell("true"), Turn::say("Up.")])},
            "limits": {"tokens": 100_000},
        });
        let job = world.open(body).await;
        world.ended_as(&job, "FINISHED").await;
        put(&world, &job, client.name, std::fs::read(&program).unwrap()).await;
        let turns = [write("hello.txt", "written inside\n"), Turn::say("I wrote it.")];
        let (job, output) = task(&world, &job, (client, "one"), &turns).await;
        assert!(output.contains("WROTE written inside"), "{}: {output}", client.name);
        let events = world.events(&job.agent).await;
        let called = calls(&events, "ModelCalled", &job.run);
        assert!(called.len() >= 2, "{}: {called:#?}", client.name);
        assert!(called.iter().all(|call| call["counted"] == "told"), "{called:#?}");
        let total = called.iter().map(|call| call["costMicros"].as_u64().unwrap()).sum::<u64>();
        println!("{} asked {} times for {total} millionths of a dollar", client.name, called.len());
        let endless = [Turn { forever: true, ..shell("echo again") }];
        let (job, output) = task(&world, &job, (client, "two"), &endless).await;
        println!("{} ends with: {output}", client.name);
        assert!(output.contains("limits.tokens"), "{}: {output}", client.name);
        let run = world.run(&job).await;
        assert_eq!(run["error"]["code"], "limit_tokens", "{run:#}");
        world.end().await;
    }
}
