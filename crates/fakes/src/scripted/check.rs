//! What real providers refuse, whatever the dialect: calls and outputs that do not pair up.

use super::seen::{Item, Seen};
use std::collections::HashSet;

/// Where a call's output must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Directly after the message with the call.
    Adjacent,
    /// Anywhere after the call.
    Later,
}

/// Every call has exactly one output and every output a call.
pub(crate) fn pairs(seen: &Seen, pairing: Pairing) -> Result<(), String> {
    let mut open: HashSet<&str> = HashSet::new();
    let mut known: HashSet<&str> = HashSet::new();
    for item in &seen.items {
        match item {
            Item::Result { id, .. } if open.remove(id.as_str()) => {}
            Item::Result { id, .. } if known.contains(id.as_str()) => {
                return Err(format!("tool call {id} has more than one output"));
            }
            Item::Result { id, .. } => {
                return Err(format!("tool output {id} belongs to no tool call"));
            }
            Item::User(_) | Item::Assistant { .. } => {
                if pairing == Pairing::Adjacent {
                    none_open(&open)?;
                }
                if let Item::Assistant { calls, .. } = item {
                    for id in calls {
                        if !known.insert(id) {
                            return Err(format!("tool call id {id} is used twice"));
                        }
                        open.insert(id);
                    }
                }
            }
        }
    }
    none_open(&open)
}

fn none_open(open: &HashSet<&str>) -> Result<(), String> {
    match open.iter().min() {
        Some(id) => Err(format!("no tool output found for tool call {id}")),
        None => Ok(()),
    }
}

/// What providers demand of declared tools.
pub(crate) fn tools(seen: &Seen) -> Result<(), String> {
    let mut names = HashSet::new();
    for tool in &seen.tools {
        let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if tool.name.is_empty() || tool.name.len() > 128 || !tool.name.chars().all(is_good) {
            return Err(format!("tool name {:?} is not allowed", tool.name));
        }
        if !names.insert(tool.name.as_str()) {
            return Err(format!("tool names must be unique: {}", tool.name));
        }
        if tool.schema.get("type").and_then(serde_json::Value::as_str) != Some("object") {
            return Err(format!("the schema of tool {} is not an object's", tool.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(items: &[(&str, &[&str])]) -> Seen {
        let item = |(kind, ids): &(&str, &[&str])| match *kind {
            "user" => Item::User(String::new()),
            "result" => Item::Result { id: ids[0].to_owned(), text: String::new() },
            _ => Item::Assistant {
                nonce: String::new(),
                calls: ids.iter().map(|&id| id.to_owned()).collect(),
            },
        };
        Seen { items: items.iter().map(item).collect(), ..Seen::default() }
    }

    #[test]
    fn every_call_needs_exactly_one_output() {
        let good = seen(&[("call", &["a", "b"]), ("result", &["b"]), ("result", &["a"])]);
        assert!(pairs(&good, Pairing::Adjacent).is_ok());
        let bad: &[&[(&str, &[&str])]] = &[
            &[("call", &["a"])],
            &[("call", &["a"]), ("result", &["a"]), ("result", &["a"])],
            &[("result", &["a"])],
            &[("call", &["a", "a"])],
            &[("call", &["a"]), ("result", &["a"]), ("call", &["a"]), ("result", &["a"])],
        ];
        for items in bad {
            assert!(pairs(&seen(items), Pairing::Later).is_err(), "{items:?}");
        }
    }

    #[test]
    fn a_user_message_before_the_output_is_wrong_only_where_outputs_are_adjacent() {
        let late = seen(&[("call", &["a"]), ("user", &[]), ("result", &["a"])]);
        assert!(pairs(&late, Pairing::Adjacent).is_err());
        assert!(pairs(&late, Pairing::Later).is_ok());
    }
}
