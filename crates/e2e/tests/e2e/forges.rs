//! Hosts of repositories that are connected: agents clone, push and open pull requests there with a credential that
//! stays with the server. The hosts are fakes over real git.

use e2e::api::send;
use e2e::samples::{Repository, git};
use e2e::world::{Job, World, prompt, shell};
use fakes::forges::hall::{Pull, Right};
use fakes::forges::{Carried, Fault, ForgeHost, Kind};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};

/// What is nowhere but with the server.
const TOKEN: &str = "e2e-forge-token-51c0a7";
/// All kinds, with the words for them.
pub const KINDS: [(Kind, &str); 4] = [
    (Kind::Github, "github"),
    (Kind::Gitea, "gitea"),
    (Kind::Gitlab, "gitlab"),
    (Kind::Bitbucket, "bitbucket"),
];

/// Does the work, and counts where inside the token is; the pattern is not found itself.
const SEARCHED: &str = "echo hello > hello.txt; git fetch -q origin || exit 9; \
    { env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; git config --list --show-origin; \
      grep -rsh 'e2e-forge-[t]oken' /etc /home /workspace /tmp /run; } 2> /dev/null | \
    grep -ac 'e2e-forge-[t]oken' > found.txt; true";

/// A host with one repository, and a server that is connected to it.
pub struct Connected {
    pub world: World,
    pub host: ForgeHost,
    pub repository: Repository,
}

/// `owner/name` of the repository.
pub const NAME: &str = "acme/widget";

impl Connected {
    pub async fn start(kind: Kind, word: &str) -> Self {
        Self::within(World::start().await, kind, word).await
    }

    /// With a server of the test's own.
    pub async fn within(world: World, kind: Kind, word: &str) -> Self {
        let (host, repository) = served(&world, kind).await;
        let body = json!({"kind": word, "url": host.url(), "token": TOKEN});
        let connect = world.api.request(Method::POST, "/v1/forges").json(&body);
        let connected = send("connect", connect).await.expect(201);
        assert_eq!(connected["login"], "errand-bot");
        assert!(!connected.to_string().contains(TOKEN));
        Self { world, host, repository }
    }

    pub fn url(&self) -> String {
        format!("{}/{NAME}.git", self.host.url())
    }

    /// Opens an agent on the repository.
    pub async fn open(&self, turns: &[Turn], more: Value) -> Job {
        let text = format!("Add a greeting.\n{}", prompt(turns));
        let mut body =
            json!({"prompt": {"text": text}, "repos": [{"url": self.url()}], "autoCreatePR": true});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.world.open(body).await
    }

    pub fn pulls(&self) -> Vec<Pull> {
        self.host.with(|hall| {
            let pulls = hall.repositories.get(NAME).map(|repository| repository.pulls.clone());
            pulls.unwrap_or_default().into_values().collect()
        })
    }
}

async fn served(world: &World, kind: Kind) -> (ForgeHost, Repository) {
    let folder = world.repos().join("hosted");
    std::fs::create_dir_all(folder.join("acme")).unwrap();
    let repository = Repository::sample(&folder.join("acme"), "widget");
    git(&repository.path, &["config", "http.receivepack", "true"]);
    let host = ForgeHost::start(kind, folder).await.unwrap();
    host.with(|hall| {
        hall.admit("errand-bot", Right::Admin, TOKEN);
        hall.admit("rita", Right::Write, "token-of-rita");
        hall.repositories.entry(NAME.to_owned()).or_default().labels = vec!["agents".to_owned()];
    });
    (host, repository)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_errand_ends_in_one_pull_request_of_its_host() {
    for (kind, word) in KINDS {
        let connected = Connected::start(kind, word).await;
        let Connected { world, repository, .. } = &connected;
        let listed = world.api.get("/v1/repositories").await.expect(200);
        let urls: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|one| &one["url"]).collect();
        assert_eq!(urls, [&json!(connected.url())], "{kind:?}");

        let wishes = json!({"draftPR": true, "reviewers": ["rita"], "labels": ["agents"]});
        let turns = [shell(SEARCHED), Turn::say("There is a greeting now.")];
        let job = connected.open(&turns, wishes).await;
        world.ended_as(&job, "FINISHED").await;
        let [pull] = &connected.pulls()[..] else { panic!("{kind:?}: {:?}", connected.pulls()) };
        assert!(
            pull.body.contains("errand:begin") && pull.body.contains("There is a greeting now.")
        );
        assert_eq!(
            (pull.reviewers.as_slice(), pull.base.as_str()),
            (&["rita".to_owned()][..], "main")
        );
        assert_eq!(repository.file(&pull.head, "hello.txt"), "hello");
        assert_eq!(repository.file(&pull.head, "found.txt"), "0", "{kind:?}: the token is inside");
        let agent = world.agent(&job.agent).await;
        let path = format!("/v1/agents/{}/pull-requests", job.agent);
        let told = world.api.get(&path).await.expect(200)["items"][0].clone();
        assert_eq!((&told["isDraft"], &told["keptBy"]), (&json!(true), &json!("host")), "{kind:?}");
        let link = told["url"].as_str().unwrap();
        assert!(link.starts_with(&connected.host.url()), "{link}");
        assert!(agent.to_string().contains(link));

        // What a person writes and decides there stays.
        connected.host.with(|hall| {
            let repository = hall.repositories.get_mut(NAME).unwrap();
            let pull = repository.pulls.get_mut(&pull.number).unwrap();
            pull.body = format!("Fixes the silence.\n\n{}", pull.body);
        });
        let more = [shell("echo again >> hello.txt"), Turn::say("It greets twice.")];
        world.ended_as(&world.send(&job.agent, &more).await, "FINISHED").await;
        let [pull] = &connected.pulls()[..] else { panic!("{kind:?}: a second one") };
        assert!(
            pull.body.starts_with("Fixes the silence.") && pull.body.contains("It greets twice.")
        );
        assert_eq!(pull.body.matches("errand:begin").count(), 1, "{}", pull.body);

        let ready = world.api.request(Method::PUT, &format!("{path}/{}/stage", pull.number));
        let ready =
            send("say that it is ready", ready.json(&json!({"draft": false}))).await.expect(200);
        assert_eq!(ready["isDraft"], false);
        let merge = world.api.request(Method::POST, &format!("{path}/{}/merge", pull.number));
        let merged = send("merge", merge.json(&json!({}))).await.expect(200);
        assert_eq!(merged["state"], "merged", "{kind:?}");
        assert_eq!(repository.file("main", "hello.txt"), "hello\nagain");
        assert!(!world.log_text().contains(TOKEN));
        assert!(
            !world.events(&job.agent).await.iter().any(|event| event.to_string().contains(TOKEN))
        );
        world.delete(&job.agent).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_errand_knows_is_told_while_the_host_is_down() {
    let connected = Connected::start(Kind::Gitlab, "gitlab").await;
    let Connected { world, host, .. } = &connected;
    let turns = [shell("echo hello > hello.txt"), shell("true"), Turn::say("It greets.")];
    let job = connected.open(&turns, json!({})).await;
    world.ended_as(&job, "FINISHED").await;
    let path = format!("/v1/agents/{}/pull-requests", job.agent);
    let known = world.api.get(&path).await.expect(200)["items"][0].clone();
    assert_eq!((&known["state"], &known["problem"]), (&json!("open"), &Value::Null));
    for fault in
        [Fault::Lost(Carried::No), Fault::Failed(Carried::No), Fault::Limited { wait_s: 9 }]
    {
        // It is asked again after some of them.
        (0..20).for_each(|skipped| host.strike(skipped, fault));
        let told = world.api.get(&path).await.expect(200)["items"][0].clone();
        assert_eq!(told["state"], "unknown", "{fault:?}: {told:#}");
        assert!(!told["problem"].as_str().unwrap().is_empty());
        for field in
            ["number", "url", "head", "base", "commit", "keptBy", "stat", "review", "evidence"]
        {
            assert_eq!(told[field], known[field], "{fault:?}: {field}");
        }
        host.settle();
    }
    assert_eq!(world.api.get(&path).await.expect(200)["items"][0]["state"], "open");
    world.delete(&job.agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_told_no_more_than_the_settings_let_it() {
    let connected = Connected::start(Kind::Gitea, "gitea").await;
    let Connected { world, .. } = &connected;
    let settings = json!({"displayAgentSummaryInExternalChannels": false});
    let change = world.api.request(Method::PATCH, "/v1/settings").json(&settings);
    send("change the settings", change).await.expect(200);
    let turns = [shell("echo hello > hello.txt"), Turn::say("There is a greeting now.")];
    let job = connected.open(&turns, json!({})).await;
    world.ended_as(&job, "FINISHED").await;
    let [pull] = &connected.pulls()[..] else { panic!("one pull request") };
    for part in ["errand:begin", "1 file, +1 −0", "**Risk: ", "1 command, 1 of which", "/agents/"]
    {
        assert!(pull.body.contains(part), "{part}: {}", pull.body);
    }
    for part in ["There is a greeting now", "hello", "Add a greeting", "### Commits"] {
        assert!(!pull.body.contains(part), "{part}: {}", pull.body);
    }
    // What lists do not show, hosts are not told either; a change holds for the next message.
    for (settings, is_told) in [
        (json!({"displayAgentSummaryInExternalChannels": true}), true),
        (json!({"displayAgentSummary": false}), false),
    ] {
        let change = world.api.request(Method::PATCH, "/v1/settings").json(&settings);
        send("change the settings", change).await.expect(200);
        let more = [shell("echo again >> hello.txt"), Turn::say("It greets again.")];
        world.ended_as(&world.send(&job.agent, &more).await, "FINISHED").await;
        let [pull] = &connected.pulls()[..] else { panic!("a second one") };
        assert_eq!(pull.body.contains("It greets again."), is_told, "{}", pull.body);
        // Here it is told as ever.
        let runs = world.api.get(&format!("/v1/agents/{}/runs", job.agent)).await.expect(200);
        assert_eq!(runs["items"][0]["result"], "It greets again.");
    }
    world.delete(&job.agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_kept_only_if_its_host_takes_it() {
    let mut world = World::start().await;
    let (host, _) = served(&world, Kind::Gitlab).await;
    let connect = async |world: &World, body: Value| {
        send("connect", world.api.request(Method::POST, "/v1/forges").json(&body)).await
    };
    let wrong = json!({"kind": "gitlab", "url": host.url(), "token": "of-nobody-at-all"});
    let refused = connect(&world, wrong).await.expect(400);
    assert_eq!(refused["error"]["code"], "forge_credential_refused");
    let gone = json!({"kind": "gitlab", "url": "http://127.0.0.1:9", "token": TOKEN});
    let refused = connect(&world, gone).await.expect(503);
    assert_eq!(refused["error"]["code"], "forge_unreachable");
    for (body, field) in [
        (json!({"kind": "svn", "token": TOKEN}), "kind"),
        (json!({"kind": "gitea", "token": TOKEN}), "url"),
        (json!({"kind": "gitlab", "url": "http://git.example", "token": TOKEN}), "url"),
        (json!({"kind": "github"}), "token"),
        (json!({"kind": "github", "token": TOKEN, "appId": "1"}), "token"),
    ] {
        let refused = connect(&world, body.clone()).await.expect(400);
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(field), "{body}: {message}");
    }
    let none = world.api.get("/v1/forges").await.expect(200);
    assert_eq!(none["items"], json!([]));

    let right = json!({"kind": "gitlab", "url": format!("{}/", host.url()), "token": TOKEN});
    let one = connect(&world, right.clone()).await.expect(201);
    let two = connect(&world, right).await.expect(201);
    assert_eq!(one["id"], two["id"], "the same host is one connection");
    assert_eq!(two["scopes"], json!(["api", "write_repository"]));
    world.kill();
    world.boot();
    let listed = world.api.get("/v1/forges").await.expect(200);
    assert_eq!(listed["items"][0]["login"], "errand-bot");
    let id = one["id"].as_str().unwrap();
    send("check", world.api.request(Method::POST, &format!("/v1/forges/{id}/check")))
        .await
        .expect(200);
    send("forget", world.api.request(Method::DELETE, &format!("/v1/forges/{id}")))
        .await
        .expect(200);
    send("forget", world.api.request(Method::DELETE, &format!("/v1/forges/{id}")))
        .await
        .expect(404);
    let none = world.api.get("/v1/forges").await.expect(200);
    assert_eq!(none["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_goes_on_with_a_pull_request_of_somebody_else() {
    let connected = Connected::start(Kind::Github, "github").await;
    let Connected { world, repository, host } = &connected;
    repository.push("topic", "Begin", &[("topic.txt", "begun\n")]);
    let number = host.with(|hall| {
        let number = hall.open_from_fork(NAME, "rita/widget", "topic", "By hand");
        let pull = hall.repositories.get_mut(NAME).unwrap().pulls.get_mut(&number).unwrap();
        (pull.fork, pull.body) = (None, "By hand".to_owned());
        number
    });
    let link = format!("{}/{NAME}/pull/{number}", host.url());
    let repos = json!({"repos": [{"url": connected.url(), "prUrl": link}], "autoCreatePR": false});
    let turns = [shell("echo done >> topic.txt"), Turn::say("It is done.")];
    let job = connected.open(&turns, repos).await;
    world.ended_as(&job, "FINISHED").await;
    assert_eq!(repository.file("topic", "topic.txt"), "begun\ndone");
    let [pull] = &connected.pulls()[..] else { panic!("a second one") };
    assert_eq!(pull.body, "By hand", "somebody else's text stays");
    let said = host.with(|hall| hall.repositories[NAME].comments.clone());
    assert_eq!(said.len(), 1);
    assert!(said[0].body.contains("It is done."));

    let wrong = format!("{}/{NAME}/pull/{}", host.url(), number + 7);
    for link in [wrong.as_str(), "https://other.example/acme/widget/pull/1", "nothing"] {
        let body =
            json!({"prompt": {"text": "x"}, "repos": [{"url": connected.url(), "prUrl": link}]});
        let refused = send("open", world.api.request(Method::POST, "/v1/agents").json(&body)).await;
        assert_eq!(refused.expect(400)["error"]["code"], "pr_resolution_failed", "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_called_ready_is_no_draft_again() {
    let world = World::start().await;
    let repository = world.repository("shop");
    let text = format!("Begin.\n{}", prompt(&[shell("echo 1 > a.txt"), Turn::say("One.")]));
    let repos = json!([{"url": repository.url()}]);
    let body =
        json!({"prompt": {"text": text}, "repos": repos, "autoCreatePR": true, "draftPR": true});
    let job = world.open(body).await;
    world.ended_as(&job, "FINISHED").await;
    let path = format!("/v1/agents/{}/pull-requests", job.agent);
    let told = world.api.get(&path).await.expect(200)["items"][0].clone();
    assert_eq!((&told["isDraft"], &told["keptBy"]), (&json!(true), &json!("errand")));
    let ready = world.api.request(Method::PUT, &format!("{path}/{}/stage", told["number"]));
    send("say that it is ready", ready.json(&json!({"draft": false}))).await.expect(200);
    let more = [shell("echo 2 > a.txt"), Turn::say("Two.")];
    world.ended_as(&world.send(&job.agent, &more).await, "FINISHED").await;
    let told = world.api.get(&path).await.expect(200)["items"][0].clone();
    assert_eq!(told["isDraft"], false, "{told:#}");
    world.end().await;
}
