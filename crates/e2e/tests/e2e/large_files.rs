//! Git LFS inside a sandbox with git-lfs itself: contents come from the remote without a credential inside, and
//! reach it before the commits that point to them.

use e2e::samples::Repository;
use e2e::world::{Job, World, prompt, shell};
use fakes::git_host::GitHost;
use fakes::scripted::script::Turn;
use serde_json::json;
use std::path::Path;

/// Turns that git-lfs needs before all others.
const START: &str = "cd /workspace/*/ && git lfs install --local && git lfs track '*.bin' && git add -A && git lfs version";

/// Where sandboxes find it: in the host's own folders.
fn is_installed() -> bool {
    let found = Path::new("/usr/bin/git-lfs").is_file();
    if !found {
        println!("SKIPPED 1: this host has no git-lfs");
    }
    found
}

fn noise(size: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..)).take(size).collect()
}

fn pointer(oid: &str, size: usize) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
}

/// A repository at a host whose `big.bin` is this content.
fn with_large(world: &World, host: &GitHost, name: &str, content: &[u8]) -> (Repository, String) {
    let repository = world.repository(name);
    let oid = host.large_files.put(&format!("/{name}.git"), content.to_vec());
    let files = [
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n".to_owned()),
        ("big.bin", pointer(&oid, content.len())),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    repository.push("main", "Add a large file", &files);
    (repository, oid)
}

async fn errand(world: &World, host: &GitHost, name: &str, commands: &[&str]) -> Job {
    let mut turns: Vec<_> = commands.iter().map(|line| shell(format!("( {line} ) 2>&1"))).collect();
    turns.push(Turn::say("Done."));
    let url = format!("http://{}/{name}.git", host.address);
    world.open(json!({"prompt": {"text": prompt(&turns)}, "repos": [{"url": url}]})).await
}

/// How often something was asked.
fn asked(host: &GitHost, start: &str, part: &str) -> usize {
    host.asked().iter().filter(|line| line.starts_with(start) && line.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_come_in_once_and_go_out_before_their_commits() {
    if !is_installed() {
        return;
    }
    let mut world = World::start().await;
    let host = GitHost::start(world.repos()).await.unwrap();
    let content = noise(3_000_000);
    let (repository, oid) = with_large(&world, &host, "sample", &content);
    let lines = [
        START,
        "git lfs pull && sha256sum big.bin",
        "head -c 2000000 /dev/urandom >new.bin && sha256sum new.bin && git add -A && git commit -qm 'Add another' && git push origin HEAD && rm -rf .git/lfs/objects",
        "head -c 1000 /dev/urandom >kept.bin && sha256sum kept.bin && git add -A && git commit -qm 'Add a third' && git show HEAD:kept.bin | head -1",
        "env | grep -i -e bearer -e authorization; cat ~/.git-credentials ~/.netrc .git/config",
    ];
    let job = errand(&world, &host, "sample", &lines).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[1].contains(&oid), "{}", outputs[1]);
    assert!(outputs[2].contains("recorded; Errand publishes after the run"), "{}", outputs[2]);
    for word in ["warning", "ocking", "rror:"] {
        assert!(!outputs[2].contains(word), "{word}: {}", outputs[2]);
    }
    assert!(!outputs[4].to_lowercase().contains("bearer"), "{}", outputs[4]);

    // What was pushed, and what only the workspace had, is there; each before the ref.
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    for (name, output) in [("new.bin", &outputs[2]), ("kept.bin", &outputs[3])] {
        let digest = output.lines().find_map(|line| line.strip_suffix(name)).unwrap();
        let digest = digest.trim();
        let stored = host.large_files.get("/sample.git", digest);
        assert!(stored.is_some(), "{name} {digest}: {:?}", host.asked());
        assert!(repository.file(branch, name).contains(digest));
        let order = host.asked();
        let at = |part: &str| order.iter().position(|line| line.contains(part)).unwrap();
        assert!(at(&format!("PUT /large-files/sample.git/{digest}")) < at("git-receive-pack"));
    }
    assert_eq!(asked(&host, "GET", &oid), 1);

    // A second agent, also after a restart, gets it from here; each agent's own uploads are on the remote by now.
    world.kill();
    world.boot();
    let second = errand(&world, &host, "sample", &[START, lines[1]]).await;
    world.ended_as(&second, "FINISHED").await;
    assert!(world.outputs(&second.agent).await[1].contains(&oid));
    assert_eq!(asked(&host, "GET", &oid), 1);
    let pull = "cd /workspace/*/ && git lfs pull && sha256sum big.bin new.bin kept.bin";
    let url = format!("http://{}/sample.git", host.address);
    let body = json!({
        "prompt": {"text": prompt(&[shell(pull), Turn::say("Done.")])},
        "repos": [{"url": url, "startingRef": branch}],
    });
    let third = world.open(body).await;
    world.ended_as(&third, "FINISHED").await;
    let output = &world.outputs(&third.agent).await[0];
    assert!(output.starts_with("Exit code 0."), "{output}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_outlives_the_server() {
    if !is_installed() {
        return;
    }
    let mut world = World::start().await;
    let host = GitHost::start(world.repos()).await.unwrap();
    let (repository, _) = with_large(&world, &host, "sample", b"large");
    let lines = [
        START,
        "head -c 500000 /dev/urandom >new.bin && git add -A && git commit -qm 'Add another' && git push -q origin HEAD && rm -rf .git/lfs/objects && echo received && sleep 4",
    ];
    let job = errand(&world, &host, "sample", &lines).await;
    let mut watcher = world.watch(&job.agent);
    let is_received = |delta: &serde_json::Value| {
        delta["text"].as_str().is_some_and(|text| text.contains("received"))
    };
    while !watcher.deltas.iter().any(is_received) {
        watcher.peek().await;
    }
    world.kill();
    world.boot();
    let run = world.ended_as(&job, "FINISHED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap();
    let pointer = repository.file(branch, "new.bin");
    let digest = pointer.lines().find_map(|line| line.strip_prefix("oid sha256:")).unwrap();
    assert!(host.large_files.get("/sample.git", digest).is_some(), "{:?}", host.asked());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_of_other_repositories_are_nobodys() {
    if !is_installed() {
        return;
    }
    let world = World::start().await;
    let host = GitHost::start(world.repos()).await.unwrap();
    let (_, own) = with_large(&world, &host, "sample", &noise(1000));
    let theirs = noise(2000);
    let (_, oid) = with_large(&world, &host, "other", &theirs);
    let other = errand(&world, &host, "other", &[START, "git lfs pull && sha256sum big.bin"]).await;
    world.ended_as(&other, "FINISHED").await;
    assert!(world.outputs(&other.agent).await[1].contains(&oid));

    // Its name alone neither brings it nor makes the server say that it is there.
    let ask = |operation: &str| {
        format!(
            "curl -sS http://errand.internal/git/sample.git/info/lfs/objects/batch -d '{{\"operation\":\"{operation}\",\"objects\":[{{\"oid\":\"{oid}\",\"size\":2000}}]}}'"
        )
    };
    let lines = [
        START.to_owned(),
        ask("download"),
        ask("upload"),
        format!("curl -sS http://errand.internal/git/sample.git/info/lfs/objects/{oid}/2000"),
        format!("curl -sS http://errand.internal/git/other.git/info/lfs/objects/{oid}/2000"),
        format!(
            "curl -sS -X PUT --data-binary guess http://errand.internal/git/sample.git/info/lfs/objects/{oid}/2000"
        ),
        format!(
            "git lfs pull && sha256sum big.bin && printf '{}' >stolen.bin && git add -A",
            pointer(&oid, 2000).replace('\n', "\\n")
        ),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let job = errand(&world, &host, "sample", &lines).await;
    let run = world.ended(&job).await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[1].contains("no such object"), "{}", outputs[1]);
    assert!(outputs[2].contains("\"upload\":{"), "as for any other name: {}", outputs[2]);
    for (at, words) in [(3, "no such object"), (4, "no such repository"), (5, "not what its name")]
    {
        assert!(outputs[at].contains(words), "{words}: {}", outputs[at]);
    }
    assert!(outputs[6].contains(&own), "{}", outputs[6]);
    assert_eq!(run["error"]["code"], "push_blocked", "{run:#}");
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains("stolen.bin is missing"), "{message}");
    assert!(!host.asked().iter().any(|line| line.contains("sample.git/git-receive-pack")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_of_this_host_give_and_take_them_too() {
    if !is_installed() {
        return;
    }
    let world = World::start().await;
    let host = GitHost::start(world.repos()).await.unwrap();
    let content = noise(1_000_000);
    let (repository, oid) = with_large(&world, &host, "sample", &content);
    let store =
        |oid: &str| repository.path.join("lfs/objects").join(&oid[..2]).join(&oid[2..4]).join(oid);
    std::fs::create_dir_all(store(&oid).parent().unwrap()).unwrap();
    std::fs::write(store(&oid), &content).unwrap();
    let turns = [
        shell(START),
        shell("git lfs pull && sha256sum big.bin"),
        shell(
            "echo small >new.bin && sha256sum new.bin && git add -A && git commit -qm 'Add another' && git push -q origin HEAD 2>&1",
        ),
        Turn::say("Done."),
    ];
    let job = world.errand(&repository, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(&job.agent).await;
    assert!(outputs[1].contains(&oid), "{}", outputs[1]);
    let digest = outputs[2].lines().find_map(|line| line.strip_suffix("  new.bin")).unwrap();
    assert_eq!(std::fs::read(store(digest)).unwrap(), b"small\n");
    world.end().await;
}
