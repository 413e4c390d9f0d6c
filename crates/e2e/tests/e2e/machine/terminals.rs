//! Terminals: who types, what is seen, what survives.

use super::{awake, open, socket};
use e2e::count::count;
use e2e::host;
use e2e::world::{World, eventually, shell};
use serde_json::json;
use std::time::Instant;

/// Key presses measured.
const KEYS: usize = 200;

fn path(agent: &str) -> String {
    format!("/v1/agents/{agent}/terminals/main/socket")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_type_by_turns_and_whoever_only_looks_cannot() {
    let world = World::start().await;
    let agent = awake(&world).await;
    let first = open(&world, &agent, "main").await;
    assert_eq!(open(&world, &agent, "main").await["createdAt"], first["createdAt"]);
    let key = world.api.post("/v1/api-keys", &json!({"name": "ben"})).await.expect(201);
    let ben_key = key["token"].as_str().unwrap().to_owned();
    let mut ana = socket::open(&world, &path(&agent)).await.unwrap();
    let mut ben = socket::open_as(&world, &path(&agent), &ben_key).await.unwrap();
    ana.send(b"touch /tmp/sneaked\r").await;
    let refused = ana.until_text(|text| text["type"] == "error").await;
    assert_eq!(refused["code"], "read_only");
    ana.say(r#"{"type":"take"}"#).await;
    ana.until_text(|text| text["you"] == true).await;
    ben.until_text(|text| text["writer"] == "admin" && text["you"] == false).await;
    ana.send(b"ls /tmp/sneaked; echo one$((1+1))\r").await;
    ana.until("one2").await;
    ben.until("one2").await;
    assert!(ben.shown().contains("cannot access"), "{}", ben.shown());
    ben.say(r#"{"type":"take"}"#).await;
    ben.until_text(|text| text["you"] == true).await;
    ana.until_text(|text| text["writer"] == "ben").await;
    ana.texts.clear();
    ana.send(b"touch /tmp/sneaked\r").await;
    ana.until_text(|text| text["code"] == "read_only").await;
    ben.send(b"echo ben$((2+2)); ls /tmp/sneaked\r").await;
    ana.until("ben4").await;
    ben.say(r#"{"type":"nonsense"}"#).await;
    ben.until_text(|text| text["code"] == "bad_message").await;
    ana.texts.clear();
    let revoked = world.api.delete(&format!("/v1/api-keys/{}", key["id"].as_str().unwrap())).await;
    assert_eq!(revoked.status, 200);
    while ben.take().await {}
    ana.until_text(|text| text["type"] == "state" && text["writer"].is_null()).await;
    let events = world.events(&agent).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| &event["event"])
        .filter(|event| event["type"].as_str().unwrap().starts_with("Terminal"))
        .map(|event| (event["type"].as_str().unwrap(), event["principal"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("TerminalTaken", "admin"), ("TerminalTaken", "ben"), ("TerminalReleased", "ben")]
    );
    let gone = world.api.delete(&format!("/v1/agents/{agent}/terminals/main")).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    ana.until_text(|text| text["type"] == "exit").await;
    let left = world.api.get(&format!("/v1/agents/{agent}/terminals")).await.expect(200);
    assert_eq!(left["items"], json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_shell_runs_nothing_that_the_agent_left_for_it() {
    let world = World::start().await;
    let trap = "for f in .bashrc .bash_profile .profile .bash_login; do echo 'touch /tmp/sprung' > ~/$f; done; \
        printf '\"a\": \"touch /tmp/sprung\\\\n\"\\n' > ~/.inputrc; echo 'run-shell \"touch /tmp/sprung\"' > ~/.tmux.conf; \
        mkdir -p /workspace && echo 'touch /tmp/sprung' > /workspace/.bashrc; echo set";
    let job = world.chore(&[shell(trap)]).await;
    world.ended_as(&job, "FINISHED").await;
    assert!(world.outputs(&job.agent).await[0].contains("set"));
    open(&world, &job.agent, "main").await;
    let mut window = socket::open(&world, &path(&job.agent)).await.unwrap();
    window.say(r#"{"type":"take"}"#).await;
    window.send(b"a=1; ls /tmp/sprung; echo shell$((1+1))\r").await;
    window.until("shell2").await;
    assert!(window.shown().contains("cannot access"), "{}", window.shown());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_are_still_there_after_the_server_was_killed() {
    outlive_the_server("").await;
}

/// Kills a server with this configuration while terminals are open.
pub async fn outlive_the_server(config: &str) {
    let mut world = World::with(config).await;
    let agent = awake(&world).await;
    let before = open(&world, &agent, "main").await;
    open(&world, &agent, "second").await;
    let mut window = socket::open(&world, &path(&agent)).await.unwrap();
    window.say(r#"{"type":"take"}"#).await;
    window.send(b"echo before$((1+1)); mark=kept\r").await;
    window.until("before2").await;
    world.kill();
    world.boot();
    let list = format!("/v1/agents/{agent}/terminals");
    eventually("the machine is linked again", async || world.api.get(&list).await.status == 200)
        .await;
    let after = world.api.get(&list).await.expect(200);
    assert_eq!(after["items"].as_array().unwrap().len(), 2, "{after}");
    assert_eq!(after["items"][0]["createdAt"], before["createdAt"]);
    assert!(after["items"][0]["writer"].is_null() && after["items"][0]["alive"] == true);
    let mut again = socket::open(&world, &path(&agent)).await.unwrap();
    again.until("before2").await;
    again.say(r#"{"type":"take"}"#).await;
    again.send(b"echo $mark$((2+2))\r").await;
    again.until("kept4").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_prints_a_gigabyte_neither_blocks_nor_fills_memory() {
    let bytes = count(20_000_000, 1_000_000_000);
    let world = World::start().await;
    let agent = awake(&world).await;
    open(&world, &agent, "main").await;
    let mut typing = socket::open(&world, &path(&agent)).await.unwrap();
    // It reads nothing at all.
    let mut stuck = socket::open(&world, &path(&agent)).await.unwrap();
    typing.say(r#"{"type":"take"}"#).await;
    let before = memory(world.server_pid());
    let begun = Instant::now();
    let command = format!("head -c {bytes} /dev/zero | tr '\\0' x; echo; echo printed$((1+1))\r");
    typing.send(command.as_bytes()).await;
    let mut most = before;
    while !String::from_utf8_lossy(&typing.bytes).contains("printed2") {
        assert!(typing.take().await);
        most = most.max(memory(world.server_pid()));
        let late = typing.bytes.len().saturating_sub(4096);
        typing.bytes.drain(..late);
    }
    println!(
        "{bytes} bytes printed in {:?}; the server grew by {} KiB",
        begun.elapsed(),
        most.saturating_sub(before)
    );
    assert!(most - before < 64 * 1024, "the server grew from {before} to {most} KiB");
    stuck.until("printed2").await;
    typing.send(b"echo still$((2+2))\r").await;
    typing.until("still4").await;
    world.end().await;
}

/// Resident memory of a process, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_back_as_soon_as_it_was_pressed() {
    let world = World::start().await;
    let agent = awake(&world).await;
    open(&world, &agent, "main").await;
    let mut window = socket::open(&world, &path(&agent)).await.unwrap();
    window.say(r#"{"type":"take"}"#).await;
    window.send(b"cat\r").await;
    window.until("cat").await;
    let mut times = Vec::new();
    for nth in 0..KEYS {
        window.bytes.clear();
        let key = [b'a' + u8::try_from(nth % 26).unwrap()];
        let begun = Instant::now();
        window.send(&key).await;
        while !window.bytes.contains(&key[0]) {
            assert!(window.take().await);
        }
        times.push(begun.elapsed());
    }
    times.sort();
    println!("key to echo: p50 {:?}, p95 {:?}", times[KEYS / 2], times[KEYS * 95 / 100]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_ends_closes_its_terminals_and_says_why() {
    let world = World::start().await;
    let agent = awake(&world).await;
    open(&world, &agent, "main").await;
    let mut window = socket::open(&world, &path(&agent)).await.unwrap();
    window.until_text(|text| text["type"] == "state").await;
    for process in host::processes_of_agent(&agent) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(process.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap_or_default();
    }
    let told = window.until_text(|text| text["type"] == "error" || text["type"] == "exit").await;
    assert!(told["code"] == "sandbox_gone" || told["type"] == "exit", "{told}");
    while window.take().await {}
    eventually("the loss is noticed", async || {
        world.agent(&agent).await["sandbox"]["state"] != "up"
    })
    .await;
    world.assert_usable(&agent).await;
    world.end().await;
}
