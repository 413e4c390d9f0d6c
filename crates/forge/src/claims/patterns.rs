//! How people and models say that something passes, was run or was verified.

use super::Claim;
use crate::commands::{self, Outcome, Topic, regex};
use regex::Regex;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// Words before what is meant: `all 42 of the new unit tests`.
const KINDS: &str = r"(?:(?:all|the|my|our|its|these|those|every|both|existing|new|full|whole|entire|complete|unit|integration|e2e|end-to-end|regression|relevant|related|affected|updated|remaining|other|previously|failing|of|local|project|release|debug|production|python|rust|go|frontend|backend|\d+(?:/\d+)?)\s+){0,6}";
/// What can pass.
const SUBJECT: &str = r"(?:test\s+suites?|test\s+cases?|tests?|specs?|suite|build|compilation|lint(?:er|ers|ing)?|type[- ]?check(?:s|er|ing)?|clippy|eslint|mypy|ruff|prettier|pyright|rustfmt|tsc|formatting|formatter|checks|ci|pipeline|`[^`]{1,200}`)";
/// What may stand between it and how it ended.
const BETWEEN: &str = r"(?:\s*\([^()]{0,80}\))?(?:\s+(?:in|for|under|from|of|with|on)\s+(?:the\s+)?\S{1,60})?(?:\s+(?:now|all|both|still|also|again|each|cleanly|successfully|locally|currently|fully|have|has|had|is|are|was|were|been|runs?|ran|completed?|completes|finish(?:es|ed)?|ends?|ended|comes?|came|back|out|reports?|reported|continues?\s+to|keeps?|it|they)){0,6}";
/// How it ended, if well.
const WELL: &str = r"(?:pass(?:es|ed|ing)?|succeed(?:s|ed)?|green|clean(?:ly)?|fine|ok(?:ay)?|successful(?:ly)?|(?:(?:with|shows?|reports?)\s+)?(?:no|zero|0)\s+(?:\w+\s+(?:or\s+)?)?(?:errors?|failures?|failed|warnings?|issues?|problems?)|without(?:\s+any)?\s+(?:errors?|failures?|warnings?|issues?|problems?)|(?:exit(?:s|ed)?|returns?|returned)\s+(?:with\s+)?(?:(?:exit\s+)?(?:code|status)\s+)?0|✅|✓|✔)";

/// Several things that can pass.
fn subjects() -> String {
    format!(
        r"{KINDS}{SUBJECT}(?:\s*(?:,\s*and|,|and|&|/|\+|plus|as\s+well\s+as)\s+{KINDS}{SUBJECT}){{0,5}}"
    )
}

static PASSES: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"(?i){}{BETWEEN}(?:\s*[:=–—-]\s*|\s+){WELL}", subjects())));
static TICKED: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"(?i)(?:✅|✓|✔)\s*{}", subjects())));
static COMPILES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:it|this|everything|code(?:base)?|project|crates?|workspace|app(?:lication)?|package|program|binary|site)\s+(?:(?:now|still|also|again|all|both)\s+)*(?:compiles?|compiled|builds?|type-?checks?|lints?)(?:\s+(?:cleanly|fine|successfully|again|without\s+(?:any\s+)?(?:errors?|warnings?|issues?|problems?)|with\s+(?:no|zero|0)\s+\w+))?",
    )
});
static EVERYTHING: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:everything|all(?:\s+\d+)?|all\s+of\s+(?:it|them))\s+(?:(?:now|still|are|is)\s+)*(?:pass(?:es|ed|ing)?|green|works|checks\s+out)\b",
    )
});
static COUNTED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b\d+(?:/\d+)?\s+(?:(?:of\s+\d+|unit|integration|e2e)\s+)?(?:tests?\s+|specs?\s+|checks?\s+)?pass(?:ed|ing)?\b",
    )
});
static RAN: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(r"(?i)\b(?:re-?)?(?:ran|executed)\s+(?:[^\s.,;:`]+\s+){{0,5}}?{}", subjects()))
});
static WAS_RUN: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"(?i){}(?:\s*\([^()]{{0,80}}\))?\s+(?:was|were|has\s+been|have\s+been)\s+(?:(?:also|all|successfully|locally)\s+)*(?:re-?)?(?:run|executed)\b",
        subjects()
    ))
});
static VERIFIED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:\b(?:I|we)(?:['’]ve|\s+have)?\s+(?:(?:also|then|manually|locally|carefully|just)\s+)*|^[\W_]*(?:(?:manually|locally|fully|also)\s+)?|\b(?:it|this|fix|changes?|everything|result|behaviou?r|solution|feature|output|implementation)\s+(?:was|were|has\s+been|have\s+been)\s+(?:(?:also|fully|manually|all|locally)\s+)*)(?:verified|confirmed|validated|tested|double-checked)\b[^.;!?]{0,200}",
    )
});
static WORKS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:works?|working|worked|pass(?:es|ed|ing)?|succeed\w*|builds?|compiles?|tests?|lints?|no\s+longer|as\s+expected|locally|manually|end[- ]to[- ]end|by\s+running|correct(?:ly)?)\b",
    )
});
static TAKES_MORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)^\s+(?:an?|the|its?|them|this|that|these|those|through|along|down|over|into|to|none|nil|null|true|false|by|`|"|')(?:\b|[`"'\w])"#,
    )
});
static NO_FAULT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:(?:no|zero|0|without(?:\s+any)?|none)\s+(?:\w+\s+(?:or\s+)?)?(?:fail\w*|errors?|warnings?|issues?|problems?|regressions?)|none\s+fail\w*|no\s+longer\s+fail\w*|(?:that|which)\s+(?:was|were|had)\s+(?:been\s+)?failing|(?:previously|formerly|once|originally|the|\d+)[- ]failing|failing\s+(?:tests?|specs?|checks?|cases?|build)|not\s+(?:just|only)|as\s+(?:expected|before)|when\s+(?:I|we)\s+(?:re-?)?(?:ran|run|tested))\b",
    )
});
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:not|never|cannot|can['’]t|unable|fail(?:s|ed|ing|ures?)?|no\s+(?:tests?|build|lint\w*|checks?|commands?)|nothing|neither|skip(?:ped|s)?|broken|un(?:tested|verified)|without\s+(?:running|testing))\b|n['’]t\b",
    )
});
static OPEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:should|would|will|must|needs?|please|you\s+can|can\s+be|could|may|might|if|once|when|whenever|until|unless|before|ensures?d?|ensuring|make\s+sure|so\s+that|let\s+me|todo|expect(?:s|ing)?|expected\s+to|assum\w*|whether|wants?|remember|wait(?:s|ing)?|provided|in\s+order|to\s+(?:verify|check|confirm|see|run|test|have|keep|let|get)|claims?|says?|said|suppose)\b|['’]ll\b",
    )
});
/// What is to be brought about, right before it.
static CAUSED: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:makes?|making|gets?|getting|lets?)\s+(?:\S+\s+){0,2}$"));
static CODE: LazyLock<Regex> = LazyLock::new(|| regex(r"`[^`]*`"));
static UNLESS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:if|once|unless|until|provided)\b"));
static ORDER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^[\W_\d]*(?:run|re-?run|check|use|verify|confirm|execute|see|call|invoke|try|wait)\b",
    )
});
static SUBJECTS: LazyLock<Regex> = LazyLock::new(|| regex(&format!(r"(?i){SUBJECT}")));

/// The claims of one sentence.
pub(super) fn find(sentence: &str) -> Vec<Claim> {
    if sentence.trim_end().ends_with('?') || ORDER.is_match(sentence) {
        return Vec::new();
    }
    // The same length, without the marks of bold and struck text.
    let plain = sentence.replace(['*', '~'], " ");
    let words = CODE.replace_all(&plain, " ` ");
    let doubts = NO_FAULT.replace_all(&words, " ");
    if DENIED.is_match(&doubts) {
        return Vec::new();
    }
    let mut found = Vec::new();
    found.extend(passes(&plain));
    found.extend(fixed(&plain));
    found.extend(ran(&plain));
    found.extend(verified(&plain));
    found.retain(|claim| is_plain(&plain, &claim.at));
    found.sort_by_key(|claim| (claim.at.start, std::cmp::Reverse(claim.at.end)));
    found
}

/// Whether the sentence says it as a fact.
fn is_plain(plain: &str, at: &Range<usize>) -> bool {
    let before = plain.get(..at.start).unwrap_or_default();
    let before = CODE.replace_all(before, " ` ");
    let before = NO_FAULT.replace_all(&before, " ");
    !OPEN.is_match(&before)
        && !CAUSED.is_match(&before)
        && !UNLESS.is_match(plain.get(at.end..).unwrap_or_default())
}

fn passes(plain: &str) -> Vec<Claim> {
    let told = PASSES.find_iter(plain).chain(TICKED.find_iter(plain));
    let claim = |found: regex::Match<'_>| {
        let rest = plain.get(found.end()..).unwrap_or_default();
        let words = found.as_str().to_lowercase();
        let is_passing = words.ends_with("passing");
        let says_so = [" are ", " is ", " were ", " all ", " now ", " still ", ":"].iter();
        let participle = is_passing && !says_so.clone().any(|word| words.contains(word));
        if !starts_word(plain, found.start())
            || goes_on(rest)
            || participle
            || (words.contains("pass") && TAKES_MORE.is_match(rest))
        {
            return None;
        }
        let topics = topics(found.as_str(), Strict::Outcome);
        (!topics.is_empty()).then(|| Claim { at: found.range(), topics, is_run_only: false })
    };
    told.filter_map(claim).collect()
}

/// Sentences whose words say what they are about.
fn fixed(plain: &str) -> Vec<Claim> {
    let mut found = Vec::new();
    let mut add = |at: Range<usize>, topic: Topic| {
        found.push(Claim { at, topics: BTreeSet::from([topic]), is_run_only: false });
    };
    for one in COMPILES.find_iter(plain) {
        let words = one.as_str().to_lowercase();
        let behind = plain.get(one.end()..).unwrap_or_default();
        let rest = behind.trim_start();
        let ends = rest.is_empty()
            || rest.starts_with(['.', ',', ';', '!', ')', ':', '✅'])
            || rest.starts_with("now");
        let says_how = ["cleanly", "fine", "successfully", "again", "without", "with "];
        if goes_on(behind) || !(ends || says_how.iter().any(|word| words.contains(word))) {
            continue;
        }
        let is_lint = words.contains("lints") || words.contains("check");
        add(one.range(), if is_lint { Topic::Lint } else { Topic::Build });
    }
    for one in EVERYTHING.find_iter(plain) {
        let rest = plain.get(one.end()..).unwrap_or_default();
        if !TAKES_MORE.is_match(rest) {
            add(one.range(), Topic::Check);
        }
    }
    for one in COUNTED.find_iter(plain) {
        let rest = plain.get(one.end()..).unwrap_or_default().trim_start();
        let ends =
            rest.is_empty() || rest.starts_with(['.', ',', ';', '!', ')', ':', '/', '|', '(']);
        if ends || rest.starts_with("in ") || rest.starts_with("and ") {
            add(one.range(), Topic::Tests);
        }
    }
    found
}

fn ran(plain: &str) -> Vec<Claim> {
    let told = RAN.find_iter(plain).filter(|found| {
        let second = found.as_str().split_whitespace().nth(1).unwrap_or_default();
        !matches!(second, "into" | "out" | "over" | "across" | "a" | "an")
    });
    let claim = |found: regex::Match<'_>| {
        let topics = topics(found.as_str(), Strict::Check);
        let is_whole = !goes_on(plain.get(found.end()..).unwrap_or_default());
        (is_whole && starts_word(plain, found.start()) && !topics.is_empty()).then(|| Claim {
            at: found.range(),
            topics,
            is_run_only: true,
        })
    };
    told.chain(WAS_RUN.find_iter(plain)).filter_map(claim).collect()
}

fn verified(plain: &str) -> Vec<Claim> {
    let claim = |found: regex::Match<'_>| {
        let words = found.as_str();
        let tested = words.to_lowercase().contains("tested");
        let by_name = words.contains('`') && words.to_lowercase().contains(" with `");
        if !(tested || by_name || WORKS.is_match(words)) || !is_said(words) {
            return None;
        }
        let mut topics = topics(words, Strict::Check);
        if topics.is_empty() {
            topics.insert(Topic::Anything);
        }
        let end = found.start() + words.trim_end_matches([' ', ',', ':', '\n', '\r']).len();
        let start = found.start() + words.len()
            - words.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        Some(Claim { at: start..end, topics, is_run_only: false })
    };
    VERIFIED.find_iter(plain).filter_map(claim).collect()
}

/// At the start of a sentence these words may also describe a noun: `Tested paths are …`.
fn is_said(words: &str) -> bool {
    let mut words =
        words.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let verbs = ["verified", "confirmed", "validated", "tested", "checked"];
    let is_verb = |word: &&str| verbs.iter().any(|verb| word.to_lowercase().ends_with(verb));
    let Some(before) = words.position(|word| is_verb(&word)) else { return false };
    let next = words.next().unwrap_or_default();
    let follows = [
        "that",
        "it",
        "with",
        "by",
        "the",
        "this",
        "all",
        "manually",
        "locally",
        "against",
        "on",
        "using",
        "via",
        "end",
        "everything",
        "both",
        "and",
        "in",
        "",
    ];
    before > 1
        || follows.contains(&next.to_lowercase().as_str())
        || next.starts_with(['`', '—', ':'])
}

/// How much a name in code has to be a check to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strict {
    /// It says how something ended, so any command counts.
    Outcome,
    /// It only says that something was done, so only what checks the work counts.
    Check,
}

/// What the words are about.
fn topics(words: &str, strict: Strict) -> BTreeSet<Topic> {
    SUBJECTS
        .find_iter(words)
        .filter(|found| {
            starts_word(words, found.start())
                && !goes_on(words.get(found.end()..).unwrap_or_default())
        })
        .filter_map(|found| topic(found.as_str(), strict))
        .collect()
}

fn topic(subject: &str, strict: Strict) -> Option<Topic> {
    if let Some(code) = subject.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        let name = commands::named(code);
        let is_check = commands::about(&name, &Topic::Check) == Some(Outcome::Told);
        let first = name.split_whitespace().next().unwrap_or_default();
        let is_command = is_check || PROGRAMS.contains(&first) || first.starts_with("./");
        return match strict {
            _ if is_check => Some(Topic::Named(name)),
            Strict::Outcome if is_command => Some(Topic::Named(name)),
            // The name of a test, or of a file of tests.
            Strict::Outcome if code.contains("test") || code.contains("spec") => Some(Topic::Tests),
            Strict::Outcome | Strict::Check => None,
        };
    }
    let subject = subject.to_lowercase();
    Some(match subject.split_whitespace().next().unwrap_or_default() {
        "build" | "compilation" => Topic::Build,
        "clippy" | "eslint" | "mypy" | "ruff" | "prettier" | "pyright" | "tsc" => {
            Topic::Named(subject)
        }
        "checks" | "ci" | "pipeline" => Topic::Check,
        word if word.starts_with("lint") || word.starts_with("type") || word.contains("f") => {
            Topic::Lint
        }
        _ => Topic::Tests,
    })
}

/// Programs that people name with an outcome.
const PROGRAMS: &[&str] = &[
    "cargo",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "node",
    "go",
    "make",
    "just",
    "task",
    "python",
    "python3",
    "mvn",
    "gradle",
    "dotnet",
    "cmake",
    "bundle",
    "rake",
    "ruby",
    "php",
    "composer",
    "mix",
    "swift",
    "curl",
    "docker",
    "bash",
    "sh",
    "uv",
    "poetry",
    "hatch",
    "terraform",
    "helm",
    "kubectl",
    "bazel",
    "ninja",
];

fn starts_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|text| text.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '/' | '.' | '`'))
}

/// Whether the last word is only the beginning of one.
fn goes_on(rest: &str) -> bool {
    let mut rest = rest.chars();
    match rest.next() {
        Some('-' | '_' | '/') => rest.next().is_some_and(char::is_alphanumeric),
        Some(c) => c.is_alphanumeric(),
        None => false,
    }
}
