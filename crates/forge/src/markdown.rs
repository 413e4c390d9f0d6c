//! Text of others, made harmless for a page of Markdown. Pure.
//!
//! TRUST: a task may quote an issue of a stranger, and a model's answer may repeat what it read on
//! the network. On a forge such text could call people, close issues, load images from a spy's
//! server, or hide itself; none of that survives here.

/// Keeps `@` from calling somebody and `#1` from closing something; shows as nothing.
const JOINER: char = '\u{2060}';

/// Removes characters that are not seen or that turn the direction of reading.
pub(crate) fn visible(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| is_visible(*c)).collect()
}

fn is_visible(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => false,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => false,
        '\u{e0000}'..='\u{e0fff}' => false,
        other => !other.is_control(),
    }
}

/// Text on one line that shows exactly as it is.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in visible(text).chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '@' | '#' => out.extend([c, JOINER]),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '>' => {
                out.extend(['\\', c]);
            }
            other => out.push(other),
        }
    }
    out
}

/// Somebody's Markdown with its own formatting, but without tags, images, calls and references.
pub(crate) fn tamed(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut fence: Option<Fence> = None;
    for line in visible(text).lines() {
        match (&fence, Fence::of(line)) {
            (None, Some(opened)) => {
                fence = Some(opened);
                out.push_str(line);
            }
            (Some(open), Some(seen)) if seen.closes(open) => {
                fence = None;
                out.push_str(line);
            }
            (Some(_), _) => out.push_str(line),
            (None, None) => tame_line(&mut out, line),
        }
        out.push('\n');
    }
    if let Some(open) = fence {
        out.extend(std::iter::repeat_n(open.mark, open.length));
        out.push('\n');
    }
    out
}

pub(crate) struct Fence {
    mark: char,
    length: usize,
    bare: bool,
}

impl Fence {
    pub(crate) fn of(line: &str) -> Option<Self> {
        let text = line.trim_start_matches(' ');
        if line.len() - text.len() > 3 {
            return None;
        }
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let rest = text.trim_start_matches(mark);
        let length = text.len() - rest.len();
        // A line of backticks with more of them behind is a code span, not a fence.
        let opens = length >= 3 && !(mark == '`' && rest.contains('`'));
        opens.then(|| Self { mark, length, bare: rest.trim().is_empty() })
    }

    pub(crate) fn closes(&self, open: &Self) -> bool {
        self.bare && self.mark == open.mark && self.length >= open.length
    }
}

/// Code spans are not told apart: a tag shown as `&lt;` inside one is a small price for not
/// having to agree with every forge about where a span ends.
fn tame_line(out: &mut String, line: &str) {
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('<', _) => out.push_str("&lt;"),
            ('!', Some('[')) => out.push_str("\\!"),
            ('@', _) => out.extend(['@', JOINER]),
            ('#', Some(next)) if next.is_ascii_digit() => out.extend(['#', JOINER]),
            (other, _) => out.push(other),
        }
    }
}

/// A code span that its content cannot leave, also inside a table.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text).replace(['\n', '\t'], " ").replace('|', "\u{a6}");
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// At most so many characters, with a mark where something is missing.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_text_has_no_effect() {
        assert_eq!(literal("a*b_c"), "a\\*b\\_c");
        assert_eq!(literal("<script>&"), "&lt;script\\>&amp;");
        assert_eq!(literal("hi @octocat fixes #12"), "hi @\u{2060}octocat fixes #\u{2060}12");
        assert_eq!(
            literal("![x](http://spy.example)\n# h"),
            "\\!\\[x\\]\\(http://spy.example\\) #\u{2060} h"
        );
        assert_eq!(literal("a\u{202e}b\u{200b}c\u{e0041}d\0e"), "abcde");
    }

    #[test]
    fn tamed_markdown_keeps_its_shape() {
        let text =
            "# Head\n- **one** @octocat\n```\n<b> @kept #1\n```\n<img src=x> ![y](z) closes #7";
        let tamed = tamed(text);
        assert_eq!(
            tamed,
            "# Head\n- **one** @\u{2060}octocat\n```\n<b> @kept #1\n```\n&lt;img src=x> \\![y](z) closes #\u{2060}7\n"
        );
    }

    #[test]
    fn a_fence_ends_where_a_reader_ends_it() {
        for text in ["```\nx", "````\n```\n<b>\n", "~~~\n```\n<b>"] {
            let out = tamed(text);
            let open = text.lines().next().unwrap();
            assert!(out.trim_end().ends_with(open), "{out}");
        }
        // Not a fence: four spaces, or backticks behind it.
        assert!(tamed("    ```\n<b>").contains("&lt;b>"));
        assert!(tamed("``` a`\n<b>").contains("&lt;b>"));
        // A line with text does not close.
        assert!(tamed("```\n``` x\n<b>\n```").contains("<b>"));
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("ls"), "` ls `");
        assert_eq!(code("a``b`|c\nd"), "``` a``b`\u{a6}c d ```");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
