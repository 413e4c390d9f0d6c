//! Files and functions stay short enough to read at once, or say why not.

use super::tree::File;
use super::{Violation, rust, violation};
use anyhow::Context;
use serde::Deserialize;
use std::path::Path;

/// Lines of a file, modules of tests inside it left out.
const FILE_LINES: usize = 800;
/// Lines of a function.
const FUNCTION_LINES: usize = 70;
/// Where the exceptions stand.
const EXCEPTIONS: &str = "crates/xtask/exceptions.toml";

/// Whatever may be longer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Exceptions {
    file: Vec<LongFile>,
    function: Vec<LongFunction>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFile {
    path: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFunction {
    path: String,
    name: String,
    reason: String,
}

/// Reads the exceptions.
pub(super) fn exceptions(root: &Path) -> anyhow::Result<Exceptions> {
    let text = std::fs::read_to_string(root.join(EXCEPTIONS))
        .with_context(|| format!("read {EXCEPTIONS}"))?;
    toml::from_str(&text).with_context(|| format!("parse {EXCEPTIONS}"))
}

pub(super) fn check(files: &[File], exceptions: &Exceptions) -> Vec<Violation> {
    let (mut found, mut used) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.is_rust()) {
        let lines = file.text.lines().count().saturating_sub(rust::test_lines(&file.code));
        if lines > FILE_LINES {
            used.push((file.path.clone(), None));
            if !exceptions.file.iter().any(|e| e.path == file.path) {
                found.push(too_long(&file.path, 1, "this file", lines, FILE_LINES));
            }
        }
        for function in rust::functions(&file.code) {
            if function.lines <= FUNCTION_LINES {
                continue;
            }
            let excepted = |e: &LongFunction| e.path == file.path && e.name == function.name;
            if !exceptions.function.iter().any(excepted) {
                let what = format!("function {}", function.name);
                let (line, lines) = (function.line, function.lines);
                found.push(too_long(&file.path, line, &what, lines, FUNCTION_LINES));
            }
            used.push((file.path.clone(), Some(function.name)));
        }
    }
    found.extend(unused(exceptions, &used));
    found
}

fn too_long(path: &str, line: usize, what: &str, lines: usize, most: usize) -> Violation {
    let message = format!(
        "{what} has {lines} lines, {most} are allowed: cut it where the cut is smallest, \
         or list it in {EXCEPTIONS} with a reason"
    );
    violation(path, line, message)
}

/// Exceptions that nothing needs, or that give no reason.
fn unused(exceptions: &Exceptions, used: &[(String, Option<String>)]) -> Vec<Violation> {
    let files = exceptions.file.iter().map(|e| ((e.path.clone(), None), &e.reason));
    let functions =
        exceptions.function.iter().map(|e| ((e.path.clone(), Some(e.name.clone())), &e.reason));
    let mut found = Vec::new();
    for (key, reason) in files.chain(functions) {
        let what = format!("{} {}", key.0, key.1.clone().unwrap_or_default());
        if !used.contains(&key) {
            let message = format!("{} is not too long (any more): remove it", what.trim());
            found.push(violation(EXCEPTIONS, 1, message));
        }
        if reason.trim().is_empty() {
            found.push(violation(EXCEPTIONS, 1, format!("{} has no reason", what.trim())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn what_is_too_long_needs_an_exception_with_a_reason() {
        let text = [long_function("short", 70), long_function("long", 71)].concat();
        let files = [File::new("a.rs", text), File::new("b.rs", "\n".repeat(801))];
        let found = check(&files, &Exceptions::default());
        let places: Vec<String> = found.iter().map(|v| format!("{}:{}", v.path, v.line)).collect();
        assert_eq!(places, ["a.rs:71", "b.rs:1"]);
        let excepted = "file = [{ path = 'b.rs', reason = 'a table' }]\n\
            function = [{ path = 'a.rs', name = 'long', reason = 'one match' }]";
        assert_eq!(check(&files, &toml::from_str(excepted).unwrap()), []);
        let stale = "function = [{ path = 'a.rs', name = 'short', reason = ' ' }]";
        assert_eq!(check(&files, &toml::from_str(stale).unwrap()).len(), 4);
    }

    #[test]
    fn tests_inside_a_file_do_not_make_it_long() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(900));
        assert_eq!(check(&[File::new("a.rs", tests)], &Exceptions::default()), []);
    }
}
