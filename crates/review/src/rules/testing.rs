//! Tests that are gone, skipped or say less, and failures that do not count any more.

mod limits;
mod silence;

use super::file::{File, Kind, regex};
use crate::finding::{Family, Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static TEST: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?x)^\s*(?:(?:it|test|specify|scenario)(?:\.\w+)*\s*\(\s*["'`]([^"'`]*)
        |(?:async\s+)?def\s+(test_\w+)|func\s+((?:Test|Fuzz|Benchmark)\w+)\s*\(
        |\#\[(?:\w+::)*(?:test|rstest|test_case|proptest|quickcheck)\b|@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b)"#,
    )
});
static ASSERTION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x)\b(assert\w*|require\.\w+|should|ensure_\w+|verify|fail)\s*(!|\(|\.)|(^|[^.\w])expect\s*\(
        |\bt\.(Error|Fatal|Fail)\w*\(|\bassert\s|\.should\b|\bpytest\.(raises|warns)|\bisEqualTo\(|\bexpectThrows|\bmust\w*\(|@raises",
    )
});
/// One test over many values takes the place of many tests.
static MANY: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"parametrize|ParameterizedTest|\b(test|it|describe)\.each|\brange\b|\bfor\b.*\b(in|of|:)\b|#\[(case|rstest|test_case)|\bsubTest\b|\bt\.Run\(|forEach|proptest|quickcheck",
    )
});
static SKIP: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x)\b(it|test|describe|context|suite|specify)\.(skip|only|todo|fixme|failing)\b
        |\b(xit|xdescribe|xtest|xcontext|fit|fdescribe|ftest)\s*\(
        |@?pytest\.(mark\.)?(skip\w*|xfail|importorskip)\b|@(unittest\.)?(skip\w*|expectedFailure)\b|\bself\.skipTest\(|raise\s+(unittest\.)?SkipTest
        |\#\[(cfg_attr\([^\]]*,\s*)?ignore\b|\bt\.Skip(f|Now)?\(|\bb\.Skip|@(Disabled|Ignore)\b|\bAssum(e|ptions)\.\w*\(?\s*false
        |\bassumeTrue\(\s*false|//go:build\s+ignore|^\s*pending\s*\(|\bskip\s*:\s*true|\#\[cfg\(any\(\)\)\]|this\.skip\(\)|__test__\s*=\s*False",
    )
});
static TRIVIAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?x)expect\(\s*(true|1|'[^']*'|null|undefined|!0)\s*\)\.(not\.)?to\w+\(
        |\bassert\s*\(?\s*(True|1|not\s+False|1\s*==\s*1|True\s+is\s+True)\s*\)?\s*(,|$|\#)|assert\.(True|ok|isTrue)\(\s*(t,\s*)?true\b|\bassert(True|That)\(\s*true\s*[,)]
        |\bassertFalse\(\s*false|self\.assertTrue\(\s*True|assert!\(\s*(true|!false)\s*[,)]|assert.*\bor\s+True\b|assert.*\|\|\s*true\b|assert\(\s*true|assertNotNull\(\s*new\b
        |\.toBeDefined\(\)\s*\|\|",
    )
});
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:assert_eq!|assert(?:Equals?|Same|\.(?:equal|strictEqual|deepEqual|Equal|Same))|require\.Equal|self\.assertEqual|assert_equal)\s*\(\s*(?:t\s*,\s*)?([^,()]+(?:\([^()]*\))?)\s*,\s*([^,()]+(?:\([^()]*\))?)\s*[,)]|expect\(([^()]+(?:\([^()]*\))?)\)\.to(?:Be|Equal|StrictEqual)\(([^()]+(?:\([^()]*\))?)\)|^\s*assert\s+(\S+)\s*==\s*(\S+)\s*$",
    )
});

pub(crate) fn find(files: &[File<'_>]) -> Vec<Finding> {
    let mut findings = deleted(files);
    for file in files.iter().filter(|file| !file.is_deleted()) {
        findings.extend(skipped(file));
        findings.extend(assertions(file));
        findings.extend(trivial(file));
        findings.extend(limits::find(file));
        findings.extend(silence::ignored(file));
    }
    findings.extend(snapshots(files));
    findings.extend(silence::suppressed(files));
    findings
}

fn found(
    file: &File<'_>,
    rule: &'static str,
    severity: Severity,
    line: Option<u32>,
    why: impl Into<String>,
) -> Finding {
    file.found(Family::Tests, rule, severity, line, why)
}

/// Whether tests may stand in it.
fn may_test(file: &File<'_>) -> bool {
    file.kind == Kind::Code && (file.is_test || file.ending == "rs")
}

fn count(lines: &[crate::change::Line<'_>], regex: &Regex) -> usize {
    lines.iter().filter(|line| regex.is_match(line.text)).count()
}

fn deleted(files: &[File<'_>]) -> Vec<Finding> {
    let tests = |file: &&File<'_>| may_test(file);
    let removed: usize =
        files.iter().filter(tests).map(|file| count(&file.lines.removed, &TEST)).sum();
    let added: usize = files.iter().filter(tests).map(|file| count(&file.lines.added, &TEST)).sum();
    if removed <= added {
        return Vec::new();
    }
    let gone: BTreeSet<String> = files
        .iter()
        .filter(|file| file.is_deleted() && file.kind == Kind::Code && !file.is_test)
        .map(|file| stem(file.name))
        .collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(tests) {
        let lost =
            count(&file.lines.removed, &TEST).saturating_sub(count(&file.lines.added, &TEST));
        let many = file.lines.added.iter().any(|line| MANY.is_match(line.text));
        if lost == 0 || many {
            continue;
        }
        let with_code = file.is_deleted() && gone.contains(&stem(file.name));
        let severity = if with_code { Severity::Info } else { Severity::Warning };
        let first = file.lines.removed.iter().find(|line| TEST.is_match(line.text));
        let why = format!(
            "{lost} of the tests are gone: `{}`. Put them back, or say what tests this now",
            quote(first.map(|line| line.text).unwrap_or_default())
        );
        let line = first.map(|line| line.number);
        findings.push(found(file, "test-deleted", severity, line, why).of_removed());
    }
    findings
}

/// What a test and the code it tests have in common in their names.
fn stem(name: &str) -> String {
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase();
    let words =
        name.split(['.', '_', '-']).filter(|word| !matches!(*word, "test" | "tests" | "spec"));
    let joined = words.collect::<Vec<_>>().join("");
    joined.strip_suffix("test").unwrap_or(&joined).to_owned()
}

fn skipped(file: &File<'_>) -> Option<Finding> {
    if !may_test(file) {
        return None;
    }
    let line = file.gained(&SKIP)?;
    let before = usize::try_from(line.number).unwrap_or_default().saturating_sub(2);
    let above = file.new_text().lines().nth(before).unwrap_or_default();
    let conditional =
        line.text.contains("skipif") || line.text.contains("skipIf") || above.contains("if ");
    let severity = if conditional || file.is_new() { Severity::Info } else { Severity::Warning };
    let why = format!(
        "a test does not run any more, or others do not: `{}`. Mend it, or say until when",
        quote(line.text)
    );
    Some(found(file, "test-skipped", severity, Some(line.number), why))
}

fn assertions(file: &File<'_>) -> Option<Finding> {
    if !may_test(file) || file.is_new() {
        return None;
    }
    let asserts = |line: &&crate::change::Line<'_>| {
        let import = ["import ", "from ", "use "].iter().any(|word| line.text.starts_with(word));
        !import
            && !file.is_comment(line.text)
            && ASSERTION.is_match(line.text)
            && !TEST.is_match(line.text)
    };
    let lines = |lines: &[crate::change::Line<'_>]| lines.iter().filter(asserts).count();
    let (removed, added) = (lines(&file.lines.removed), lines(&file.lines.added));
    let fewer_tests = count(&file.lines.removed, &TEST) > count(&file.lines.added, &TEST);
    let many = file.lines.added.iter().any(|line| MANY.is_match(line.text));
    let is_rust_code =
        file.ending == "rs" && !file.is_test && !file.new_text().contains("#[cfg(test)]");
    // One of many that goes while others come is how tests are reworked.
    let few = (removed.saturating_sub(added)) * 3 < removed;
    if removed <= added || few || fewer_tests || many || is_rust_code {
        return None;
    }
    let first = file.lines.removed.iter().find(asserts)?;
    let why = format!(
        "the tests assert less than before: `{}` is gone. Put it back, or say why it no longer holds",
        quote(first.text)
    );
    let line = Some(first.number);
    Some(found(file, "assertion-removed", Severity::Warning, line, why).of_removed())
}

fn trivial(file: &File<'_>) -> Option<Finding> {
    if !may_test(file) {
        return None;
    }
    let same = |line: &&crate::change::Line<'_>| {
        let pair = |found: regex::Captures<'_>| {
            [(1, 2), (3, 4), (5, 6)].iter().any(|(a, b)| {
                let part = |at: usize| found.get(at).map(|part| part.as_str().trim());
                part(*a).is_some() && part(*a) == part(*b)
            })
        };
        !file.is_comment(line.text) && PAIR.captures_iter(line.text).any(pair)
    };
    let line = file.gained(&TRIVIAL).or_else(|| file.lines.added.iter().find(same).copied())?;
    let why = format!(
        "`{}` holds whatever the code does. Assert what the code should do",
        quote(line.text)
    );
    Some(found(file, "assertion-trivial", Severity::Warning, Some(line.number), why))
}

fn is_snapshot(file: &File<'_>) -> bool {
    let code = file.kind == Kind::Code;
    matches!(file.ending.as_str(), "snap" | "ambr" | "approved" | "golden")
        || (!code && file.path.contains("__snapshots__/"))
        || (!code && file.path.contains("/snapshots/"))
        || (!code && file.path.contains("/golden/"))
        || file.name.contains(".approved.")
}

fn snapshots(files: &[File<'_>]) -> Option<Finding> {
    let code = files.iter().any(|file| {
        !is_snapshot(file)
            && matches!(file.kind, Kind::Code | Kind::Data | Kind::Settings | Kind::Lock)
    });
    let first = files.iter().find(|file| is_snapshot(file) && !file.is_new())?;
    if code {
        return None;
    }
    let why = "expected output changes and nothing that makes it does. Look whether the new output is right";
    Some(found(first, "snapshot-only", Severity::Notice, first.first_line(), why))
}
