//! Takes out of a machine's output what would reach beyond the screen of whoever looks on: the
//! clipboard, the window's title, links, colours of the palette, and questions that the terminal
//! would answer as if the person had typed. Text, cursor, colours and modes pass.

use std::collections::BTreeSet;

/// Longest control string that is waited for; one that does not end is not swallowed for ever.
const STRING_BYTES: usize = 1 << 20;
/// Longest sequence that is held back to see how it ends.
const SEQUENCE_BYTES: usize = 64;
/// Modes of a terminal that are remembered.
const MODES: usize = 64;
/// Modes that a terminal has on by itself: wrapping lines, showing the cursor.
const USUAL_MODES: [u16; 2] = [7, 25];
/// Modes that show another screen; what is undone after them would be undone there.
const SCREENS: [u16; 3] = [47, 1047, 1049];

/// The filter, across pieces of output.
#[derive(Debug, Default)]
pub struct Filter {
    state: State,
    held: Vec<u8>,
    changed: Changed,
}

/// What the output changed of the terminal, to be undone when one leaves.
#[derive(Debug, Default)]
struct Changed {
    /// Modes that are not as usual.
    modes: BTreeSet<u16>,
    /// Part of the screen scrolls only.
    margins: bool,
    /// The cursor has another shape.
    cursor: bool,
    /// Keys are told in another way.
    keys: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After the first byte of a control sign in UTF-8 (U+0080 to U+009F).
    Lead,
    Escape,
    /// Within `ESC [ …`, held back until its last byte is there.
    Sequence,
    /// Within a string of so many bytes that is thrown away.
    String(usize),
    /// The same, after an `ESC` that may end it.
    StringEscape,
    /// The same, after the first byte of a control sign.
    StringLead(usize),
}

impl Filter {
    /// What may be shown of the next piece.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.state = self.step(byte, &mut shown);
        }
        shown
    }

    /// What undoes all that the output changed of the terminal beside its text.
    pub fn undo(&self) -> Vec<u8> {
        self.changed.undo()
    }

    fn step(&mut self, byte: u8, shown: &mut Vec<u8>) -> State {
        match self.state {
            State::Text => match byte {
                0x1b => State::Escape,
                0xc2 => State::Lead,
                // The question "who are you".
                0x05 => State::Text,
                _ => {
                    shown.push(byte);
                    State::Text
                }
            },
            State::Lead => match byte {
                0x90 | 0x98 | 0x9d..=0x9f => State::String(0),
                // The one-byte form of `ESC [`, written the long way from here on.
                0x9b => self.begin(),
                0x80..=0x9f => State::Text,
                _ => {
                    shown.extend([0xc2, byte]);
                    State::Text
                }
            },
            State::Escape => match byte {
                b'[' => self.begin(),
                b']' | b'P' | b'X' | b'^' | b'_' => State::String(0),
                0x1b => State::Escape,
                // `ESC Z` is the old form of "what are you".
                b'Z' => State::Text,
                _ => {
                    shown.extend([0x1b, byte]);
                    State::Text
                }
            },
            State::Sequence => self.sequence(byte, shown),
            State::String(length) => match byte {
                0x07 | 0x18 | 0x1a => State::Text,
                0x1b => State::StringEscape,
                0xc2 => State::StringLead(length + 1),
                _ if length >= STRING_BYTES => State::Text,
                _ => State::String(length + 1),
            },
            State::StringEscape if byte == b'\\' => State::Text,
            // As terminals do it: another sequence ends a string that was left open.
            State::StringEscape => self.within(State::Escape, byte, shown),
            State::StringLead(_) if byte == 0x9c => State::Text,
            State::StringLead(length) => self.within(State::String(length), byte, shown),
        }
    }

    fn within(&mut self, state: State, byte: u8, shown: &mut Vec<u8>) -> State {
        self.state = state;
        self.step(byte, shown)
    }

    fn begin(&mut self) -> State {
        self.held.clear();
        State::Sequence
    }

    fn sequence(&mut self, byte: u8, shown: &mut Vec<u8>) -> State {
        match byte {
            0x1b => State::Escape,
            0x20..=0x3f if self.held.len() < SEQUENCE_BYTES => {
                self.held.push(byte);
                State::Sequence
            }
            0x40..=0x7e if !is_question(&self.held, byte) => {
                self.changed.note(&self.held, byte);
                shown.extend(b"\x1b[");
                shown.append(&mut self.held);
                shown.push(byte);
                State::Text
            }
            _ => State::Text,
        }
    }
}

impl Changed {
    fn note(&mut self, held: &[u8], last: u8) {
        match (held.first(), last) {
            (Some(b'?'), b'h' | b'l') => {
                let modes = held.get(1..).unwrap_or_default().split(|byte| *byte == b';');
                for mode in modes.filter_map(|mode| std::str::from_utf8(mode).ok()?.parse().ok()) {
                    let is_usual = (last == b'h') == USUAL_MODES.contains(&mode);
                    if is_usual {
                        self.modes.remove(&mode);
                    } else if self.modes.len() < MODES {
                        self.modes.insert(mode);
                    }
                }
            }
            (first, b'r') if first != Some(&b'?') => self.margins = first.is_some(),
            (_, b'q') if held.last() == Some(&b' ') => self.cursor = true,
            (Some(b'>'), b'm' | b'u') | (Some(b'='), b'u') => self.keys = true,
            _ => {}
        }
    }

    fn undo(&self) -> Vec<u8> {
        let mut text = String::from("\x1b[0m\x1b(B\x0f\x1b>");
        if self.margins {
            // Without the cursor being sent home by it.
            text.push_str("\x1b7\x1b[r\x1b8");
        }
        if self.cursor {
            text.push_str("\x1b[0 q");
        }
        if self.keys {
            text.push_str("\x1b[>4m\x1b[=0u");
        }
        let (screens, modes): (Vec<u16>, Vec<u16>) =
            self.modes.iter().partition(|mode| SCREENS.contains(mode));
        for mode in modes.into_iter().chain(screens) {
            let way = if USUAL_MODES.contains(&mode) { 'h' } else { 'l' };
            text.push_str(&format!("\x1b[?{mode}{way}"));
        }
        text.into_bytes()
    }
}

/// Whether a terminal would answer this sequence, or let it act on its window.
fn is_question(parameters: &[u8], last: u8) -> bool {
    match last {
        // What are you; where is the cursor, how are you; window and title.
        b'c' | b'n' | b't' => true,
        // Which mode is set, which version: the forms with `$` and `>`.
        b'p' => parameters.contains(&b'$'),
        b'q' => parameters.first() == Some(&b'>'),
        // Which keyboard protocol is on.
        b'u' => parameters.first() == Some(&b'?'),
        b'x' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut filter = Filter::default();
        let all: Vec<u8> = pieces.iter().flat_map(|piece| filter.pass(piece)).collect();
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn text_colours_and_cursor_pass() {
        let text =
            "plain ümläut 日本\r\n\x1b[1;31mred\x1b[0m\x1b[2J\x1b[H\x1b[?1049h\x1b[?25l\x1b(B\x1b7";
        assert_eq!(shown(&[text.as_bytes()]), text);
        // Cut anywhere, it is the same.
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(shown(&pieces), text);
    }

    #[test]
    fn what_reaches_beyond_the_screen_is_taken_out() {
        for hostile in [
            "\x1b]0;title\x07",
            "\x1b]52;c;aGk=\x07",
            "\x1b]52;c;aGk=\x1b\\",
            "\x1b]8;;https://evil.example\x1b\\",
            "\x1b]10;?\x07",
            "\x1bP$q\"p\x1b\\",
            "\x1b_x\x1b\\",
            "\x1b^x\x1b\\",
            "\u{9d}52;c;aGk=\x07",
            "\u{90}x\x1b\\",
            "\u{9b}c",
            "\x1b[c",
            "\x1b[>c",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[21t",
            "\x1b[?2004$p",
            "\x1b[>0q",
            "\x1b[?u",
            "\x1bZ",
            "\x05",
        ] {
            let text = format!("a{hostile}b");
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(shown(&[text.as_bytes()]), "ab", "{hostile:?}");
            assert_eq!(shown(&pieces), "ab", "{hostile:?}");
        }
    }

    #[test]
    fn whoever_leaves_gets_the_terminal_back_as_it_was() {
        let undone = |bytes: &[u8]| {
            let mut filter = Filter::default();
            filter.pass(bytes);
            String::from_utf8(filter.undo()).unwrap()
        };
        let always = undone(b"plain");
        assert_eq!(always, "\x1b[0m\x1b(B\x0f\x1b>");
        let editor = b"\x1b[?1049h\x1b[?25l\x1b[?1002;1006h\x1b[2;9r\x1b[4 q\x1b[>1u";
        let undo =
            "\x1b7\x1b[r\x1b8\x1b[0 q\x1b[>4m\x1b[=0u\x1b[?25h\x1b[?1002l\x1b[?1006l\x1b[?1049l";
        assert_eq!(undone(editor), format!("{always}{undo}"));
        let tidy = b"\x1b[?1049h\x1b[?25l\x1b[2;9r\x1b[r\x1b[?25h\x1b[?1049l";
        assert_eq!(undone(tidy), always);
        let many: String = (0..999).map(|mode| format!("\x1b[?{mode}h")).collect();
        assert!(undone(many.as_bytes()).len() < 1024);
    }

    #[test]
    fn a_string_without_an_end_is_not_swallowed_for_ever() {
        let endless = [b"\x1b]52;".as_slice(), &vec![b'x'; STRING_BYTES + 10], b"after"].concat();
        assert!(shown(&[&endless]).ends_with("after"));
        assert_eq!(shown(&[b"\x1b]52;c;left open\x1b[31mred"]), "\x1b[31mred");
        assert_eq!(shown(&["\u{9d}52;c;x\u{9c}after".as_bytes()]), "after");
    }
}
