//! What may not leave in a push: secrets, what people do not see, traps in the tree, and what is too large.
//!
//! TRUST: the diff is the sandbox's work. Whatever is found here stops the push until a person allows it by its mark.
//! Time grows with the size of the diff: lines are looked at in pieces of bounded length, each by rules whose
//! keyword is in it, and every other pass reads each byte a fixed number of times.

use crate::change::{Change, Content, Line, Mode, Side};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

mod known;
mod paths;
mod secrets;
mod size;
mod unicode;

pub use known::Known;
pub use size::Limits;

/// Stops that are told one by one; of more, the last counts and marks all others together.
pub const LISTED_STOPS: usize = 1_000;

/// A reason not to push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The rule that stops it, as `family.rule`; it never changes its name.
    pub rule: String,
    /// Where, if it is in a file; what of it is a secret is left out.
    pub path: Option<String>,
    /// The line of the new side, or of the message.
    pub line: Option<u32>,
    /// What it is and what to do; without the secret, of which at most the first four characters are shown.
    pub why: String,
    /// Names exactly this, wherever in the file it stands; by it a person allows it.
    pub mark: String,
}

/// The message of a commit that is about to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id of the commit.
    pub commit: String,
    /// What it says.
    pub text: String,
}

/// Everything that stops these changes and messages from leaving, in a fixed order.
pub fn judge(
    changes: &[Change],
    messages: &[Message],
    known: &Known,
    limits: &Limits,
) -> Vec<Stop> {
    let mut stops = Stops::new(known);
    for message in messages {
        let place = Place::message(message);
        let lines: Vec<_> = numbered(&message.text).collect();
        known::in_text(&place, &message.text, &lines, &mut stops);
        secrets::in_lines(&place, &message.text, &lines, &mut stops);
        unicode::in_lines(&place, unicode::Kind::Message, &lines, &mut stops);
    }
    size::of_diff(changes, limits, &mut stops);
    paths::in_diff(changes, &mut stops);
    for change in changes {
        of_change(change, limits, &mut stops);
    }
    stops.listed()
}

fn of_change(change: &Change, limits: &Limits, stops: &mut Stops<'_>) {
    let Some(new) = &change.new else { return };
    let place = Place::file(change, stops.known);
    known::in_path(&place, change, stops);
    size::of_file(&place, new, limits, stops);
    if is_new_path(change) {
        unicode::in_path(&place, &change.path, stops);
    }
    if new.mode == Mode::Submodule {
        return;
    }
    let (old_bytes, new_bytes) = (bytes(change.old.as_ref()), bytes(Some(new)));
    if new_bytes == old_bytes {
        return;
    }
    known::in_bytes(&place, old_bytes, new_bytes, stops);
    let Some(text) = readable(new) else { return };
    let view = as_text(change, new, text);
    let lines = view.lines().added;
    let text = view.new_text().unwrap_or_default();
    known::in_text(&place, text, &lines, stops);
    secrets::in_lines(&place, text, &lines, stops);
    let kind = unicode::Kind::of(&change.path, text);
    let lines = unicode::without_first_mark(&lines, view.old_text());
    unicode::in_lines(&place, kind, &lines, stops);
}

/// Whether a path is one that the diff brings.
fn is_new_path(change: &Change) -> bool {
    change.new.is_some()
        && (change.old.is_none() || change.old_path.as_ref().is_some_and(|old| *old != change.path))
}

fn bytes(side: Option<&Side>) -> &[u8] {
    match side.map(|side| &side.content) {
        Some(Content::Text(text)) => text.as_bytes(),
        Some(Content::Binary(bytes)) => bytes,
        Some(Content::Unread(_)) | None => &[],
    }
}

/// The text of a file, also of one that is text in another encoding: one stray byte must hide nothing.
fn readable(side: &Side) -> Option<Cow<'_, str>> {
    match &side.content {
        Content::Text(text) => Some(Cow::Borrowed(text)),
        Content::Unread(_) => None,
        Content::Binary(bytes) => match bytes.as_slice() {
            [0xff, 0xfe, rest @ ..] => Some(wide(rest, u16::from_le_bytes).into()),
            [0xfe, 0xff, rest @ ..] => Some(wide(rest, u16::from_be_bytes).into()),
            bytes if bytes.contains(&0) => None,
            bytes => Some(String::from_utf8_lossy(bytes)),
        },
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A change whose sides that can be read are text.
fn as_text<'a>(change: &'a Change, new: &Side, text: Cow<'a, str>) -> Cow<'a, Change> {
    let old = change.old.as_ref();
    if matches!(new.content, Content::Text(_))
        && old.is_none_or(|old| !matches!(old.content, Content::Binary(_)))
    {
        return Cow::Borrowed(change);
    }
    let side = |side: &Side, text: Cow<'_, str>| Side {
        mode: side.mode,
        bytes: side.bytes,
        content: Content::Text(text.into_owned()),
    };
    Cow::Owned(Change {
        path: change.path.clone(),
        old_path: change.old_path.clone(),
        old: old.and_then(|old| Some(side(old, readable(old)?))),
        new: Some(side(new, text)),
    })
}

fn numbered(text: &str) -> impl Iterator<Item = Line<'_>> {
    let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
    text.lines().zip(1..).map(move |(text, at)| Line { number: number(at), text })
}

/// Where something is looked for.
#[derive(Debug)]
struct Place {
    /// The path as it may be shown.
    path: Option<String>,
    /// What the mark says of where it is.
    within: String,
    /// How a sentence says where it is, where that is no file.
    said: String,
}

impl Place {
    fn file(change: &Change, known: &Known) -> Self {
        let path = known.masked(&change.path);
        Self { within: change.path.clone(), said: String::new(), path: Some(path) }
    }

    fn diff() -> Self {
        Self { path: None, within: "diff".to_owned(), said: String::new() }
    }

    /// The same words in another commit are allowed by the same mark: commits are made anew when they are rebased.
    fn message(message: &Message) -> Self {
        let commit: String =
            message.commit.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let said = format!(" in the message of commit {commit}");
        Self { path: None, within: "message".to_owned(), said }
    }
}

/// What was found so far.
struct Stops<'a> {
    known: &'a Known,
    listed: Vec<Stop>,
    marks: HashSet<String>,
    /// How many are not listed, and the digest of their marks.
    others: (usize, blake3::Hasher),
}

impl<'a> Stops<'a> {
    fn new(known: &'a Known) -> Self {
        let others = (0, blake3::Hasher::new());
        Self { known, listed: Vec::new(), marks: HashSet::new(), others }
    }

    /// Adds a stop, unless the same text stopped at the same place before.
    fn add(&mut self, rule: &str, place: &Place, line: Option<u32>, text: &[u8], why: String) {
        let mut hasher = blake3::Hasher::new_keyed(self.known.key());
        for part in [rule.as_bytes(), place.within.as_bytes(), text] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let digest = hasher.finalize().to_hex();
        let digest = digest.get(..20).unwrap_or_default();
        let shown = place.path.as_deref().unwrap_or(&place.within);
        let mark = format!("{rule}:{shown}:{digest}");
        if self.listed.len() >= LISTED_STOPS {
            if !self.marks.contains(&mark) {
                self.others.0 += 1;
                self.others.1.update(mark.as_bytes());
            }
        } else if self.marks.insert(mark.clone()) {
            let (rule, path) = (rule.to_owned(), place.path.clone());
            self.listed.push(Stop { rule, path, line, why, mark });
        }
    }

    fn listed(mut self) -> Vec<Stop> {
        let (count, hasher) = &self.others;
        if *count > 0 {
            let digest = hasher.finalize().to_hex();
            let why = format!("{count} more were found and are not listed: mend these first.");
            let mark = format!("more:diff:{}", digest.get(..20).unwrap_or_default());
            let rule = "more".to_owned();
            self.listed.push(Stop { rule, path: None, line: None, why, mark });
        }
        self.listed
    }
}

#[cfg(test)]
pub(crate) mod tests;
