//! Signing in: `login`, `context`, `ERRAND_CONTEXT`, `open`.

use super::person::{Person, said};
use super::terminal::Terminal;
use e2e::world::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

/// Logs in with a key on standard input.
fn login(person: &Person, url: &str, name: &str, key: &str) -> Output {
    let mut child = person
        .stranger(&["--json", "login", "--url", url, "--name", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_are_kept_apart_by_name() {
    let (work, home) = (World::start().await, World::start().await);
    let person = Person::of(&work);
    let near = home.chore(&[fakes::scripted::script::Turn::say("Done.")]).await.agent;
    for (world, name) in [(&home, "home"), (&work, "work")] {
        let said = said(login(&person, &world.api.base, name, &world.api.token), &["login"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["keychain"], false, "without a keychain the key goes into the file");
    }
    let file = person.home().join(".config/errand/config.toml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let listed = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = person.stranger(arguments).envs(variables.iter().copied()).output().unwrap();
        said(output, arguments).contains(&near)
    };
    let all = ["--json", "ls", "--all"];
    assert!(!listed(&all, &[]), "the newest login is the current one");
    assert!(listed(&all, &[("ERRAND_CONTEXT", "home")]));
    assert!(listed(&["--context", "home", "--json", "ls"], &[("ERRAND_CONTEXT", "work")]));
    said(person.stranger(&["context", "use", "home"]).output().unwrap(), &["context", "use"]);
    assert!(listed(&all, &[]));
    let shown = said(person.stranger(&["--json", "context", "ls"]).output().unwrap(), &["ls"]);
    assert!(!shown.contains(&home.api.token), "keys are not shown");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let current: Vec<_> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["name"].as_str().unwrap(), item["current"].as_bool().unwrap()))
        .collect();
    assert_eq!(current, [("home", true), ("work", false)]);
    said(person.stranger(&["context", "rm", "home"]).output().unwrap(), &["context", "rm"]);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&home.api.token));
    let gone = person.stranger(&["context", "use", "home"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(5));
    let gone = person.stranger(&["ls"]).env("ERRAND_CONTEXT", "home").output().unwrap();
    assert_eq!(gone.status.code(), Some(5));
    let wrong = login(&person, &work.api.base, "mistyped", "errand_key_that_is_wrong");
    assert_eq!(wrong.status.code(), Some(6), "{wrong:?}");
    assert!(
        !std::fs::read_to_string(&file).unwrap().contains("mistyped"),
        "a wrong key is not kept"
    );
    home.end().await;
    work.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_typed_at_a_terminal_is_not_shown() {
    let world = World::start().await;
    let person = Person::of(&world);
    let command = person.stranger(&["login", "--url", &world.api.base]);
    let mut terminal = Terminal::open(&command, (100, 30));
    terminal.shows("API key:");
    let key = world.api.token.clone();
    terminal.line(&key);
    assert_eq!(terminal.ends(), 0);
    terminal.shows("knows you as");
    let (raw, _) = terminal.raw();
    assert!(!String::from_utf8_lossy(&raw).contains(&key));
    terminal.is_left_tidy();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_open_prints_signs_in_once() {
    let world = World::start().await;
    let person = Person::of(&world);
    let agent = super::idle(&world).await.agent;
    let printed = person.says(&["open", "--print", &agent]);
    let address = printed.lines().next().unwrap();
    let (page, code) = address.split_once("#code=").expect("a code in the fragment");
    assert_eq!(page, format!("{}/agents/{agent}", world.api.base));
    let exchange = || {
        let request = world.api.bare(Method::POST, "/v1/session");
        request
            .header("origin", &world.api.base)
            .header("x-errand-client", "web")
            .json(&json!({ "code": code }))
    };
    let first = e2e::api::send("exchange", exchange()).await;
    assert_eq!(first.status, 204, "{}", first.text);
    let cookie = first.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("errand_session=") && cookie.contains("HttpOnly"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let request = world.api.bare(Method::GET, "/v1/session").header("cookie", session);
    assert_eq!(e2e::api::send("session", request).await.status, 200);
    let second = e2e::api::send("exchange again", exchange()).await;
    assert!(second.status == 401 || second.status == 403, "{} {}", second.status, second.text);
    let said: Value = serde_json::from_str(&person.says(&["--json", "open", "--print"])).unwrap();
    let other = said["url"].as_str().unwrap().split_once("#code=").unwrap().1;
    assert_ne!(other, code);
    world.end().await;
}
