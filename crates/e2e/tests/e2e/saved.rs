//! Environments that the server keeps: agents of repositories without a file follow them, each as it was
//! when the agent began.

use e2e::samples::Repository;
use e2e::world::{World, eventually, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// Where a repository's own file lies.
const FILE: &str = ".errand/environment.json";

async fn save(world: &World, name: &str, repository: &Repository, text: &str) -> Value {
    let repos = json!([{"url": repository.url()}]);
    let body = json!({"name": name, "repos": repos, "environmentJson": text});
    world.api.post("/v1/environments", &body).await.expect(201)
}

/// Another text for one that was saved.
async fn change(world: &World, saved: &Value, text: &str) -> Value {
    let path = format!("/v1/environments/{}", saved["id"].as_str().unwrap());
    let now = world.api.get(&path).await.expect(200);
    let body = json!({
        "name": now["name"], "repos": now["repos"], "version": now["version"],
        "environmentJson": text,
    });
    let put = world.api.request(Method::PUT, &path).body(body.to_string());
    e2e::api::send("PUT", put).await.expect(200)
}

/// What the log tells of the environment that was followed, if of any.
async fn followed(world: &World, agent: &str) -> Vec<Value> {
    let events = world.events(agent).await;
    let events = events.into_iter().map(|entry| entry["event"].clone());
    let read = events.filter(|event| event["type"] == "EnvironmentRead");
    read.map(|event| event["environment"].clone()).collect()
}

async fn asleep(world: &World, agent: &str) {
    world.api.poke(&format!("/v1/agents/{agent}/archive")).await.expect(200);
    eventually("the machine sleeps", async || {
        world.agent(agent).await["sandbox"]["state"] == "none"
    })
    .await;
    world.api.poke(&format!("/v1/agents/{agent}/unarchive")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_goes_on_with_what_was_saved_when_it_began_whatever_becomes_of_that() {
    let mut world = World::with("[builds]\nautomatic = false\n").await;
    let repository = world.repository("sample");
    let first = r#"{"install": "echo first >> ~/installs", "start": "echo first >> ~/starts"}"#;
    let saved = save(&world, "shop", &repository, first).await;
    let look = shell("cat ~/installs ~/starts");
    let job = world.errand(&repository, &[look.clone(), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("first\nfirst"), "it runs before tools");
    let read = followed(&world, &job.agent).await;
    assert_eq!(read[0]["file"], "saved environment \"shop\", version 1");
    assert_eq!((&read[0]["saved"]["id"], &read[0]["saved"]["version"]), (&saved["id"], &json!(1)));
    assert_eq!(read[0]["saved"]["text"], first);

    let second = r#"{"install": "echo second >> ~/installs", "start": "echo second >> ~/starts"}"#;
    change(&world, &saved, second).await;
    asleep(&world, &job.agent).await;
    world.kill();
    world.boot();
    let again = world.send(&job.agent, &[look.clone(), Turn::say("Done.")]).await;
    world.ended_as(&again, "FINISHED").await;
    let output = world.outputs(&job.agent).await.pop().unwrap();
    assert!(output.contains("first\nfirst\nfirst") && !output.contains("second"), "{output}");

    let other = world.errand(&repository, &[look.clone(), Turn::say("Done.")]).await;
    world.ended_as(&other, "FINISHED").await;
    assert!(world.outputs(&other.agent).await[0].contains("second\nsecond"));
    assert_eq!(followed(&world, &other.agent).await[0]["saved"]["version"], 2);

    let path = format!("/v1/environments/{}", saved["id"].as_str().unwrap());
    world.api.delete(&path).await.expect(200);
    asleep(&world, &other.agent).await;
    let again = world.send(&other.agent, &[look.clone(), Turn::say("Done.")]).await;
    world.ended_as(&again, "FINISHED").await;
    let output = world.outputs(&other.agent).await.pop().unwrap();
    assert!(output.contains("second\nsecond\nsecond"), "{output}");
    let last = world.errand(&repository, &[Turn::say("Done.")]).await;
    world.ended_as(&last, "FINISHED").await;
    assert_eq!(followed(&world, &last.agent).await, [] as [Value; 0], "there is none any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repositorys_own_file_comes_first_and_the_log_says_what_is_not_read() {
    let world = World::start().await;
    let repository = world.repository("sample");
    save(&world, "shop", &repository, r#"{"start": "echo saved >> ~/starts"}"#).await;
    repository.push("main", "Describe", &[(FILE, r#"{"start": "echo own >> ~/starts"}"#)]);
    let job = world.errand(&repository, &[shell("cat ~/starts"), Turn::say("Done.")]).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("own\n"));
    let read = followed(&world, &job.agent).await.remove(0);
    assert_eq!((&read["file"], read.get("saved")), (&json!(FILE), None));
    let warning = read["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("the saved environment \"shop\", version 1 of "), "{warning}");
    assert!(warning.ends_with("is there too and is not read"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_text_is_built_anew_and_no_agent_takes_an_old_build_for_it() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let saved = save(&world, "shop", &repository, r#"{"install": "echo one >> ~/installs"}"#).await;
    let repos = json!({"repos": [{"url": repository.url()}]});
    world.api.post("/v1/builds", &repos).await.expect(201);
    let builds = async |count: usize| {
        let mut all = Vec::new();
        eventually("builds are ready", async || {
            let body = world.api.get("/v1/builds").await.expect(200);
            all = body["items"].as_array().unwrap().clone();
            all.len() == count && all.iter().all(|build| build["status"] == "READY")
        })
        .await;
        all
    };
    let first = builds(1).await.remove(0);
    let expected = json!({"id": saved["id"], "name": "shop", "version": 1});
    assert_eq!(first["environment"], expected);

    let look = [shell("cat ~/installs"), Turn::say("Done.")];
    let job = world.errand(&repository, &look).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("one\n"), "as the build left it");
    assert_eq!(builds(1).await.len(), 1, "there is what the next one needs");

    change(&world, &saved, r#"{"install": "echo two >> ~/installs"}"#).await;
    let job = world.errand(&repository, &look).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("one\ntwo\n"), "on top of the old build");
    let newest = builds(2).await.remove(0);
    assert_eq!((&newest["environment"]["version"], &newest["current"]), (&json!(2), &json!(true)));
    let job = world.errand(&repository, &look).await;
    world.ended_as(&job, "FINISHED").await;
    let log = world.events(&job.agent).await;
    let installed = log.iter().find(|entry| entry["event"]["type"] == "SetUpFinished").unwrap();
    assert_eq!(installed["event"]["outcome"]["type"], "kept", "the new build has it");
}
