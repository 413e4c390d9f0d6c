//! Secrets by the shape that those who issue them gave them, and by the words that stand beside them.
//!
//! The shapes are written from what their issuers say of them. A value that only stands for one, in documentation
//! or in a template, stops nothing.

use super::{Place, Stops};
use crate::change::Line;
use aho_corasick::AhoCorasick;
use regex::Regex;
use std::sync::LazyLock;

mod blocks;
mod check;
mod contexts;
mod formats;
mod harmless;

/// Bytes of a line that are looked at together.
const PIECE_BYTES: usize = 16 << 10;
/// Bytes by which pieces overlap, so that none cuts a secret apart: more than a secret has.
const OVERLAP_BYTES: usize = 4 << 10;

/// A shape of secrets.
struct Format {
    /// The rule's name after `secret.`.
    id: &'static str,
    /// What it is, with its article.
    what: &'static str,
    /// Words of which one stands near every such secret, in small letters.
    keywords: &'static [&'static str],
    /// The shape; what is caught first is the secret, or all of it.
    pattern: &'static str,
    /// Bits that each of its signs carries at least, in hundredths.
    floor: u16,
    proof: Proof,
}

/// What else tells a secret from what looks like one.
#[derive(Clone, Copy)]
enum Proof {
    /// Nothing.
    Shape,
    /// Digits that have to fit: one that has them is a secret whatever it says, and one that lacks them may be of a
    /// kind that has none.
    Digits(fn(&str) -> bool),
    /// Something that it must be.
    Must(fn(&str) -> bool),
    /// Words beside it, in a file of this kind: the value itself has no shape.
    Words(fn(&Seen<'_>) -> bool),
}

/// A value and where it stands.
struct Seen<'a> {
    value: &'a str,
    /// All that matched.
    whole: &'a str,
    path: &'a str,
}

struct Rules {
    words: AhoCorasick,
    /// For each word the formats that it calls for.
    calls: Vec<Vec<usize>>,
    formats: Vec<(&'static Format, Regex)>,
}

/// None where a pattern does not compile, which a test rules out.
static RULES: LazyLock<Option<Rules>> = LazyLock::new(|| Rules::new().ok());

impl Rules {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let all = formats::FORMATS.iter().chain(contexts::FORMATS);
        let (mut words, mut calls): (Vec<&str>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        let mut formats = Vec::new();
        for format in all {
            for word in format.keywords {
                match words.iter().position(|known| known == word) {
                    Some(at) => calls.get_mut(at).ok_or("no such word")?.push(formats.len()),
                    None => {
                        words.push(word);
                        calls.push(vec![formats.len()]);
                    }
                }
            }
            formats.push((format, Regex::new(format.pattern)?));
        }
        let words = AhoCorasick::builder().ascii_case_insensitive(true).build(words)?;
        Ok(Self { words, calls, formats })
    }

    /// The formats whose words are in a piece.
    fn called(&self, piece: &str) -> Vec<usize> {
        let mut called = Vec::new();
        for hit in self.words.find_overlapping_iter(piece) {
            called.extend(self.calls.get(hit.pattern().as_usize()).into_iter().flatten());
            // A line full of words calls each format once.
            if called.len() > 4 * self.formats.len() {
                called.sort_unstable();
                called.dedup();
            }
        }
        called.sort_unstable();
        called.dedup();
        called
    }
}

/// Looks through added lines of a text.
pub(super) fn in_lines(place: &Place, text: &str, added: &[Line<'_>], stops: &mut Stops<'_>) {
    blocks::in_lines(place, text, added, stops);
    let Some(rules) = &*RULES else { return };
    for line in added {
        for (start, end) in pieces(line.text) {
            let piece = line.text.get(start..end).unwrap_or_default();
            let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
            for called in rules.called(piece) {
                if let Some((format, regex)) = rules.formats.get(called) {
                    find(place, line, (start, end), (format, regex), &mut taken, stops);
                }
            }
        }
    }
}

/// The pieces of a line: all of it, or parts that overlap.
fn pieces(line: &str) -> Vec<(usize, usize)> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    loop {
        let end = line.floor_char_boundary(start + PIECE_BYTES);
        pieces.push((start, end));
        if end >= line.len() {
            return pieces;
        }
        start = line.floor_char_boundary(end - OVERLAP_BYTES);
    }
}

/// Looks for one format in a piece, leaving out what a more exact one has `taken`.
fn find(
    place: &Place,
    line: &Line<'_>,
    (start, end): (usize, usize),
    (format, regex): (&Format, &Regex),
    taken: &mut Vec<std::ops::Range<usize>>,
    stops: &mut Stops<'_>,
) {
    let haystack = line.text.get(..end).unwrap_or_default();
    let mut at = start;
    while let Some(found) = regex.captures_at(haystack, at) {
        let (Some(whole), Some(value)) = (found.get(0), found.get(1).or_else(|| found.get(0)))
        else {
            return;
        };
        let mut next = value.end().max(at + 1);
        while !haystack.is_char_boundary(next) && next < end {
            next += 1;
        }
        at = next;
        // What the end of the piece cuts is whole in the next one.
        let is_cut = whole.end() == end && end < line.text.len();
        let is_taken =
            taken.iter().any(|range| range.start < value.end() && value.start() < range.end);
        let path = place.path.as_deref().unwrap_or_default();
        let (value_text, whole) = (value.as_str(), whole.as_str());
        let seen = Seen { value: value_text, whole, path };
        if !is_cut && !is_taken && is_secret(format, &seen) {
            taken.push(value.range());
            tell(place, line.number, (format.id, format.what), value_text, stops);
        }
        if at > end {
            return;
        }
    }
}

fn is_secret(format: &Format, seen: &Seen<'_>) -> bool {
    match format.proof {
        Proof::Digits(fits) if fits(seen.value) => return true,
        Proof::Must(holds) if !holds(seen.value) => return false,
        Proof::Words(hold) if !hold(seen) => return false,
        Proof::Shape | Proof::Digits(_) | Proof::Must(_) | Proof::Words(_) => {}
    }
    check::entropy(seen.value) * 100.0 >= f64::from(format.floor)
        && !harmless::is_stand_in(seen.value)
}

fn tell(place: &Place, line: u32, (id, what): (&str, &str), value: &str, stops: &mut Stops<'_>) {
    let why = format!(
        "This looks like {what} ({}){}: take it out and revoke it if it is real; allow it if it opens nothing.",
        shown(value),
        place.said
    );
    stops.add(&format!("secret.{id}"), place, Some(line), value.as_bytes(), why);
}

/// At most the first four characters of a value, and never more than a quarter of it.
fn shown(value: &str) -> String {
    let length = value.chars().count();
    let first: String =
        value.chars().take(4.min(length / 4)).filter(char::is_ascii_graphic).collect();
    format!("{first}…, {length} characters")
}

#[cfg(test)]
mod tests;
