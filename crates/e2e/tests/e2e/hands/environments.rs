//! Terminals of an environment file, as people sit down at them.

use super::person::Person;
use e2e::world::World;
use fakes::scripted::script::Turn;

#[tokio::test(flavor = "multi_thread")]
async fn people_sit_down_at_the_terminals_of_the_file_by_name() {
    let world = World::start().await;
    let repository = world.repository("sample");
    let text = r#"{
        "terminals": [{"name": "web", "command": "echo serv''ing in $PWD; sleep 4244"}],
        "start": "exit 7"
    }"#;
    repository.push("main", "Describe the machine", &[(".errand/environment.json", text)]);
    let turns = [e2e::world::shell("tmux capture-pane -p -t web || true"), Turn::say("Done.")];
    let job = world.errand(&repository, &turns).await;
    world.ended_as(&job, "FINISHED").await;
    let person = Person::of(&world);
    let mut terminal = person.sits(&["attach", &job.agent, "web"]);
    terminal.shows("serving in /workspace/sample");
    // What runs there is a person's to end; a shell is left.
    terminal.keys("\x03");
    terminal.shows("it ended with status 130");
    terminal.line("echo sh''ell");
    terminal.shows("\nshell");
    terminal.keys("\x1d");
    assert_eq!(terminal.ends(), 0);
    let log = person.says(&["watch", "--plain", "--from-start", &job.agent]);
    assert!(log.contains("terminal web: echo"), "{log}");
    assert!(log.contains("`start` of .errand/environment.json ended with status 7"), "{log}");
    world.end().await;
}
