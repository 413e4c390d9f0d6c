//! Checks a call's arguments against the tool's schema, so that the model is told which field is wrong.

use model::conversation::ToolSpec;
use serde_json::{Map, Value};

/// The arguments as an object that has every required field, each of the declared type.
pub(super) fn parse(spec: &ToolSpec, arguments: &str) -> Result<Value, String> {
    // Some models send nothing at all for a call without arguments.
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        format!("The arguments of `{}` are not JSON ({error}). Write the call again.", spec.name)
    })?;
    let Value::Object(mut given) = value else {
        return Err(format!("The arguments of `{}` must be a JSON object.", spec.name));
    };
    let schema: Value = serde_json::from_str(spec.input_schema.get()).unwrap_or_default();
    // Optional fields are often sent as null.
    given.retain(|_, value| !value.is_null());
    check(&spec.name, &schema, &given)?;
    Ok(Value::Object(given))
}

fn check(tool: &str, schema: &Value, given: &Map<String, Value>) -> Result<(), String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in names.filter_map(Value::as_str) {
        if !given.contains_key(name) {
            return Err(format!("`{tool}` needs the field `{name}`, which is missing."));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let Some(value) = given.get(name) else { continue };
        let kind = property.get("type").and_then(Value::as_str).unwrap_or_default();
        if !fits(kind, value) {
            return Err(format!("The field `{name}` of `{tool}` must be of type {kind}."));
        }
    }
    Ok(())
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::spec;
    use serde_json::json;

    fn error(arguments: &str) -> String {
        let properties = json!({ "path": { "type": "string" }, "limit": { "type": "integer" } });
        parse(&spec("read_file", "", &properties, &["path"]), arguments).unwrap_err()
    }

    #[test]
    fn the_wrong_field_is_named() {
        assert!(error("{}").contains("needs the field `path`"));
        assert!(
            error(r#"{"path": 3}"#).contains("field `path` of `read_file` must be of type string")
        );
        assert!(error(r#"{"path": "a", "limit": -1}"#).contains("field `limit`"));
        assert!(error(r#"{"path": "a""#).contains("not JSON"));
        assert!(error("[]").contains("must be a JSON object"));
    }

    #[test]
    fn null_is_the_same_as_absent() {
        let properties = json!({ "limit": { "type": "integer" } });
        assert!(parse(&spec("t", "", &properties, &[]), r#"{"limit": null}"#).is_ok());
    }
}
