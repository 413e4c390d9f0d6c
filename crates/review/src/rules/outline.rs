//! The keys of a YAML file line by line: enough to see what a pipeline gains, and no parser that a
//! hostile file could exhaust.

use std::collections::BTreeSet;

/// Levels that are told apart.
const DEPTH: usize = 32;
/// Lines that are read.
const LINES: usize = 20_000;

/// A value and the keys above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// From the outermost.
    pub(crate) keys: Vec<&'a str>,
    /// What stands behind the last key, or a line of its block, or an item of its list.
    pub(crate) value: &'a str,
    /// The line, from 1.
    pub(crate) number: u32,
}

impl Entry<'_> {
    /// Whether the last key is this.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.keys.last() == Some(&key)
    }

    /// Whether some key is this.
    pub(crate) fn below(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }
}

/// All entries, in order.
pub(crate) fn outline(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut stack: Vec<(usize, &str)> = Vec::new();
    let mut block: Option<usize> = None;
    for (number, line) in (1..).zip(text.lines().take(LINES)) {
        let mut rest = line.trim();
        let mut indent = line.len() - line.trim_start().len();
        if rest.is_empty() {
            continue;
        }
        if block.is_some_and(|outer| indent > outer) {
            let keys = stack.iter().map(|(_, key)| *key).collect();
            entries.push(Entry { keys, value: rest, number });
            continue;
        }
        block = None;
        if rest.starts_with('#') {
            continue;
        }
        while let Some(item) = rest.strip_prefix("- ") {
            indent += 2;
            rest = item.trim_start();
        }
        while stack.last().is_some_and(|(at, _)| *at >= indent) {
            stack.pop();
        }
        let value = match key(rest) {
            Some((key, value)) => {
                if stack.len() < DEPTH {
                    stack.push((indent, key));
                }
                if value.starts_with('|') || value.starts_with('>') {
                    block = Some(indent);
                }
                value
            }
            None => rest,
        };
        let keys = stack.iter().map(|(_, key)| *key).collect();
        entries.push(Entry { keys, value: bare(value), number });
    }
    entries
}

fn key(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, "")))?;
    let key = key.trim().trim_matches(['"', '\'']);
    (!key.is_empty() && key.len() <= 80 && !key.contains("://")).then_some((key, value.trim()))
}

/// A value without its comment and quotes.
fn bare(value: &str) -> &str {
    let value = value.split(" #").next().unwrap_or(value).trim();
    value.trim_matches(['"', '\''])
}

/// The entries as a set that does not care for their places.
pub(crate) fn set<'a>(
    entries: impl Iterator<Item = &'a Entry<'a>>,
) -> BTreeSet<(Vec<&'a str>, &'a str)> {
    entries.map(|entry| (entry.keys.clone(), entry.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_for_every_value() {
        let text = "on:\n- push\njobs:\n  a:\n    steps:\n      - uses: x/y@v1 # one\n        with:\n          a: 'b'\n      - run: |\n          echo: 1\n          b\n      - name: c\n";
        let seen: Vec<String> =
            outline(text).iter().map(|e| format!("{}={}", e.keys.join("/"), e.value)).collect();
        assert_eq!(
            seen,
            [
                "on=",
                "on=push",
                "jobs=",
                "jobs/a=",
                "jobs/a/steps=",
                "jobs/a/steps/uses=x/y@v1",
                "jobs/a/steps/with=",
                "jobs/a/steps/with/a=b",
                "jobs/a/steps/run=|",
                "jobs/a/steps/run=echo: 1",
                "jobs/a/steps/run=b",
                "jobs/a/steps/name=c"
            ]
        );
    }

    #[test]
    fn depth_costs_nothing() {
        let deep: String =
            (0..5_000).map(|n| format!("{}k{n}:\n", " ".repeat(n % 1_000))).collect();
        assert!(outline(&deep).iter().all(|entry| entry.keys.len() <= DEPTH));
    }
}
