//! `errand watch` and `errand ls --watch` at a terminal.

use super::person::Person;
use e2e::world::{World, prompt, shell};
use fakes::scripted::script::Turn;
use serde_json::json;

/// Ctrl-C.
const INTERRUPT: &str = "\x03";

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_screen_takes_messages_ends_runs_and_is_left() {
    let world = World::start().await;
    let person = Person::of(&world);
    let waits = [shell("echo work-began; sleep 600"), Turn::say("Never said.")];
    let job = world.chore(&waits).await;
    let mut screen = person.sits(&["watch", &job.agent]);
    screen.shows("Ctrl-X ends the run");
    screen.shows("sleep 600");
    // Typed while it works: queued behind the run.
    screen.keys(&format!("script: {}", json!({"turns": [{"text": "Follow-up taken."}]})));
    screen.shows("Follow-up taken.\"");
    screen.keys("\r");
    screen.until("the line is empty again", |text| {
        text.lines().last().is_some_and(|line| line.trim() == "›")
    });
    screen.resize(120, 40);
    screen.keys("\x18");
    let run = world.ended_as(&job, "CANCELLED").await;
    assert_eq!(run["status"], "CANCELLED");
    screen.until("the follow-up's answer", |text| {
        text.contains("Follow-up taken.") && text.contains("Enter sends")
    });
    let agent = world.agent(&job.agent).await;
    assert_eq!(agent["latestRunStatus"], "FINISHED", "{agent:#}");
    screen.keys(INTERRUPT);
    assert_eq!(screen.ends(), 0);
    screen.is_left_tidy();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_screen_survives_a_restart_of_the_server() {
    let mut world = World::start().await;
    let person = Person::of(&world);
    let job = world.chore(&[shell("sleep 3; echo over"), Turn::say("All is well.")]).await;
    let screen = person.sits(&["watch", &job.agent]);
    screen.shows("sleep 3");
    world.kill();
    screen.shows("the connection was lost");
    world.boot();
    screen.shows("the connection is back");
    screen.shows("All is well.");
    drop(screen);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_agents_keeps_itself_up_to_date() {
    let world = World::start().await;
    let person = Person::of(&world);
    let open = async |name: &str, turns: &[Turn]| {
        world.open(json!({"name": name, "prompt": {"text": prompt(turns)}})).await
    };
    let first = open("first-agent", &[shell("sleep 600")]).await;
    let mut list = person.sits(&["ls", "--watch"]);
    list.until("the first runs", |text| text.contains("first-agent") && text.contains("running"));
    let second = open("second-agent", &[Turn::say("Done.")]).await;
    list.until("the second is done", |text| {
        text.lines().any(|line| line.contains("second-agent") && line.contains("finished"))
    });
    world.delete(&second.agent).await;
    let screen = list.until("the second is gone", |text| !text.contains("second-agent"));
    assert_eq!(screen.matches("first-agent").count(), 1, "painted over, not below:\n{screen}");
    list.resize(60, 12);
    person.says(&["cancel", &first.agent]);
    list.until("the first is cancelled", |text| text.contains("cancelled"));
    list.keys(INTERRUPT);
    assert_eq!(list.ends(), 0);
    list.is_left_tidy();
    world.end().await;
}
