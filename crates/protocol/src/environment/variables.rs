//! Variables out of `devcontainer.json`, and what the name of one may be.

use super::devcontainer::unresolvable;
use super::field::{Entries, Field};
use super::remark::{Notes, quoted};
use crate::limits::{ENV_NAME_BYTES, ENV_VALUE_BYTES, ENV_VARS};
use jsonc_parser::ast::Value;
use std::collections::BTreeMap;

/// Names that mean something to the machine itself.
const RESERVED: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "LD_PRELOAD"];
/// How names begin that the platform sets.
const RESERVED_PREFIXES: &[&str] = &["CURSOR_", "ERRAND_"];

/// What is wrong with the name of a variable.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_first = |sign: char| sign.is_ascii_alphabetic() || sign == '_';
    let is_later = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    if name.len() > ENV_NAME_BYTES || !name.starts_with(is_first) || !name.chars().all(is_later) {
        return Err("is no name of a variable: use letters, digits and underscores, a digit not \
                    first");
    }
    Ok(())
}

fn is_reserved(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    RESERVED.contains(&upper.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
        || upper.contains("CURSOR_SANDBOX")
}

/// `containerEnv`, and `remoteEnv` over it. What cannot be taken over is left out and reported.
pub(super) fn read(all: &Entries<'_, '_>, notes: &mut Notes<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for key in ["containerEnv", "remoteEnv"] {
        let Some(field) = all.get(key) else { continue };
        let Some(entries) = field.entries("an object of texts: {\"NAME\": \"value\"}", notes)
        else {
            continue;
        };
        for (name, field) in entries.iter() {
            take(name, field, &mut found, notes);
        }
    }
    found
}

fn take(
    name: &str,
    field: &Field<'_, '_>,
    found: &mut BTreeMap<String, String>,
    notes: &mut Notes<'_>,
) {
    if matches!(field.value(), Value::NullKeyword(_)) {
        found.remove(name);
        return;
    }
    let Some(value) = field.text(notes) else { return };
    let same_but_for_case =
        found.keys().find(|other| *other != name && other.eq_ignore_ascii_case(name));
    let problem = if let Err(problem) = check_name(name) {
        problem.to_owned()
    } else if is_reserved(name) {
        "has a name that the platform sets itself".to_owned()
    } else if let Some(other) = same_but_for_case {
        format!("differs from `{other}` by case only")
    } else if let Some(reference) = unresolvable(value) {
        format!("refers to {}, which is known on your computer only", quoted(reference))
    } else if value.len() > ENV_VALUE_BYTES {
        format!("has more than {ENV_VALUE_BYTES} bytes")
    } else if found.len() == ENV_VARS && !found.contains_key(name) {
        format!("is one too many: at most {ENV_VARS} fit")
    } else {
        found.insert(name.to_owned(), value.to_owned());
        return;
    };
    let message = format!("{problem}; it is left out: set it with `errand run --env NAME=VALUE`");
    field.warn("variable_left_out", message, notes);
}
