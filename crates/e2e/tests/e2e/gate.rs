//! What may not leave in a push: kept back, mended, or let through by a person with a reason.

use e2e::api::send;
use e2e::samples::{Repository, try_git};
use e2e::world::{Job, World, prompt, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// A value that the agent is given as it is.
const PLAIN: &str = "e2e-plain-90d1c6a4f7";
/// Makes a key, writes its secret down in another spelling, turns a line around, and goes on in another commit.
const LEAKS: &str = "{ printf -- '-----BEGIN OPENSSH %s KEY-----\\n' PRIVATE; head -c 300 /dev/urandom | base64; \
    printf -- '-----END OPENSSH %s KEY-----\\n' PRIVATE; } > deploy.pem; \
    printf %s \"$PLAIN\" | base64 > config.txt; git add -A; git commit -qF deploy.pem; ln -s /etc/passwd people; \
    printf 'ok = 1 # \\342\\200\\256 nothing\\n' > turned.py; git rm -q deploy.pem";

async fn opened(world: &World, repository: &Repository, turns: &[Turn]) -> Job {
    let text = format!("Keep the shop open.\n{}", prompt(turns));
    let repos = json!([{"url": repository.url()}]);
    world.open(json!({"prompt": {"text": text}, "repos": repos, "autoCreatePR": true})).await
}

/// Rules and places of what keeps the newest push back.
fn stops(agent: &Value) -> Vec<String> {
    let stops = agent["stops"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut told: Vec<_> = stops
        .iter()
        .filter(|stop| stop["isAllowed"] == false)
        .map(|stop| {
            format!(
                "{}:{} {}",
                stop["path"].as_str().unwrap_or("a message"),
                stop["line"],
                stop["rule"].as_str().unwrap()
            )
        })
        .collect();
    told.sort();
    told
}

/// Whether any object of a repository holds a text.
fn holds(repository: &Repository, text: &str) -> bool {
    let all = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
    repository.git(&all).lines().any(|id| {
        let content = try_git(&repository.path, &["cat-file", "-p", id]);
        content.is_ok_and(|content| content.contains(text))
    })
}

async fn world() -> World {
    let world = World::start().await;
    let secret = json!({"value": PLAIN, "type": "runtime_secret", "plain": true});
    let put = world.api.request(Method::PUT, "/v1/team/secrets/PLAIN").json(&secret);
    send("set a secret", put).await.expect(201);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_leave_stays_and_goes_once_it_is_taken_out() {
    let world = world().await;
    let repository = world.repository("shop");
    let job = opened(&world, &repository, &[shell(LEAKS), Turn::say("Done.")]).await;
    let run = world.ended(&job).await;
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("ERROR"), &json!("push_stopped")));
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains("a commit's message: "), "T-PER 11: {message}");
    world.mended(&job.agent).await;
    let agent = world.agent(&job.agent).await;
    // The commit in between is not there any more; what is still in the files stops again.
    let left =
        ["config.txt:1 secret.known", "people:null path.link", "turned.py:1 unicode.override"];
    assert_eq!(stops(&agent), left);
    assert!(!agent.to_string().contains(PLAIN), "a stop does not tell what it stopped");
    let branch = agent["branchName"].as_str().unwrap();
    assert_eq!(repository.head(branch), None, "nothing was pushed");

    let mends = "sed -i 's/ # .*//' turned.py; rm -f config.txt people; echo open > shop.txt";
    let again = world.send(&job.agent, &[shell(mends), Turn::say("Taken out.")]).await;
    world.ended_as(&again, "FINISHED").await;
    assert_eq!(repository.file(branch, "turned.py"), "ok = 1");
    assert_eq!(repository.file(branch, "shop.txt"), "open");
    assert_eq!(repository.git(&["rev-list", "--count", &format!("main..{branch}")]), "1");
    for part in ["PRIVATE KEY", PLAIN, "\u{202e}", "ZTJlLXBsYWlu"] {
        assert!(!holds(&repository, part), "{part:?} left in some commit");
    }
    let agent = world.agent(&job.agent).await;
    assert_eq!(stops(&agent), Vec::<String>::new());
    // What comes after goes on from there, and nobody notices any more.
    let more = [shell("cat turned.py; echo more > more.txt"), Turn::say("More.")];
    let more = world.send(&job.agent, &more).await;
    world.ended_as(&more, "FINISHED").await;
    assert_eq!(repository.file(branch, "more.txt"), "more");
    assert_eq!(repository.git(&["rev-list", "--count", &format!("main..{branch}")]), "2");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lets_through_what_was_seen_with_a_reason_that_is_kept() {
    let world = world().await;
    let repository = world.repository("shop");
    let turned = "printf 'ok = 1 # \\342\\200\\256 nothing\\n' > turned.py";
    let job = opened(&world, &repository, &[shell(turned), Turn::say("Done.")]).await;
    world.ended_as(&job, "ERROR").await;
    world.mended(&job.agent).await;
    let agent = world.agent(&job.agent).await;
    let mark = agent["stops"][0]["mark"].as_str().unwrap();
    let allow =
        async |body: Value| world.api.post(&format!("/v1/agents/{}/stops", job.agent), &body).await;
    allow(json!({"mark": mark, "reason": " "})).await.refused(400, "validation_error");
    allow(json!({"mark": "other", "reason": "a sample"})).await.refused(409, "stop_unknown");
    allow(json!({"mark": mark, "reason": "a sample of the trick"})).await.expect(200);
    let again = world.send(&job.agent, &[Turn::say("Nothing to do.")]).await;
    world.ended_as(&again, "FINISHED").await;
    let branch = agent["branchName"].as_str().unwrap();
    assert!(repository.file(branch, "turned.py").contains('\u{202e}'));
    let pulls = world.api.get(&format!("/v1/agents/{}/pull-requests", job.agent)).await.expect(200);
    let body = pulls["items"][0]["body"].as_str().unwrap();
    assert!(body.contains("a sample of the trick") && body.contains("turned.py"), "{body}");
    let audit = world.api.get("/v1/audit?kind=push").await.expect(200);
    assert_eq!(audit["items"][0]["details"]["reason"], "a sample of the trick");
    world.end().await;
}
