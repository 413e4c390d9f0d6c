//! Words that do not belong into the tree, each with what to write instead.

use super::tree::File;
use super::{Violation, rust, violation};

/// This folder names the words it looks for.
const EXEMPT: &str = "crates/xtask/src/tidy/";

/// In any file: paths of the machine it happened to be written on.
const MACHINE_PATHS: &[&str] = &["/root/", "/home/runner/", "/Users/"];
/// Leftovers that nobody finds again unless an issue names them.
const LEFTOVERS: &[&str] = &["TODO", "FIXME", "XXX"];

/// In code, comments and literals left out.
const CODE: &[(&str, &str)] = &[
    ("#[ignore", "assert today's behaviour instead and name the issue"),
    ("#[allow(", "write `#[expect(.., reason = \"..\")]`, which complains when it is not needed"),
    ("#![allow(", "write `#![expect(.., reason = \"..\")]`, which complains when it is not needed"),
    ("todo!(", "write it, or return a typed refusal"),
    ("unimplemented!(", "write it, or return a typed refusal"),
    ("extern crate", "edition 2024 needs none"),
];

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let ours = files.iter().filter(|file| !file.path.starts_with(EXEMPT));
    ours.flat_map(|file| [in_code(file), in_text(file)].concat()).collect()
}

fn in_code(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    for (word, instead) in CODE {
        for (at, _) in file.code.match_indices(word) {
            let line = rust::line_of(file.code.get(..at).unwrap_or_default());
            found.push(violation(&file.path, line, format!("`{word}`: {instead}")));
        }
    }
    found
}

fn in_text(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for path in MACHINE_PATHS.iter().filter(|path| names_path(line, path)) {
            let message = format!(
                "`{path}` is a path of one machine: use a temporary folder, \
                                   an argument or a path relative to the crate"
            );
            found.push(violation(&file.path, number, message));
        }
        for word in LEFTOVERS.iter().filter(|word| is_leftover(line, word)) {
            let message = format!("`{word}` without an issue: do it, or write `{word}(#123): …`");
            found.push(violation(&file.path, number, message));
        }
    }
    found
}

/// Whether the line names an absolute path that begins so, not one that merely contains it.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|sign| sign.is_alphanumeric() || matches!(sign, '.' | '_' | '-' | '}'))
    })
}

/// Whether the word stands alone and names no issue.
fn is_leftover(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).unwrap_or_default();
        let is_name = |sign: char| sign.is_alphanumeric() || sign == '_';
        !before.is_some_and(is_name) && !after.starts_with(is_name) && !after.starts_with("(#")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&[File::new(path, text)]).into_iter().map(|found| found.line).collect()
    }

    #[test]
    fn banned_words_are_found_where_they_count() {
        let cases = [
            ("// TODO later\n", vec![1]),
            ("// TODO(#12): later\n// TODOS\nlet MY_TODO = 1;\n", vec![]),
            ("\n#[allow(dead_code)]\nfn a() {}\n", vec![2]),
            ("#![allow(x)]\n", vec![1]),
            ("// `#[allow(x)]` is banned\nlet a = \"#[ignore]\";\n", vec![]),
            ("#[ignore = \"slow\"]\n", vec![1]),
            ("let a = \"/root/x\";\nlet b = \"{base}/root/x\";\n", vec![1]),
            ("let a = \"https://forge.example/root/x\";\n", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(lines("crates/a/src/lib.rs", text), expected, "{text}");
        }
    }

    #[test]
    fn words_of_code_do_not_matter_in_prose() {
        assert_eq!(lines("docs/a.md", "never `#[allow(x)]`\nFIXME\n"), [2]);
    }
}
