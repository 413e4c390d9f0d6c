//! Commits that everybody can check with stock git, before and after the key was changed.

use super::person::Person;
use e2e::samples::{Repository, git, try_git};
use e2e::world::{World, shell};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The public halves as stock git reads them.
fn allowed(person: &Person, name: &str) -> PathBuf {
    let path = person.home().join(name);
    std::fs::write(&path, person.says(&["signing-key", "allowed-signers"])).unwrap();
    path
}

/// What stock git says of a commit's signature; or its complaint.
fn verified(repository: &Repository, commit: &str, allowed: &Path) -> Result<String, String> {
    let signers = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    try_git(&repository.path, &["-c", &signers, "verify-commit", commit])?;
    let format = "--format=%G? %GS";
    Ok(git(&repository.path, &["-c", &signers, "log", "-1", format, commit]))
}

/// Commits with the agent's own git and by Errand.
fn works(name: &str) -> [Turn; 2] {
    let line = format!(
        "echo one > {name}.1 && git add -A && git -c user.name=x -c user.email=x@x commit -qm one && echo two > {name}.2"
    );
    [shell(line), Turn::say("Done.")]
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_signed_and_stock_git_says_so() {
    let mut world = World::start().await;
    let person = Person::of(&world);
    let repository = world.repository("signed");
    let turns = works("a");
    let body = json!({"prompt": {"text": e2e::world::prompt(&turns)}, "repos": [{"url": repository.url()}], "autoCreatePR": true});
    let job = world.open(body).await;
    let run = world.ended_as(&job, "FINISHED").await;
    let branch = run["git"]["branches"][0]["branch"].as_str().unwrap().to_owned();
    let first = allowed(&person, "first");
    let good = "G errand@localhost";
    let commits =
        [branch.clone(), format!("{branch}^")].map(|name| repository.git(&["rev-parse", &name]));
    for commit in &commits {
        assert_eq!(verified(&repository, commit, &first).as_deref(), Ok(good));
    }

    // Not what nobody allowed, and not what was changed.
    let nobody = person.home().join("nobody");
    std::fs::write(&nobody, "").unwrap();
    assert!(verified(&repository, &commits[0], &nobody).is_err());
    let raw = repository.git(&["cat-file", "commit", &commits[0]]);
    let changed = person.home().join("changed");
    std::fs::write(&changed, raw.replacen("Errand-agent: ", "Errand-agent: x", 1) + "\n").unwrap();
    let changed =
        repository.git(&["hash-object", "-t", "commit", "-w", &changed.display().to_string()]);
    let complaint = verified(&repository, &changed, &first).unwrap_err();
    assert!(complaint.to_lowercase().contains("incorrect signature"), "{complaint}");

    // The same key after a restart, and another one after a change.
    world.kill();
    world.boot();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(allowed(&person, "again")).unwrap());
    let before: Value =
        serde_json::from_str(&person.says(&["--json", "signing-key", "ls"])).unwrap();
    let after: Value =
        serde_json::from_str(&person.says(&["--json", "signing-key", "rotate"])).unwrap();
    assert_eq!(after["items"][1]["fingerprint"], before["items"][0]["fingerprint"]);
    assert!(after["items"][1]["retiredAt"].is_string() && after["items"][0]["retiredAt"].is_null());
    assert_ne!(after["items"][0]["publicKey"], before["items"][0]["publicKey"]);
    let again = world.send(&job.agent, &works("b")).await;
    world.ended_as(&again, "FINISHED").await;
    let second = allowed(&person, "second");
    let tip = repository.git(&["rev-parse", &branch]);
    assert!(verified(&repository, &tip, &first).is_err(), "the old key does not sign any more");
    for commit in commits.iter().chain([&tip]) {
        assert_eq!(verified(&repository, commit, &second).as_deref(), Ok(good));
    }
    let path = format!("/v1/agents/{}/pull-requests/1/merge", job.agent);
    world.api.post(&path, &json!({})).await.expect(200);
    assert_eq!(verified(&repository, "main", &second).as_deref(), Ok(good), "merges, too");

    let member = world.api.post("/v1/api-keys", &json!({"name": "member"})).await.expect(201);
    let member = world.api.with_token(member["token"].as_str().unwrap());
    assert_eq!(member.post("/v1/signing-keys/rotate", &json!({})).await.status, 403);
    world.end().await;
}
