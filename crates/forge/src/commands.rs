//! What a shell command does, as far as its words tell: what it checks, whether its exit code says so, and whether it
//! changes files. Pure.
//!
//! TRUST: words only. A command can do anything under any name; this is for honest logs, and is said to be no proof.

use regex::Regex;
use std::sync::LazyLock;

/// What a command can show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Tests pass.
    Tests,
    /// It builds.
    Build,
    /// What reads code has nothing to say.
    Lint,
    /// Any of these.
    Check,
    /// Something was tried.
    Anything,
    /// A command or program by its name.
    Named(String),
}

/// Whether a command's exit code is that of the part that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Told,
    /// A pipe, an `||` or a later command decides it.
    Hidden,
}

/// What stands between two parts of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    And,
    Or,
    Pipe,
    Then,
    Beside,
    End,
}

/// A part of a command, and what comes after it.
#[derive(Debug)]
struct Part<'a> {
    words: &'a str,
    next: Link,
}

/// Programs that only look or prepare, and say nothing about the work.
const LOOKS: &[&str] = &[
    "cat", "ls", "cd", "echo", "printf", "grep", "rg", "sed", "awk", "head", "tail", "less",
    "find", "fd", "wc", "pwd", "tree", "stat", "which", "file", "sort", "uniq", "tr", "cut", "tee",
    "true", "false", ":", "set", "export", "source", ".", "mkdir", "touch", "rm", "cp", "mv", "ln",
    "chmod", "git", "vim", "nano", "sleep", "exit", "date", "kill", "done", "fi", "then", "else",
    "diff", "patch", "test", "[", "[[", "read", "unset", "pushd", "popd", "xargs",
];
/// What comes before a program and says nothing about what it is.
const BEFORE: &[&str] = &["sudo", "env", "time", "exec", "command", "do", "(", "{", "!", "nohup"];

static TESTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:^|[\s/._:=-])(?:tests?|pytest|nextest|jest|vitest|mocha|rspec|phpunit|ctest|tox|nox|ava|karma|cypress|playwright|unittest|specs?|check-?all)(?:$|[\s/._:=-])|^npm\s+t$|^(?:make|just|task)\b.*\b(?:check|ci|verify)\b|^mvn\b.*\bverify\b|^gradlew?\b.*\bcheck\b",
    )
});
static BUILDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:^|[\s/._:=-])(?:build|compile\w*|make|webpack|vite|gradlew?|mvnw?|cmake|ninja|bazel|javac|gcc|g\+\+|clang|rustc|tsc|dotnet|msbuild|swift|esbuild|rollup|go\s+(?:test|run|install|vet))(?:$|[\s/._:=-])",
    )
});
static LINTS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:^|[\s/._:=-])(?:\w*lint\w*|clippy|fmt|format|prettier|eslint|ruff|flake8|black|mypy|pyright|tsc|vet|biome|rubocop|shellcheck|isort|type-?check|check|pre-commit|ktlint|checkstyle)(?:$|[\s/._:=-])",
    )
});
static CARGO: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)^(?:cargo|cross)\s+(?:\+\S+\s+)?([a-z]+)"));
static NO_RUN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)(?:^|\s)(?:--help|--version|--list|--no-run|--dry-run|--collect-only|-h)(?:$|\s)")
});
static EDITS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^(?:sed\s+(?:-\w+\s+)*-\w*i|perl\s+(?:-\w+\s+)*-\w*i|patch\b|git\s+(?:apply|checkout|restore|reset|revert|merge|rebase|pull|stash|cherry-pick|am|mv|rm|clean)\b|(?:rm|mv|cp|ln|tee|touch|truncate|dd|install|rsync)\s)",
    )
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| regex(r#"'[^']*'|"[^"]*""#));
static WRITES: LazyLock<Regex> = LazyLock::new(|| regex(r"(?:^|[^0-9&>])>{1,2}\s*([^\s&>|;]+)"));

/// A pattern of ours.
#[expect(clippy::expect_used, reason = "the patterns are constants, and tests compile them all")]
pub(crate) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours")
}

/// The command taken apart. Quotes and comments are kept together; nothing else of a shell's grammar is known.
fn parts(command: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut quote, mut was_space) = (0, None, true);
    let mut chars = command.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let before = command.get(..at).and_then(|text| text.chars().next_back());
        let link = match (quote, c, next) {
            (Some(open), c, _) => {
                if c == open {
                    quote = None;
                } else if c == '\\' && open == '"' {
                    chars.next();
                }
                continue;
            }
            (None, '\\', _) => {
                chars.next();
                continue;
            }
            (None, '\'' | '"', _) => {
                quote = Some(c);
                continue;
            }
            (None, '#', _) if was_space => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            (None, '&', Some('&')) => Link::And,
            (None, '|', Some('|')) => Link::Or,
            (None, '&', _) if before != Some('>') && next != Some('>') => Link::Beside,
            (None, '|', _) if before != Some('>') => Link::Pipe,
            (None, ';' | '\n', _) => Link::Then,
            (None, other, _) => {
                was_space = other.is_whitespace();
                continue;
            }
        };
        parts.push(Part { words: command.get(from..at).unwrap_or_default(), next: link });
        if matches!(link, Link::And | Link::Or) {
            chars.next();
        }
        from = chars.peek().map_or(command.len(), |(at, _)| *at);
        was_space = true;
    }
    parts.push(Part { words: command.get(from..).unwrap_or_default(), next: Link::End });
    for part in &mut parts {
        part.words = program(part.words);
    }
    parts.retain(|part| !part.words.is_empty() && !part.words.starts_with('#'));
    parts
}

/// The part from its program on.
fn program(mut words: &str) -> &str {
    loop {
        words =
            words.trim().trim_start_matches(['(', '{']).trim_start().trim_end_matches([')', '}']);
        let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        });
        let is_flag = first.starts_with('-') && first.len() > 1;
        let is_time =
            first.ends_with(['s', 'm']) && first.starts_with(|c: char| c.is_ascii_digit());
        let is_number = !first.is_empty() && first.chars().all(|c| c.is_ascii_digit());
        let is_limit = matches!(first, "timeout" | "nice");
        let skips =
            is_assignment || is_flag || is_time || is_number || is_limit || BEFORE.contains(&first);
        if !skips || rest.is_empty() {
            return words;
        }
        words = rest;
    }
}

fn looks_only(words: &str) -> bool {
    let first = words.split_whitespace().next().unwrap_or_default();
    LOOKS.contains(&first.rsplit('/').next().unwrap_or(first)) || LOOKS.contains(&first)
}

fn shows(words: &str, topic: &Topic) -> bool {
    if looks_only(words) && !matches!(topic, Topic::Named(_)) || NO_RUN.is_match(words) {
        return false;
    }
    let cargo = CARGO.captures(words).and_then(|found| found.get(1)).map(|word| word.as_str());
    match (topic, cargo) {
        (Topic::Tests, Some(word)) => matches!(word, "test" | "t" | "nextest" | "xtask" | "make"),
        (Topic::Build, Some(word)) => !matches!(word, "fmt" | "audit" | "deny" | "add" | "update"),
        (Topic::Lint, Some(word)) => matches!(word, "clippy" | "fmt" | "check" | "c" | "deny"),
        (Topic::Tests, None) => TESTS.is_match(words),
        (Topic::Build, None) => BUILDS.is_match(words),
        (Topic::Lint, None) => LINTS.is_match(words),
        (Topic::Check, _) => {
            [Topic::Tests, Topic::Build, Topic::Lint].iter().any(|topic| shows(words, topic))
        }
        (Topic::Anything, _) => true,
        (Topic::Named(name), _) => names(words, name),
    }
}

/// Whether the words hold the name as words.
fn names(words: &str, name: &str) -> bool {
    let words: Vec<&str> = words.split_whitespace().collect();
    let name: Vec<&str> = name.split_whitespace().collect();
    let is_same = |(a, b): (&&str, &&str)| a == b || a.rsplit('/').next() == Some(b);
    !name.is_empty()
        && words.windows(name.len()).any(|window| window.iter().zip(&name).all(is_same))
}

/// Whether the command shows something about this, and whether its exit code says what.
pub fn about(command: &str, topic: &Topic) -> Option<Outcome> {
    let parts = parts(command);
    let keeps_pipes = command.contains("pipefail");
    let stops = command.contains("set -e") || command.contains("set -o errexit");
    let mut found = None;
    for (at, part) in parts.iter().enumerate() {
        if !shows(part.words, topic) {
            continue;
        }
        let is_kept = |link: Link, is_last: bool| match link {
            Link::And | Link::End => true,
            Link::Pipe => keeps_pipes,
            Link::Then => stops || is_last,
            Link::Or | Link::Beside => false,
        };
        let last = parts.len() - 1;
        let after = parts
            .iter()
            .skip(at)
            .enumerate()
            .all(|(more, part)| is_kept(part.next, at + more == last));
        let is_always = at == 0 || parts.get(at - 1).is_none_or(|part| part.next != Link::Or);
        if after && is_always {
            return Some(Outcome::Told);
        }
        found = Some(Outcome::Hidden);
    }
    found
}

/// The command that a name in an answer stands for: its last part, from its program on.
pub(crate) fn named(text: &str) -> String {
    let words = parts(text).pop().map(|part| part.words).unwrap_or_default();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the command changes files of the workspace and checks nothing after that, as far as its words tell.
pub fn ends_in_edit(command: &str) -> bool {
    let mut edited = false;
    for part in parts(command) {
        let last = part.words.split_whitespace().next_back().unwrap_or_default();
        if EDITS.is_match(part.words) && !is_elsewhere(last) || writes(part.words) {
            edited = true;
        } else if shows(part.words, &Topic::Check) {
            edited = false;
        }
    }
    edited
}

fn writes(words: &str) -> bool {
    let words = QUOTED.replace_all(words, r#""""#);
    WRITES
        .captures_iter(&words)
        .filter_map(|found| found.get(1))
        .any(|target| !is_elsewhere(target.as_str()))
}

/// Whether a path is none of the workspace's.
fn is_elsewhere(path: &str) -> bool {
    ["/tmp/", "/dev/", "/var/tmp/", "$"].iter().any(|other| path.starts_with(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_show_what_their_programs_check() {
        use Topic::{Anything, Build, Check, Lint, Tests};
        for (command, topic, expected) in [
            ("cargo test", Tests, Some(Outcome::Told)),
            ("cd crates/a && RUST_LOG=1 cargo nextest run -p a", Tests, Some(Outcome::Told)),
            ("cargo check --tests", Tests, None),
            ("cargo check --tests", Lint, Some(Outcome::Told)),
            ("cargo test", Build, Some(Outcome::Told)),
            ("cargo fmt --check", Build, None),
            ("npm run build && npm test", Tests, Some(Outcome::Told)),
            ("npm test && npm run build", Tests, Some(Outcome::Told)),
            ("python -m pytest -q tests/test_a.py", Tests, Some(Outcome::Told)),
            ("timeout 60 ./run_tests.sh", Tests, Some(Outcome::Told)),
            ("go test ./...", Tests, Some(Outcome::Told)),
            ("make check", Tests, Some(Outcome::Told)),
            ("cargo test | tail -5", Tests, Some(Outcome::Hidden)),
            ("set -o pipefail; cargo test 2>&1 | tail -5", Tests, Some(Outcome::Told)),
            ("cargo test || true", Tests, Some(Outcome::Hidden)),
            ("cargo test; echo done", Tests, Some(Outcome::Hidden)),
            ("set -e; cargo test; echo done", Tests, Some(Outcome::Told)),
            ("false || cargo test", Tests, Some(Outcome::Hidden)),
            ("cat tests/a.py", Tests, None),
            ("echo 'cargo test; passed'", Tests, None),
            ("# cargo test", Tests, None),
            ("test -f a", Tests, None),
            ("cargo test --no-run", Tests, None),
            ("git status && ls", Anything, None),
            ("curl -s localhost", Anything, Some(Outcome::Told)),
            ("npx tsc --noEmit", Lint, Some(Outcome::Told)),
            ("npx eslint .", Tests, None),
            ("npx eslint .", Check, Some(Outcome::Told)),
        ] {
            assert_eq!(about(command, &topic), expected, "{command} {topic:?}");
        }
    }

    #[test]
    fn a_named_command_is_found_with_more_words_around_it_and_not_with_fewer() {
        let named = |name: &str| Topic::Named(super::named(name));
        assert_eq!(
            about("cd a && cargo test --workspace", &named("cargo test")),
            Some(Outcome::Told)
        );
        assert_eq!(about("cargo test", &named("cargo test --workspace")), None);
        assert_eq!(about("npx eslint .", &named("eslint")), Some(Outcome::Told));
        assert_eq!(about("cargo testing", &named("cargo test")), None);
    }

    #[test]
    fn what_writes_into_the_workspace_last_is_an_edit() {
        for edit in
            ["sed -i s/a/b/ x", "cargo test; git checkout .", "echo x > a", "cat a>>b", "rm x"]
        {
            assert!(ends_in_edit(edit), "{edit}");
        }
        for no_edit in [
            "cargo test",
            "cargo test > /tmp/log 2>&1",
            "sed -i s/a/b/ x && cargo test",
            "sed -n 1,2p x",
            "git status; git diff",
            "cp a /tmp/b",
            "grep 'a -> b' x",
            "ls 2>/dev/null",
        ] {
            assert!(!ends_in_edit(no_edit), "{no_edit}");
        }
    }
}
