//! What a description tells, and what it does not let through.

use super::*;

fn facts() -> Facts {
    Facts {
        name: "Fix the parser".to_owned(),
        task: "Fix the parser\n- see #12 by @octocat".to_owned(),
        asked_in: Some("https://h.example/issues/7".to_owned()),
        result: "Done. **All** tests pass ![x](http://spy.example)".to_owned(),
        commits: vec![CommitFact {
            id: "0123456789abcdef".to_owned(),
            subject: "Fix <T>".to_owned(),
        }],
        stat: DiffStat { files: 1, additions: 3, deletions: 1 },
        files: vec![FileFact { path: "src/a.rs".to_owned(), additions: 3, deletions: 1 }],
        commands: vec![
            CommandFact {
                command: "cargo test".to_owned(),
                exit_code: Some(0),
                duration_ms: 61_000,
            },
            CommandFact { command: "a | b".to_owned(), exit_code: Some(1), duration_ms: 20 },
        ],
        checks: None,
        notes: vec![],
        judgement: Some(Judgement {
            found: 3,
            text: "**Risk: low** (0 points).\n".to_owned(),
            more: 0,
            unread: 1,
        }),
        effort: Effort {
            model: "m-1".to_owned(),
            duration_ms: 125_000,
            cost_micros: Some(1_239_999),
        },
        link: "http://127.0.0.1:7420/agents/x".to_owned(),
        record: None,
        telling: Telling::Whole,
    }
}

#[test]
fn an_outline_tells_neither_words_nor_code() {
    let notes = vec!["src/b.rs was let through".to_owned()];
    let described = describe(&Facts { telling: Telling::Outline, notes, ..facts() });
    let expected = "### Findings\n\n**Risk: low** (0 points).\n\n\
        3 findings, on [the agent's page](http://127.0.0.1:7420/agents/x); \
        1 file too large or too many to be read.\n\n\
        1 more thing to know, on [the agent's page](http://127.0.0.1:7420/agents/x).\n\n\
        ### Evidence\n\nRun after the last change, as the agent's sandbox reported; \
        the agent could have changed what it reports:\n\n2 commands, 1 of which ended well.\n\n\
        ### Changes\n\n1 file, +3 −1\n\n\n\
        ---\nMade by [Errand](http://127.0.0.1:7420/agents/x) with m-1 in 2 min 5 s for $1.23.";
    assert_eq!(described.body, expected);
    assert_eq!(described.title, describe(&facts()).title);
}

#[test]
fn the_body_tells_task_result_evidence_changes_and_cost() {
    let expected = "### Task\n\nAsked for in https://h.example/issues/7.\n\n> Fix the parser\\\n> \\- see #\u{2060}12 by @\u{2060}octocat\n\n\
        ### Result, as the agent tells it\n\nDone. **All** tests pass \\![x](http://spy.example)\n\n\
        ### Findings\n\n**Risk: low** (0 points).\n\n\
        **1 file was too large or too many to be read. Read them.**\n\n\
        ### Evidence\n\nRun after the last change, as the agent's sandbox reported; \
        the agent could have changed what it reports:\n\n\
        | command | exit code | time |\n| --- | --- | --- |\n\
        | ` cargo test ` | 0 | 1 min 1 s |\n\
        | ` a \u{a6} b ` | **1** | 20 ms |\n\n\
        ### Changes\n\n1 file, +3 −1\n\n- ` src/a.rs ` +3 −1\n\n\
        ### Commits\n\n- ` 0123456789ab ` Fix &lt;T\\>\n\n\
        ---\nMade by [Errand](http://127.0.0.1:7420/agents/x) with m-1 in 2 min 5 s for $1.23.";
    assert_eq!(describe(&facts()).body, expected);
}

#[test]
fn a_record_is_named_by_its_digest_with_the_way_to_it() {
    let link = "http://127.0.0.1:7420/v1/agents/x/records/0123".to_owned();
    let record = Some(RecordFact { digest: "ab12".to_owned(), link });
    let body = describe(&Facts { record, ..facts() }).body;
    let line = "Signed [record](http://127.0.0.1:7420/v1/agents/x/records/0123) of it, for `errand verify`: \
        ` sha256:ab12 `";
    assert!(body.ends_with(line), "{body}");
}

#[test]
fn what_errand_checked_itself_stands_apart_and_before_what_the_sandbox_reports() {
    let checks = Some(ChecksFact {
        commit: "0123456789abcdef".to_owned(),
        commands: vec![CommandFact {
            command: "make test".to_owned(),
            exit_code: Some(2),
            duration_ms: 5,
        }],
        failure: Some("time <ran> out".to_owned()),
    });
    let body = describe(&Facts { checks, ..facts() }).body;
    let part = "### Checked by Errand\n\nWhat the base's configuration names, run at ` 0123456789ab ` in a fresh \
        sandbox:\n\n| command | exit code | time |\n| --- | --- | --- |\n| ` make test ` | **2** | 5 ms |\n\n\
        **Not all was checked:** time &lt;ran\\> out\n\n### Evidence";
    assert!(body.contains(part), "{body}");
}

#[test]
fn a_run_without_evidence_says_so() {
    let described = describe(&Facts { commands: vec![], ..facts() });
    assert!(described.body.contains("nothing here was tested"), "{}", described.body);
}

#[test]
fn a_title_is_one_short_visible_line() {
    let title = |name: &str, task: &str| {
        describe(&Facts { name: name.to_owned(), task: task.to_owned(), ..facts() }).title
    };
    assert_eq!(title("", "\n\n## Fix it\nnow"), "Fix it");
    assert_eq!(title("", ""), "Changes by an agent");
    assert_eq!(title("a\u{202e}b\tc", ""), "ab c");
    assert_eq!(title(&"x".repeat(100), "").chars().count(), 72);
}

#[test]
fn a_body_stays_within_its_limit() {
    let long = "<@#".repeat(50_000);
    let file = FileFact { path: long.clone(), additions: 1, deletions: 1 };
    let described = describe(&Facts {
        task: long.clone(),
        result: long.clone(),
        files: vec![file; 500],
        notes: vec![long; 500],
        judgement: Some(Judgement {
            text: "| a row |\n".repeat(9_000),
            found: 0,
            more: 7,
            unread: 0,
        }),
        ..facts()
    });
    assert!(described.body.contains("The rest is on the agent's page."));
    assert!(described.body.chars().count() <= BODY_CHARS);
}
