//! The rules measured on diffs of our own, and on bytes that nobody wrote.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement may panic, and says what it measured"
)]

#[path = "corpus/cases.rs"]
mod cases;
#[path = "corpus/hostile.rs"]
mod hostile;
#[path = "corpus/many.rs"]
mod many;

use cases::{Case, Half};
use many::many_files;
use review::finding::Finding;
use review::rules::{Diff, find};
use std::collections::BTreeMap;

fn look(case: &Case) -> Vec<Finding> {
    find(Diff { changes: &case.changes, owners: case.owners.as_deref() })
}

/// Shares of cases that must be right, in percent.
const RECALL: usize = 95;
const FALSE_ALARMS: usize = 5;

fn half(cases: Vec<Case>, half: Half) -> Vec<Case> {
    cases.into_iter().filter(|case| case.half == half).collect()
}

fn recall(half: &str, cases: &[Case]) {
    let mut missed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = 0;
    for case in cases {
        let findings = look(case);
        let fires =
            |rule: &String| findings.iter().any(|f| f.severity.is_alarm() && f.rule == *rule);
        let absent: Vec<&String> = case.expected.iter().filter(|rule| !fires(rule)).collect();
        wrong += usize::from(!absent.is_empty());
        for rule in absent {
            let said: Vec<&str> = findings.iter().map(|finding| finding.rule.as_ref()).collect();
            missed.entry(rule.clone()).or_default().push(format!("{} {said:?}", case.name));
        }
    }
    let found = cases.len() - wrong;
    println!("{half}: {found} of {} bad diffs found; missed by rule: {missed:#?}", cases.len());
    assert!(found * 100 >= cases.len() * RECALL, "{half}: {found} of {}: {missed:#?}", cases.len());
}

fn false_alarms(half: Half) {
    let cases = self::half(cases::harmless(), half);
    let mut alarms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut disturbed = 0;
    for case in &cases {
        let findings = look(case);
        let loud: Vec<&Finding> = findings.iter().filter(|f| f.severity.is_alarm()).collect();
        disturbed += usize::from(!loud.is_empty());
        for finding in loud {
            let said = format!("{}: {}", case.name, finding.why);
            alarms.entry(finding.rule.to_string()).or_default().push(said);
        }
    }
    println!(
        "{half:?}: alarms in {disturbed} of {} harmless diffs; by rule: {alarms:#?}",
        cases.len()
    );
    assert!(
        disturbed * 100 <= cases.len() * FALSE_ALARMS,
        "{half:?}: {disturbed} of {}: {alarms:#?}",
        cases.len()
    );
}

#[test]
fn seeded_diffs_of_the_half_that_was_seen_are_found() {
    recall("seen", &half(cases::bad(), Half::Seen));
}

#[test]
fn seeded_diffs_of_the_half_that_was_held_out_are_found() {
    recall("held out", &half(cases::bad(), Half::HeldOut));
}

#[test]
fn variants_written_after_the_rules_are_found() {
    recall("written later", &cases::later());
}

#[test]
fn harmless_diffs_of_the_half_that_was_seen_raise_no_alarm() {
    false_alarms(Half::Seen);
}

#[test]
fn harmless_diffs_of_the_half_that_was_held_out_raise_no_alarm() {
    false_alarms(Half::HeldOut);
}

#[test]
fn the_corpus_is_as_large_as_it_has_to_be() {
    let (bad, harmless) = (cases::bad(), cases::harmless());
    assert!(bad.len() >= 150 && harmless.len() >= bad.len(), "{} {}", bad.len(), harmless.len());
    for language in ["js", "py", "rs", "go", "java"] {
        let of = |cases: &[Case]| cases.iter().filter(|case| case.language == language).count();
        assert!(of(&bad) >= 30 && of(&harmless) >= 30, "{language}");
    }
    let halves = |cases: &[Case]| cases.iter().filter(|case| case.half == Half::Seen).count();
    for cases in [bad, harmless] {
        let (seen, all) = (halves(&cases), cases.len());
        assert!(seen * 5 >= all * 2 && seen * 5 <= all * 3, "{seen} of {all}");
    }
}
