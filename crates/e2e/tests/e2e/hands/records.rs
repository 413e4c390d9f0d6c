//! The signed record of a run, as the person who reviews its commit checks it: with a server, without one, and with
//! programs of others.

use super::person::Person;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::samples::{Repository, git};
use e2e::world::{Job, World, prompt, shell, write};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What comes before the 32 bytes of a key in the form that openssl reads.
const KEY_HEAD: &[u8] = b"0*0\x05\x06\x03+ep\x03!\x00";
const TASK: &str = "Keep the books.";

fn works(name: &str) -> [Turn; 3] {
    [write(name, "one\n"), shell(format!("test -f {name} && exit 3")), Turn::say("Done.")]
}

async fn opened(world: &World, repository: &Repository, wants_pull: bool) -> Job {
    let text = format!("{TASK}\n{}", prompt(&works("a.txt")));
    let repos = json!([{"url": repository.url()}]);
    let job = json!({"prompt": {"text": text}, "repos": repos, "autoCreatePR": wants_pull});
    let job = world.open(job).await;
    world.ended_as(&job, "FINISHED").await;
    job
}

/// The public halves, in a file.
fn signers(person: &Person, name: &str) -> PathBuf {
    let path = person.home().join(name);
    std::fs::write(&path, person.says(&["signing-key", "allowed-signers"])).unwrap();
    path
}

fn told(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What became of each check.
fn outcomes(item: &Value) -> Vec<String> {
    let checks = item["checks"].as_array().unwrap();
    let word = |check: &Value| {
        format!("{} {}", check["name"].as_str().unwrap(), check["outcome"].as_str().unwrap())
    };
    checks.iter().map(word).collect()
}

async fn records(world: &World, agent: &str) -> Vec<Value> {
    let list = world.api.get(&format!("/v1/agents/{agent}/records")).await.expect(200);
    list["items"].as_array().unwrap().clone()
}

/// Exit code and what is told of a record, without any server.
fn offline(person: &Person, record: &Path, signers: &Path, repo: &Path) -> (i32, Value) {
    let [record, signers, repo] = [record, signers, repo].map(|path| path.to_str().unwrap());
    let arguments =
        ["--json", "verify", "--record", record, "--allowed-signers", signers, "--repo", repo];
    let output = person.stranger(&arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), told(&text))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_has_a_record_that_is_checked_with_a_server_and_without() {
    let world = World::start().await;
    let person = Person::of(&world);
    let repository = world.repository("books");
    let job = opened(&world, &repository, true).await;
    let agent = world.agent(&job.agent).await;
    let branch = agent["branchName"].as_str().unwrap();

    // With the server: all but the signers and the clone, which it cannot vouch for.
    let text = person.says(&["verify", &job.agent]);
    assert!(text.contains("signed by errand@localhost") && text.contains("not checked"), "{text}");
    assert!(text.contains("ended with 3, reported by the agent's sandbox"), "{text}");
    let all = told(&person.says(&["--json", "verify", "#1"]));
    assert_eq!(all["verified"], true);
    let item = &all["items"][0];
    let expected = [
        "record passed",
        "signers unchecked",
        "subject passed",
        "commit unchecked",
        "branch unchecked",
    ];
    assert_eq!(outcomes(item), expected);
    told_by_the_log(&world, &job, &item["statement"], &repository).await;

    // The pull request names it.
    let [record] = records(&world, &job.agent).await.try_into().unwrap();
    let pulls = world.api.get(&format!("/v1/agents/{}/pull-requests", job.agent)).await.expect(200);
    let pull = &pulls["items"][0];
    let body = pull["body"].as_str().unwrap();
    for part in [record["digest"].as_str().unwrap(), record["url"].as_str().unwrap()] {
        assert!(body.contains(part), "{body}");
    }
    assert_eq!(item["digest"], record["digest"]);

    // Everything, with what people have themselves.
    let (list, file) = (signers(&person, "signers"), person.home().join("record.json"));
    let bare = repository.path.to_str().unwrap();
    let link = pull["url"].as_str().unwrap();
    let (list_text, file_text) = (list.to_str().unwrap(), file.to_str().unwrap());
    let arguments = ["--json", "verify", link, "--save", file_text, "--repo", bare];
    let whole = [arguments.as_slice(), &["--allowed-signers", list_text]].concat();
    let whole = told(&person.says(&whole));
    let passed =
        ["record passed", "signers passed", "subject passed", "commit passed", "branch passed"];
    assert_eq!(outcomes(&whole["items"][0]), passed);
    let (code, alone) = offline(&person, &file, &list, &repository.path);
    assert_eq!((code, &alone["verified"]), (0, &json!(true)));
    let clone = person.home().join("clone");
    git(person.home(), &["clone", "-q", bare, "clone"]);
    assert_eq!(offline(&person, &file, &list, &clone).0, 0, "a branch of its remote");
    opened_by_others(&person, &file, &list);
    changed_records_hold_no_more(&person, &file, &list, &repository.path);

    // Somebody's commit on top is not what the record is of.
    repository.push(branch, "On top", &[("evil.txt", "x")]);
    let (code, moved) = offline(&person, &file, &list, &repository.path);
    let item = &moved["items"][0];
    assert_eq!((code, outcomes(item)[3].as_str()), (1, "branch failed"), "{moved}");
    assert_eq!(offline(&person, &file, &list, &clone).0, 0, "as long as nobody fetched it");
    world.end().await;
}

/// What a statement says is what everybody sees elsewhere.
async fn told_by_the_log(world: &World, job: &Job, statement: &Value, repository: &Repository) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let agent = world.agent(&job.agent).await;
    let commit = repository.git(&["rev-parse", agent["branchName"].as_str().unwrap()]);
    assert_eq!(statement["subject"][0]["digest"]["gitCommit"], *commit);
    let predicate = &statement["predicate"];
    assert_eq!(predicate["base"]["commit"], *repository.git(&["rev-parse", "main"]));
    assert_eq!(predicate["messages"].as_array().unwrap().len(), 1);
    assert!(!statement.to_string().contains(TASK), "the task is told by its digest alone");
    // The root is one of the log that everybody may read.
    let seq = predicate["log"]["seq"].as_u64().unwrap();
    let events = world.events(&job.agent).await;
    let event = events.iter().find(|event| event["seq"] == seq).unwrap();
    assert_eq!(
        (&event["hash"], &event["event"]["type"]),
        (&predicate["log"]["hash"], &json!("PushWanted"))
    );
}

/// openssl needs nothing of ours but the key.
fn opened_by_others(person: &Person, record: &Path, signers: &Path) {
    let envelope = told(&std::fs::read_to_string(record).unwrap());
    let decoded = |text: &str| STANDARD.decode(text).unwrap();
    let payload = decoded(envelope["payload"].as_str().unwrap());
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    let list = std::fs::read_to_string(signers).unwrap();
    let key = decoded(list.split_whitespace().nth(3).unwrap());
    let files = [
        ("signed", [head.as_bytes(), &payload].concat()),
        ("sig", decoded(envelope["signatures"][0]["sig"].as_str().unwrap())),
        ("key", [KEY_HEAD, &key[key.len() - 32..]].concat()),
    ];
    for (name, bytes) in files {
        std::fs::write(person.home().join(name), bytes).unwrap();
    }
    let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin"];
    let mut openssl = person.program("openssl");
    let output = openssl.args(verify).args(["-in", "signed", "-sigfile", "sig"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Signature Verified Successfully"), "{output:?}");
}

fn changed_records_hold_no_more(person: &Person, record: &Path, signers: &Path, repo: &Path) {
    let whole = std::fs::read(record).unwrap();
    let changed = person.home().join("changed.json");
    // Each byte in turn is tried beside the code; here some of each part.
    for index in [0, 13, whole.len() / 2, whole.len() - 120, whole.len() - 20, whole.len() - 2] {
        let mut bytes = whole.clone();
        bytes[index] ^= 1;
        std::fs::write(&changed, bytes).unwrap();
        let (code, told) = offline(person, &changed, signers, repo);
        assert_eq!((code, &told["verified"]), (1, &json!(false)), "byte {index}: {told}");
        assert!(told["items"][0]["statement"].is_null(), "nothing of it is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_commits_and_other_keys_have_records_of_their_own() {
    let world = World::start().await;
    let person = Person::of(&world);
    let repository = world.repository("books");
    let job = opened(&world, &repository, false).await;
    let first_signers = signers(&person, "first");
    let first = person.home().join("first.json");
    let first_text = first.to_str().unwrap();
    person.says(&["verify", &job.agent, "--save", first_text]);
    let again = world.send(&job.agent, &works("b.txt")).await;
    world.ended_as(&again, "FINISHED").await;
    person.says(&["signing-key", "rotate"]);
    let last = world.send(&job.agent, &works("c.txt")).await;
    world.ended_as(&last, "FINISHED").await;

    let all = records(&world, &job.agent).await;
    let digests: std::collections::BTreeSet<_> =
        all.iter().map(|record| record["digest"].as_str().unwrap()).collect();
    assert_eq!((all.len(), digests.len()), (3, 3));
    assert_eq!(all[0]["runId"], *last.run);
    assert_eq!(all[1]["key"], all[2]["key"]);
    assert_ne!(all[0]["key"], all[1]["key"]);
    let branch = all[0]["branch"].as_str().unwrap();
    assert_eq!(all[0]["commit"], *repository.git(&["rev-parse", branch]));
    assert_eq!(all[2]["commit"], *repository.git(&["rev-parse", &format!("{branch}~2")]));
    // Byte for byte, each time.
    let path = format!("/v1/agents/{}/records/{}", job.agent, all[2]["commit"].as_str().unwrap());
    assert_eq!(world.api.get(&path).await.text, std::fs::read_to_string(&first).unwrap());

    // The list of before knows nothing of the new key; that of now has both, each for its time.
    let newest = person.home().join("newest.json");
    let newest_text = newest.to_str().unwrap();
    person.says(&["verify", &job.agent, "--save", newest_text]);
    let second_signers = signers(&person, "second");
    let checked = |record: &str, list: &Path| {
        let list = list.to_str().unwrap();
        let arguments = ["verify", "--record", record, "--allowed-signers", list];
        person.stranger(&arguments).output().unwrap().status.code().unwrap()
    };
    assert_eq!(checked(newest_text, &first_signers), 1);
    assert_eq!(checked(newest_text, &second_signers), 0);
    assert_eq!(checked(first_text, &second_signers), 0);
    let (code, _) = person.fails(&["verify", "#1"]);
    assert_eq!(code, 5, "there is no pull request");
    let missing = format!("/v1/agents/{}/records/{}", job.agent, "0".repeat(40));
    world.api.get(&missing).await.refused(404, "record_not_found");
    world.end().await;
}
