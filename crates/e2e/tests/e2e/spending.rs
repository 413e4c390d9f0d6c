//! Time, money and tokens: limits in plain words with the work kept, and nothing used that is not counted.

use e2e::world::{Job, World, prompt, shell, write};
use fakes::scripted::script::{Fault, Turn};
use serde_json::{Value, json};

/// A model whose tokens cost something.
const PRICED: &str = r#"
[models]
default = "priced"

[[models.list]]
id = "priced"
dialect = "anthropic"
base_url = "MODEL"
input_price = 3.0
output_price = 15.0
cache_write_price = 3.75
cache_read_price = 0.3
"#;

fn cents(run: &Value) -> f64 {
    run["usage"]["cost"]["rawCostCents"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_at_its_budget_in_plain_words_with_the_work_kept() {
    let world = World::with_model(PRICED, Default::default()).await;
    let repository = world.repository("sample");
    let turns = [write("work.txt", "so far\n"), Turn { forever: true, ..shell("echo again") }];
    let body = json!({
        "prompt": {"text": prompt(&turns)}, "repos": [{"url": repository.url()}],
        "limits": {"costCents": 4},
    });
    let job = world.open(body).await;
    let run = world.ended(&job).await;
    assert_eq!(
        (run["status"].as_str(), run["error"]["code"].as_str()),
        (Some("ERROR"), Some("limit_cost")),
        "{run:#}"
    );
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains("$0.04") && message.contains("raise the limit"), "{message}");
    assert!(cents(&run) >= 4.0, "{run:#}");
    let events = world.events(&job.agent).await;
    let told = events.iter().any(|entry| entry["event"]["code"] == "soft_cost");
    assert!(told, "the model was told before");
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    assert_eq!(repository.file(branch, "work.txt"), "so far");
    world.assert_usable(&job.agent).await;
    world.end().await;
}

async fn cancel(world: &World, job: &Job) -> Value {
    world.api.poke(&format!("/v1/agents/{}/runs/{}/cancel", job.agent, job.run)).await.expect(200);
    world.ended_as(job, "CANCELLED").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cancelled_run_used_is_counted_to_the_last_step() {
    let world = World::with_model(PRICED, Default::default()).await;
    // While a command runs: the message that called it is counted.
    let job = world.chore(&[shell("sleep 600")]).await;
    world.watch(&job.agent).until(|event| event["type"] == "ToolCalled").await;
    let run = cancel(&world, &job).await;
    assert!(cents(&run) > 0.0 && run["usage"]["totalTokens"].as_u64().unwrap() > 0, "{run:#}");
    // While the model speaks: what the provider has counted, and what was heard.
    let said = "word ".repeat(2000);
    let speaking = Turn { text: Some(said), fault: Some(Fault::Stall), ..Turn::default() };
    let job = world.send(&job.agent, &[speaking]).await;
    let mut stream = world.stream(&job, None).await;
    while !stream.next().await.expect("the model speaks").data.to_string().contains("word") {}
    let run = cancel(&world, &job).await;
    let output = run["usage"]["outputTokens"].as_u64().unwrap();
    assert!(cents(&run) > 0.0 && output > 0, "{run:#}");
    let events = world.events(&job.agent).await;
    let ends = events.iter().filter(|entry| {
        entry["event"]["type"] == "StepFinished" && entry["event"]["run"] == job.run.as_str()
    });
    assert_eq!(ends.count(), 1);
    let usage = world.api.get(&format!("/v1/agents/{}/usage", job.agent)).await.expect(200);
    let listed = usage["runs"].as_array().unwrap().iter().find(|row| row["id"] == job.run.as_str());
    assert_eq!(listed.unwrap()["usage"], run["usage"]);
    world.assert_usable(&job.agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_model_is_asked_again_after_the_configured_time() {
    let config = "[models]\nscripted_url = \"MODEL\"\nstall_seconds = 1\n";
    let world = World::with_model(config, Default::default()).await;
    let silent = Turn { fault: Some(Fault::Stall), ..Turn::say("Here I am.") };
    let job = world.chore(&[silent]).await;
    let run = world.ended_as(&job, "FINISHED").await;
    assert_eq!(run["result"], "Here I am.");
    let events = world.events(&job.agent).await;
    let attempts = events.iter().filter(|entry| entry["event"]["type"] == "StepStarted");
    assert_eq!(attempts.count(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_command_does_not_keep_the_model_from_wrapping_up() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let turns = [
        write("work.txt", "so far\n"),
        shell("echo begun; sleep 600"),
        write("wrapped.txt", "up\n"),
        Turn::say("I wrapped up."),
    ];
    let body = json!({"prompt": {"text": prompt(&turns)}, "repos": [{"url": repository.url()}], "limits": {"minutes": 1}});
    let job = world.open(body).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(
        outputs[1].contains("begun") && outputs[1].contains("in the background"),
        "{outputs:?}"
    );
    let events = world.events(&job.agent).await;
    assert!(events.iter().any(|entry| entry["event"]["code"] == "soft_time"));
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    assert_eq!(repository.file(branch, "wrapped.txt"), "up");
    world.end().await;
}
