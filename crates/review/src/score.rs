//! How carefully a diff should be looked at: a sum whose parts are shown.

use crate::finding::{Family, Finding, Severity};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Alarms of one rule that count; ten of the same are not ten times as bad.
const COUNTED: u32 = 3;
/// Points from which a diff is of medium risk.
const MEDIUM: u32 = 20;
/// Points from which a diff is of high risk.
const HIGH: u32 = 60;

/// The sum and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// All factors together.
    pub points: u32,
    /// What the points mean.
    pub band: Band,
    /// The parts, the heaviest first.
    pub factors: Vec<Factor>,
}

/// What a number of points means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Under 20 points: review as usual.
    Low,
    /// From 20 points: read each alarm.
    Medium,
    /// From 60 points: do not merge before each alarm is explained.
    High,
}

/// One part of a score: the alarms of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// The rule.
    pub rule: Cow<'static, str>,
    /// What it is about.
    pub family: Family,
    /// How often it was found.
    pub count: u32,
    /// What it adds.
    pub points: u32,
}

/// Adds up the alarms.
pub fn score(findings: &[Finding]) -> Score {
    let mut factors: BTreeMap<&str, Factor> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.severity.is_alarm()) {
        let (rule, family) = (finding.rule.clone(), finding.family);
        let factor =
            factors.entry(&finding.rule).or_insert(Factor { rule, family, count: 0, points: 0 });
        factor.count += 1;
        if factor.count <= COUNTED {
            factor.points += weight(finding.severity);
        }
    }
    let mut factors: Vec<Factor> = factors.into_values().collect();
    factors.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.rule.cmp(&b.rule)));
    let points = factors.iter().map(|factor| factor.points).sum();
    let band = match points {
        HIGH.. => Band::High,
        MEDIUM.. => Band::Medium,
        _ => Band::Low,
    };
    Score { points, band, factors }
}

fn weight(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0,
        Severity::Notice => 5,
        Severity::Warning => 20,
        Severity::High => 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::LineSide;

    fn finding(rule: &'static str, severity: Severity) -> Finding {
        let (rule, family) = (Cow::Borrowed(rule), Family::Tests);
        let (side, text) = (LineSide::After, String::new());
        Finding { rule, family, severity, path: text.clone(), line: None, side, why: text }
    }

    #[test]
    fn a_score_is_the_sum_of_its_factors() {
        let mut findings = vec![finding("a", Severity::Notice); 9];
        findings.push(finding("b", Severity::Warning));
        findings.push(finding("c", Severity::Info));
        let score = score(&findings);
        let parts: Vec<_> =
            score.factors.iter().map(|f| (f.rule.as_ref(), f.count, f.points)).collect();
        assert_eq!(parts, [("b", 1, 20), ("a", 9, 15)]);
        assert_eq!((score.points, score.band), (35, Band::Medium));
    }

    #[test]
    fn one_high_alarm_is_enough_for_the_high_band() {
        assert_eq!(score(&[finding("a", Severity::High)]).band, Band::High);
        assert_eq!(score(&[]).band, Band::Low);
    }
}
