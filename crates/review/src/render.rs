//! Findings as Markdown for a pull request.
//!
//! TRUST: paths and reasons quote the diff, which an agent wrote: nothing of it may become a link, an
//! image, a call of somebody or formatting of ours.

use crate::finding::{Finding, LineSide, Severity};
use crate::judge::Remark;
use crate::score::{Band, Score};
use std::fmt::Write;

/// Alarms that are shown; the rest is counted.
const SHOWN: usize = 30;
/// Characters of a path that are shown.
const PATH_CHARS: usize = 200;

/// A table of the alarms below one line that adds them up; what is no alarm is only counted.
pub fn markdown(findings: &[Finding], score: &Score) -> String {
    let alarms: Vec<&Finding> = findings.iter().filter(|f| f.severity.is_alarm()).collect();
    let notes = findings.len() - alarms.len();
    let band = match score.band {
        Band::Low => "low",
        Band::Medium => "medium",
        Band::High => "high",
    };
    let mut out = format!("**Risk: {band}** ({} points", score.points);
    for (at, factor) in score.factors.iter().enumerate() {
        let sign = if at == 0 { ":" } else { "," };
        add(&mut out, format_args!("{sign} {} {}", code(&factor.rule), factor.points));
    }
    out.push_str(").\n");
    if !alarms.is_empty() {
        out.push_str("\n| | Where | What |\n|---|---|---|\n");
    }
    for finding in alarms.iter().take(SHOWN) {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::High => "**high**",
        };
        let before = match finding.side {
            LineSide::Before => " before",
            LineSide::After => "",
        };
        let line = finding.line.map(|line| format!(" line {line}{before}")).unwrap_or_default();
        let place =
            if finding.path.is_empty() { "all".to_owned() } else { code(&cut(&finding.path)) };
        add(&mut out, format_args!("| {severity} | {place}{line} | {} |\n", literal(&finding.why)));
    }
    if alarms.len() > SHOWN {
        add(&mut out, format_args!("\n{} more alarms are not shown.\n", alarms.len() - SHOWN));
    }
    if notes > 0 {
        add(&mut out, format_args!("\n{notes} notes that are no alarms are not shown.\n"));
    }
    out
}

/// What a judge says, told as its own; nothing where it says nothing.
pub fn remarks(remarks: &[Remark], more: usize) -> String {
    if remarks.is_empty() {
        return String::new();
    }
    let mut out = "A model says, which proves nothing:\n\n".to_owned();
    for Remark { path, line, text } in remarks {
        let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
        let place = path.as_ref().map(|path| format!("{}{line}: ", code(&cut(path))));
        add(&mut out, format_args!("- {}{}\n", place.unwrap_or_default(), literal(text)));
    }
    if more > 0 {
        add(&mut out, format_args!("\n{more} more remarks are not shown.\n"));
    }
    out
}

fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

/// The end of a path, which says most about it.
fn cut(path: &str) -> String {
    let over = path.chars().count().saturating_sub(PATH_CHARS);
    let end: String = path.chars().skip(over).collect();
    if over > 0 { format!("…{end}") } else { end }
}

/// Characters that are not seen, or that turn the direction of reading.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text on one line that shows exactly as it is.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '>' => {
                out.extend(['\\', c]);
            }
            // A joiner, which shows as nothing, keeps these from calling, closing and linking.
            '@' | '#' | ':' => out.extend([c, '\u{2060}']),
            '.' => out.extend(['\u{2060}', c]),
            other => out.push(other),
        }
    }
    out
}

/// A code span that its content cannot leave, also inside a table.
fn code(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_hidden(*c));
    let text: String = shown.map(|c| if c == '|' { '\u{a6}' } else { c }).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Family;
    use crate::score::score;
    use std::borrow::Cow;

    fn finding(severity: Severity, path: &str, why: &str) -> Finding {
        let (rule, family) = (Cow::Borrowed("long-line"), Family::Opaque);
        let (path, why) = (path.to_owned(), why.to_owned());
        Finding { rule, family, severity, path, line: Some(7), side: LineSide::After, why }
    }

    #[test]
    fn alarms_are_a_table_and_the_rest_is_counted() {
        let findings =
            [finding(Severity::High, "a.js", "look"), finding(Severity::Info, "b.js", "no")];
        assert_eq!(
            markdown(&findings, &score(&findings)),
            "**Risk: high** (60 points: ` long-line ` 60).\n\n| | Where | What |\n|---|---|---|\n\
             | **high** | ` a.js ` line 7 | look |\n\n1 notes that are no alarms are not shown.\n"
        );
    }

    #[test]
    fn nothing_of_the_diff_becomes_formatting_links_or_calls() {
        let why =
            "`![x](https://spy.example/a)` <img src=y> @octocat #1 www.spy.example \u{202e}|\n| b";
        let text = markdown(&[finding(Severity::High, "a`|b\n.js", why)], &score(&[]));
        for bad in ["![", "](", "<img", "@octocat", "#1", "https://", "www.", "\u{202e}", "\n| b"] {
            assert!(!text.contains(bad), "{bad}: {text}");
        }
        assert!(text.contains("`` a`\u{a6}b.js ``"), "{text}");
    }
}
