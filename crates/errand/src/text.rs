//! Text for a terminal: made harmless, cut to a width, and figures in words.

use protocol::content::Usage;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// What a tab becomes, so that widths can be counted.
const TAB: &str = "    ";

/// Takes control sequences out of a text that comes in pieces.
///
/// TRUST: what models, tools and repositories write may try to move the cursor, change the title,
/// fill the clipboard or answer questions in the person's name. Nothing of it reaches the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cleaner {
    /// In ordinary text.
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// Within ESC `[` … up to its final letter.
    Sequence,
    /// Within ESC `]` and its kin, up to BEL or ESC `\`.
    Command,
    /// After an ESC within a command.
    CommandEscape,
    /// After ESC and an intermediate sign: one more sign belongs to it.
    Charset,
}

impl Cleaner {
    /// The harmless part of the next piece. Line feeds and tabs stay.
    pub fn push(&mut self, piece: &str) -> String {
        piece.chars().filter(|sign| self.keeps(*sign)).collect()
    }

    fn keeps(&mut self, sign: char) -> bool {
        let (next, keep) = match *self {
            Self::Text => match sign {
                '\x1b' => (Self::Escape, false),
                '\u{9b}' => (Self::Sequence, false),
                '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => (Self::Command, false),
                _ => (Self::Text, !is_harmful(sign)),
            },
            Self::Escape => match sign {
                '[' => (Self::Sequence, false),
                ']' | 'P' | 'X' | '^' | '_' => (Self::Command, false),
                ' '..='/' => (Self::Charset, false),
                '\x1b' => (Self::Escape, false),
                // A line feed cannot belong to a sequence; losing it would glue lines together.
                '\n' => (Self::Text, true),
                _ => (Self::Text, false),
            },
            Self::Sequence => match sign {
                '@'..='~' => (Self::Text, false),
                '\x1b' => (Self::Escape, false),
                '\n' => (Self::Text, true),
                _ => (Self::Sequence, false),
            },
            Self::Command => match sign {
                '\x07' | '\u{9c}' => (Self::Text, false),
                '\x1b' => (Self::CommandEscape, false),
                // Never ended: a whole text must not vanish behind two signs.
                '\n' => (Self::Text, true),
                _ => (Self::Command, false),
            },
            Self::CommandEscape => match sign {
                '\x1b' => (Self::CommandEscape, false),
                '\n' => (Self::Text, true),
                _ => (Self::Text, false),
            },
            Self::Charset => (Self::Text, sign == '\n'),
        };
        *self = next;
        keep
    }
}

/// Controls, and the signs that turn the direction of writing around.
pub fn is_harmful(sign: char) -> bool {
    match sign {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => true,
        _ => sign.is_control(),
    }
}

/// A whole text made harmless.
pub fn clean(text: &str) -> String {
    Cleaner::default().push(text)
}

/// A text made harmless and put on one line.
pub fn one_line(text: &str) -> String {
    let line = clean(text).replace('\t', TAB);
    match line.contains('\n') {
        true => line
            .split('\n')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        false => line,
    }
}

/// The first line that says something.
pub fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(one_line).unwrap_or_default()
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns, with a mark where it was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |sign: &char| {
        let wide = sign.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    if columns == 0 { kept } else { kept + "…" }
}

/// The text in exactly so many columns.
pub fn padded(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text + &" ".repeat(missing)
}

/// A time span in words.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How long ago, in one short word.
pub fn age(then: &str, now: jiff::Timestamp) -> String {
    let Ok(then) = then.parse::<jiff::Timestamp>() else { return String::new() };
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A size in the unit that fits.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if value < 1000 {
        return format!("{value} B");
    }
    let mut size = value as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if size < 9.95 { format!("{size:.1} {name}") } else { format!("{size:.0} {name}") }
}

/// A number with its thousands apart.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Money in dollars from millionths: cents do for much, small sums show more.
pub fn money(micros: u64) -> String {
    if micros >= 1_000_000 {
        let cents = (micros + 5000) / 10_000;
        return format!("${}.{:02}", number(cents / 100), cents % 100);
    }
    format!("$0.{:04}", (micros + 50) / 100)
}

/// Millionths of a dollar from the cents of the API.
pub fn micros(cents: f64) -> u64 {
    // Negative and absurd values become 0 and the largest number: a float cast saturates.
    (cents * 10_000.0).round() as u64
}

/// Tokens in words: what went in, how much of it came from a cache, what came out.
pub fn tokens(usage: &Usage) -> String {
    let into = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens;
    let cached = match usage.cache_read_tokens {
        0 => String::new(),
        cached => format!(" ({} cached)", number(cached)),
    };
    format!("{} in{cached}, {} out", number(into), number(usage.output_tokens))
}

/// One of a thing, or several.
pub fn count(value: u64, one: &str) -> String {
    if value == 1 { format!("1 {one}") } else { format!("{} {one}s", number(value)) }
}

/// Enough of an id to name it: the time in it has milliseconds.
pub fn short_id(id: &str) -> &str {
    let end = id.find('-').map_or(0, |at| at + 1) + 13;
    id.get(..end).unwrap_or(id)
}

/// Enough of a commit id to know it again.
pub fn short_commit(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_vanish_whole() {
        for (given, expected) in [
            ("plain ü 漢\n\tx", "plain ü 漢\n\tx"),
            ("\x1b[31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]52;c;aGk=\x1b\\after", "after"),
            ("\x1b]8;;https://x.example\x07link\x1b]8;;\x07", "link"),
            ("a\u{9b}2Jb", "ab"),
            ("a\u{9d}0;t\u{9c}b", "ab"),
            ("\x1bP+q544e\x1b\\x", "x"),
            ("\x1b(0x\x1bcy", "xy"),
            ("a\x07\x08\x7f\u{85}\rb", "ab"),
            ("user\u{202e}nimda\u{2066}", "usernimda"),
            ("\x1b]never ended\nnext", "\nnext"),
            ("\x1b[38;5;1", ""),
        ] {
            assert_eq!(clean(given), expected, "{given:?}");
        }
    }

    #[test]
    fn a_sequence_may_be_split_anywhere() {
        let text = "a\x1b[1;31mb\x1b]0;evil\x1b\\c\x1b(Bd";
        for at in 0..text.len() {
            let (left, right) = text.split_at(at);
            let mut cleaner = Cleaner::default();
            assert_eq!(cleaner.push(left) + &cleaner.push(right), "abcd", "split at {at}");
        }
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello!", 5), "hell…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(padded("漢", 4), "漢  ");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(12), "12");
        assert_eq!(money(12_345), "$0.0123");
        assert_eq!(money(0), "$0.0000");
        assert_eq!(money(1_234_560_000), "$1,234.56");
        assert_eq!(micros(1.2345), 12_345);
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(1_250), "1.2 s");
        assert_eq!(duration(72_000), "1 min 12 s");
        assert_eq!(duration(3_720_000), "1 h 02 min");
        assert_eq!(short_id("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab"), "bc-0190b5a4-7c3e");
        assert_eq!(one_line("a\n\n  b\tc"), "a b    c");
        let now = "2026-10-04T12:00:00Z".parse().unwrap();
        assert_eq!(age("2026-10-04T10:30:00.000Z", now), "1 h");
        assert_eq!(age("garbage", now), "");
    }
}
