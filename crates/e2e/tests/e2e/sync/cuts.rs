//! Sync over wires that are cut, and with servers that are killed meanwhile.

use super::{Laptop, World, prompt, shell};
use e2e::wire::Wire;
use e2e::world::{Job, eventually};
use fakes::scripted::script::Turn;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Stdio};
use std::time::Duration;

const MIB: u64 = 1024 * 1024;
/// Bytes that cannot be packed smaller: several pieces of an upload.
const LARGE_BYTES: usize = 14 * 1024 * 1024;

fn large(laptop: &Laptop) {
    let mut bytes = vec![0; LARGE_BYTES];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    std::fs::write(laptop.work().join("large.bin"), &bytes).unwrap();
}

/// What was made of a worktree with a large file inside is as large as it was.
async fn arrived(world: &World, agent: &str, run: &str) {
    let job = Job { agent: agent.to_owned(), run: run.to_owned() };
    world.ended_as(&job, "FINISHED").await;
    let outputs = world.outputs(agent).await.join("\n");
    assert!(outputs.contains(&format!("size {LARGE_BYTES}")), "{outputs}");
}

fn ids(created: &serde_json::Value) -> (String, String) {
    let id = |of: &str| created[of]["id"].as_str().unwrap().to_owned();
    (id("agent"), id("run"))
}

fn measure() -> String {
    prompt(&[shell("echo size $(stat -c %s large.bin)"), Turn::say("Measured.")])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_was_cut() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    large(&laptop);
    let wire = Wire::to(&world.api.base, &[MIB, 6 * MIB, 5 * MIB]).await;
    let task = measure();
    let up = ["up", "-d", "--yes", "--no-pr", "--json", task.as_str()];
    let output = laptop.command(&world, &up).env("ERRAND_URL", &wire.url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(wire.cut(), 3);
    let text = String::from_utf8(output.stdout).unwrap();
    let (agent, run) = ids(&serde_json::from_str(text.lines().last().unwrap()).unwrap());
    arrived(&world, &agent, &run).await;
    world.delete(&agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_when_the_server_is_back() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    large(&laptop);
    let task = measure();
    let up = ["up", "-d", "--yes", "--no-pr", "--json", task.as_str()];
    let child = laptop.command(&world, &up).stdout(Stdio::piped()).spawn().unwrap();
    let uploads = world.data().join("uploads");
    eventually("an upload begins", async || {
        let begun = std::fs::read_dir(&uploads).into_iter().flatten().flatten();
        begun.map(|entry| entry.path().join("data")).any(|data| data.exists())
    })
    .await;
    world.kill();
    world.boot();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let (agent, run) = ids(&serde_json::from_str(text.lines().last().unwrap()).unwrap());
    arrived(&world, &agent, &run).await;
    world.delete(&agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_changes_nothing_and_the_next_brings_all() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    let job = world
        .errand(
            &repository,
            &[shell(format!("head -c {LARGE_BYTES} /dev/urandom > large.bin")), Turn::say("Made.")],
        )
        .await;
    world.ended_as(&job, "FINISHED").await;
    let agent = job.agent.as_str();
    let wire = Wire::to(&world.api.base, &[2 * MIB, 9 * MIB]).await;
    for cut in 1..=2 {
        let output =
            laptop.command(&world, &["down", agent]).env("ERRAND_URL", &wire.url).output().unwrap();
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(wire.cut(), cut);
        assert!(!laptop.work().join("large.bin").exists());
    }
    for after_ms in [30, 90, 150] {
        let mut child =
            laptop.command(&world, &["down", agent]).stderr(Stdio::null()).spawn().unwrap();
        // The moment is the point: the test holds wherever it falls.
        std::thread::sleep(Duration::from_millis(after_ms));
        world.kill();
        world.boot();
        child.wait().unwrap();
    }
    laptop.json(&world, &["down", agent]);
    assert_eq!(
        std::fs::metadata(laptop.work().join("large.bin")).unwrap().len(),
        LARGE_BYTES as u64
    );
    laptop.assert_nothing_left();
    world.delete(agent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_down_brings_changes_as_they_come_and_spares_the_persons() {
    let mut world = World::start().await;
    let repository = world.repository("sample");
    let laptop = Laptop::new(&repository);
    let job = world.errand(&repository, &[shell("echo one > one.txt"), Turn::say("One.")]).await;
    world.ended_as(&job, "FINISHED").await;
    let agent = job.agent.as_str();
    let down = ["down", "--watch", agent];
    let mut child = laptop.command(&world, &down).stdout(Stdio::null()).spawn().unwrap();
    let comes = async |path: &str, content: &str| {
        let there = || std::fs::read_to_string(laptop.work().join(path)).unwrap_or_default();
        eventually(path, async || there() == content).await;
    };
    comes("one.txt", "one\n").await;
    laptop.write("mine.txt", "mine\n");
    let job = world.send(agent, &[shell("echo two > two.txt"), Turn::say("Two.")]).await;
    comes("two.txt", "two\n").await;
    world.ended_as(&job, "FINISHED").await;
    world.kill();
    world.boot();
    let job = world.send(agent, &[shell("echo more >> one.txt"), Turn::say("More.")]).await;
    comes("one.txt", "one\nmore\n").await;
    world.ended_as(&job, "FINISHED").await;
    assert_eq!(laptop.read("mine.txt"), "mine\n");
    assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    interrupt(&mut child);
    laptop.assert_nothing_left();
    world.delete(agent).await;
    world.end().await;
}

fn interrupt(child: &mut Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    child.wait().unwrap();
}
