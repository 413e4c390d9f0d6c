//! The table of configuration keys: names and meaning from the structures that are read, defaults
//! from the server itself.

use super::{documentation, markdown};
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// A key of a table: its name, what it is, what kind of thing.
struct Key {
    name: String,
    kind: String,
    meaning: String,
}

/// One row for each key of the structure `Config` and those that it holds.
pub(super) fn table(source: &str, defaults: &toml::Table) -> Result<String> {
    let structures = structures(source);
    let mut rows = vec![["Key", "Default", "Variable", "Meaning"].map(str::to_owned).to_vec()];
    add(&structures, "Config", "", Some(defaults), &mut rows)?;
    Ok(markdown(&rows))
}

fn add(
    structures: &BTreeMap<String, Vec<Key>>,
    name: &str,
    prefix: &str,
    defaults: Option<&toml::Table>,
    rows: &mut Vec<Vec<String>>,
) -> Result<()> {
    let keys = structures.get(name).with_context(|| format!("find the structure {name}"))?;
    for key in keys {
        let path = format!("{prefix}{}", key.name);
        let default = defaults.and_then(|defaults| defaults.get(&key.name));
        let inner = inner(&key.kind);
        if structures.contains_key(inner) {
            let table = default.and_then(toml::Value::as_table);
            let below = match key.kind.as_str() {
                kind if kind.starts_with("Vec<") => format!("[[{path}]] "),
                kind if kind.starts_with("BTreeMap<") => format!("{path}.NAME."),
                _ => format!("{path}."),
            };
            add(structures, inner, &below, table, rows)?;
            continue;
        }
        let is_named_by_others = prefix.contains("[[") || prefix.contains("NAME");
        let is_map = key.kind.starts_with("BTreeMap<");
        let variable = match is_named_by_others || is_map {
            true => "–".to_owned(),
            false => format!("`ERRAND_{}`", path.replace('.', "_").to_ascii_uppercase()),
        };
        let shown = if is_map { format!("`{path}.NAME`") } else { format!("`{path}`") };
        rows.push(vec![shown, in_words(default), variable, key.meaning.clone()]);
    }
    Ok(())
}

/// `SshHost` of `BTreeMap<String, SshHost>`.
fn inner(kind: &str) -> &str {
    let kind = kind.trim_end_matches('>');
    kind.rsplit(['<', ',']).next().unwrap_or(kind).trim()
}

fn in_words(default: Option<&toml::Value>) -> String {
    match default {
        None => "–".to_owned(),
        Some(toml::Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Some(toml::Value::Table(table)) if table.is_empty() => "none".to_owned(),
        Some(toml::Value::Array(array)) if array.is_empty() => "none".to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

/// Public fields with their comments, by structure.
fn structures(source: &str) -> BTreeMap<String, Vec<Key>> {
    let mut found: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut said = Vec::new();
    for line in source.lines() {
        if let Some(text) = documentation(line) {
            said.push(text);
            continue;
        }
        if let Some(name) = line.strip_prefix("pub struct ") {
            let name = name.trim_end_matches(" {").to_owned();
            found.insert(name.clone(), Vec::new());
            current = Some(name);
        } else if line.starts_with('}') {
            current = None;
        } else if let Some((name, kind)) = field(line)
            && let Some(keys) = current.as_ref().and_then(|current| found.get_mut(current))
        {
            let meaning = said.join(" ").trim_end_matches('.').to_owned();
            keys.push(Key { name: name.to_owned(), kind: kind.to_owned(), meaning });
        } else if line.trim_start().starts_with("#[") {
            continue;
        }
        said.clear();
    }
    found
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, kind) = line.strip_prefix("    pub ")?.split_once(':')?;
    Some((name, kind.trim().trim_end_matches(',')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_with_default_variable_and_meaning() {
        let source = "/// All.\npub struct Config {\n    /// Where.\n    pub listen: String,\n    \
                      /// The run.\n    pub run: Run,\n    /// Keys.\n    pub ssh: BTreeMap<String, Host>,\n}\n\
                      pub struct Run {\n    /// Model calls.\n    #[serde(default)]\n    pub steps: u32,\n}\n\
                      pub struct Host {\n    /// Private key.\n    pub key: PathBuf,\n}\n";
        let defaults = "listen = \"here\"\n[run]\nsteps = 5\n[ssh]\n".parse().unwrap();
        let table = table(source, &defaults).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| `listen` | `\"here\"` | `ERRAND_LISTEN` | Where |",
                "| `run.steps` | `5` | `ERRAND_RUN_STEPS` | Model calls |",
                "| `ssh.NAME.key` | – | – | Private key |",
            ]
        );
    }
}
