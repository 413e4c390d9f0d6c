//! The vendor's official TypeScript SDK, pinned, pointed at our server, with nothing but loopback.
//!
//! The test starts itself again inside a network namespace of its own: server, model and SDK run there.

use e2e::world::{World, prompt, shell};
use fakes::scripted::script::Turn;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version that is tested.
const VERSION: &str = "1.0.32";
/// Says that this process runs inside the namespace already.
const INSIDE: &str = "ERRAND_E2E_INSIDE";
/// What the script checks.
const CHECKS: [&str; 15] = [
    "me",
    "models",
    "create and stream",
    "wait",
    "follow-up",
    "list",
    "get",
    "cancel",
    "artifacts",
    "usage",
    "repositories",
    "resume",
    "busy",
    "unknown model",
    "archive and delete",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}

#[expect(clippy::disallowed_methods, reason = "the SDK is a program of its own")]
fn command(program: &str) -> Command {
    Command::new(program)
}

fn is_there(program: &str) -> bool {
    command(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn shown(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn install() {
    let installed = std::fs::read_to_string(folder().join("node_modules/@cursor/sdk/package.json"))
        .unwrap_or_default();
    let installed: Value = serde_json::from_str(&installed).unwrap_or_default();
    if installed["version"] == VERSION {
        return;
    }
    // Not `npm ci`: the packages for other platforms, which the lock need not list, would stop it.
    let output = command("npm")
        .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "npm install: {}", shown(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_sdk_works_with_nothing_but_loopback() {
    if std::env::var_os(INSIDE).is_some() {
        return inside().await;
    }
    if !is_there("node") || !is_there("npm") {
        println!("SKIPPED 1: node or npm is not installed, so the official SDK was not tried");
        return;
    }
    install();
    let this = std::env::current_exe().unwrap();
    let output = command("unshare")
        .args(["--net", "--", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "sdk::the_official_sdk_works_with_nothing_but_loopback", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = shown(&output);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    for check in CHECKS {
        assert!(
            text.contains(&format!("{{\"check\":\"{check}\"")),
            "{check} was not checked: {text}"
        );
    }
    println!("the official SDK {VERSION} passed {} checks", CHECKS.len());
}

async fn inside() {
    let interfaces = std::fs::read_to_string("/proc/net/dev").unwrap();
    assert!(
        interfaces.lines().skip(2).all(|line| line.trim_start().starts_with("lo:")),
        "{interfaces}"
    );
    let world = World::start().await;
    let repository = world.repository("sample");
    let prompts = json!({
        "first": prompt(&[shell("mkdir -p /workspace/.artifacts; printf hello > /workspace/.artifacts/x.txt; echo hi > hi.txt").thinking("I think first.").text("I begin."), Turn::say("The first is done.")]),
        "second": prompt(&[shell("echo ho > ho.txt"), Turn::say("The second is done.")]),
        "endless": prompt(&[shell("sleep 600")]),
    });
    let (url, token, repository) =
        (world.api.base.clone(), world.api.token.clone(), repository.url());
    let output = tokio::task::spawn_blocking(move || {
        command("node")
            .arg("run.mjs")
            .current_dir(folder())
            .env("CURSOR_BACKEND_URL", url)
            .env("CURSOR_API_KEY", token)
            .env("E2E_REPOSITORY", repository)
            .env("E2E_PROMPTS", prompts.to_string())
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    println!("{}", shown(&output));
    assert!(output.status.success());
    world.end().await;
}
