//! The audit log from end to end: it says what left and who did what, holds together over a killed server, and shows
//! what was done to a copy of it.

use crate::grants::Echo;
use e2e::api::send;
use e2e::process::binary;
use e2e::world::{World, eventually, shell};
use fakes::scripted::script::Turn;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What no record may hold.
const VALUE: &str = "ghp_e2eAuditedValueOfAGrant0123456789";
/// Requests of a loop inside.
const LOOP: usize = 20;

/// The command line; without a server where it is to check a file.
#[expect(clippy::disallowed_methods, reason = "the command line is what is tested")]
fn errand(world: Option<&World>, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let home = tempfile::tempdir().unwrap();
    command.env("HOME", home.path());
    match world {
        Some(world) => {
            command.env("ERRAND_URL", &world.api.base).env("ERRAND_TOKEN", &world.api.token)
        }
        None => command.env("ERRAND_URL", "http://127.0.0.1:1").env("ERRAND_TOKEN", "none"),
    };
    command.output().unwrap()
}

#[track_caller]
fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `errand audit verify` complains of.
#[track_caller]
fn complaint(file: &Path, more: &[&str]) -> String {
    let path = file.to_str().unwrap();
    let output = errand(None, &[&["audit", "verify", path], more].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn sum(records: &[Value], kind: &str, host: &str, field: &str) -> u64 {
    let of_host = records.iter().filter(|it| it["kind"] == kind && it["details"]["host"] == host);
    of_host.map(|it| it["details"][field].as_u64().unwrap_or(0)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_is_recorded_and_what_is_done_to_the_record_shows() {
    let host = Echo::start(&["api.test", "other.test", "late.test"]).await;
    let mut world = World::with(&host.config()).await;
    let secret = json!({"value": VALUE, "type": "runtime_secret", "hosts": ["api.test"]});
    let put = world.api.request(Method::PUT, "/v1/team/secrets/FORGE_TOKEN").json(&secret);
    assert_eq!(send("set a secret", put).await.status, 201);
    let filler = "x".repeat(2000);
    let turns = [
        shell(format!(
            "for i in $(seq {LOOP}); do curl -sS -m 20 -o /dev/null -H \"Authorization: Bearer $FORGE_TOKEN\" \
             -H 'X-Filler: {filler}' https://api.test/used; done"
        )),
        shell("curl -sS -m 20 -o /dev/null https://other.test/plain"),
        shell("for i in 1 2 3; do curl -sS -m 20 https://late.test/denied; done"),
        Turn::say("Done."),
    ];
    let job = world.chore(&turns).await;
    world.ended_as(&job, "FINISHED").await;
    let path = format!("/v1/agents/{}/traffic", job.agent);
    let traffic = world.api.get(&path).await.expect(200);
    let head = told(&errand(Some(&world), &["audit", "head"]));

    // Another run is cut off by the death of the server.
    let rest = [
        shell("sleep 2; curl -sS -m 20 -o /dev/null https://other.test/later"),
        Turn::say("Late."),
    ];
    let again = world.send(&job.agent, &rest).await;
    world.watch(&job.agent).until_type("ToolCalled").await;
    world.kill();
    world.boot();
    world.ended_as(&again, "FINISHED").await;
    let runs = world.api.get(&path).await.expect(200)["runs"].clone();
    let first = runs.as_array().unwrap().iter().find(|it| it["runId"] == json!(job.run)).unwrap();
    assert_eq!(first["bytesUp"], traffic["total"]["bytesUp"], "{runs}");
    eventually("the second run's request is told", async || {
        let told = world.api.get(&path).await.expect(200);
        told["runs"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["runId"] == json!(again.run) && it["requests"].as_u64() >= Some(1))
    })
    .await;

    let export = told(&errand(Some(&world), &["audit", "export"]));
    assert!(!export.contains("AuditedValue"), "a record holds the value");
    let records: Vec<Value> =
        export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    told_right(&records, &host.got());
    touched(&export, head.trim());
    assert!(
        told(&errand(Some(&world), &["audit", "verify", "--head", head.trim()]))
            .contains("hold together")
    );
    let shown = told(&errand(Some(&world), &["traffic", &job.agent]));
    assert!(shown.contains("api.test") && shown.contains("FORGE_TOKEN"), "{shown}");
    world.end().await;
}

/// The records say what the host saw, and what was done.
#[track_caller]
fn told_right(records: &[Value], heads: &str) {
    let got = u64::try_from(heads.matches("GET /used").count()).unwrap();
    assert_eq!(got, LOOP as u64);
    assert_eq!(sum(records, "egress.passed", "api.test", "requests"), got);
    assert_eq!(sum(records, "secret.used", "api.test", "count"), got);
    assert_eq!(sum(records, "egress.denied", "late.test", "count"), 3);
    let used: usize = heads
        .split("\r\n\r\n")
        .filter(|head| head.contains("/used"))
        .map(|head| head.len() + 4)
        .sum();
    let counted = sum(records, "egress.passed", "api.test", "bytesUp") as f64;
    let ratio = counted / used as f64;
    assert!((0.95..1.05).contains(&ratio), "{counted} bytes of {used}");
    let few = records.iter().filter(|it| it["kind"] == "secret.used").count();
    assert!(few < LOOP, "a loop makes {few} records");
    for kind in ["secret.set", "agent.opened", "run.asked", "run.ended", "sandbox.up"] {
        assert!(records.iter().any(|it| it["kind"] == kind), "{kind}");
    }
}

/// An export is whole offline; a changed byte, a missing line and a cut end are found.
fn touched(export: &str, head: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    std::fs::write(&file, export).unwrap();
    let whole = errand(None, &["audit", "verify", file.to_str().unwrap(), "--head", head]);
    assert!(told(&whole).contains("hold together"));
    let lines: Vec<_> = export.lines().collect();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let changed = lines[3].replacen("\"kind\":\"", "\"kind\":\"x", 1);
    let mut other = lines.clone();
    other[3] = &changed;
    std::fs::write(&file, join(&other)).unwrap();
    assert!(complaint(&file, &[]).contains("record 4 was changed"));
    let mut missing = lines.clone();
    missing.remove(3);
    std::fs::write(&file, join(&missing)).unwrap();
    assert!(complaint(&file, &[]).contains("record 4 is missing"));
    std::fs::write(&file, join(&lines[..3])).unwrap();
    assert!(complaint(&file, &["--head", head]).contains("record 4 is missing"));
    std::fs::write(&file, &export[..export.len() - 10]).unwrap();
    let last = format!("record {}", lines.len());
    assert!(complaint(&file, &[]).contains(&last));
}
