//! Schema and reader agree: on the keys, and on what is valid as far as a schema can say it.

use super::super::explain::explain;
use super::super::file::{BUILD_KEYS, KEYS};
use super::super::place::Place;
use super::super::reach::MCP_KEYS;
use super::super::schema::schema;
use super::super::{Understood, read};
use super::examples::{EVERYTHING, INLINE, SMALL};
use serde_json::Value;

/// Whether a value is valid, for the words of JSON Schema that the schema uses.
pub(super) fn is_valid(schema: &Value, value: &Value) -> bool {
    let schema = schema.as_object().unwrap();
    schema.iter().all(|(word, rule)| match word.as_str() {
        "$schema" | "title" | "description" => true,
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            other => panic!("the type {other} is not checked here"),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|number| number <= rule.as_i64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|all| all.len() as u64 <= rule.as_u64().unwrap()),
        "maxLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap())
        }
        "items" => value.as_array().is_none_or(|all| all.iter().all(|one| is_valid(rule, one))),
        "required" => value.as_object().is_none_or(|object| {
            rule.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(key, value)| rule.get(key).is_none_or(|rule| is_valid(rule, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let known = schema.get("properties");
            let mut others = object
                .iter()
                .filter(|(key, _)| known.and_then(|known| known.get(key.as_str())).is_none());
            others.all(|(_, value)| rule.as_bool().unwrap_or_else(|| is_valid(rule, value)))
        }),
        "allOf" => rule.as_array().unwrap().iter().all(|rule| is_valid(rule, value)),
        "anyOf" => rule.as_array().unwrap().iter().any(|rule| is_valid(rule, value)),
        "oneOf" => {
            rule.as_array().unwrap().iter().filter(|rule| is_valid(rule, value)).count() == 1
        }
        other => panic!("{other} is not checked here"),
    })
}

fn keys(schema: &Value) -> Vec<String> {
    let mut keys: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

fn sorted(keys: &[&str]) -> Vec<String> {
    let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    keys.sort();
    keys
}

#[test]
fn schema_reader_and_explanation_know_the_same_keys() {
    let schema = schema();
    let properties = &schema["properties"];
    assert_eq!(keys(&schema), sorted(KEYS));
    assert_eq!(keys(&properties["build"]["allOf"][0]), sorted(BUILD_KEYS));
    assert_eq!(keys(&properties["mcpServerAllowlist"]["items"]["allOf"][0]), sorted(MCP_KEYS));
    let explained = explain(&Understood::default());
    assert!(explained.iter().all(|one| one.is_default && !one.lines.is_empty()));
    let mut told: Vec<&str> = explained.iter().map(|one| one.key).collect();
    told.retain(|key| *key != "variables" && *key != "base");
    told.extend(["$schema", "build", "image", "snapshot"]);
    assert_eq!(sorted(&told), sorted(KEYS));
}

#[test]
fn everything_that_is_set_is_explained_as_set() {
    let understood = super::understood(EVERYTHING);
    let told = explain(&understood);
    let defaults: Vec<&str> = told.iter().filter(|one| one.is_default).map(|one| one.key).collect();
    assert_eq!(defaults, ["variables"]);
    let lines = |key: &str| told.iter().find(|one| one.key == key).unwrap().lines.join("|");
    assert_eq!(
        lines("base"),
        "built from docker/Dockerfile|context: the whole repository|argument NODE=22"
    );
    assert_eq!(lines("terminals"), "web: npm run dev|npm run worker");
    assert_eq!(lines("ports"), "3000 web|65535");
}

#[test]
fn what_is_valid_for_the_one_is_valid_for_the_other() {
    let schema = schema();
    let plain = super::environment(EVERYTHING).to_file().to_string();
    for text in ["{}", SMALL, INLINE, &plain] {
        assert!(is_valid(&schema, &serde_json::from_str(text).unwrap()), "{text}");
    }
    for text in [
        r#"{"unknown": 1}"#,
        r#"{"name": 1}"#,
        r#"{"build": {}}"#,
        r#"{"build": {"dockerfile": "a", "dockerfileContents": "FROM b"}}"#,
        r#"{"build": {"dockerfile": "a", "other": 1}}"#,
        r#"{"terminals": [{"name": "a"}]}"#,
        r#"{"terminals": [[[]]]}"#,
        r#"{"ports": [{"port": 0}]}"#,
        r#"{"ports": [{"port": 65536}]}"#,
        r#"{"mcpServerAllowlist": [{"name": "a"}]}"#,
        r#"{"egressMode": "all"}"#,
        r#"{"enable_testing": "yes"}"#,
        r#"{"disableAllMcpServers": "true"}"#,
    ] {
        assert!(!is_valid(&schema, &serde_json::from_str(text).unwrap()), "{text}");
        assert!(read(Place::Errand, text.as_bytes()).outcome.is_err(), "{text}");
    }
}
