//! Files of `NAME=VALUE` lines, as shells and dotenv libraries read them: `export`, comments, quotes. Nothing in them
//! is expanded.

/// Names and values in the order of the file, of a name that stands there again the last; a mistake is told with its
/// line, and never with what stands there.
pub(super) fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let number = text.matches('\n').count() - rest.matches('\n').count() + 1;
        let line = rest.lines().next().unwrap_or_default().trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let Some((name, _)) = line.split_once('=') else {
            return Err(format!("line {number}: write it as NAME=VALUE"));
        };
        let name = name.trim().to_owned();
        let begin = rest.split_once('=').map(|(_, begin)| begin).unwrap_or_default();
        let begin = begin.trim_start_matches([' ', '\t']);
        let (value, end) = match begin.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(begin, quote)
                .ok_or_else(|| format!("line {number}: the quote that begins here does not end"))?,
            _ => (bare(begin), begin),
        };
        all.retain(|(before, _)| *before != name);
        all.push((name, value));
        rest = after_line(end);
    }
    Ok(all)
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map(|(_, rest)| rest).unwrap_or_default()
}

/// Up to the end of the line or a comment.
fn bare(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.starts_with('#') {
        return String::new();
    }
    line.split(" #").next().unwrap_or_default().trim().to_owned()
}

/// What stands between quotes, and what follows. Only double ones know escapes.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut signs = text.char_indices().skip(1);
    while let Some((at, sign)) = signs.next() {
        match sign {
            _ if sign == quote => return Some((value, text.get(at + 1..).unwrap_or_default())),
            '\\' if quote == '"' => match signs.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                same @ ('\\' | '"' | '$') => value.push(same),
                other => value.extend(['\\', other]),
            },
            _ => value.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_shells_do() {
        let text = "\u{feff}# a comment\n\nA=1\r\nexport B = two words # said\nC='it is $HOME # all'\n\
            D=\"line\\nbreak \\\"q\\\" \\x\"\nE=\"two\nlines\"  # after\nF=\nG=a#b=c\nH=#none\n  I=last";
        let found = read(text).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "it is $HOME # all"),
            ("D", "line\nbreak \"q\" \\x"),
            ("E", "two\nlines"),
            ("F", ""),
            ("G", "a#b=c"),
            ("H", ""),
            ("I", "last"),
        ];
        let expected: Vec<_> =
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_of_a_name_counts() {
        let found = read("A=1\nB=2\nexport A='3'\na=4\n").unwrap();
        let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(found, [("B", "2"), ("A", "3"), ("a", "4")]);
    }

    #[test]
    fn mistakes_are_told_by_line_without_what_stands_there() {
        for (text, expected) in [
            ("A=1\n\nhunter22\n", "line 3: write it as NAME=VALUE"),
            ("A=1\nB=\"open\nC=2", "line 2: the quote that begins here does not end"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
    }
}
