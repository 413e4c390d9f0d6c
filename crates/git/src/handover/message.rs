//! Words of the commits of a handover: what the agent wrote, our trailers once, marks and lists.

use std::fmt::Write as _;

use super::{Ending, Handover};
use crate::history::CommitInfo;

/// Subjects of collapsed commits that are listed.
const SUBJECTS_LISTED_MAX: usize = 50;
/// Characters shown of each.
const SUBJECT_SHOWN_MAX_CHARS: usize = 100;
/// Paths named in a note.
const PATHS_SHOWN_MAX: usize = 10;
/// The trailer that marks commits of a run that did not finish.
const ENDING_KEY: &str = "Errand-Ending";

type Words = (String, Vec<(String, String)>);

impl Ending {
    const fn mark(self) -> Option<&'static str> {
        match self {
            Self::Finished => None,
            Self::Cancelled => Some("cancelled"),
            Self::Failed => Some("failed"),
        }
    }
}

/// A message of the agent's with our trailers once.
pub(super) fn again(handover: &Handover<'_>, message: &str) -> Words {
    let ours = trailers(handover);
    let (text, mut kept) = split_trailers(message);
    kept.retain(|(key, value)| !replaced(&ours, key, value));
    kept.extend(ours);
    (text, kept)
}

/// The message for what remains; commits that it stands for are listed.
pub(super) fn of_rest(handover: &Handover<'_>, commits: &[&CommitInfo]) -> Words {
    let mut text = handover.message.subject.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(mark) = handover.ending.mark() {
        text.push_str(&format!(" ({mark})"));
    }
    let body = handover.message.body.trim();
    if !body.is_empty() {
        text.push_str("\n\n");
        text.push_str(body);
    }
    if !commits.is_empty() {
        text.push_str("\n\nCommits of the agent in this one:\n");
    }
    for commit in commits.iter().take(SUBJECTS_LISTED_MAX) {
        let subject = commit.message.trim_start().lines().next().unwrap_or_default();
        text.push_str("\n- ");
        text.extend(subject.chars().filter(|c| !c.is_control()).take(SUBJECT_SHOWN_MAX_CHARS));
    }
    if let Some(more) = commits.len().checked_sub(SUBJECTS_LISTED_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("\n- and {more} more"));
    }
    (text, trailers(handover))
}

/// Our trailers, without doubles, and the mark of how it ended.
fn trailers(handover: &Handover<'_>) -> Vec<(String, String)> {
    let mut ours: Vec<(String, String)> = Vec::with_capacity(handover.trailers.len() + 1);
    let mark = handover.ending.mark().map(|mark| (ENDING_KEY.to_owned(), mark.to_owned()));
    for trailer in handover.trailers.iter().cloned().chain(mark) {
        if !ours.contains(&trailer) {
            ours.push(trailer);
        }
    }
    ours
}

/// Whether a trailer of the agent's gives way to ours.
fn replaced(ours: &[(String, String)], key: &str, value: &str) -> bool {
    // TRUST: our keys say who asked for the work and which run did it; an agent must not say so
    // for others. Keys that name people ("Co-authored-by") may stand there several times.
    let names_people = key.to_ascii_lowercase().ends_with("-by");
    key.eq_ignore_ascii_case(ENDING_KEY)
        || ours.iter().any(|(our_key, our_value)| {
            key.eq_ignore_ascii_case(our_key) && (!names_people || value == our_value.trim())
        })
}

/// Cuts off the last paragraph if it consists of trailers and is not the subject.
fn split_trailers(message: &str) -> Words {
    let message = message.replace('\r', "");
    let message = message.trim();
    let Some((text, last)) = message.rsplit_once("\n\n") else {
        return (message.to_owned(), Vec::new());
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for line in last.lines() {
        let continued = line.starts_with([' ', '\t']);
        match (found.last_mut(), parse_trailer(line)) {
            (Some((_, value)), _) if continued => {
                if write!(value, " {}", line.trim()).is_err() {
                    return (message.to_owned(), Vec::new());
                }
            }
            (_, Some(trailer)) => found.push(trailer),
            (_, None) => return (message.to_owned(), Vec::new()),
        }
    }
    (text.trim_end().to_owned(), found)
}

fn parse_trailer(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(": ")?;
    let good = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    good.then(|| (key.to_owned(), value.trim().to_owned()))
}

/// Paths for people, not too many of them.
pub(super) fn some_of(paths: &[String]) -> String {
    let clean = |path: &String| path.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut text = paths.iter().take(PATHS_SHOWN_MAX).map(clean).collect::<Vec<_>>().join(", ");
    if let Some(more) = paths.len().checked_sub(PATHS_SHOWN_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_told_from_text() {
        let split = |message: &str| split_trailers(message);
        let signed = vec![("Signed-off-by".to_owned(), "A <a@x>".to_owned())];
        assert_eq!(split("Fix\n\nSigned-off-by: A\n  <a@x>\n"), ("Fix".to_owned(), signed));
        for whole in ["Fix: it", "Fix\n\nNote: this\nis prose", "", "a\n\nhttp://x y"] {
            assert_eq!(split(whole), (whole.to_owned(), Vec::new()), "{whole}");
        }
    }

    #[test]
    fn an_agent_cannot_speak_for_another_run() {
        let ours = [("Errand-Run", "run-2"), ("Co-authored-by", "P <p@x>")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert!(replaced(&ours, "errand-run", "run-1"));
        assert!(replaced(&ours, "Co-authored-by", "P <p@x>"));
        assert!(!replaced(&ours, "Co-authored-by", "Q <q@x>"));
        assert!(replaced(&ours, "Errand-Ending", "failed"));
        assert!(!replaced(&ours, "Fixes", "#1"));
    }
}
