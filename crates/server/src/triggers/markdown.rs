//! What of a Markdown text its writer says, as against what they quote, show as code, or hide. Pure.
//!
//! TRUST: it reads more strictly than a page shows. What may be a quotation or code is one; so an order that a reader
//! would see can be missed, and none is found that they would not see.

/// Stands for what is shown but not said: code, tags.
const SHOWN: char = '\u{fdd0}';
/// Stands for what others said.
const QUOTED: char = '\u{fdd1}';
/// Characters of a tag.
const TAG_CHARS: usize = 2000;
/// Spaces from which on a line is code.
const CODE_INDENT: usize = 4;
/// Elements whose content is shown as it is.
const CODE: [&str; 6] = ["pre", "code", "script", "style", "textarea", "template"];
/// Elements whose content others said, or which is folded away.
const ASIDE: [&str; 2] = ["blockquote", "details"];

/// A text and what of it is said.
pub(super) struct Said {
    text: Vec<char>,
    seen: Vec<char>,
    /// HTML comments that were taken out.
    pub(super) comments: usize,
}

/// The text without HTML comments, and how many there were. One that does not end goes to the end.
pub(super) fn without_comments(text: &str) -> (String, usize) {
    let (mut kept, mut rest, mut count) = (String::with_capacity(text.len()), text, 0);
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        count += 1;
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    (kept, count)
}

impl Said {
    pub(super) fn new(body: &str) -> Self {
        let body = body.replace("\r\n", "\n").replace('\r', "\n");
        let (body, comments) = without_comments(&body);
        let text: Vec<char> =
            body.chars().filter(|c| !matches!(*c, SHOWN | QUOTED | '\0')).collect();
        let mut seen = text.clone();
        blocks(&text, &mut seen);
        // A page takes whichever of backticks and tags comes first; here it is hidden if it is by either.
        let mut by_tags = seen.clone();
        spans(&mut seen);
        elements(&mut seen);
        tags(&mut seen);
        tags(&mut by_tags);
        spans(&mut by_tags);
        for (c, other) in seen.iter_mut().zip(by_tags) {
            if other == SHOWN && *c != QUOTED {
                *c = SHOWN;
            }
        }
        Self { text, seen, comments }
    }

    /// Where the first mention of a name ends, at the beginning of a line or after a space.
    pub(super) fn mention(&self, name: &str) -> Option<usize> {
        let wanted: Vec<char> = format!("@{name}").chars().collect();
        let mut before = '\n';
        for (at, c) in self.seen.iter().enumerate() {
            let begins = before.is_whitespace() && *c == '@';
            before = *c;
            if !begins {
                continue;
            }
            let mut rest = self.seen.iter().skip(at);
            let is = wanted
                .iter()
                .all(|wanted| rest.next().is_some_and(|c| c.eq_ignore_ascii_case(wanted)));
            let ends = rest.next().is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ','));
            if is && ends {
                return Some(at + wanted.len());
            }
        }
        None
    }

    /// What is said from there on, code included, and what is quoted there.
    pub(super) fn from(&self, at: usize) -> (String, String) {
        let (mut said, mut quoted) = (String::new(), String::new());
        for (c, seen) in self.text.iter().zip(&self.seen).skip(at) {
            match (*seen == QUOTED, *c) {
                (_, '\n') => {
                    said.push('\n');
                    quoted.push('\n');
                }
                (true, c) => quoted.push(c),
                (false, c) => said.push(c),
            }
        }
        (folded(&said), folded(&quoted))
    }
}

/// Without empty lines at its ends, and with one at most in a row.
fn folded(text: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in text.trim_start_matches('\n').lines() {
        let is_blank = line.trim().is_empty();
        if !(is_blank && blank) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        blank = is_blank;
    }
    out.trim().to_owned()
}

fn hide(seen: &mut [char], from: usize, to: usize, mark: char) {
    for c in seen.iter_mut().take(to).skip(from) {
        if !matches!(*c, '\n' | QUOTED) {
            *c = mark;
        }
    }
}

/// Fenced and indented code, and quotations, line by line.
fn blocks(text: &[char], seen: &mut [char]) {
    let (mut at, mut fence, mut quoting) = (0, None::<Fence>, false);
    for line in text.split(|c| *c == '\n') {
        let end = at + line.len();
        let line: String = line.iter().collect();
        let opened = Fence::of(&line);
        if let Some(open) = &fence {
            hide(seen, at, end, SHOWN);
            if opened.is_some_and(|seen| seen.closes(open)) {
                fence = None;
            }
        } else if line.trim().is_empty() {
            quoting = false;
        } else if opened.is_some() && !is_quoted(&line) {
            hide(seen, at, end, SHOWN);
            (fence, quoting) = (opened, false);
        } else if quoting || is_quoted(&line) {
            // A line after a quotation belongs to it, until one is empty.
            quoting = true;
            hide(seen, at, end, QUOTED);
        } else if indent(&line) >= CODE_INDENT || is_reference(&line) {
            hide(seen, at, end, SHOWN);
        }
        at = end + 1;
    }
}

fn indent(line: &str) -> usize {
    let spaces = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    spaces.map(|c| if c == '\t' { CODE_INDENT } else { 1 }).sum()
}

/// The line after the signs of lists, and how wide these are.
fn in_lists(line: &str) -> (&str, usize) {
    let (mut rest, mut width) = (line.trim_start(), indent(line));
    loop {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = rest.len() - number.len();
        let sign = match number.chars().next() {
            Some('-' | '*' | '+') if digits == 0 => 1,
            Some('.' | ')') if (1..=9).contains(&digits) => digits + 1,
            Some(_) | None => return (rest, width),
        };
        let Some(after) = rest.get(sign..).filter(|after| after.starts_with([' ', '\t'])) else {
            return (rest, width);
        };
        width += sign + indent(after);
        rest = after.trim_start();
    }
}

fn is_quoted(line: &str) -> bool {
    in_lists(line).0.starts_with('>')
}

/// Whether a page shows nothing of the line: it says where a link of another line leads.
fn is_reference(line: &str) -> bool {
    line.trim_start().strip_prefix('[').is_some_and(|rest| rest.contains("]:"))
}

struct Fence {
    mark: char,
    length: usize,
    column: usize,
    is_bare: bool,
}

impl Fence {
    fn of(line: &str) -> Option<Self> {
        let (rest, column) = in_lists(line);
        let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let length = rest.len() - info.len();
        let is_fence = length >= 3 && !(mark == '`' && info.contains('`'));
        is_fence.then(|| Self { mark, length, column, is_bare: info.trim().is_empty() })
    }

    fn closes(&self, open: &Self) -> bool {
        let is_in_place = (open.column..CODE_INDENT + open.column).contains(&self.column);
        self.is_bare && is_in_place && self.mark == open.mark && self.length >= open.length
    }
}

/// Code between backticks, within a paragraph.
fn spans(seen: &mut [char]) {
    let mut from = 0;
    let mut found = Vec::new();
    let mut is_blank = true;
    let ends = seen.iter().enumerate().filter(|(_, c)| {
        let ends = **c == '\n' && is_blank;
        is_blank = **c == '\n' || (is_blank && c.is_whitespace());
        ends
    });
    let ends: Vec<usize> = ends.map(|(at, _)| at).chain([seen.len()]).collect();
    for end in ends {
        let paragraph = seen.get(from..end).unwrap_or_default();
        found.extend(spans_of(paragraph).into_iter().map(|(a, b)| (from + a, from + b)));
        from = end;
    }
    for (a, b) in found {
        hide(seen, a, b, SHOWN);
    }
}

fn spans_of(paragraph: &[char]) -> Vec<(usize, usize)> {
    // Runs of backticks: where and how many; one that is escaped begins nothing.
    let mut runs: Vec<(usize, usize, bool)> = Vec::new();
    let mut escapes = false;
    for (at, c) in paragraph.iter().enumerate() {
        match (c, runs.last_mut()) {
            ('`', Some((start, length, _))) if *start + *length == at => *length += 1,
            ('`', _) => runs.push((at, 1, escapes)),
            (_, _) => {}
        }
        escapes = *c == '\\' && !escapes;
    }
    let mut spans = Vec::new();
    let mut rest = runs.as_slice();
    while let Some(((start, length, is_escaped), after)) = rest.split_first() {
        // Of a run whose first is escaped the others may begin one.
        let (start, length) = if *is_escaped { (start + 1, length - 1) } else { (*start, *length) };
        let close = after.iter().position(|(_, other, _)| *other == length && length > 0);
        rest = match close.and_then(|at| Some((after.get(at)?, after.get(at + 1..)?))) {
            Some(((end, _, _), beyond)) => {
                spans.push((start, end + length));
                beyond
            }
            None => after,
        };
    }
    spans
}

/// Whether a tag of that name begins there; `/` closes.
fn tag_at(seen: &[char], at: usize, closing: bool, name: &str) -> bool {
    let begin = if closing { "</" } else { "<" };
    let mut rest = seen.iter().skip(at);
    let is = begin
        .chars()
        .chain(name.chars())
        .all(|wanted| rest.next().is_some_and(|c| c.eq_ignore_ascii_case(&wanted)));
    is && rest.next().is_none_or(|c| !c.is_ascii_alphanumeric())
}

/// What stands in elements that quote, fold or show; one that does not end goes to the end.
fn elements(seen: &mut [char]) {
    let mut open: Vec<(usize, &str, char)> = Vec::new();
    let mut found = Vec::new();
    let starts: Vec<usize> =
        seen.iter().enumerate().filter(|(_, c)| **c == '<').map(|(at, _)| at).collect();
    for at in starts {
        let names = CODE.iter().map(|name| (*name, SHOWN));
        let mut names = names.chain(ASIDE.iter().map(|name| (*name, QUOTED)));
        if let Some((name, mark)) = names.find(|(name, _)| tag_at(seen, at, false, name)) {
            open.push((at, name, mark));
        } else if open.last().is_some_and(|(_, name, _)| tag_at(seen, at, true, name)) {
            found.extend(open.pop().map(|(start, _, mark)| (start, at, mark)));
        }
    }
    let end = seen.len();
    found.extend(open.into_iter().map(|(start, _, mark)| (start, end, mark)));
    // What is within a quotation is quoted, code or not.
    found.sort_by_key(|(_, _, mark)| *mark == SHOWN);
    for (start, end, mark) in found {
        hide(seen, start, end, mark);
    }
}

/// Tags with what stands in them.
fn tags(seen: &mut [char]) {
    let mut found = Vec::new();
    let mut past = 0;
    for (at, c) in seen.iter().enumerate() {
        let next = seen.get(at + 1).copied().unwrap_or(' ');
        if at < past || *c != '<' || !(next.is_ascii_alphabetic() || "/!?".contains(next)) {
            continue;
        }
        let mut blank = false;
        let inside = seen.iter().skip(at).take(TAG_CHARS).take_while(|c| {
            let ends = **c == '\n' && blank;
            blank = **c == '\n' || (blank && c.is_whitespace());
            !ends
        });
        if let Some(length) = inside.enumerate().find(|(_, c)| **c == '>').map(|(at, _)| at) {
            past = at + length + 1;
            found.push((at, past));
        }
    }
    for (start, end) in found {
        hide(seen, start, end, SHOWN);
    }
}
