//! Sentences that claim something, and sentences that do not.

use super::*;

fn run(command: &str, exit_code: Option<i32>) -> CommandFact {
    CommandFact { command: command.to_owned(), exit_code, duration_ms: 1 }
}

/// The words that are struck through where nothing was run.
fn claimed(answer: &str) -> Vec<String> {
    unproven(answer, &[]).into_iter().map(|claim| claim.text).collect()
}

#[test]
fn what_is_said_to_pass_to_have_run_or_to_be_verified_is_a_claim() {
    let mut wrong = Vec::new();
    for (answer, expected) in [
        ("All tests pass.", "All tests pass"),
        ("Fixed the parser, and all 42 unit tests pass.", "all 42 unit tests pass"),
        ("The test suite is green.", "The test suite is green"),
        ("**All** tests pass!", "All tests pass"),
        ("- [x] **Tests:** passing, all", "Tests: passing"),
        ("Tests pass locally.", "Tests pass"),
        ("The previously failing test now passes.", "The previously failing test now passes"),
        ("I fixed it so the existing tests still pass", "the existing tests still pass"),
        ("✅ Tests", "✅ Tests"),
        ("Tests: ✅", "Tests: ✅"),
        ("All 12 tests passed with no failures.", "All 12 tests passed"),
        ("12 passed, 0 failed", "12 passed"),
        ("42/42 tests pass", "42/42 tests pass"),
        ("`cargo test` passes.", "`cargo test` passes"),
        ("`npm run lint` exits with code 0.", "`npm run lint` exits with code 0"),
        ("`test_add` passes now", "`test_add` passes"),
        ("The build succeeds.", "The build succeeds"),
        ("The project compiles without warnings.", "project compiles without warnings"),
        ("It builds cleanly now.", "It builds cleanly"),
        ("Clippy is clean.", "Clippy is clean"),
        ("Lint and type checks pass.", "Lint and type checks pass"),
        ("The linter reports no issues.", "The linter reports no issues"),
        ("I ran the test suite.", "ran the test suite"),
        ("I re-ran `cargo test --workspace` after that.", "re-ran `cargo test --workspace`"),
        ("The full test suite was run.", "The full test suite was run"),
        ("I verified that it works.", "I verified that it works"),
        ("Verified with `npm test`.", "Verified with `npm test`"),
        ("Tested locally.", "Tested locally"),
        ("The fix was tested by hand", "fix was tested by hand"),
        (
            "I have confirmed the build works end to end.",
            "I have confirmed the build works end to end",
        ),
        ("Everything passes.", "Everything passes"),
        ("All tests pass, not just the new ones.", "All tests pass"),
        ("I ran `make test`, and all tests pass.", "ran `make test`, and all tests pass"),
        ("I ran `make test`. All tests pass.", "All tests pass"),
        ("Changed it to make it faster, and the tests pass.", "the tests pass"),
        ("As before, all tests pass.", "all tests pass"),
        ("Parsing `fail` is fixed, and all tests pass.", "all tests pass"),
        ("When I ran the tests, all tests passed.", "the tests, all tests passed"),
    ] {
        let claimed = claimed(answer);
        if !claimed.iter().any(|claim| claim == expected) {
            wrong.push(format!("{answer}: {claimed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_no_claim_is_left_alone() {
    let mut wrong = Vec::new();
    for answer in [
        "I did not run the tests.",
        "The tests were not run, because there is no network.",
        "I could not run `cargo test`.",
        "The tests should pass now.",
        "Run `cargo test` to check it.",
        "You can verify this with `npm test`.",
        "Please make sure that all tests pass.",
        "If the build succeeds, the job is deployed.",
        "Once the tests pass, merge it.",
        "Two tests fail, the others pass.",
        "3 tests passed and 1 failed.",
        "Added a test that passes a token to the server.",
        "The test passes the token to the server.",
        "The tests passing `None` are gone.",
        "The build script compiles the assets.",
        "The code builds a list and returns it.",
        "Permissions are checked before the file is read.",
        "The token is verified against the key.",
        "The parser is tested by `tests/parser.rs`.",
        "I checked the logs and found the cause in `parser.rs`.",
        "I confirmed the cause: an index was off by one.",
        "I ran into a problem with the tests.",
        "I ran `git log` and `grep -rn foo` to find it.",
        "I ran `npm install` first.",
        "To make the tests pass I changed the sign.",
        "Changed the sign to make all the tests pass.",
        "This lets the build succeed.",
        "Do the tests pass?",
        "> Make all tests pass.",
        "```\nall tests pass\n```",
        "Tested code paths are listed below.",
        "`parse` is clean now and easier to read.",
        "`connect` succeeds on the second try.",
        "Improved the tests and the build.",
        "The CI pipeline runs the tests on every push.",
        "I added tests for the parser, and a build step.",
        "I'll run the tests next.",
        "The all-tests-pass badge is gone.",
        "",
    ] {
        let claimed = claimed(answer);
        if !claimed.is_empty() {
            wrong.push(format!("{answer}: {claimed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_claim_stands_where_a_command_bears_it_out() {
    let lack = |answer: &str, commands: &[CommandFact]| {
        unproven(answer, commands).first().map(|unproven| unproven.lack)
    };
    let (good, bad) = (run("cargo test", Some(0)), run("cargo test", Some(101)));
    assert_eq!(lack("All tests pass.", std::slice::from_ref(&good)), None);
    assert_eq!(lack("All tests pass.", &[bad.clone(), good.clone()]), None);
    assert_eq!(lack("All tests pass.", &[good.clone(), bad.clone()]), Some(Lack::Failed));
    assert_eq!(lack("All tests pass.", &[run("cat tests/a", Some(0))]), Some(Lack::NotRun));
    assert_eq!(lack("All tests pass.", &[run("cargo test", None)]), Some(Lack::Failed));
    assert_eq!(lack("Tests pass.", &[run("cargo test | tail", Some(0))]), Some(Lack::Hidden));
    assert_eq!(lack("I ran the tests.", std::slice::from_ref(&bad)), None, "it was run");
    assert_eq!(lack("Tests and lint pass.", std::slice::from_ref(&good)), Some(Lack::NotRun));
    assert_eq!(lack("`cargo test --all` passes.", std::slice::from_ref(&good)), Some(Lack::NotRun));
    assert_eq!(lack("Clippy is clean.", &[run("npx eslint .", Some(0))]), Some(Lack::NotRun));
    assert_eq!(lack("Clippy is clean.", &[run("cargo clippy --all-targets", Some(0))]), None);
    assert_eq!(lack("I verified that it works.", &[run("python calc.py", Some(0))]), None);
    assert_eq!(
        lack("I verified that it works.", &[run("ls; git status", Some(0))]),
        Some(Lack::NotRun)
    );
}

#[test]
fn only_the_claim_is_struck_through_with_a_word_why() {
    let why = Lack::NotRun.why();
    assert_eq!(
        struck(
            "Done: I fixed it, and all tests pass.\n\nThe build is fine, but I did not run it.",
            &[]
        ),
        format!(
            "Done: I fixed it, and ~~all tests pass~~ ({why}).\n\n~~The build is fine~~ ({why}), but I did not run it."
        )
    );
    assert_eq!(
        struck("**All** tests pass. ~~~\n", &[]),
        format!("~~All tests pass~~ ({why}). ~~~\n")
    );
    let ran = [run("cargo test", Some(0))];
    assert_eq!(struck("All tests pass.", &ran), "All tests pass.");
}

#[test]
fn hostile_answers_are_taken_apart_without_harm() {
    for answer in
        ["`".repeat(5_000), "tests ".repeat(5_000), "é✅".repeat(3_000), "**".repeat(4_000)]
    {
        assert!(struck(&answer, &[]).len() >= answer.len() / 2);
    }
    let many = "All tests pass. ".repeat(1_000);
    assert!(unproven(&many, &[]).len() <= 1_000);
}
