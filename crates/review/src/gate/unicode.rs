//! Characters that people do not see, or take for others: in lines that are added, in new paths and in messages.
//!
//! What belongs to a written language is left alone: marks of direction in prose and translations, joiners between
//! letters, signs of emoji, words of another script. Overrides of direction belong nowhere.

use super::{Place, Stops};
use crate::change::Line;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

mod kind;

pub(super) use kind::Kind;

/// Characters of one word that are looked at; of a longer one, its beginning.
const WORD_CHARS: usize = 256;

/// A kind of character that stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Override,
    Mark,
    Tag,
    Widthless,
    Blank,
    Selector,
    Space,
    Control,
    LookAlike,
    Mixed,
}

impl Found {
    const ALL: [Self; 10] = [
        Self::Override,
        Self::Mark,
        Self::Tag,
        Self::Widthless,
        Self::Blank,
        Self::Selector,
        Self::Space,
        Self::Control,
        Self::LookAlike,
        Self::Mixed,
    ];

    fn rule(self) -> &'static str {
        match self {
            Self::Override => "unicode.override",
            Self::Mark => "unicode.mark",
            Self::Tag => "unicode.tag",
            Self::Widthless => "unicode.widthless",
            Self::Blank => "unicode.blank",
            Self::Selector => "unicode.selector",
            Self::Space => "unicode.space",
            Self::Control => "unicode.control",
            Self::LookAlike => "unicode.look-alike",
            Self::Mixed => "unicode.mixed",
        }
    }

    fn said(self) -> &'static str {
        match self {
            Self::Override => {
                "characters that turn the direction of writing, so that people read another order than programs do"
            }
            Self::Mark => "marks of direction that nobody sees",
            Self::Tag => "tag characters, which nobody sees and models read",
            Self::Widthless => "characters without width",
            Self::Blank => "letters that look like nothing",
            Self::Selector => {
                "variation selectors where they choose nothing, which can carry hidden bytes"
            }
            Self::Space => "spaces that are none to a program",
            Self::Control => "control characters",
            Self::LookAlike => "letters that look like other ones",
            Self::Mixed => "a word that mixes letters of scripts that look alike",
        }
    }
}

/// Lines without the mark of encoding that a file begins with, where it is new or had one.
pub(super) fn without_first_mark<'a>(lines: &[Line<'a>], old: Option<&str>) -> Vec<Line<'a>> {
    let may_begin = old.is_none_or(|old| old.is_empty() || old.starts_with('\u{feff}'));
    let strip = |line: &Line<'a>| match line.text.strip_prefix('\u{feff}') {
        Some(text) if may_begin && line.number == 1 => Line { text, ..*line },
        Some(_) | None => *line,
    };
    lines.iter().map(strip).collect()
}

/// Looks through lines that are added.
pub(super) fn in_lines(place: &Place, kind: Kind, lines: &[Line<'_>], stops: &mut Stops<'_>) {
    if kind == Kind::Blob {
        return;
    }
    for line in lines {
        if line.text.bytes().any(|byte| !matches!(byte, b' '..=b'~' | b'\t')) {
            let found = found_in(line.text, kind);
            let within = (Some(line.number), line.text);
            tell(place, within, &found, "Here stand", stops);
        }
    }
}

/// Looks at a path that the diff brings.
pub(super) fn in_path(place: &Place, path: &str, stops: &mut Stops<'_>) {
    if path.is_ascii() {
        return;
    }
    let mut found: Vec<_> = path.split('/').flat_map(|part| found_in(part, Kind::Code)).collect();
    // They have a rule of their own.
    found.retain(|(found, c)| *found != Found::Control || !c.is_ascii());
    tell(place, (None, path), &found, "In this path stand", stops);
}

fn tell(
    place: &Place,
    (line, text): (Option<u32>, &str),
    found: &[(Found, char)],
    begin: &str,
    stops: &mut Stops<'_>,
) {
    for kind in Found::ALL {
        let all: String = found.iter().filter(|one| one.0 == kind).map(|one| one.1).collect();
        let Some(first) = all.chars().next() else { continue };
        let why = format!(
            "{begin} {}{} (first U+{:04X}, {} in all): take them out, or allow them if they are meant.",
            kind.said(),
            place.said,
            u32::from(first),
            all.chars().count()
        );
        // Of the line, not only of what nobody sees in it: the same trick with other words is another.
        stops.add(kind.rule(), place, line, text.as_bytes(), why);
    }
}

/// All that stops in a line, in the order in which it stands there.
fn found_in(line: &str, kind: Kind) -> Vec<(Found, char)> {
    let mut found = Vec::new();
    let is_code = code_in(line);
    let (mut before, mut rest) = (None, line.chars());
    while let Some(c) = rest.next() {
        let at = line.len() - rest.as_str().len() - c.len_utf8();
        if c == '\u{1f3f4}'
            && let Some(after) = flag(rest.as_str())
        {
            rest = after.chars();
        }
        let after = rest.clone().next();
        let hidden = hidden(c, before, after, kind);
        // In comments and texts other spaces are typography.
        let stops = hidden.filter(|one| *one != Found::Space || is_code.get(at) == Some(&true));
        found.extend(stops.map(|kind| (kind, c)));
        before = Some(c);
    }
    if !line.is_ascii() && matches!(kind, Kind::Code | Kind::Message) {
        found.extend(confusable(line, kind, &is_code));
    }
    found
}

/// What follows the tags by which the flags of parts of a country are written.
fn flag(text: &str) -> Option<&str> {
    ["gbeng", "gbsct", "gbwls"].iter().find_map(|name| {
        let tags = name.chars().filter_map(|c| char::from_u32(0xe_0000 + u32::from(c)));
        let mut rest = text;
        for tag in tags.chain(['\u{e007f}']) {
            rest = rest.strip_prefix(tag)?;
        }
        Some(rest)
    })
}

fn hidden(c: char, before: Option<char>, after: Option<char>, kind: Kind) -> Option<Found> {
    let in_place = |may: bool, found| if may { None } else { Some(found) };
    match c {
        ' '..='~' | '\t' => None,
        // Old sources part their pages with it.
        '\u{c}' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Some(Found::Control),
        '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' => {
            in_place(kind == Kind::Data, Found::Control)
        }
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Found::Override),
        '\u{200e}' | '\u{200f}' | '\u{61c}' => in_place(kind.is_language(), Found::Mark),
        '\u{e0000}'..='\u{e007f}' => Some(Found::Tag),
        '\u{200b}'
        | '\u{180e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}' => {
            // Thai, Lao, Khmer and Burmese have no spaces and break their lines there.
            let is_break =
                c == '\u{200b}' && kind.is_language() && is_unspaced(before) && is_unspaced(after);
            in_place(is_break, Found::Widthless)
        }
        '\u{ad}' | '\u{34f}' => in_place(kind.is_language(), Found::Widthless),
        '\u{e0080}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}' => Some(Found::Widthless),
        '\u{200d}' => {
            let is_joined = is_shown(after) && (is_shown(before) || before == Some('\u{fe0f}'));
            in_place(is_joined, Found::Widthless)
        }
        '\u{200c}' => in_place(is_shown(before) && is_shown(after), Found::Widthless),
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Some(Found::Blank),
        '\u{2800}' => in_place(is_braille(before) || is_braille(after), Found::Blank),
        '\u{fe00}'..='\u{fe0d}' | '\u{180b}'..='\u{180d}' => {
            in_place(is_shown(before), Found::Selector)
        }
        '\u{fe0e}' | '\u{fe0f}' => {
            // After a letter it makes another word of it; elsewhere one alone is left of a sign that was lost.
            let is_key = matches!(before, Some('0'..='9' | '#' | '*')) && after == Some('\u{20e3}');
            let is_alone =
                before.is_none_or(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_');
            in_place(is_shown(before) || is_key || is_alone, Found::Selector)
        }
        '\u{e0100}'..='\u{e01ef}' => in_place(before.is_some_and(is_ideograph), Found::Selector),
        c if c.is_whitespace() => {
            let in_text = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !c.is_whitespace());
            in_place(kind.is_language() || in_text(before) || in_text(after), Found::Space)
        }
        _ => None,
    }
}

/// Whether this is a sign of its own that is no ASCII.
fn is_shown(c: Option<char>) -> bool {
    c.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !c.is_control() && !is_ignored(c))
}

/// Whether nothing is drawn for a character by itself.
pub(super) fn is_ignored(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_unspaced(c: Option<char>) -> bool {
    c.is_some_and(
        |c| matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'),
    )
}

fn is_braille(c: Option<char>) -> bool {
    c.is_some_and(|c| matches!(c, '\u{2800}'..='\u{28ff}'))
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The ASCII that a character is taken for, if it is no letter with an accent.
fn looks_like(c: char) -> Option<char> {
    if c.is_ascii()
        || is_ideograph(c)
        || std::iter::once(c).nfd().next().is_some_and(|c| c.is_ascii())
    {
        return None;
    }
    if matches!(c, '\u{ff01}'..='\u{ff5e}') {
        return char::from_u32(u32::from(c) - 0xfee0);
    }
    let mut text = [0; 4];
    let mut seen = skeleton(c.encode_utf8(&mut text));
    match (seen.next(), seen.next()) {
        (Some(one), None) if one.is_ascii() => Some(one),
        _ => None,
    }
}

/// Words of a line that are read as other ones.
fn confusable(line: &str, kind: Kind, is_code: &[bool]) -> Vec<(Found, char)> {
    let mut found = Vec::new();
    let is_foreign =
        |c: char| !c.is_ascii() && c.is_alphabetic() && looks_like(c).is_none() && !is_latin(c);
    // In a line of another language its words are not taken for English ones.
    let is_language = line.chars().any(is_foreign);
    let mut start = 0;
    for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let at = start;
        let end = at + word.len();
        start =
            end + line.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        // `[a-zА-Я]` are two ranges and no word.
        let ends = (line.get(..at).unwrap_or_default(), line.get(end..).unwrap_or_default());
        let is_range =
            ends.0.ends_with('-') && ends.1.starts_with('-') && word.chars().nth(2).is_none();
        if word.is_ascii() || is_range {
            continue;
        }
        let word: Vec<char> = word.chars().take(WORD_CHARS).collect();
        let is_alike = |c: &char| c.is_alphabetic() && looks_like(*c).is_some();
        let Some(first) = word.iter().copied().find(is_alike) else { continue };
        if !word.iter().all(|c| c.is_ascii() || looks_like(*c).is_some()) || is_formula(&word) {
            continue;
        }
        let text: String = word.iter().collect();
        if word.iter().any(char::is_ascii_alphabetic)
            && AugmentedScriptSet::for_str(&text).is_empty()
        {
            found.push((Found::Mixed, first));
        } else if kind == Kind::Code && !is_language && is_code.get(at) == Some(&true) {
            found.push((Found::LookAlike, first));
        }
    }
    // `！=` or `；` outside of any text: a compiler takes it for a letter, if it takes it at all.
    if kind == Kind::Code && !is_language {
        let signs =
            line.char_indices().filter(|(at, c)| is_sign(*c) && is_code.get(*at) == Some(&true));
        found.extend(signs.map(|(_, c)| (Found::LookAlike, c)));
    }
    found
}

/// Whether this looks like a sign of a program and is none.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{37e}' | '\u{1c3}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
}

/// Whether a short word names a quantity, as `Hα` or `dρ`.
fn is_formula(word: &[char]) -> bool {
    let greek = word.iter().filter(|c| matches!(c, 'α'..='ω')).count();
    word.len() <= 4
        && greek == 1
        && !word.contains(&'ο')
        && word.iter().all(|c| c.is_ascii() || matches!(c, 'α'..='ω'))
}

fn is_latin(c: char) -> bool {
    matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
        || std::iter::once(c).nfd().next().is_some_and(|c| c.is_ascii())
}

/// Of each byte of a line whether it is outside of quotes and comments, as far as a line tells.
fn code_in(line: &str) -> Vec<bool> {
    let mut is_code = Vec::with_capacity(line.len());
    let (mut quote, mut before, mut is_comment) = (None, b' ', false);
    let start = line.trim_start();
    is_comment |= ["#", "*", "--", ";", "%", "<!--"].iter().any(|sign| start.starts_with(sign));
    for byte in line.bytes() {
        is_comment |=
            quote.is_none() && matches!((before, byte), (b'/', b'/' | b'*') | (b' ' | b'\t', b'#'));
        match byte {
            b'"' | b'\'' | b'`' if before != b'\\' => {
                // An apostrophe within a word opens nothing.
                if quote == Some(byte) {
                    quote = None;
                } else if quote.is_none() && !(byte == b'\'' && before.is_ascii_alphanumeric()) {
                    quote = Some(byte);
                }
            }
            _ => {}
        }
        is_code.push(quote.is_none() && !is_comment);
        before = if before == b'\\' && byte == b'\\' { b' ' } else { byte };
    }
    is_code
}

#[cfg(test)]
mod tests;
