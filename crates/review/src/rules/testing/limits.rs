//! Numbers of tests: what must be covered, and how far a result may be off.

use super::super::file::{File, Kind, regex};
use super::found;
use crate::change::Line;
use crate::finding::{Finding, Severity, quote};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static THRESHOLD: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)(fail[_-]?under|branches|lines|functions|statements|\bminimum\w*|threshold\w*|min[_-]?coverage\w*|coverage\w*|\btarget|patch|mutationThreshold|minScore|covered[_-]?ratio|fail[_-]on[_-]flaky)["']?\s*(?:[:=>(]|\s)\s*["']?([0-9]+(?:\.[0-9]+)?)"#,
    )
});
static WARNINGS: LazyLock<Regex> = LazyLock::new(|| regex(r"--(max-warnings)[= ]([0-9]+)"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?"));
static CLOSE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)approx|\babs\(|atol|rtol|\bdelta\b|epsilon|tolerance|InDelta|isCloseTo|within|offset\(|assertEquals\([^,]*,[^,]*,|relative|<\s*=?\s*[0-9.e-]+\s*[;)]|allclose|assert_abs|margin|timeout",
    )
});
static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)toBeCloseTo\(|assertAlmostEqual|places\s*=|decimal\s*="));

pub(super) fn find(file: &File<'_>) -> Vec<Finding> {
    thresholds(file).into_iter().chain(tolerances(file)).collect()
}

fn thresholds(file: &File<'_>) -> Option<Finding> {
    let lower = file.path.to_lowercase();
    let configures = [
        "jest",
        "vitest",
        "vite.config",
        "karma",
        "package.json",
        "pyproject",
        "coveragerc",
        "setup.cfg",
        "tox.ini",
        "codecov",
        "gradle",
        "pom.xml",
        "nycrc",
        "c8rc",
        "sonar",
        "workflows/",
        "gitlab-ci",
        "makefile",
        "noxfile",
        "pytest.ini",
        "stryker",
        "tarpaulin",
        "testcoverage",
        ".coveralls",
        "justfile",
    ];
    if file.is_test && file.kind == Kind::Code
        || !configures.iter().any(|part| lower.contains(part))
    {
        return None;
    }
    let numbers = |lines: &[Line<'_>], regex: &Regex| {
        let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for found in lines.iter().flat_map(|line| regex.captures_iter(line.text)) {
            let part = |at: usize| found.get(at).map(|part| part.as_str()).unwrap_or_default();
            all.entry(part(1).to_lowercase())
                .or_default()
                .push(part(2).parse().unwrap_or_default());
        }
        all
    };
    let worse = |regex: &Regex, is_worse: fn(f64, f64) -> bool| {
        let (was, now) = (numbers(&file.lines.removed, regex), numbers(&file.lines.added, regex));
        was.into_iter().find_map(|(key, was)| {
            let now = now.get(&key)?;
            let pair = was.into_iter().zip(now).find(|(was, now)| is_worse(*was, **now))?;
            Some((key, pair.0, *pair.1))
        })
    };
    let (key, was, now) = worse(&THRESHOLD, |was, now| now < was)
        .or_else(|| worse(&WARNINGS, |was, now| now > was))?;
    let why = format!(
        "less is demanded than before: `{}` goes from {was} to {now}. Keep it, or say why",
        quote(&key)
    );
    Some(found(file, "threshold-lowered", Severity::Warning, file.first_line(), why))
}

fn tolerances(file: &File<'_>) -> Option<Finding> {
    if file.kind != Kind::Code || !(file.is_test || file.ending == "rs") {
        return None;
    }
    for (was, now) in file.lines.removed.iter().zip(&file.lines.added) {
        let shape = |text: &str| NUMBER.replace_all(text.trim(), "0").into_owned();
        if was.text.len() > 400 || now.text.len() > 400 || shape(was.text) != shape(now.text) {
            continue;
        }
        let numbers = |text: &str| -> Vec<f64> {
            NUMBER.find_iter(text).filter_map(|number| number.as_str().parse().ok()).collect()
        };
        let (old, new) = (numbers(was.text), numbers(now.text));
        let (Some(last), Some(last_now)) = (old.last(), new.last()) else { continue };
        let others_same =
            old.len() == new.len() && old.iter().rev().skip(1).eq(new.iter().rev().skip(1));
        let wider = if DIGITS.is_match(now.text) {
            last_now < last
        } else {
            CLOSE.is_match(now.text) && old.len() > 1 && last_now > last
        };
        if wider && others_same {
            let why = format!(
                "results may be further off than before: `{}`. Keep it exact, or say why",
                quote(now.text)
            );
            return Some(found(file, "tolerance-widened", Severity::Notice, Some(now.number), why));
        }
    }
    None
}
