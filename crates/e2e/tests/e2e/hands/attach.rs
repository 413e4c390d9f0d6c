//! `errand attach`: sitting down at a terminal, looking on, leaving, coming back.

use super::idle;
use super::person::Person;
use e2e::world::{World, eventually};
use serde_json::Value;

/// Ctrl-].
const LEAVE: &str = "\x1d";

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_echoes_goes_on_when_left_and_shows_its_screen_again() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let mut first = person.sits(&["attach", &agent]);
    first.shows("/workspace $");
    first.line("KEPT=kept; echo typed-$((40+2))");
    let screen = first.shows("typed-42");
    assert!(screen.contains("echo typed-$((40+2))"), "keys are echoed: {screen}");
    first.resize(90, 20);
    // Keys may overtake the new size.
    first.line("until [ \"$(stty size)\" = '20 90' ]; do sleep 0.05; done; echo si''zed");
    first.shows("\nsized");
    // Whatever a program did to the terminal is undone when one leaves in its midst.
    first.line(r"printf '\033[?1h\033[?1000h\033[?2004h\033[?25l'; sleep 0.2; echo a''way");
    first.shows("\naway");
    first.keys("echo last-words");
    first.shows("echo last-words");
    first.keys(LEAVE);
    assert_eq!(first.ends(), 0);
    first.shows("left; the terminal goes on");
    first.is_left_tidy();

    let mut second = person.sits(&["attach", &agent]);
    second.shows("typed-42");
    second.shows("echo last-words");
    second.line("");
    second.line("echo it-is-$KEPT");
    second.shows("it-is-kept");
    let mut onlooker = person.sits(&["attach", "--read-only", &agent]);
    onlooker.shows("it-is-kept");
    onlooker.line("echo intruder");
    second.line("echo w''riter");
    onlooker.shows("\nwriter");
    assert!(!second.screen().contains("intruder") && !onlooker.screen().contains("intruder"));
    let path = format!("/v1/agents/{agent}/terminals");
    let listed = world.api.get(&path).await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(
        (&listed["items"][0]["name"], listed["items"][0]["viewers"].as_u64()),
        (&Value::from("main"), Some(2))
    );
    second.line("exit");
    for terminal in [&mut second, &mut onlooker] {
        assert_eq!(terminal.ends(), 0);
        terminal.shows("the terminal ended");
        terminal.is_left_tidy();
    }
    let mut fresh = person.sits(&["attach", &agent]);
    fresh.shows("/workspace $");
    fresh.line("echo [$KEPT]");
    fresh.shows("\n[]");
    drop(fresh);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pasting_into_a_program_that_reads_nothing_does_not_hold_anybody() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let mut terminal = person.sits(&["attach", &agent, "stuck"]);
    terminal.shows("/workspace $");
    terminal.line("stty raw -echo; echo r''eady; sleep 1000");
    terminal.shows("ready");
    for _ in 0..64 {
        terminal.keys(&"x".repeat(16 * 1024));
    }
    terminal.keys(LEAVE);
    assert_eq!(terminal.ends(), 0);
    terminal.is_left_tidy();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_machine_is_woken() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    person.says(&["archive", &agent]);
    eventually("the machine sleeps", async || {
        world.agent(&agent).await["sandbox"]["state"] == "none"
    })
    .await;
    person.says(&["unarchive", &agent]);
    let mut terminal = person.sits(&["attach", &agent]);
    terminal.shows("/workspace $");
    terminal.line("echo a''wake");
    terminal.shows("\nawake");
    terminal.keys(LEAVE);
    assert_eq!(terminal.ends(), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_attach_says_what_to_use_instead() {
    let world = World::start().await;
    let agent = idle(&world).await.agent;
    let person = Person::of(&world);
    let (code, complaint) = person.fails(&["attach", &agent]);
    assert_eq!(code, 2);
    assert!(complaint.contains("attach needs a terminal") && complaint.contains("errand ssh"));
    let (code, complaint) = person.fails(&["attach", "bc-00000000"]);
    assert!([2, 5].contains(&code), "{code} {complaint}");
    world.end().await;
}
