//! Lists and what stands beside the main job: pages, filters, usage, keys, models, artifacts, health.

use e2e::api::send;
use e2e::world::{World, prompt, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<String> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_newest_first_and_filtered() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let mut made = Vec::new();
    for number in 0..5 {
        let mut body = json!({"prompt": {"text": prompt(&[Turn::say("Done.")])}, "name": format!("Number {number}")});
        if number == 3 {
            body["repos"] = json!([{"url": repository.url()}]);
        }
        let job = world.open(body).await;
        world.ended_as(&job, "FINISHED").await;
        made.insert(0, job.agent);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = world.api.get(&format!("/v1/agents?limit=2{cursor}")).await.expect(200);
        seen.extend(ids(&page));
        pages += 1;
        match page.get("nextCursor") {
            Some(next) => cursor = format!("&cursor={}", next.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!((seen, pages), (made.clone(), 3), "the cursor is absent on the last page");
    let list = |query: &str| {
        let path = format!("/v1/agents?{query}");
        let api = &world.api;
        async move { ids(&api.get(&path).await.expect(200)) }
    };
    assert_eq!(list("search=Number%204").await, made[..1]);
    assert_eq!(list("status=IDLE").await.len(), 5);
    assert_eq!(list("status=ACTIVE").await.len(), 0);
    assert_eq!(list(&format!("repo={}", repository.url())).await, made[1..2]);
    assert_eq!(list("prUrl=https://example.com/none").await.len(), 0);
    let repositories = world.api.get("/v1/repositories").await.expect(200);
    assert_eq!(repositories["items"], json!([{"url": repository.url()}]));
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=nonsense"] {
        let message =
            world.api.get(&format!("/v1/agents?{bad}")).await.refused(400, "validation_error");
        assert!(message.contains(bad.split('=').next().unwrap()), "{bad}: {message}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_adds_up_over_runs() {
    let world = World::start().await;
    let job = world.chore(&[shell("true"), Turn::say("One.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let next = world.send(&job.agent, &[Turn::say("Two.")]).await;
    world.ended_as(&next, "FINISHED").await;
    let usage = world.api.get(&format!("/v1/agents/{}/usage", job.agent)).await.expect(200);
    let total = &usage["totalUsage"];
    let number = |usage: &Value, name: &str| usage[name].as_u64().unwrap();
    let kinds = ["inputTokens", "outputTokens", "cacheWriteTokens", "cacheReadTokens"];
    assert_eq!(
        kinds.iter().map(|kind| number(total, kind)).sum::<u64>(),
        number(total, "totalTokens")
    );
    assert!(number(total, "totalTokens") > 0);
    for kind in kinds {
        let sum: u64 =
            usage["runs"].as_array().unwrap().iter().map(|run| number(&run["usage"], kind)).sum();
        assert_eq!(sum, number(total, kind), "{kind}");
    }
    let one = world
        .api
        .get(&format!("/v1/agents/{}/usage?runId={}", job.agent, job.run))
        .await
        .expect(200);
    assert_eq!(one["runs"].as_array().unwrap().len(), 1);
    let other = format!("run-{}", uuid::Uuid::new_v4());
    world
        .api
        .get(&format!("/v1/agents/{}/usage?runId={other}", job.agent))
        .await
        .refused(404, "run_not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_fetched_with_nothing_but_their_link() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let job = world.errand(&repository, &[shell("mkdir -p /workspace/.artifacts/deep; printf hello > /workspace/.artifacts/x.txt; printf deeper > /workspace/.artifacts/deep/y.bin"), Turn::say("Left.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let base = format!("/v1/agents/{}/artifacts", job.agent);
    let list = world.api.get(&base).await.expect(200);
    let mut paths: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["path"].as_str().unwrap(), item["sizeBytes"].as_u64().unwrap()))
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, [("artifacts/deep/y.bin", 6), ("artifacts/x.txt", 5)]);
    let link = world.api.get(&format!("{base}/download?path=artifacts/x.txt")).await.expect(200);
    let expires = link["expiresAt"].as_str().unwrap();
    assert!(expires.len() == 24 && expires.ends_with('Z'), "{expires}");
    let url = link["url"].as_str().unwrap().strip_prefix(&world.api.base).unwrap().to_owned();
    let fetched = send("fetch", world.api.bare(Method::GET, &url)).await;
    assert_eq!((fetched.status, fetched.text.as_str()), (200, "hello"));
    let tampered = format!("{}0", &url[..url.len() - 1]);
    let tampered = if tampered == url { format!("{}1", &url[..url.len() - 1]) } else { tampered };
    assert_eq!(send("tampered", world.api.bare(Method::GET, &tampered)).await.status, 404);
    for bad in ["artifacts/none.txt", "../x.txt", "/etc/passwd", "artifacts/../x.txt"] {
        world
            .api
            .get(&format!("{base}/download?path={bad}"))
            .await
            .refused(404, "artifact_not_found");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_repository_leaves_artifacts_too() {
    let world = World::start().await;
    let job = world
        .chore(&[
            shell("mkdir -p /workspace/.artifacts; printf hello > /workspace/.artifacts/x.txt"),
            Turn::say("Left."),
        ])
        .await;
    world.ended_as(&job, "FINISHED").await;
    let list = world.api.get(&format!("/v1/agents/{}/artifacts", job.agent)).await.expect(200);
    assert_eq!(list["items"][0]["path"], "artifacts/x.txt", "{list}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_the_models_and_the_state_of_the_host_can_be_read() {
    let world = World::start().await;
    let me = world.api.get("/v1/me").await.expect(200);
    assert!(me["apiKeyName"].is_string() && me["createdAt"].is_string(), "{me}");
    let models = world.api.get("/v1/models").await.expect(200);
    assert!(
        models["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "scripted" && model["isDefault"] == true),
        "{models:#}"
    );
    let doctor = world.api.get("/v1/doctor").await.expect(200);
    let checks = doctor["checks"].as_array().unwrap();
    assert!(
        checks.len() > 5
            && checks
                .iter()
                .all(|check| ["ok", "reduced", "missing"]
                    .contains(&check["state"].as_str().unwrap())),
        "{doctor:#}"
    );
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = send(path, world.api.bare(Method::GET, path)).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, text));
    }
    let metrics = send("metrics", world.api.bare(Method::GET, "/metrics")).await;
    assert!(metrics.text.contains("# TYPE errand_agents_awake gauge"), "{}", metrics.text);
    let document = send("openapi", world.api.bare(Method::GET, "/openapi.json")).await.expect(200);
    assert!(document["paths"]["/v1/agents"]["post"].is_object());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_used_and_revoked() {
    let world = World::start().await;
    let made = world.api.post("/v1/api-keys", &json!({"name": "robot"})).await.expect(201);
    let robot = world.api.with_token(made["token"].as_str().unwrap());
    assert_eq!(robot.get("/v1/me").await.expect(200)["apiKeyName"], "robot");
    robot.get("/v1/api-keys").await.refused(403, "role_forbidden");
    robot.post("/v1/api-keys", &json!({"name": "another"})).await.refused(403, "role_forbidden");
    let local = json!({"prompt": {"text": "Hello."}, "repos": [{"url": "/etc"}]});
    robot.post("/v1/agents", &local).await.refused(403, "repository_access");
    let listed = world.api.get("/v1/api-keys").await.expect(200);
    assert!(
        listed["items"].as_array().unwrap().iter().all(|key| key.get("token").is_none()),
        "{listed}"
    );
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    world.api.delete(&path).await.expect(200);
    robot.get("/v1/me").await.refused(401, "api_key_not_found");
    world.api.delete(&path).await.refused(404, "api_key_not_found");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_reach_commands_and_nothing_else() {
    let world = World::start().await;
    let body = json!({"prompt": {"text": prompt(&[shell("echo \"<$MY_SECRET>\" | tr a-z A-Z; env | sort"), Turn::say("Seen.")])}, "envVars": {"MY_SECRET": "quite-hidden"}});
    let job = world.open(body).await;
    world.ended_as(&job, "FINISHED").await;
    let output = &world.outputs(&job.agent).await[0];
    assert!(output.contains("<QUITE-HIDDEN>"), "{output}");
    assert!(output.contains(&format!("ERRAND_AGENT_ID={}", job.agent)), "{output}");
    assert!(output.contains(&format!("ERRAND_RUN_ID={}", job.run)), "{output}");
    assert_eq!(world.agent(&job.agent).await["envVarNames"], json!(["MY_SECRET"]));
    let opened = &world.events(&job.agent).await[0];
    assert!(!opened.to_string().contains("quite-hidden"), "{opened}");
    assert!(!world.log_text().contains("quite-hidden"), "the log holds a variable's value");
    let next = world
        .send(&job.agent, &[shell("echo \"<$MY_SECRET>\" | tr a-z A-Z"), Turn::say("Still.")])
        .await;
    world.ended_as(&next, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[1].contains("<QUITE-HIDDEN>"));
    world.end().await;
}
