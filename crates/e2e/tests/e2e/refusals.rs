//! Requests that are refused at the door: each refusal names what is wrong, and nothing is made.

use base64::Engine as _;
use e2e::api::{Answer, send};
use e2e::world::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The smallest body that is accepted, with one thing changed.
fn with(key: &str, value: Value) -> Value {
    let mut body = json!({"prompt": {"text": "Hello."}});
    body[key] = value;
    body
}

fn image(bytes: &[u8], mime: &str) -> Value {
    json!({"data": base64::engine::general_purpose::STANDARD.encode(bytes), "mimeType": mime})
}

fn prompt_with(images: Vec<Value>) -> Value {
    with("prompt", json!({"text": "Hello.", "images": images}))
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

fn bad_prompts() -> Vec<(Value, &'static str)> {
    let variable = |name: &str, value: &str| with("envVars", json!({name: value}));
    let many = |count: usize| {
        (0..count).map(|number| (format!("V{number}"), "x".to_owned())).collect::<BTreeMap<_, _>>()
    };
    vec![
        (json!({}), "prompt"),
        (json!([]), "body"),
        (with("prompt", json!({})), "prompt"),
        (with("prompt", json!("Hello.")), "prompt"),
        (with("prompt", json!({"text": ""})), "prompt.text"),
        (with("prompt", json!({"text": " \n\t"})), "prompt.text"),
        (with("prompt", json!({"text": 5})), "prompt.text"),
        (with("prompt", json!({"text": "x".repeat(100_001)})), "prompt.text"),
        (with("prompt", json!({"text": "x", "colour": "red"})), "colour"),
        (prompt_with(vec![image(PNG, "image/png"); 6]), "prompt.images"),
        (prompt_with(vec![json!({"data": "%%%", "mimeType": "image/png"})]), "prompt.images[0]"),
        (prompt_with(vec![image(PNG, "image/png"), image(PNG, "image/jpeg")]), "prompt.images[1]"),
        (prompt_with(vec![image(b"GIF8....", "image/png")]), "mimeType"),
        (prompt_with(vec![image(b"MZ......", "image/png")]), "prompt.images[0]"),
        (prompt_with(vec![image(PNG, "image/svg+xml")]), "prompt.images[0]"),
        (prompt_with(vec![json!({"data": "AAAA"})]), "mimeType"),
        (prompt_with(vec![json!({})]), "prompt.images[0]"),
        (
            prompt_with(vec![json!({"data": "AAAA", "url": "https://example.com/x.png"})]),
            "prompt.images[0]",
        ),
        (prompt_with(vec![json!({"url": "https://example.com/x.png"})]), "prompt.images[0]"),
        (variable("1X", "x"), "envVars.1X"),
        (variable("A-B", "x"), "envVars.A-B"),
        (variable("", "x"), "envVars."),
        (variable("CURSOR_X", "x"), "envVars.CURSOR_X"),
        (variable("ERRAND_X", "x"), "envVars.ERRAND_X"),
        (variable("LD_PRELOAD", "x"), "envVars.LD_PRELOAD"),
        (variable("https_proxy", "x"), "envVars.https_proxy"),
        (variable("X", &"x".repeat(4097)), "envVars.X"),
        (variable("X", "a\0b"), "envVars.X"),
        (with("envVars", json!({"X": 5})), "envVars.X"),
        (with("envVars", json!(many(51))), "envVars"),
    ]
}

fn bad_settings() -> Vec<(Value, &'static str)> {
    let repo = |repo: Value| with("repos", json!([repo]));
    let limits = |limits: Value| with("limits", limits);
    vec![
        (with("branchname", json!("x")), "branchname"),
        (with("name", json!("")), "name"),
        (with("name", json!("x".repeat(101))), "name"),
        (with("name", json!("two\nlines")), "name"),
        (with("mode", json!("fast")), "mode"),
        (with("agentId", json!("bc-5")), "agentId"),
        (with("agentId", json!(format!("run-{}", uuid::Uuid::new_v4()))), "agentId"),
        (with("env", json!({"type": "moon"})), "env.type"),
        (with("env", json!({"type": "pool", "name": "fast"})), "env.name"),
        (with("env", json!({"kind": "cloud"})), "kind"),
        (with("autoCreatePR", json!("yes")), "autoCreatePR"),
        (with("metadata", json!({"a": 1})), "metadata.a"),
        (with("workOnCurrentBranch", json!(true)), "workOnCurrentBranch"),
        (with("repos", json!({})), "repos"),
        (
            with(
                "repos",
                json!(
                    (0..21)
                        .map(|n| json!({"url": format!("https://example.com/{n}.git")}))
                        .collect::<Vec<_>>()
                ),
            ),
            "repos",
        ),
        (
            with(
                "repos",
                json!([{"url": "https://example.com/a.git"}, {"url": "https://example.com/a.git"}]),
            ),
            "repos[1].url",
        ),
        (repo(json!({})), "repos[0]"),
        (repo(json!({"url": ""})), "repos[0].url"),
        (repo(json!({"url": "-oProxyCommand=x"})), "repos[0].url"),
        (repo(json!({"url": "ext::sh -c id"})), "repos[0].url"),
        (repo(json!({"url": "ftp://example.com/a.git"})), "repos[0].url"),
        (repo(json!({"url": "https://user:word@example.com/a.git"})), "repos[0].url"),
        (repo(json!({"url": "relative/path"})), "repos[0].url"),
        (repo(json!({"url": "https://example.com/a.git", "branch": "x"})), "branch"),
        (
            repo(json!({"url": "https://example.com/a.git", "startingRef": "a..b"})),
            "repos[0].startingRef",
        ),
        (
            repo(json!({"url": "https://example.com/a.git", "startingRef": "--upload-pack=x"})),
            "repos[0].startingRef",
        ),
        (
            repo(json!({"url": "https://example.com/a.git", "startingRef": ""})),
            "repos[0].startingRef",
        ),
        (limits(json!({"steps": 0})), "limits"),
        (limits(json!({"tokens": 0})), "limits"),
        (limits(json!({"minutes": 0})), "limits.minutes"),
        (limits(json!({"minutes": 481})), "limits.minutes"),
        (limits(json!({"steps": -1})), "limits.steps"),
        (limits(json!({"hours": 1})), "hours"),
    ]
}

fn assert_names(answer: &Answer, field: &str, body: &Value) {
    let message = answer.refused(400, "validation_error");
    let body = body.to_string();
    let shown: String = body.chars().take(200).collect();
    assert!(message.contains(field), "{field} is not named in {message:?} for {shown}");
    assert!(message.len() < 1000, "a message of {} bytes for {shown}", message.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_of_a_create_is_named() {
    let world = World::start().await;
    let mut count = 0;
    for (body, field) in bad_prompts().into_iter().chain(bad_settings()) {
        assert_names(&world.api.post("/v1/agents", &body).await, field, &body);
        count += 1;
    }
    for branch in [
        "",
        "a b",
        "a..b",
        "-x",
        "x.lock",
        "/x",
        "x/",
        "a//b",
        "@",
        "a@{b",
        "a\\b",
        "refs/heads/x",
        "HEAD",
        "x\u{7f}",
    ] {
        let mut body = with("branchName", json!(branch));
        body["repos"] = json!([{"url": "https://example.com/a.git"}]);
        let message = world.api.post("/v1/agents", &body).await.refused(400, "invalid_branch_name");
        assert!(message.contains("branchName"), "{branch:?}: {message}");
        count += 1;
    }
    let message = world
        .api
        .post("/v1/agents", &with("model", json!({"id": "nothing-9"})))
        .await
        .refused(400, "invalid_model");
    assert!(message.contains("nothing-9") && message.contains("scripted"), "{message}");
    world
        .api
        .post("/v1/agents", &with("branchName", json!("x")))
        .await
        .refused(400, "invalid_branch_name");
    for key in ["mcpServers", "customSubagents"] {
        let message = world
            .api
            .post("/v1/agents", &with(key, json!([{"name": "x"}])))
            .await
            .refused(501, "not_implemented");
        assert!(message.contains(key), "{message}");
    }
    assert_eq!(
        world.api.get("/v1/agents").await.expect(200)["items"],
        json!([]),
        "nothing was made"
    );
    println!("{count} bad bodies were refused, each by the name of its field");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let world = World::start().await;
    let raw = |text: String| world.api.request(Method::POST, "/v1/agents").body(text);
    send("empty", raw(String::new())).await.refused(400, "missing_body");
    for text in [
        "{",
        "nope",
        "{\"prompt\": {\"text\": \"a\"}} trailing",
        "{\"prompt\": {\"text\": \"\\ud800\"}}",
    ] {
        send(text, raw(text.to_owned())).await.refused(400, "validation_error");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    send("deep", raw(format!("{{\"prompt\": {deep}}}"))).await.refused(400, "validation_error");
    // The server may refuse before it has read everything, and then the connection breaks.
    let huge = raw("x".repeat(115 * 1024 * 1024)).send().await;
    if let Ok(response) = huge {
        assert_eq!(response.status(), 413);
    }
    world.api.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_key_and_unknown_places_are_told_so() {
    let world = World::start().await;
    let me = |value: &str| world.api.bare(Method::GET, "/v1/me").header("authorization", value);
    send("none", world.api.bare(Method::GET, "/v1/me")).await.refused(401, "unauthorized");
    for form in ["Bearer ", "Digest x", "Basic %%%", "x"] {
        send(form, me(form)).await.refused(401, "unauthorized");
    }
    send("wrong", me("Bearer wrong")).await.refused(401, "api_key_not_found");
    let basic = |user: &str| base64::engine::general_purpose::STANDARD.encode(format!("{user}:"));
    send("wrong", me(&format!("Basic {}", basic("wrong")))).await.refused(401, "api_key_not_found");
    send("basic", me(&format!("Basic {}", basic(&world.api.token)))).await.expect(200);

    let agent = format!("/v1/agents/bc-{}", uuid::Uuid::new_v4());
    let run = format!("{agent}/runs/run-{}", uuid::Uuid::new_v4());
    for path in ["", "/runs", "/events", "/usage", "/artifacts", "/diff", "/pull-requests"] {
        world.api.get(&format!("{agent}{path}")).await.refused(404, "agent_not_found");
    }
    world.api.get(&run).await.refused(404, "agent_not_found");
    world.api.poke(&format!("{run}/cancel")).await.refused(404, "agent_not_found");
    world.api.get("/v1/agents/bc-5").await.refused(400, "validation_error");
    world.api.get("/v1/nothing").await.refused(404, "not_found");
    world.api.delete("/v1/me").await.refused(405, "method_not_allowed");
    let answer =
        send("id", world.api.request(Method::GET, "/v1/me").header("x-request-id", "mine")).await;
    assert_eq!(answer.headers["x-request-id"], "mine");
    assert!(world.api.get("/v1/me").await.headers.contains_key("x-request-id"));
    let ghost = world
        .api
        .request(Method::GET, "/v1/me")
        .header("x-ghost-mode", "true")
        .header("x-cursor-client-version", "sdk-1.0.32");
    send("ghost", ghost).await.expect(200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_asks_too_much_is_told_when_to_come_back() {
    let world = World::with("[api]\nrequests_per_second = 1\nburst = 3\n").await;
    let mut refused = None;
    for _ in 0..6 {
        let answer = world.api.get("/v1/me").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    refused.refused(429, "rate_limit_exceeded");
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&after), "{after}");
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(refused.headers.contains_key(name), "{name} is missing");
    }
    assert_eq!(
        send("health", world.api.bare(Method::GET, "/healthz")).await.status,
        200,
        "health is not counted"
    );
    world.end().await;
}
