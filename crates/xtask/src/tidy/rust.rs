//! As much of Rust's grammar as tidy needs: where comments and literals are, where functions end.

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// Line of `fn`, from 1.
    pub(super) line: usize,
    /// Lines from `fn` to the closing brace.
    pub(super) lines: usize,
}

/// The text with comments, strings and characters blanked, so that braces and words left are code.
/// Line breaks stay where they are.
pub(super) fn blank(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&sign) = signs.get(at) {
        let length = literal(&signs, at);
        if length == 0 {
            code.push(sign);
            at += 1;
            continue;
        }
        let blanked = signs.iter().skip(at).take(length);
        code.extend(blanked.map(|&sign| if sign == '\n' { '\n' } else { ' ' }));
        at += length;
    }
    code
}

/// Length of the comment or literal that begins here; 0 = none does.
fn literal(signs: &[char], at: usize) -> usize {
    let rest = signs.get(at..).unwrap_or_default();
    match rest {
        ['/', '/', ..] => rest.iter().position(|&sign| sign == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest, '"'),
        ['\'', '\\', ..] => quoted(rest, '\''),
        // A character, not a lifetime.
        ['\'', _, '\'', ..] => 3,
        ['r', '"' | '#', ..] if begins_word(signs, at) => raw_string(rest),
        _ => 0,
    }
}

/// Whether the `r` here is a prefix of its own (or after `b` or `c`), not the end of a name.
fn begins_word(signs: &[char], at: usize) -> bool {
    let before = |distance| at.checked_sub(distance).and_then(|i| signs.get(i)).copied();
    let is_name = |sign: Option<char>| sign.is_some_and(|s| s.is_alphanumeric() || s == '_');
    match before(1) {
        Some('b' | 'c') => !is_name(before(2)),
        other => !is_name(other),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match rest.get(at..).unwrap_or_default() {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth.saturating_sub(1), at + 2),
            [_, ..] => at += 1,
            [] => return rest.len(),
        }
        if depth == 0 {
            return at;
        }
    }
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while let Some(&sign) = rest.get(at) {
        match sign {
            '\\' => at += 2,
            _ if sign == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest.iter().skip(1).take_while(|&&sign| sign == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        // A raw identifier.
        return 0;
    }
    let mut at = hashes + 2;
    while at < rest.len() {
        let closing = rest.get(at) == Some(&'"');
        let after = rest.iter().skip(at + 1).take(hashes);
        if closing && after.filter(|&&sign| sign == '#').count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// Every function with a body, in blanked code.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let (before, after) = code.split_at(at);
        if before.ends_with(|sign: char| sign.is_alphanumeric() || sign == '_') {
            continue;
        }
        let after = after.trim_start_matches("fn ");
        let name: String =
            after.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect();
        let Some(end) = body_end(after).filter(|_| !name.is_empty()) else { continue };
        let lines = after.chars().take(end).filter(|&sign| sign == '\n').count() + 1;
        functions.push(Function { name, line: line_of(before), lines });
    }
    functions
}

/// Lines of modules compiled for tests only that stand inside the file.
pub(super) fn test_lines(code: &str) -> usize {
    let mut lines = 0;
    for (at, mark) in code.match_indices("#[cfg(test)]") {
        let after = code.get(at + mark.len()..).unwrap_or_default();
        let item = after.trim_start();
        if item.starts_with("mod ") {
            lines += body_end(after)
                .map_or(0, |end| after.chars().take(end).filter(|&s| s == '\n').count() + 1);
        }
    }
    lines
}

/// The line, from 1, on which this text ends.
pub(super) fn line_of(before: &str) -> usize {
    before.matches('\n').count() + 1
}

/// Signs up to the end of the first body in braces; none = a semicolon comes first.
fn body_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, sign) in code.chars().enumerate() {
        match sign {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("}\"{", '{')"#, "f(      ,    )"),
            (r##"r#"{"}"# x"##, "         x"),
            (r"'\'' '\u{7d}' x", "              x"),
            ("fn a<'a>(x: &'a str)", "fn a<'a>(x: &'a str)"),
            ("r#type br\"{\" for\"{\"", "r#type b     for   "),
        ];
        for (text, expected) in cases {
            assert_eq!(blank(text), expected, "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "trait T {\n fn none(&self) -> [u8; 3];\n}\n\
            pub const fn one() { \"}\" }\nfn two<F: Fn(u8) -> u8>(\n a: [u8; 2],\n) where F: Copy {\n\
            let c = || { 1 };\n fn inner() {\n }\n}\nlet f: fn(u8) = g;";
        let found = functions(&blank(text));
        let found: Vec<(&str, usize, usize)> =
            found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("one", 4, 1), ("two", 5, 7), ("inner", 9, 2)]);
    }

    #[test]
    fn test_modules_do_not_count() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod far;\n";
        assert_eq!(test_lines(&blank(text)), 4);
    }
}
