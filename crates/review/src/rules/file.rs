//! A changed file as the rules look at it: what it is for, and what it gains.

use crate::change::{Change, Line, Lines};
use crate::finding::{Family, Finding, LineSide, Severity};
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Bytes of a line that are looked at.
const LINE_BYTES: usize = 4_000;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Source that is compiled or run.
    Code,
    /// What tools read: configuration, build files, scripts without an ending.
    Settings,
    /// What a package manager wrote.
    Lock,
    /// Written for people.
    Prose,
    /// Anything else.
    Data,
}

/// One changed file.
pub(crate) struct File<'a> {
    /// The change itself.
    pub(crate) change: &'a Change,
    /// Where it is.
    pub(crate) path: &'a str,
    /// The last part of the path.
    pub(crate) name: &'a str,
    /// The name in small letters behind its last dot.
    pub(crate) ending: String,
    /// What it is for.
    pub(crate) kind: Kind,
    /// Whether it holds tests.
    pub(crate) is_test: bool,
    /// What is added and removed.
    pub(crate) lines: Lines<'a>,
    /// All that is added.
    pub(crate) added: String,
}

/// A line that should not be added, and why.
pub(crate) struct Pattern {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    pub(crate) regex: &'static str,
    pub(crate) why: &'static str,
}

/// Patterns that are looked for at once.
pub(crate) struct Patterns {
    list: &'static [Pattern],
    set: RegexSet,
    each: Vec<Regex>,
}

const CODE: &[&str] = &[
    "js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "vue", "svelte", "py", "pyi", "rs", "go",
    "java", "kt", "kts", "scala", "groovy", "rb", "php", "c", "h", "cc", "cpp", "hpp", "cs",
    "swift", "sh", "bash", "zsh", "fish", "ps1", "bat", "cmd", "pl", "lua", "ex", "exs", "erl",
    "sql", "dart", "m", "zig", "el", "gradle", "r", "jl", "clj",
];
const SETTINGS: &[&str] = &[
    "yml",
    "yaml",
    "json",
    "jsonc",
    "json5",
    "toml",
    "xml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "tf",
    "tfvars",
    "hcl",
    "env",
    "cmake",
    "mk",
    "service",
    "timer",
    "plist",
    "gradle",
    "nix",
    "bazel",
    "bzl",
    "policy",
    "rules",
    "csproj",
    "targets",
    "props",
    "gemspec",
    "gyp",
    "mod",
    "work",
];
const LOCKS: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "cargo.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pipfile.lock",
    "go.sum",
    "gemfile.lock",
    "composer.lock",
    "gradle.lockfile",
];
const PROSE: &[&str] = &["md", "mdx", "rst", "txt", "adoc", "org", "tex", "markdown"];

static TEST_PATH: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x)(^|/)(tests?|__tests__|specs?|e2e|testing|test-?data|testdata|fixtures|__mocks__|
        __snapshots__|snapshots|seeds|corpus|corpora|src/test)/
        |(^|/)[^/]*([._-](test|tests|spec|specs|e2e)\.[a-z]+|Tests?\.(java|kt|cs|swift)|IT\.java)$
        |(^|/)(test_[^/]*|tests?|conftest)\.(py|rs|rb|go|js|ts)$",
    )
});

/// Bytes that an automaton may keep, so that a long set of patterns still takes a byte at a time.
const AUTOMATON_BYTES: usize = 32 * 1024 * 1024;

/// A pattern of ours.
#[expect(clippy::expect_used, reason = "the patterns are constants, and tests compile them all")]
pub(crate) fn regex(pattern: &str) -> Regex {
    let built = RegexBuilder::new(&plain(pattern)).dfa_size_limit(AUTOMATON_BYTES).build();
    built.expect("pattern of a rule")
}

/// The pattern with classes of ASCII: words of all alphabets would make it many times as slow, and
/// its boundaries slower still wherever a text has a letter of another alphabet.
fn plain(pattern: &str) -> String {
    let plain = pattern.replace(r"\b", r"(?-u:\b)").replace(r"\w", "[0-9A-Za-z_]");
    let plain = plain.replace(r"\d", "[0-9]").replace(r"\s", r"[\t\n\r\x20]");
    plain.replace(r"\S", r"[^\t\n\r\x20]")
}

impl Patterns {
    #[expect(clippy::expect_used, reason = "the patterns are constants, tests compile them all")]
    pub(crate) fn new(list: &'static [Pattern]) -> Self {
        let set = RegexSetBuilder::new(list.iter().map(|pattern| plain(pattern.regex)));
        let set = { set }.dfa_size_limit(AUTOMATON_BYTES).build();
        let each = list.iter().map(|pattern| regex(pattern.regex)).collect();
        Self { list, set: set.expect("patterns of a rule"), each }
    }

    /// The patterns that the file matches more often than before, each with the first line.
    pub(crate) fn gained<'a, 'p>(
        &'p self,
        file: &'p File<'a>,
    ) -> impl Iterator<Item = (&'static Pattern, Line<'a>)> + 'p {
        self.set.matches(&file.added).into_iter().filter_map(|at| {
            let (pattern, regex) = (self.list.get(at)?, self.each.get(at)?);
            Some((pattern, file.gained(regex)?))
        })
    }

    /// Findings for all that is gained.
    pub(crate) fn find(&self, family: Family, file: &File<'_>) -> Vec<Finding> {
        let found = |(pattern, line): (&Pattern, Line<'_>)| {
            let why = format!("`{}`: {}", crate::finding::quote(line.text), pattern.why);
            file.found(family, pattern.rule, pattern.severity, Some(line.number), why)
        };
        self.gained(file).map(found).collect()
    }
}

impl<'a> File<'a> {
    pub(crate) fn new(change: &'a Change) -> Self {
        let path = change.path.as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map(|(_, end)| end.to_lowercase()).unwrap_or_default();
        let mut lines = change.lines();
        for line in lines.added.iter_mut().chain(&mut lines.removed) {
            line.text = cut(line.text);
        }
        let mut added = String::new();
        for line in &lines.added {
            added.push_str(line.text);
            added.push('\n');
        }
        let (kind, is_test) = (kind(path, name, &ending), TEST_PATH.is_match(path));
        Self { change, path, name, ending, kind, is_test, lines, added }
    }

    /// Whether it was not there before.
    pub(crate) fn is_new(&self) -> bool {
        self.change.old.is_none()
    }

    /// Whether it is not there any more.
    pub(crate) fn is_deleted(&self) -> bool {
        self.change.new.is_none()
    }

    /// Text of the old side, empty if there is none.
    pub(crate) fn old(&self) -> &'a str {
        self.change.old_text().unwrap_or_default()
    }

    /// Text of the new side, empty if there is none.
    pub(crate) fn new_text(&self) -> &'a str {
        self.change.new_text().unwrap_or_default()
    }

    /// Whether a line only says something to people.
    pub(crate) fn is_comment(&self, line: &str) -> bool {
        let line = line.trim_start();
        let hash = || {
            line.starts_with('#')
                && !line.starts_with("#[")
                && !line.starts_with("#!")
                && !matches!(self.ending.as_str(), "c" | "h" | "cc" | "cpp" | "hpp" | "cs")
        };
        let slashes = || line.starts_with("//") || line.starts_with("/*") || line.starts_with("* ");
        match self.kind {
            Kind::Code => slashes() || hash(),
            Kind::Settings => hash() || line.starts_with("<!--") || line.starts_with("//"),
            Kind::Lock | Kind::Prose | Kind::Data => false,
        }
    }

    /// The first line with the pattern, if more lines with it are added than removed.
    pub(crate) fn gained(&self, regex: &Regex) -> Option<Line<'a>> {
        let matches = |line: &&Line<'_>| !self.is_comment(line.text) && regex.is_match(line.text);
        let added = self.lines.added.iter().filter(matches).count();
        let removed: HashSet<&str> =
            self.lines.removed.iter().filter(matches).map(|line| line.text.trim()).collect();
        if added <= self.lines.removed.iter().filter(matches).count() {
            return None;
        }
        let fresh = |line: &&Line<'_>| !removed.contains(line.text.trim());
        self.lines.added.iter().filter(matches).find(fresh).copied()
    }

    /// The first added line with the pattern that was not there before.
    pub(crate) fn gained_or_changed(&self, regex: &Regex) -> Option<Line<'a>> {
        let removed: HashSet<&str> =
            self.lines.removed.iter().map(|line| line.text.trim().trim_end_matches(',')).collect();
        let fresh = |line: &&Line<'_>| {
            regex.is_match(line.text)
                && !self.is_comment(line.text)
                && !removed.contains(line.text.trim().trim_end_matches(','))
        };
        self.lines.added.iter().find(fresh).copied()
    }

    /// The first added line that holds the text.
    pub(crate) fn line_of(&self, text: &str) -> Option<u32> {
        let holds = |line: &&Line<'_>| line.text.contains(text);
        self.lines.added.iter().find(holds).map(|line| line.number)
    }

    /// The first added line, or the first removed one where nothing is added.
    pub(crate) fn first_line(&self) -> Option<u32> {
        self.lines.added.first().or(self.lines.removed.first()).map(|line| line.number)
    }

    /// Where a line is that a finding names: what is removed only, is where it was.
    fn side(&self, line: u32) -> LineSide {
        let has = |lines: &[Line<'_>]| lines.binary_search_by_key(&line, |it| it.number).is_ok();
        if !has(&self.lines.added) && has(&self.lines.removed) {
            LineSide::Before
        } else {
            LineSide::After
        }
    }

    /// A finding in this file.
    pub(crate) fn found(
        &self,
        family: Family,
        rule: &'static str,
        severity: Severity,
        line: Option<u32>,
        why: impl Into<String>,
    ) -> Finding {
        let (path, why) = (self.path.to_owned(), why.into());
        let side = line.map(|line| self.side(line)).unwrap_or_default();
        Finding { rule: Cow::Borrowed(rule), family, severity, path, line, side, why }
    }
}

/// The beginning of a line; that it is too long is a finding of its own.
fn cut(line: &str) -> &str {
    line.get(..line.floor_char_boundary(LINE_BYTES)).unwrap_or(line)
}

fn kind(path: &str, name: &str, ending: &str) -> Kind {
    let lower = name.to_lowercase();
    let plain = || {
        !name.contains('.')
            && (lower.contains("file") || lower.contains("rc") || path.contains("hook"))
    };
    let requirements = || {
        lower.starts_with("requirements")
            || lower.starts_with("constraints")
            || path.contains("requirements/")
    };
    if LOCKS.contains(&lower.as_str()) {
        Kind::Lock
    } else if lower == "cmakelists.txt" || (ending == "txt" && requirements()) {
        Kind::Settings
    } else if PROSE.contains(&ending) {
        Kind::Prose
    } else if CODE.contains(&ending) {
        Kind::Code
    } else if SETTINGS.contains(&ending)
        || name.starts_with('.')
        || lower.starts_with("dockerfile")
        || lower.starts_with("makefile")
        || plain()
    {
        Kind::Settings
    } else {
        Kind::Data
    }
}
