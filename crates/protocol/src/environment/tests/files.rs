//! What is refused in an environment file, and what is said of it.

use super::super::place::{Choice, Place, choose};
use super::super::{Base, EgressMode, check_dockerfile, path::RepoPath, read};
use super::{environment, problems, problems_at, told, warnings, warnings_at};
use crate::limits::{
    ENVIRONMENT_BYTES, ENVIRONMENT_DEPTH, ENVIRONMENT_ENTRIES, ENVIRONMENT_LINE_BYTES,
    ENVIRONMENT_REMARKS, ENVIRONMENT_TEXT_BYTES,
};

/// Whether exactly this is wrong: the beginning of each line.
fn refused(text: &str, expected: &[&str]) {
    let told = problems(text);
    let lines: Vec<&str> = told.lines().collect();
    let fits = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, start)| line.starts_with(start));
    assert!(fits, "{text}\n{told}\nexpected {expected:#?}");
}

fn warned(text: &str, expected: &[&str]) {
    let told = warnings(text);
    let lines: Vec<&str> = told.lines().collect();
    let fits = lines.len() == expected.len()
        && lines.iter().zip(expected).all(|(line, start)| line.starts_with(start));
    assert!(fits, "{text}\n{told}\nexpected {expected:#?}");
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place_and_a_remedy() {
    let text = r#"{
  "instal": "npm ci",
  "env": {"A": "1"},
  "ports": [{"port": 70000}, {"name": "x"},],
  "build": {"dockerfile": "a", "dockerfileContents": "FROM b"},
  'user': "two words"
  "terminals": [{"name": "web", "cmd": "x"}]
}"#;
    let expected = r#"2:3 unknown_key instal: is no key of an environment file: did you mean `install`?
3:3 unknown_key env: does not belong into this file: give variables with `errand run --env NAME=VALUE`, or as `envVars` over the API
4:22 bad_port ports[0].port: is 70000, but has to be a number from 1 to 65535, without quotes
4:30 missing_key ports[1]: has no `port`: name a number from 1 to 65535
4:43 trailing_comma : nothing follows this comma: remove it
5:54 both_dockerfiles build.dockerfileContents: stands beside `dockerfile`: keep one of the two
6:3 single_quotes : single quotes are not JSON: use double quotes
6:11 bad_user user: "two words" is no name of a unix user, such as `ubuntu`
6:22 missing_comma : a comma is missing between two entries
7:17 missing_key terminals[0]: has no `command`: say what runs in this terminal"#;
    assert_eq!(problems(text), expected);
}

#[test]
fn what_is_no_json_is_refused_where_it_breaks() {
    refused("", &["1:1 not_json : the file is empty"]);
    refused("// only a comment", &["1:18 not_json : the file is empty"]);
    refused("[]", &["1:1 wrong_type : the file is a list"]);
    refused("null", &["1:1 wrong_type : the file is null"]);
    refused("{\n\"name\": \"a\"", &["1:1 not_json : this { is never closed"]);
    refused("{} {}", &["1:4 not_json : the file goes on"]);
    refused("{\"name\": yes}", &["1:10 not_json : only true, false and null"]);
    refused("{\"name\": }", &["1:10 not_json"]);
    refused("{\"name\" \"a\"}", &["1:9 not_json : a key is followed by a colon"]);
    refused("{\"name\": \"a}", &["1:10 not_json : this text"]);
    refused("{\"name\": \"\\x41\"}", &["1:11 not_json : this text"]);
    refused("{\"ports\": [{\"port\": 0x50}]}", &["1:21 not_json : this is no number"]);
    refused("{\"ports\": [{\"port\": 080}]}", &["1:24 not_json"]);
    refused("{name: \"a\"}", &["1:2 unquoted_key : put this key"]);
    refused("{\"name\": \"a\tb\"}", &["1:10 control_character name", "1:12 control_character"]);
    refused("{\"name\": \"ü\n\"}", &["1:10 control_character name", "1:12 control_character"]);
    refused("{/* open", &["1:2 not_json : this comment"]);
    let bytes = b"{\n  \"name\": \"\xff\"}";
    let told = told(&read(Place::Errand, bytes).outcome.unwrap_err());
    assert_eq!(told, "2:12 not_utf8 : the file is not UTF-8: save it as UTF-8");
}

#[test]
fn a_key_that_is_none_is_named_with_the_one_that_was_meant() {
    for (written, meant) in [
        ("Install", "`install`"),
        ("terminal", "`terminals`"),
        ("enableTesting", "`enable_testing`"),
        ("repository_dependencies", "`repositoryDependencies`"),
        ("egressAllowList", "`egressAllowlist`"),
        ("prots", "`ports`"),
        ("dockerfile", "belongs into `build`"),
        ("postCreateCommand", "here it is `install`"),
        ("secrets", "errand run --env"),
        ("environmentVariables", "errand run --env"),
        ("completelyDifferent", "there are `$schema`, `name`"),
    ] {
        let told = problems(&format!("{{\"{written}\": 1}}"));
        assert!(told.starts_with(&format!("1:2 unknown_key {written}")), "{told}");
        assert!(told.contains(meant), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    refused(
        r#"{"build": {"dockerfil": "x"}}"#,
        &[
            "1:2 missing_key build",
            "1:12 unknown_key build.dockerfil: is no key of `build`: did you mean `dockerfile`?",
        ],
    );
    refused(
        r#"{"mcpServerAllowlist": [{"url": "x", "command": "y"}]}"#,
        &["1:26 unknown_key mcpServerAllowlist[0].url"],
    );
}

#[test]
fn a_wrong_type_is_told_with_the_right_one() {
    for (text, expected) in [
        (r#"{"name": 1}"#, "1:10 wrong_type name: is a number, but has to be a text"),
        (r#"{"name": null}"#, "1:10 wrong_type name: is null: leave the key out"),
        (r#"{"install": ["a"]}"#, "1:13 wrong_type install: is a list, but has to be a text"),
        (r#"{"checks": "make"}"#, "1:12 wrong_type checks: is a text, but has to be a list"),
        (r#"{"checks": [7]}"#, "1:13 wrong_type checks[0]: is a number"),
        (r#"{"checks": [" "]}"#, "1:13 empty checks[0]"),
        (r#"{"terminals": {}}"#, "1:15 wrong_type terminals: is an object, but has to be a list"),
        (r#"{"terminals": ["x"]}"#, "1:16 wrong_type terminals[0]: is a text"),
        (r#"{"terminals": [[[]]]}"#, "1:17 wrong_type terminals[0][0]: is a list"),
        (r#"{"ports": [3000]}"#, "1:12 wrong_type ports[0]: is a number, but has to be an object"),
        (r#"{"ports": [{"port": "80"}]}"#, "1:21 wrong_type ports[0].port: is a text"),
        (r#"{"ports": [{"port": 0}]}"#, "1:21 bad_port"),
        (r#"{"ports": [{"port": 80.5}]}"#, "1:21 bad_port"),
        (r#"{"ports": [{"port": -80}]}"#, "1:21 bad_port"),
        (r#"{"ports": [{"port": 99999999999999999999}]}"#, "1:21 bad_port"),
        (r#"{"build": "Dockerfile"}"#, "1:11 wrong_type build: is a text"),
        (r#"{"build": {}}"#, "1:2 missing_key build: has no `dockerfile`"),
        (r#"{"disableAllMcpServers": "true"}"#, "1:26 wrong_type"),
        (r#"{"enable_testing": "yes"}"#, "1:20 wrong_type enable_testing"),
        (r#"{"egressMode": "allow-all"}"#, "1:16 bad_mode"),
        (r#"{"mcpServerAllowlist": [{}]}"#, "1:25 missing_key mcpServerAllowlist[0]"),
        (r#"{"mcpServerAllowlist": [{"command": " "}]}"#, "1:25 empty"),
        (r#"{"terminals": [{"command": ""}]}"#, "1:28 empty terminals[0].command"),
        (r#"{"name": "a", "name": "b"}"#, "1:15 duplicate_key name: is written twice"),
        (
            r#"{"terminals": [{"command": "a", "x": {"y": 1, "y": 2}}]}"#,
            "1:47 duplicate_key terminals[0].x.y",
        ),
        (r#"{"snapshot": "  "}"#, "1:14 empty snapshot"),
        (r#"{"snapshot": "a b"}"#, "1:14 bad_snapshot"),
        (r#"{"image": "https://registry.example/x"}"#, "1:11 bad_image"),
        (r#"{"user": "-x"}"#, "1:10 bad_user"),
        (r#"{"install": "a\u0000b"}"#, "1:13 control_character install"),
        (r#"{"build": {"dockerfile": "x", "args": {"A-B": "1"}}}"#, "1:40 bad_name build.args.A-B"),
    ] {
        refused(text, &[expected]);
    }
    assert!(problems(r#"{"egressMode": "allow-all"}"#).contains("did you mean `allow_all`?"));
}

#[test]
fn a_repository_or_host_that_is_none_is_refused() {
    for bad in [
        "repo",
        "github.com/org",
        "git@github.com:org/repo",
        "github.com/../x",
        "a b/c/d",
        "a.b:0/c/d",
    ] {
        let text = format!(r#"{{"repositoryDependencies": ["{bad}"]}}"#);
        refused(&text, &["1:29 bad_repository repositoryDependencies[0]"]);
    }
    for bad in ["https://example.com", "example.com/x", "*", "*.com", "a..b", "x:0", "-a.example"] {
        refused(
            &format!(r#"{{"egressAllowlist": ["{bad}"]}}"#),
            &["1:22 bad_host egressAllowlist[0]"],
        );
    }
    for good in ["example.com", "*.example.com", "localhost:8080", "xn--bcher-kva.example"] {
        environment(&format!(r#"{{"egressAllowlist": ["{good}"]}}"#));
    }
}

#[test]
fn the_base_is_the_snapshot_else_the_build_else_the_image() {
    let snapshot = r#""snapshot": "snapshot-1""#;
    let (build, image) = (r#""build": {"dockerfile": "D"}"#, r#""image": "ubuntu:24.04""#);
    let base = |parts: &[&str]| environment(&format!("{{{}}}", parts.join(","))).base;
    assert_eq!(base(&[image, build, snapshot]), Base::Snapshot("snapshot-1".to_owned()));
    assert!(matches!(base(&[image, build]), Base::Build(_)));
    assert_eq!(base(&[image]), Base::Image("ubuntu:24.04".to_owned()));
    assert_eq!(base(&[]), Base::Default);
    warned(
        &format!("{{{image},{build},{snapshot}}}"),
        &["1:2 no_effect image: is not used, because `snapshot` beats it", "1:26 no_effect build"],
    );
    let saved = r#"{"snapshot": "POPULATED_FROM_SETTINGS"}"#;
    assert_eq!(environment(saved).base, Base::SavedSnapshot);
    warned(
        saved,
        &["1:2 saved_snapshot snapshot: stands for the snapshot of the saved environment"],
    );
}

#[test]
fn only_an_agent_on_a_snapshot_or_the_default_may_save_its_disk() {
    for (text, may) in [
        ("{}", true),
        (r#"{"agentCanUpdateSnapshot": false}"#, false),
        (r#"{"snapshot": "snapshot-1"}"#, true),
        (r#"{"image": "a", "agentCanUpdateSnapshot": true}"#, false),
        (r#"{"build": {"dockerfile": "a"}, "agentCanUpdateSnapshot": true}"#, false),
    ] {
        assert_eq!(environment(text).may_update_snapshot(), may, "{text}");
    }
    warned(r#"{"image": "a", "agentCanUpdateSnapshot": true}"#, &["1:16 no_effect"]);
}

#[test]
fn what_is_allowed_but_does_nothing_or_too_much_is_warned_of() {
    for (text, expected) in [
        (
            r#"{"mcpServerAllowlist": []}"#,
            "1:2 empty_allowlist mcpServerAllowlist: is empty, which allows every",
        ),
        (
            r#"{"mcpServerAllowlist": [{"command": "a", "toolAllowlist": []}]}"#,
            "1:42 empty_allowlist",
        ),
        (
            r#"{"mcpServerAllowlist": [{"command": "a"}], "disableAllMcpServers": true}"#,
            "1:2 no_effect",
        ),
        (r#"{"egressMode": "network_settings_only"}"#, "1:2 empty_allowlist egressMode"),
        (r#"{"egressMode": "allow_all", "egressAllowlist": ["a.example"]}"#, "1:29 no_effect"),
        (r#"{"ports": [{"port": 80}, {"port": 80}]}"#, "1:27 same_port ports[1].port"),
        (
            r#"{"terminals": [{"name": "a", "command": "b"}, {"name": "a", "command": "c"}]}"#,
            "1:47 same_name",
        ),
        (r#"{"install": "npm ci && npm run dev"}"#, "1:2 keeps_running install"),
        (r#"{"start": "npm run dev"}"#, "1:2 keeps_running start"),
        (r#"{"install": "redis-server &"}"#, "1:2 not_kept install"),
        (
            r#"{"build": {"dockerfileContents": "FROM a\nCOPY . /app"}}"#,
            "1:12 copies_project build.dockerfileContents: line 2 of it",
        ),
    ] {
        warned(text, &[expected]);
    }
    warned(r#"{"start": "redis-server &"}"#, &[]);
    let args = r#"{"build": {"dockerfile": "D", "args": {"A": "1"}}}"#;
    assert!(warnings_at(Place::Cursor, args).contains("refused by Cursor"));
    assert_eq!(warnings(args), "");
    assert_eq!(
        environment(r#"{"egressMode": "allow_all"}"#).egress_mode,
        Some(EgressMode::AllowAll)
    );
}

#[test]
fn warnings_are_told_beside_problems() {
    let reading = read(Place::Errand, br#"{"mcpServerAllowlist": [], "name": 1}"#);
    assert_eq!(reading.outcome.unwrap_err().len(), 1);
    assert_eq!(reading.warnings.len(), 1);
}

#[test]
fn every_size_has_a_limit() {
    let padded = |size: usize| format!("{{}}{}", " ".repeat(size - 2));
    assert_eq!(problems(&padded(ENVIRONMENT_BYTES)), "");
    assert!(problems(&padded(ENVIRONMENT_BYTES + 1)).starts_with("1:1 too_large"));

    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 3), "]".repeat(depth - 3));
        format!(r#"{{"ports": [{{"port": 1, "x": {open}{close}}}]}}"#)
    };
    assert_eq!(problems(&deep(ENVIRONMENT_DEPTH)), "");
    assert!(problems(&deep(ENVIRONMENT_DEPTH + 1)).contains("too_deep"));
    assert!(problems(&"[".repeat(ENVIRONMENT_BYTES)).contains("too deep"));
    assert!(problems(&"{\"a\":".repeat(ENVIRONMENT_BYTES / 5)).contains("too deep"));

    let terminals = |count: usize| {
        let all = vec![r#"{"command": "x"}"#; count].join(",");
        (format!(r#"{{"terminals": [{all}]}}"#), format!(r#"{{"terminals": [[{all}], [{all}]]}}"#))
    };
    assert_eq!(problems(&terminals(ENVIRONMENT_ENTRIES).0), "");
    assert!(problems(&terminals(ENVIRONMENT_ENTRIES + 1).0).contains("too_many"));
    assert!(problems(&terminals(ENVIRONMENT_ENTRIES).1).contains("too_many"));

    let install = |size: usize| format!(r#"{{"install": "{}"}}"#, "x".repeat(size));
    assert_eq!(problems(&install(ENVIRONMENT_TEXT_BYTES)), "");
    assert!(problems(&install(ENVIRONMENT_TEXT_BYTES + 1)).contains("too_long"));
    let name = |size: usize| format!(r#"{{"name": "{}"}}"#, "x".repeat(size));
    assert_eq!(problems(&name(ENVIRONMENT_LINE_BYTES)), "");
    assert!(problems(&name(ENVIRONMENT_LINE_BYTES + 1)).contains("too_long"));

    let unknown: Vec<String> = (0..1000).map(|index| format!("\"x{index}\": 1")).collect();
    let told = problems(&format!("{{{}}}", unknown.join(",")));
    assert_eq!(told.lines().count(), ENVIRONMENT_REMARKS);
}

#[test]
fn the_first_file_counts_and_the_others_are_named() {
    let there = |all: &'static [Place]| choose(|place| all.contains(&place));
    assert_eq!(there(&[]), None);
    let choice = there(&[Place::DevcontainerAtTop, Place::Cursor, Place::Errand]).unwrap();
    let passed_over = vec![Place::Cursor, Place::DevcontainerAtTop];
    assert_eq!(choice, Choice { place: Place::Errand, passed_over });
    assert_eq!(
        choice.why(),
        "Errand's own place comes first; .cursor/environment.json, .devcontainer.json are there too and are not read"
    );
    assert_eq!(there(&[Place::Cursor]).unwrap().why(), "there is no file at Errand's own place");
}

#[test]
fn a_dockerfile_is_judged_by_reading() {
    let path = RepoPath::resolve(Place::Errand, "../Dockerfile").unwrap();
    let check = |text: &str| {
        let remarks = check_dockerfile(&path, text.as_bytes());
        (remarks.problems.len(), remarks.warnings.iter().map(|one| one.line).collect::<Vec<_>>())
    };
    assert_eq!(check("# x\nARG A\nfrom a\nRUN x"), (0, vec![]));
    assert_eq!(check("RUN x"), (1, vec![]));
    assert_eq!(check(""), (1, vec![]));
    let copies = "FROM a\nCOPY . /app\nADD --chown=a:b ./ /x\nCOPY --link \\\n  . /y\nCOPY [\".\", \"/z\"]\n";
    assert_eq!(check(copies), (0, vec![2, 3, 4, 6]));
    let other = "FROM a\nCOPY --from=b . /x\nCOPY package.json ./\nRUN cp . /x\nRUN <<EOF\nCOPY . /x\nEOF\nCOPY src .";
    assert_eq!(check(other), (0, vec![]));
    assert_eq!(check("FROM a\nRUN x <<NEVER\nCOPY . /x"), (0, vec![3]));
    let one = &check_dockerfile(&path, b"FROM a\nCOPY . x").warnings[0];
    assert_eq!((one.file.as_str(), one.line), ("Dockerfile", 2));
    assert_eq!(check_dockerfile(&path, b"\xff").problems[0].code, "not_utf8");
}

#[test]
fn a_misplaced_dockerfile_is_named_at_its_key() {
    assert_eq!(
        problems_at(Place::Cursor, r#"{"build": {"dockerfileContents": "RUN x"}}"#),
        "1:34 bad_dockerfile build.dockerfileContents: has no FROM: begin it with FROM and an image"
    );
}
