//! `devcontainer.json`: what is taken over, and that nothing is dropped in silence.

use super::super::place::Place;
use super::super::{Base, Environment, Understood};
use super::{problems_at, understood_at, warnings_at};

const PLACE: Place = Place::Devcontainer;

fn understood(text: &str) -> Understood {
    understood_at(PLACE, text)
}

fn environment(text: &str) -> Environment {
    understood(text).environment
}

#[test]
fn comments_and_trailing_commas_are_allowed() {
    let text = "{\n  // x\n  \"image\": \"a:1\",\n  \"forwardPorts\": [1, 2,],\n}";
    assert_eq!(environment(text).base, Base::Image("a:1".to_owned()));
    assert_eq!(environment(text).ports.len(), 2);
    assert!(problems_at(PLACE, "{\"name\": \"a\" \"image\": \"b\"}").contains("missing_comma"));
}

#[test]
fn every_key_that_is_not_taken_over_is_warned_of() {
    for key in ["features", "customizations", "mounts", "runArgs", "dockerComposeFile"] {
        let told = warnings_at(PLACE, &format!(r#"{{"{key}": {{}}}}"#));
        assert!(
            told.starts_with(&format!("1:2 not_supported {key}: is not taken over: ")),
            "{told}"
        );
    }
    let told = warnings_at(PLACE, r#"{"postAttachCommand": "x"}"#);
    assert!(told.contains("not_supported postAttachCommand"), "{told}");
    let told = warnings_at(PLACE, r#"{"postCreateComand": "x", "whatever": 1, "$schema": "x"}"#);
    assert_eq!(
        told,
        "1:2 unknown_key postCreateComand: is not known: did you mean `postCreateCommand`?\n\
         1:27 unknown_key whatever: is not known, and not taken over"
    );
    let told = warnings_at(PLACE, r#"{"build": {"dockerfile": "D", "target": "dev"}}"#);
    assert_eq!(told, "1:31 not_supported build.target: is not taken over");
    let told = warnings_at(
        PLACE,
        r#"{"forwardPorts": ["db:5432"], "portsAttributes": {"8080": {"label": "x"}}}"#,
    );
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn commands_run_in_order_each_in_a_shell_of_its_own() {
    let install = |text: &str| environment(text).install.unwrap_or_default();
    assert_eq!(install(r#"{"postCreateCommand": "npm ci"}"#), "npm ci");
    assert_eq!(
        install(
            r#"{"postCreateCommand": "c", "updateContentCommand": "b", "onCreateCommand": "a # x"}"#
        ),
        "(\na # x\n) && (\nb\n) && (\nc\n)"
    );
    assert_eq!(
        install(r#"{"onCreateCommand": ["echo", "a b", "", "$HOME"]}"#),
        "echo 'a b' '' '$HOME'"
    );
    assert_eq!(
        install(r#"{"onCreateCommand": {"one": "a", "two": ["b", "c"]}}"#),
        "(\na\n) && (\nb c\n)"
    );
    assert_eq!(environment(r#"{"postStartCommand": {"x": ["a"]}}"#).start.as_deref(), Some("a"));
    assert_eq!(environment(r#"{"postStartCommand": ""}"#).start, None);
    assert_eq!(environment(r#"{"postStartCommand": []}"#).start, None);
    let told = problems_at(PLACE, r#"{"postCreateCommand": [1]}"#);
    assert!(told.starts_with("1:24 wrong_type postCreateCommand[0]"), "{told}");
    let told = problems_at(PLACE, r#"{"postCreateCommand": 1}"#);
    assert!(told.starts_with("1:23 wrong_type postCreateCommand: is a number"), "{told}");
    let told = warnings_at(PLACE, r#"{"postCreateCommand": "npm run dev"}"#);
    assert!(told.contains("keeps_running postCreateCommand"), "{told}");
}

#[test]
fn the_remote_user_comes_before_the_containers() {
    let user = |text: &str| environment(text).user.unwrap_or_default();
    assert_eq!(user(r#"{"remoteUser": "a", "containerUser": "b"}"#), "a");
    assert_eq!(user(r#"{"containerUser": "b"}"#), "b");
    let told = problems_at(PLACE, r#"{"remoteUser": "${localEnv:USER}"}"#);
    assert!(told.contains("unresolvable remoteUser"), "{told}");
}

#[test]
fn variables_that_cannot_be_taken_over_are_left_out_and_named() {
    let text = r#"{
        "containerEnv": {"GOOD": "1", "GONE": "x", "HTTP_PROXY": "http://x", "BAD-NAME": "1"},
        "remoteEnv": {"HOME_OF": "${localEnv:HOME}/x", "good": "2", "GONE": null, "CURSOR_X": "1"}
    }"#;
    let names: Vec<String> = understood(text).variables.into_keys().collect();
    assert_eq!(names, ["GOOD"]);
    let told = warnings_at(PLACE, text);
    for key in ["HTTP_PROXY", "BAD-NAME", "HOME_OF", "good", "CURSOR_X"] {
        assert!(told.contains(&format!(".{key}: ")), "{key}\n{told}");
    }
    assert!(told.contains("refers to \"${localEnv:HOME}\""), "{told}");
    assert_eq!(told.lines().count(), 5, "{told}");
    let told = problems_at(PLACE, r#"{"containerEnv": {"A": 1}}"#);
    assert!(told.starts_with("1:24 wrong_type containerEnv.A: is a number"), "{told}");
}

#[test]
fn references_that_nothing_fills_in_are_reported() {
    for (text, key) in [
        (r#"{"image": "a:${localEnv:TAG}"}"#, "image"),
        (r#"{"build": {"dockerfile": "${localWorkspaceFolder}/D"}}"#, "build.dockerfile"),
        (r#"{"build": {"dockerfile": "D", "args": {"A": "${localEnv:A}"}}}"#, "build.args"),
    ] {
        let told = problems_at(PLACE, text);
        assert!(told.contains(&format!("unresolvable {key}: ")), "{told}");
    }
    let told =
        warnings_at(PLACE, r#"{"postCreateCommand": "cd ${containerWorkspaceFolder} && make"}"#);
    assert!(told.contains("unresolvable postCreateCommand"), "{told}");
    assert!(problems_at(PLACE, r#"{"build": {"args": {}}}"#).contains("missing_key build"));
    assert!(problems_at(PLACE, r#"{"build": {"dockerfile": "../../D"}}"#).contains("bad_path"));
}
