//! Tools: wrong calls, long outputs, images, background commands, nested instructions, modes.

use crate::world::{CALC, CWD, World};
use fakes::scripted::script::{Do, Script, Turn};
use protocol::content::TodoState;
use protocol::event::{Event, Mode};
use protocol::limits::TOOL_RESULT_BYTES;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn call(name: &str, arguments: Value) -> Do {
    Do::Call { name: name.to_owned(), arguments }
}

async fn after(calls: Vec<Vec<Do>>) -> World {
    let world = world(calls).await;
    world.end().await;
    world
}

async fn world(calls: Vec<Vec<Do>>) -> World {
    let mut turns: Vec<Turn> = calls.into_iter().map(Turn::act).collect();
    turns.push(Turn::say("Done."));
    World::new(Script::custom(turns)).await
}

#[tokio::test]
async fn wrong_calls_are_answered_and_name_the_field() {
    let world = after(vec![vec![
        call("read_file", json!("{\"path\": ")),
        call("read_file", json!({})),
        call("shell", json!({ "command": 3 })),
        call("teleport", json!({})),
        call("edit_file", json!({ "path": "calc.py", "old": "zzz", "new": "y" })),
        call("todo_write", json!({ "todos": [{ "text": "x", "state": "someday" }] })),
    ]])
    .await;
    let results = world.results();
    let expected = [
        "are not JSON",
        "needs the field `path`",
        "`command` of `shell`",
        "no tool `teleport`",
        "Nothing was changed",
        "someday",
    ];
    for (part, (text, is_error)) in expected.iter().zip(results) {
        assert!(is_error && text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn what_changes_nothing_does_not_wait_for_its_record() {
    let edit = json!({ "path": "calc.py", "old": "a - b", "new": "a + b" });
    let read = json!({ "path": "calc.py" });
    let world = world(vec![vec![call("read_file", read)], vec![call("edit_file", edit)]]).await;
    // A call is only written down once its reading or making ready has begun.
    *world.memory.slow.lock().unwrap() = Some(Arc::clone(&world.workspace.begun));
    let workspace = Arc::clone(&world.workspace);
    world.memory.on_event(move |_, event| {
        if matches!(event, Event::ToolCalled { .. }) {
            assert_eq!(workspace.get("calc.py"), CALC, "changed before it was written down");
        }
    });
    world.end().await;
    assert_eq!(world.workspace.get("calc.py"), CALC.replace("a - b", "a + b"));
    assert!(world.results().iter().all(|(_, is_error)| !is_error), "{:?}", world.results());
}

#[tokio::test]
async fn a_long_output_is_cut_in_the_middle_and_the_rest_can_be_read() {
    let command = "seq 1 20000; echo oops >&2; exit 2";
    let world = after(vec![vec![call("shell", json!({ "command": command }))]]).await;
    let (text, is_error) = world.results()[0].clone();
    assert!(is_error && text.len() <= TOOL_RESULT_BYTES, "{}", text.len());
    for part in [
        "Exit code 2.",
        "\n1\n2\n",
        "\n20000\n",
        "[stderr]\noops",
        "bytes left out here",
        "shell_output, id 0190b5a4-1-1",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let rest = call("shell_output", json!({ "id": "0190b5a4-1-1", "offset": 50_000 }));
    let world = after(vec![vec![call("shell", json!({ "command": command }))], vec![rest]]).await;
    let (text, _) = world.results()[1].clone();
    assert!(
        text.starts_with("Exit code 2.\n") && text.contains("Read on with offset 74576"),
        "{}",
        &text[text.len() - 80..]
    );
}

#[tokio::test]
async fn a_command_beyond_its_time_is_ended() {
    let world =
        after(vec![vec![call("shell", json!({ "command": "sleep 1000", "timeout_ms": 5 }))]]).await;
    assert!(world.results()[0].0.starts_with("Its time limit passed"));
}

#[tokio::test]
async fn a_background_command_is_awaited_and_gone_with_its_machine() {
    let start = call("shell", json!({ "command": "echo ready", "background": true }));
    let read = || call("shell_output", json!({ "id": "0190b5a4-1-1", "wait_ms": 10_000 }));
    let world = world(vec![vec![start], vec![read()], vec![read()]]).await;
    let workspace = std::sync::Arc::clone(&world.workspace);
    world.memory.on_event(move |memory, event| {
        let results = memory.count(|event| matches!(event, Event::ToolReturned { .. }));
        if results == 2 && matches!(event, Event::StepStarted { .. }) {
            workspace.lose();
        }
    });
    world.end().await;
    let results = world.results();
    assert!(results[0].0.contains("Started in the background"));
    assert_eq!(results[1].0, "Exit code 0.\nready\n");
    assert!(results[2].0.starts_with("gone:"), "{}", results[2].0);
}

#[tokio::test]
async fn images_are_shown_to_the_model() {
    let world = world(vec![vec![call("read_file", json!({ "path": "a.png" }))]]).await;
    world.workspace.put("a.png", b"not really a png");
    world.end().await;
    let body = world.bodies().pop().unwrap();
    assert!(body.contains("bm90IHJlYWxseSBhIHBuZw==") && body.contains("image/png"), "{body}");
}

#[tokio::test]
async fn nested_instructions_are_shown_once_and_from_the_base_commit() {
    let read = |path: &str| call("read_file", json!({ "path": path }));
    let world = world(vec![vec![read("deep/er/a.txt")], vec![read("deep/b.txt")]]).await;
    world.workspace.put("deep/er/a.txt", b"a");
    world.workspace.put("deep/b.txt", b"b");
    world.workspace.put("deep/AGENTS.md", b"Written by the model.");
    world
        .memory
        .instructions
        .lock()
        .unwrap()
        .insert(format!("{CWD}/deep/AGENTS.md"), "Deep rule.".to_owned());
    world.end().await;
    let results = world.results();
    assert!(
        results[0].0.contains("Deep rule.") && results[0].0.contains("1\ta"),
        "{}",
        results[0].0
    );
    assert_eq!(results[1].0, "1\tb\n");
}

#[tokio::test]
async fn hidden_characters_are_kept_in_files_and_told_of_and_taken_out_of_instructions() {
    let read = |path: &str| call("read_file", json!({ "path": path }));
    let world = world(vec![vec![read("deep/a.txt")]]).await;
    let hidden = "seen\u{e0072}\u{e0075}\u{e006e}";
    world.workspace.put("deep/a.txt", hidden.as_bytes());
    world.workspace.put("deep/AGENTS.md", b"x");
    let rule = "Be\u{200b} kind.".to_owned();
    world.memory.instructions.lock().unwrap().insert(format!("{CWD}/deep/AGENTS.md"), rule);
    world.end().await;
    let text = &world.results()[0].0;
    assert!(
        text.contains(hidden) && text.contains("Hidden characters stand in this text: 3 tag"),
        "{text}"
    );
    assert!(text.contains("Be kind.") && text.contains("took hidden characters out"), "{text}");
}

#[tokio::test]
async fn reading_calls_run_side_by_side_and_results_keep_the_order_of_the_calls() {
    let world = after(vec![vec![
        call("read_file", json!({ "path": "calc.py" })),
        call("grep", json!({ "pattern": "return" })),
        call("glob", json!({ "pattern": "*.py" })),
        call("list_dir", json!({})),
    ]])
    .await;
    let results: Vec<String> = world.results().into_iter().map(|(text, _)| text).collect();
    assert_eq!(results.len(), 4);
    assert!(results.contains(&"calc.py:2:    return a - b\n".to_owned()), "{results:?}");
    // The fake refuses a request whose results do not fit its calls.
    assert_eq!(world.bodies().len(), 2);
}

#[tokio::test]
async fn todos_are_events() {
    let todos = json!({ "todos": [{ "text": "fix", "state": "done" }, { "text": "test", "state": "pending" }] });
    let world = after(vec![vec![call("todo_write", todos)]]).await;
    let found = world.memory.events().into_iter().find_map(|event| match event {
        Event::TodosChanged { todos, .. } => Some(todos),
        _ => None,
    });
    assert_eq!(found.unwrap()[0].state, TodoState::Done);
    assert_eq!(world.results()[0].0, "1 of 2 done.");
}

#[tokio::test]
async fn results_are_acknowledged_after_they_are_recorded() {
    let world = after(vec![vec![Do::Shell("true".into())], vec![Do::Shell("true".into())]]).await;
    assert_eq!(world.workspace.acked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn modes_offer_and_refuse_by_their_own_rules() {
    let write = |path: &str| call("write_file", json!({ "path": path, "content": "x" }));
    let mut world = world(vec![vec![write("docs/a.md"), write("src/a.rs")]]).await;
    world.mode = Mode::Architect;
    world.end().await;
    assert_eq!((world.results()[0].1, world.results()[1].1), (false, true));
    assert_eq!(world.workspace.get("src/a.rs"), "");
    let mut world = self::world(vec![vec![
        write("docs/a.md"),
        Do::Call { name: "shell".into(), arguments: json!({ "command": "true" }) },
    ]])
    .await;
    world.mode = Mode::Ask;
    world.end().await;
    assert!(
        world
            .results()
            .iter()
            .all(|(text, is_error)| *is_error && text.contains("There is no tool"))
    );
}
