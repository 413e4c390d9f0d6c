//! Every module opens by saying what it is for.

use super::tree::File;
use super::{Violation, violation};

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let modules = files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/"));
    modules.filter_map(check_file).collect()
}

fn check_file(file: &File) -> Option<Violation> {
    let first = file.text.lines().find(|line| !line.trim().is_empty());
    let Some(first) = first else {
        return Some(violation(&file.path, 1, "this file is empty: remove it"));
    };
    let sentence = first.strip_prefix("//!").map(str::trim);
    let message = match sentence {
        None => "the module does not say what it is for: begin it with `//!`",
        Some("") => "the module's first line is empty: say there what it is for",
        Some("To be written.") => "the module is announced only: write it or remove it",
        Some(_) => return None,
    };
    Some(violation(&file.path, 1, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_begins_with_its_purpose() {
        let cases = [
            ("//! What it is for.\n", true),
            ("\n//! What it is for.\n", true),
            ("// What\n", false),
            ("//!\n//! What\n", false),
            ("use x;\n//! What\n", false),
            ("", false),
        ];
        for (text, good) in cases {
            let found = check(&[File::new("crates/a/src/lib.rs", text)]);
            assert_eq!(found.is_empty(), good, "{text:?}");
        }
    }
}
