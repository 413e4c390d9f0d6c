//! What an agent follows of a file, and what it is told instead.

use super::super::found::{FoundEnvironment, SetUpPhase, named};
use super::super::place::Place;
use super::super::{Terminal, read};
use crate::limits::ENVIRONMENT_TERMINALS;

fn found(text: &str) -> FoundEnvironment {
    let reading = read(Place::Errand, text.as_bytes());
    FoundEnvironment::of(&reading.outcome, &reading.warnings)
}

#[test]
fn phases_are_those_that_a_file_asks_for_in_their_order() {
    use SetUpPhase::{Install, Start, Terminals};
    let table: [(&str, &[SetUpPhase]); 4] = [
        ("{}", &[]),
        (r#"{"terminals": [], "start": "a", "install": "b"}"#, &[Install, Start]),
        (r#"{"terminals": [{"command": "a"}], "install": "b"}"#, &[Install, Terminals]),
        (r#"{"install": "b", "instal": "c"}"#, &[]),
    ];
    for (text, phases) in table {
        assert_eq!(found(text).phases(), phases, "{text}");
    }
}

#[test]
fn what_is_not_followed_is_said_once_for_each_key() {
    let text = r#"{
        "user": "node", "snapshot": "layer-1", "chromeExecutablePath": "/usr/bin/chromium",
        "install": "npm run dev"
    }"#;
    let warnings = found(text).warnings;
    let keys = ["install: \"npm run dev\"", "`user`", "`chrome"];
    assert_eq!(warnings.len(), keys.len(), "{warnings:#?}");
    for (warning, key) in warnings.iter().zip(keys) {
        assert!(warning.contains(key), "{warning}");
    }
    assert!(warnings[0].starts_with(".errand/environment.json:3:"), "{}", warnings[0]);
    assert_eq!(found(r#"{"user": "agent", "image": "node:24"}"#).warnings, [""; 0]);
    assert_eq!(found(r#"{"image": "node:24"}"#).image.as_deref(), Some("node:24"));
}

#[test]
fn twenty_repositories_may_be_read_and_more_are_said() {
    let all: Vec<_> = (0..21).map(|number| format!("git.example:8443/a/{number}")).collect();
    let found = found(&serde_json::json!({"repositoryDependencies": all}).to_string());
    assert_eq!(found.dependencies, all[..20]);
    assert!(found.warnings[0].contains("21 entries"), "{:?}", found.warnings);
}

#[test]
fn problems_stand_with_their_places_and_nothing_else_is_told() {
    let found = found("{\n  \"install\": 1\n}");
    let expected = ".errand/environment.json:2:14  install: is a number, but has to be a text";
    assert!(found.problems[0].starts_with(expected), "{:?}", found.problems);
    assert_eq!((found.install, found.terminals.len()), (None, 0));
}

#[test]
fn terminals_are_found_by_plain_names_of_which_no_two_are_alike() {
    let of = |names: &[Option<&str>]| {
        let terminals: Vec<Terminal> = names
            .iter()
            .map(|name| Terminal {
                name: name.map(str::to_owned),
                command: "true".to_owned(),
                description: None,
            })
            .collect();
        named(&terminals).into_iter().map(|terminal| terminal.name).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&[Some("Web Server"), Some("web_server"), None, Some("  ∆ "), Some("WEB---SERVER!")]),
        ["web-server", "web-server-2", "terminal-3", "terminal-4", "web-server-3"]
    );
    let long = "x".repeat(80);
    let both = of(&[Some(&long), Some(&long)]);
    assert!(both.iter().all(|name| name.len() == 32), "{both:?}");
    assert_eq!(of(&[None; 40]).len(), ENVIRONMENT_TERMINALS);
    assert_eq!(of(&[Some("terminal-2"), None]), ["terminal-2", "terminal-2-2"]);
}

#[test]
fn the_log_keeps_names_of_variables_and_never_their_values() {
    let text = r#"{"containerEnv": {"TOKEN": "s3cret-value"}}"#;
    let reading = read(Place::Devcontainer, text.as_bytes());
    let found = FoundEnvironment::of(&reading.outcome, &reading.warnings);
    let stored = serde_json::to_string(&found).unwrap();
    assert!(stored.contains("TOKEN") && !stored.contains("s3cret"), "{stored}");
    assert_eq!(serde_json::from_str::<FoundEnvironment>(&stored).unwrap(), found);
}
