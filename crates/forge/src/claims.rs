//! What an answer says was run, passes or was verified, beside what the log has for it. Pure.
//!
//! A model that says "all tests pass" is not believed: where no command after the last change bears it out, the words are
//! struck through. Only plain statements count: what should be, may be, failed, or is to be done by others is no claim.
//! Better one claim too few than an honest sentence struck through.

mod patterns;

use crate::commands::{self, Outcome, Topic};
use crate::describe::CommandFact;
use crate::markdown::Fence;
use std::collections::BTreeSet;
use std::ops::Range;

/// Claims that are looked for in one answer.
const CLAIMS: usize = 100;

/// Why a claim is struck through, the plainest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// How it ended is not known.
    Hidden,
    /// Nothing that could show it was run.
    NotRun,
    /// The last that could show it did not end well.
    Failed,
}

/// Words that nothing bears out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// Where they stand in the answer, in bytes.
    pub at: Range<usize>,
    /// They, on one line.
    pub text: String,
    /// What is missing.
    pub lack: Lack,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    at: Range<usize>,
    topics: BTreeSet<Topic>,
    /// Only that something was run, not how it ended.
    is_run_only: bool,
}

impl Lack {
    /// In words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::NotRun => "no such command was run after the last change",
            Self::Failed => "the last such command did not end well",
            Self::Hidden => {
                "the log does not show how the command ended: a pipe or another command hides it"
            }
        }
    }
}

/// The claims of an answer that no command after the last change bears out, in their order.
pub fn unproven(answer: &str, commands: &[CommandFact]) -> Vec<Unproven> {
    let mut found: Vec<(Range<usize>, Lack)> = Vec::new();
    for claim in claims(answer) {
        let lacks =
            claim.topics.iter().filter_map(|topic| lack(topic, claim.is_run_only, commands));
        let Some(lack) = lacks.max() else { continue };
        match found.last_mut() {
            // What is said in the same words is one claim.
            Some((at, worst)) if claim.at.start < at.end => {
                at.end = at.end.max(claim.at.end);
                *worst = lack.max(*worst);
            }
            Some(_) | None => found.push((claim.at, lack)),
        }
    }
    let told = found.into_iter().map(|(at, lack)| {
        let words = answer.get(at.clone()).unwrap_or_default().replace(['*', '~'], "");
        Unproven { at, text: words.split_whitespace().collect::<Vec<_>>().join(" "), lack }
    });
    told.collect()
}

/// The answer with them struck through, each with a word why.
pub(crate) fn struck(answer: &str, commands: &[CommandFact]) -> String {
    let mut out = String::with_capacity(answer.len());
    let mut from = 0;
    for Unproven { at, text, lack } in unproven(answer, commands) {
        out.push_str(answer.get(from..at.start).unwrap_or_default());
        out.push_str("~~");
        out.push_str(&text);
        out.push_str("~~ (");
        out.push_str(lack.why());
        out.push(')');
        from = at.end;
    }
    out.push_str(answer.get(from..).unwrap_or_default());
    out
}

/// What is missing for a claim about this.
fn lack(topic: &Topic, is_run_only: bool, commands: &[CommandFact]) -> Option<Lack> {
    let about = |run: &CommandFact| Some((commands::about(&run.command, topic)?, run.exit_code));
    match commands.iter().rev().find_map(about) {
        None => Some(Lack::NotRun),
        Some(_) if is_run_only => None,
        Some((_, None)) => Some(Lack::Failed),
        Some((_, Some(code))) if code != 0 => Some(Lack::Failed),
        Some((Outcome::Hidden, Some(_))) => Some(Lack::Hidden),
        Some((Outcome::Told, Some(_))) => None,
    }
}

/// All claims of an answer, in their order.
fn claims(answer: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut fence: Option<Fence> = None;
    let mut from = 0;
    for line in answer.split_inclusive('\n') {
        let start = from;
        from += line.len();
        match (&fence, Fence::of(line.trim_end())) {
            (None, Some(opened)) => fence = Some(opened),
            (Some(open), Some(seen)) if seen.closes(open) => fence = None,
            (Some(_), _) => {}
            // Somebody else's words, or a block of code.
            (None, None) if line.trim_start().starts_with('>') || line.starts_with("    ") => {}
            (None, None) => {
                for clause in clauses(line) {
                    let text = line.get(clause.clone()).unwrap_or_default();
                    let found = patterns::find(text).into_iter().map(|claim| {
                        let at = start + clause.start;
                        let range = whole_marks(text, claim.at);
                        Claim { at: at + range.start..at + range.end, ..claim }
                    });
                    claims.extend(found);
                }
            }
        }
        if claims.len() >= CLAIMS {
            break;
        }
    }
    claims
}

/// The sentences of a line, each of which stands for itself; code is never split.
fn clauses(line: &str) -> Vec<Range<usize>> {
    let mut clauses = Vec::new();
    let (mut from, mut in_code) = (0, false);
    for (at, c) in line.char_indices() {
        in_code ^= c == '`';
        let rest = line.get(at + c.len_utf8()..).unwrap_or_default();
        let ends = match c {
            '.' | '!' | '?' => {
                rest.trim_start_matches(['*', '_', ')', '"']).starts_with(char::is_whitespace)
            }
            ';' | '|' => true,
            ' ' => ["but ", "however", "although ", "though ", "except "]
                .iter()
                .any(|word| rest.starts_with(word)),
            _ => false,
        };
        if ends && !in_code {
            clauses.push(from..at + c.len_utf8());
            from = at + c.len_utf8();
        }
    }
    clauses.push(from..line.len());
    clauses
}

/// The range with the marks of bold text around it, where it holds only one of a pair of them.
fn whole_marks(text: &str, range: Range<usize>) -> Range<usize> {
    let marks =
        |range: &Range<usize>| text.get(range.clone()).unwrap_or_default().matches('*').count();
    if marks(&range).is_multiple_of(2) && !text.get(range.clone()).unwrap_or_default().contains('*')
    {
        return range;
    }
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let left = before.len() - before.trim_end_matches('*').len();
    let right = after.len() - after.trim_start_matches('*').len();
    range.start - left..range.end + right
}

#[cfg(test)]
mod tests;
