//! What to look at in a pull request, and what there is to show for it, as lines.

use crate::live::summary::row;
use crate::style::{Line, Shown, Style};
use crate::text;
use protocol::api::review::{
    CommandBody, CommandBy, EvidenceBody, FindingBody, FindingSeverity, FindingSide,
    InterventionKind, ReviewBody, RiskBand,
};

/// Findings and how carefully to look.
pub(super) fn findings(review: Option<&ReviewBody>) -> Vec<Shown> {
    let Some(review) = review else {
        let line = Line::of(Style::Warn, "this diff could not be judged: read all of it");
        return vec![row("risk", line)];
    };
    let mut shown = vec![row("risk", risk(review))];
    shown.extend(review.findings.iter().map(finding));
    if review.more_findings > 0 {
        shown.push(indented(Style::Dim, format!("… {} more", review.more_findings)));
    }
    if review.unread_files > 0 {
        let files = text::count(u64::from(review.unread_files), "file");
        let words = format!("{files} too large or too many to be read: no rule saw them");
        shown.push(indented(Style::Warn, words));
    }
    shown
}

fn risk(review: &ReviewBody) -> Line {
    let (style, band) = match review.score.band {
        RiskBand::Low => (Style::Good, "low"),
        RiskBand::Medium => (Style::Warn, "medium"),
        RiskBand::High => (Style::Bad, "high"),
    };
    let factors: Vec<String> = review
        .score
        .factors
        .iter()
        .map(|factor| format!("{} {}", factor.rule, factor.points))
        .collect();
    let points = format!("  {} points", review.score.points);
    let sum = if factors.is_empty() { points } else { format!("{points}: {}", factors.join(", ")) };
    Line::of(style, band).and(Style::Dim, sum)
}

fn finding(finding: &FindingBody) -> Shown {
    let (style, word) = match finding.severity {
        FindingSeverity::Info => (Style::Dim, "info"),
        FindingSeverity::Notice => (Style::Accent, "notice"),
        FindingSeverity::Warning => (Style::Warn, "warning"),
        FindingSeverity::High => (Style::Bad, "high"),
    };
    let side = match finding.side {
        FindingSide::Before => " (before)",
        FindingSide::After => "",
    };
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}{side}"),
        (Some(path), None) => path.clone(),
        (None, _) => "the whole diff".to_owned(),
    };
    let line = Line::of(style, text::padded(word, 8)).and(Style::Bold, place);
    let line = line.and(Style::Plain, format!("  {}", finding.why));
    Shown::Whole(
        Line::of(Style::Dim, "  ").joined(line.and(Style::Dim, format!("  [{}]", finding.rule))),
    )
}

/// What was run, claimed, refused and allowed, and what people did.
pub(super) fn evidence(evidence: &EvidenceBody) -> Vec<Shown> {
    let mut shown = Vec::new();
    if evidence.commands.is_empty() {
        let words = "no command was run after the last change, so nothing here was tested";
        shown.push(row("evidence", Line::of(Style::Warn, words)));
    } else {
        let words = format!(
            "{} after the last change",
            text::count(
                evidence.commands.len() as u64 + u64::from(evidence.more_commands),
                "command"
            )
        );
        shown.push(row("evidence", Line::of(Style::Plain, words)));
    }
    shown.extend(evidence.commands.iter().map(command));
    for claim in &evidence.unproven {
        let line = Line::of(Style::Warn, format!("not shown: “{}”", claim.text));
        shown.push(row("claimed", line.and(Style::Dim, format!("  {}", claim.why))));
    }
    let denials = &evidence.denials;
    if denials.count > 0 {
        let more = match denials.more_hosts {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let words = format!("{} connections: {}{more}", denials.count, denials.hosts.join(", "));
        shown.push(row("refused", Line::of(Style::Plain, words)));
    }
    for exception in &evidence.exceptions {
        let line = Line::of(Style::Plain, format!("{} by {}", exception.what, exception.by));
        let reason = exception.reason.as_ref().map(|reason| format!("  {reason}"));
        shown.push(row("allowed", line.and(Style::Dim, reason.unwrap_or_default())));
    }
    if !evidence.plain_secrets.is_empty() {
        let line = Line::of(Style::Warn, evidence.plain_secrets.join(", "));
        shown.push(row("secrets", line.and(Style::Dim, "  in plain text in the sandbox")));
    }
    for one in &evidence.interventions {
        let words = format!("{}: {} ×{}", one.by.join(", "), kind(one.kind), one.count);
        shown.push(row("people", Line::of(Style::Plain, words)));
    }
    let cost = evidence.cost_micros.map(|micros| format!(" · {}", text::money(micros)));
    let took = format!("{}{}", text::duration(evidence.duration_ms), cost.unwrap_or_default());
    shown.push(row("took", Line::of(Style::Plain, took)));
    shown
}

fn command(run: &CommandBody) -> Shown {
    let (style, ended) = match run.exit_code {
        Some(0) => (Style::Good, "✓".to_owned()),
        Some(code) => (Style::Bad, format!("✗ {code}")),
        None => (Style::Bad, "✗ did not end".to_owned()),
    };
    let by = match run.by {
        CommandBy::Sandbox => "reported by the agent's sandbox",
        CommandBy::Errand => "checked by Errand",
    };
    let line =
        Line::of(Style::Dim, "  ").and(style, format!("{ended} ")).and(Style::Plain, &run.command);
    Shown::Whole(line.and(Style::Dim, format!("  {}  {by}", text::duration(run.duration_ms))))
}

fn kind(kind: InterventionKind) -> &'static str {
    match kind {
        InterventionKind::FollowUp => "follow-up",
        InterventionKind::Steering => "steering",
        InterventionKind::Answer => "answer to a question",
        InterventionKind::Takeover => "takeover of a terminal or the browser",
        InterventionKind::Machine => "work in the machine",
    }
}

fn indented(style: Style, words: String) -> Shown {
    Shown::Whole(Line::of(Style::Dim, "  ").and(style, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain;
    use protocol::api::review::{ClaimBody, DenialsBody, FactorBody, ScoreBody};

    #[test]
    fn findings_are_told_with_their_place_and_nothing_of_a_path_moves_the_cursor() {
        let finding = FindingBody {
            rule: "ci-new".to_owned(),
            family: "executes".to_owned(),
            severity: FindingSeverity::High,
            path: Some("a\u{1b}[2J.yml".to_owned()),
            line: Some(3),
            side: FindingSide::Before,
            why: "look".to_owned(),
        };
        let factor = FactorBody { rule: "ci-new".to_owned(), count: 1, points: 60 };
        let review = ReviewBody {
            findings: vec![finding],
            more_findings: 2,
            score: ScoreBody { points: 60, band: RiskBand::High, factors: vec![factor] },
            unread_files: 1,
        };
        let told = plain(&findings(Some(&review)));
        assert!(told.contains("high  60 points: ci-new 60"), "{told}");
        assert!(told.contains(".yml:3 (before)  look  [ci-new]"), "{told}");
        assert!(told.contains("… 2 more") && told.contains("1 file too large"), "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
        assert!(plain(&findings(None)).contains("could not be judged"));
    }

    #[test]
    fn evidence_says_who_says_so_and_what_nothing_shows() {
        let run = |by| CommandBody {
            command: "make test".to_owned(),
            exit_code: Some(0),
            duration_ms: 1_000,
            by,
        };
        let told = plain(&evidence(&EvidenceBody {
            commands: vec![run(CommandBy::Sandbox), run(CommandBy::Errand)],
            unproven: vec![ClaimBody {
                text: "lint is clean".to_owned(),
                why: "not run".to_owned(),
            }],
            denials: DenialsBody { count: 3, hosts: vec!["a.test".to_owned()], more_hosts: 1 },
            ..EvidenceBody::default()
        }));
        for part in [
            "2 commands after the last change",
            "✓ make test  1.0 s  reported by the agent's sandbox",
            "checked by Errand",
            "not shown: “lint is clean”  not run",
            "3 connections: a.test and 1 more",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(plain(&evidence(&EvidenceBody::default())).contains("nothing here was tested"));
    }
}
