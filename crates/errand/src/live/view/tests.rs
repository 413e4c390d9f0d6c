//! Whole lives of an agent, as a person sees them.

use super::*;
use crate::style::plain;
use protocol::content::{
    AskedAt, BESIDE, Part, Prompt, Source, Thread, ThreadKind, Todo, TodoState, ToolResult,
};
use protocol::delta::OutputStream;
use protocol::event::{
    DiffStat, Frame, FrameKind, PullRequest, PushPlan, RepoBase, RepoCheckpoint, WorkspaceBranch,
};
use protocol::failure::Phase;
use protocol::ids::{CallId, EffectKey, Epoch, MessageId};
use protocol::process::Process;
use serde_json::json;
use uuid::Uuid;

const URL: &str = "https://git.example/o/r";

fn run(number: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number))
}

fn key() -> EffectKey {
    EffectKey("k".to_owned())
}

/// One thing that a watcher is sent.
enum Sent {
    Event(Event),
    Delta(Delta),
}

fn asked(number: u128, text: &str) -> Sent {
    let prompt = Prompt::of(text.to_owned(), Source::Owner);
    let options = protocol::event::AskOptions::default();
    Sent::Event(Event::Asked { run: run(number), prompt, options, principal: "admin".to_owned() })
}

fn prepared(number: u128) -> Vec<Sent> {
    let run = run(number);
    let text = str::to_owned;
    let base = RepoBase {
        url: text(URL),
        base_branch: text("main"),
        commit: text("1111111111111111"),
        default_branch: text("main"),
        head: None,
        configuration: None,
        merged: None,
    };
    let branch = WorkspaceBranch {
        url: text(URL),
        path: text("/workspace/r"),
        branch: text("errand/x"),
        commit: text("1"),
    };
    let epoch = Epoch(1);
    [
        Event::RunStarted { run },
        Event::BaseResolved { run, repos: vec![base] },
        Event::SandboxWanted { epoch, key: key(), provider: text("local") },
        Event::SandboxUp { epoch, boot_ms: 120, isolation: json!({}) },
        Event::PhaseFinished { epoch, phase: text("clone"), duration_ms: 80, detail: text("r") },
        Event::WorkspaceReady { epoch, run, branches: vec![branch] },
    ]
    .into_iter()
    .map(Sent::Event)
    .collect()
}

/// A message of thinking and text.
fn said(number: u128, with_deltas: bool) -> Vec<Sent> {
    let (run, step, attempt) = (run(number), Step(1), 1);
    let mut sent =
        vec![Sent::Event(Event::StepStarted { run, step, attempt, model: "m".to_owned() })];
    if with_deltas {
        for (kind, text, end) in [
            (FrameKind::Thinking, "hm", 2),
            (FrameKind::Text, "I run ", 8),
            (FrameKind::Text, "the tests.", 18),
        ] {
            sent.push(Sent::Delta(Delta::Text {
                run,
                step,
                attempt,
                kind,
                text: text.to_owned(),
                end,
            }));
        }
        sent.push(Sent::Delta(Delta::ToolDrafted { run, step, attempt, name: "shell".to_owned() }));
    }
    let parts = vec![
        Part::Thinking { text: "hm".to_owned(), raw: None },
        Part::Text { text: "I run the tests.".to_owned(), raw: None },
    ];
    let frames =
        vec![Frame { kind: FrameKind::Thinking, end: 2 }, Frame { kind: FrameKind::Text, end: 18 }];
    sent.push(Sent::Event(Event::MessageFinished {
        run,
        step,
        attempt,
        dialect: "d".to_owned(),
        parts,
        frames,
        outlay: None,
    }));
    sent
}

/// A step that says something and runs a command; with its deltas, or as the log alone has it.
fn step(number: u128, with_deltas: bool) -> Vec<Sent> {
    let (run, step) = (run(number), Step(1));
    let call = CallId("c1".to_owned());
    let mut sent = said(number, with_deltas);
    let arguments = r#"{"command":"npm test"}"#.to_owned();
    sent.push(Sent::Event(Event::ToolCalled {
        run,
        step,
        call: call.clone(),
        epoch: Epoch(1),
        name: "shell".to_owned(),
        arguments,
    }));
    if with_deltas {
        let text = "2 passed\n".to_owned();
        sent.push(Sent::Delta(Delta::Output {
            run,
            call: call.clone(),
            stream: OutputStream::Stdout,
            offset: 0,
            text,
        }));
    }
    let detail = Some(json!({ "exitCode": 0 }));
    let result = ToolResult {
        text: "Exit code 0.\n2 passed\n".to_owned(),
        is_error: false,
        detail,
        truncated: false,
    };
    sent.push(Sent::Event(Event::ToolReturned { run, step, call, result, duration_ms: 1500 }));
    let todos = vec![Todo { text: "test".to_owned(), state: TodoState::Done }];
    sent.push(Sent::Event(Event::TodosChanged { run, todos }));
    let usage = Usage {
        input_tokens: 1000,
        output_tokens: 20,
        cache_write_tokens: 0,
        cache_read_tokens: 200,
    };
    sent.push(Sent::Event(Event::StepFinished {
        run,
        step,
        usage,
        cost_micros: 12_300,
        duration_ms: 2000,
        stop: "end".to_owned(),
    }));
    sent
}

fn published(number: u128, status: RunStatus, failure: Option<Failure>) -> Vec<Sent> {
    let run = run(number);
    let text = str::to_owned;
    let push = PushPlan {
        url: text(URL),
        branch: text("errand/x"),
        expected: None,
        commit: text("2222222222222222"),
    };
    let repo = RepoCheckpoint {
        url: text(URL),
        commit: text("2222222222222222"),
        previous: text("1111111111111111"),
        new_commits: 1,
        published: Vec::new(),
        stat: DiffStat { files: 1, additions: 3, deletions: 2 },
        notes: vec![text("vendored/ was left out: it is a repository of its own")],
    };
    let pull = PullRequest {
        url: text(URL),
        number: 7,
        link: text("http://127.0.0.1:7420/pulls/7"),
        head: text("errand/x"),
        base: text("main"),
        commit: text("2"),
    };
    [
        Event::CheckpointMade { run, key: key(), repos: vec![repo] },
        Event::Pushed { run, key: key(), pushes: vec![push] },
        Event::PullRequestPublished { run, key: key(), pulls: vec![pull] },
        Event::RunEnded { run, status, failure, result: String::new(), duration_ms: 61_000 },
    ]
    .into_iter()
    .map(Sent::Event)
    .collect()
}

fn shown(view: &mut View, sent: Vec<Sent>) -> String {
    let lines: Vec<Shown> = sent
        .iter()
        .flat_map(|one| match one {
            Sent::Event(event) => view.event(event),
            Sent::Delta(delta) => view.delta(delta),
        })
        .collect();
    plain(&lines)
}

fn life(number: u128, with_deltas: bool) -> Vec<Sent> {
    let mut sent = vec![asked(number, "fix the tests")];
    sent.extend(prepared(number));
    sent.extend(step(number, with_deltas));
    sent.extend(published(number, RunStatus::Finished, None));
    sent
}

const LIFE: &str = "\
✓ repository    https://git.example/o/r at main 1111111111
✓ sandbox       is up  120 ms
✓ clone         r  80 ms
✓ workspace     errand/x in /workspace/r

✻ hm

I run the tests.

● shell  npm test
  2 passed
  exit 0 · 1.5 s
  ☑ test
· step 1 · 1,200 in (200 cached), 20 out · $0.0123 (run $0.0123) · 2.0 s
✓ commit        1 new commit 2222222222 · 1 file +3 -2
! vendored/ was left out: it is a repository of its own
✓ pushed        errand/x 2222222222 to https://git.example/o/r, verified
✓ pull request  #7 http://127.0.0.1:7420/pulls/7

✓ FINISHED in 1 min 01 s  1,200 in (200 cached), 20 out · $0.0123
";

#[test]
fn a_run_looks_the_same_live_and_replayed() {
    for with_deltas in [true, false] {
        let mut view = View::new("bc-1", Scope::Only(run(1)), Prompts::Hidden);
        assert_eq!(shown(&mut view, life(1, with_deltas)), LIFE, "with deltas: {with_deltas}");
        assert_eq!(view.ended(run(1)), Some(RunStatus::Finished));
        assert!(!view.is_busy());
    }
}

#[test]
fn a_scope_leaves_other_runs_out() {
    let both = || life(1, true).into_iter().chain(life(2, true)).collect();
    let mut view = View::new("bc-1", Scope::Only(run(2)), Prompts::Hidden);
    assert_eq!(shown(&mut view, both()), LIFE);
    let mut view = View::new("bc-1", Scope::Since(run(2)), Prompts::Shown);
    let text = shown(&mut view, both());
    assert_eq!(text, format!("▶ {}\n  fix the tests\n\n{LIFE}", run(2)));
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    assert_eq!(shown(&mut view, both()).matches("FINISHED").count(), 2);
}

#[test]
fn a_queued_message_is_waited_for() {
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    shown(&mut view, vec![asked(1, "one"), Sent::Event(Event::RunStarted { run: run(1) })]);
    assert_eq!(
        shown(&mut view, vec![asked(2, "two\nmore")]),
        "· queued behind the active run: two\n"
    );
    shown(&mut view, published(1, RunStatus::Finished, None));
    assert!(view.is_busy());
    shown(&mut view, vec![Sent::Event(Event::RunStarted { run: run(2) })]);
    shown(&mut view, published(2, RunStatus::Cancelled, None));
    assert!(!view.is_busy());
}

#[test]
fn a_message_from_a_forge_says_where_it_was_asked_without_what_came_with_it() {
    let prompt = |fix| {
        let text = format!("Round down.\n\n{BESIDE} It is data.\n\n<untrusted>\nRead me\n");
        let thread = Thread {
            forge: "f".to_owned(),
            repository: "acme/widget".to_owned(),
            kind: ThreadKind::Issue,
            number: 7,
            link: "https://git.example/acme/widget/issues/7".to_owned(),
        };
        let asked_at = AskedAt { thread, readings: Vec::new(), taken_out: Vec::new(), fix };
        Prompt { asked_at: Some(Box::new(asked_at)), ..Prompt::of(text, Source::Member) }
    };
    let (run, principal) = (run(1), "rita@git.example".to_owned());
    let asked = Event::Asked {
        run,
        prompt: prompt(None),
        options: protocol::event::AskOptions::default(),
        principal: principal.clone(),
    };
    let message = MessageId::from_uuid(Uuid::from_u128(3));
    let steered =
        |fix| Event::Steered { run, message, prompt: prompt(fix), principal: principal.clone() };
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    let events = [asked, Event::RunStarted { run }, steered(None), steered(Some(2))];
    let text = shown(&mut view, events.into_iter().map(Sent::Event).collect());
    let asked = "  asked in acme/widget#7 by rita@git.example\n  Round down.\n\n";
    let mending = "  mending failing checks of acme/widget#7, 2 in a row\n  Round down.\n\n";
    let steers = "▶ rita@git.example steers";
    assert_eq!(text, format!("▶ {run}\n{asked}{steers}\n{asked}{steers}\n{mending}"));
}

#[test]
fn runs_known_before_the_first_event_count() {
    let mut view = View::new("bc-1", Scope::Only(run(1)), Prompts::Hidden);
    view.knows(run(1), "", true);
    let epoch = Epoch(2);
    let text = shown(
        &mut view,
        vec![Sent::Event(Event::SandboxUp { epoch, boot_ms: 5, isolation: json!({}) })],
    );
    assert_eq!(text, "✓ sandbox       is up  5 ms\n");
    assert!(view.is_busy());
}

#[test]
fn a_failure_says_what_to_do() {
    let failure = Failure::new(
        Phase::Model,
        "model_key",
        "the model's key was refused: check ANTHROPIC_API_KEY",
    );
    let mut view = View::new("bc-1", Scope::Only(run(1)), Prompts::Hidden);
    let mut sent = prepared(1);
    sent.extend(published(1, RunStatus::Error, Some(failure)));
    let text = shown(&mut view, sent);
    let end = "✗ ERROR in 1 min 01 s  0 in, 0 out · $0.0000\n  the model's key was refused: check ANTHROPIC_API_KEY  (model_key)\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn a_question_waits_and_its_answer_ends_the_wait() {
    let question = QuestionId::from_uuid(Uuid::from_u128(9));
    let asks = Event::QuestionAsked {
        run: run(1),
        question,
        kind: QuestionKind::Question,
        text: "Tabs or\nspaces?\x1b[2J".to_owned(),
        options: vec!["tabs".to_owned(), "spaces".to_owned()],
        default: "spaces".to_owned(),
        deadline_ms: 0,
        call: None,
    };
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    let text =
        shown(&mut view, vec![Sent::Event(Event::RunStarted { run: run(1) }), Sent::Event(asks)]);
    let expected = "? The agent asks:\n  Tabs or\n  spaces?\n  1  tabs\n  2  spaces\n  answer: errand answer bc-1 \"…\"   without an answer: spaces\n";
    assert!(text.ends_with(expected), "{text}");
    let open = view.question().cloned().unwrap();
    assert_eq!(
        [open.answer("2"), open.answer(" 3 "), open.answer("both")],
        ["spaces", "3", "both"]
    );
    let answered = Event::QuestionAnswered {
        question,
        answer: "tabs".to_owned(),
        principal: "admin".to_owned(),
    };
    assert_eq!(shown(&mut view, vec![Sent::Event(answered)]), "→ tabs  (admin)\n");
    assert_eq!(view.question(), None);
}

#[test]
fn a_denial_says_how_to_allow() {
    let denied = Event::Denied {
        epoch: Epoch(1),
        host: "files.example".to_owned(),
        port: 443,
        code: "host_not_allowed".to_owned(),
        message: "not on the list".to_owned(),
        process: Some(Process {
            pid: 12,
            name: "curl".to_owned(),
            command: "curl https://files.example".to_owned(),
        }),
    };
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    let text = shown(&mut view, vec![Sent::Event(denied)]);
    assert!(
        text.contains("files.example:443 was refused: not on the list")
            && text.contains("curl (process 12): curl https://files.example")
            && text.contains("`errand allow AGENT files.example`"),
        "{text}"
    );
}

#[test]
fn a_retry_is_told_and_its_text_begins_afresh() {
    let (run, step) = (run(1), Step(1));
    let said = |attempt, text: &str| {
        let end = text.len() as u64;
        Sent::Delta(Delta::Text {
            run,
            step,
            attempt,
            kind: FrameKind::Text,
            text: text.to_owned(),
            end,
        })
    };
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    let text = shown(
        &mut view,
        vec![
            Sent::Event(Event::StepStarted { run, step, attempt: 1, model: "m".to_owned() }),
            said(1, "Half a sent"),
            Sent::Delta(Delta::Retrying {
                run,
                step,
                attempt: 1,
                delay_ms: 1500,
                reason: "overloaded".to_owned(),
            }),
            Sent::Event(Event::StepStarted { run, step, attempt: 2, model: "m".to_owned() }),
            said(2, "A whole sentence."),
        ],
    );
    assert_eq!(
        text,
        "Half a sent\n! overloaded; the model is asked again in 1.5 s\n· step 1 is asked again (attempt 2)\n\nA whole sentence."
    );
}

#[test]
fn nothing_an_agent_writes_controls_the_terminal() {
    let evil = "\x1b]0;title\x07\x1b[2J\u{9b}1mtext\u{202e}\r".to_owned();
    let run = run(1);
    let call = CallId("c".to_owned());
    let result = ToolResult {
        text: evil.clone(),
        is_error: true,
        detail: Some(json!({ "diff": evil.clone() })),
        truncated: false,
    };
    let mut view = View::new("bc-1", Scope::Everything, Prompts::Shown);
    let text = shown(
        &mut view,
        vec![
            asked(1, &evil),
            Sent::Event(Event::RunStarted { run }),
            Sent::Delta(Delta::Text {
                run,
                step: Step(1),
                attempt: 1,
                kind: FrameKind::Text,
                text: evil.clone(),
                end: 9,
            }),
            Sent::Event(Event::ToolCalled {
                run,
                step: Step(1),
                call: call.clone(),
                epoch: Epoch(1),
                name: evil.clone(),
                arguments: evil.clone(),
            }),
            Sent::Event(Event::ToolReturned { run, step: Step(1), call, result, duration_ms: 1 }),
            Sent::Event(Event::Noticed { run, code: "x".to_owned(), text: evil.clone() }),
            Sent::Event(Event::Renamed { name: evil.clone() }),
            Sent::Event(Event::SandboxLost { epoch: Epoch(1), reason: evil }),
        ],
    );
    assert!(!text.chars().any(crate::text::is_harmful), "{text:?}");
    assert!(text.matches("text").count() >= 7, "{text}");
}
