//! Lays `ERRAND_…` variables over the file: `ERRAND_SANDBOX_MEMORY_MIB` is `sandbox.memory_mib`.

use super::Config;
use anyhow::{Context, Result};
use toml::{Table, Value};

/// Puts each variable that names a key into the table. Variables that name none belong to others
/// (`ERRAND_URL`, `ERRAND_TOKEN` of the command line) and are left alone.
pub fn lay_over(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<()> {
    let known = Table::try_from(Config::default()).context("list the configuration's keys")?;
    for (name, text) in variables {
        let Some(wanted) = name.strip_prefix("ERRAND_") else { continue };
        if let Some((path, example)) = find(&known, &wanted.to_ascii_lowercase()) {
            let value =
                parse(&text, &example).with_context(|| format!("read the variable {name}"))?;
            put(table, &path, value);
        }
    }
    Ok(())
}

fn find(known: &Table, wanted: &str) -> Option<(Vec<String>, Value)> {
    known.iter().find_map(|(key, value)| match value {
        Value::Table(inner) if !inner.is_empty() => {
            let rest = wanted.strip_prefix(key.as_str())?.strip_prefix('_')?;
            find(inner, rest).map(|(mut path, value)| {
                path.insert(0, key.clone());
                (path, value)
            })
        }
        _ => (key == wanted).then(|| (vec![key.clone()], value.clone())),
    })
}

fn parse(text: &str, example: &Value) -> Result<Value> {
    Ok(match example {
        Value::Integer(_) => Value::Integer(text.parse().context("expected a whole number")?),
        Value::Boolean(_) => Value::Boolean(text.parse().context("expected true or false")?),
        Value::Float(_) => Value::Float(text.parse().context("expected a number")?),
        Value::Array(_) => Value::Array(
            text.split(',').map(|item| Value::String(item.trim().to_owned())).collect(),
        ),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => Value::String(text.to_owned()),
    })
}

fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_sets_its_key_with_the_right_type() {
        let mut table = Table::new();
        let given = [
            ("ERRAND_SANDBOX_MEMORY_MIB", "512"),
            ("ERRAND_NETWORK_ALLOW", "a.example, b.example"),
            ("ERRAND_URL", "x"),
        ];
        lay_over(&mut table, given.iter().map(|(k, v)| (k.to_string(), v.to_string()))).unwrap();
        let config: Config = table.try_into().unwrap();
        assert_eq!(config.sandbox.memory_mib, 512);
        assert_eq!(config.network.allow, ["a.example", "b.example"]);
    }

    #[test]
    fn a_wrong_type_names_the_variable() {
        let given = [("ERRAND_RUN_STEPS".to_owned(), "many".to_owned())];
        let error = lay_over(&mut Table::new(), given.into_iter()).unwrap_err();
        assert!(format!("{error:#}").contains("ERRAND_RUN_STEPS"), "{error:#}");
    }
}
