//! Names of files and crates: a thing lives next to its noun, and `mod.rs` is nobody's name.

use super::tree::File;
use super::{Violation, violation};

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["core", "common", "utils", "util", "helpers", "helper", "misc", "types", "manager"];

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let ours = files.iter().filter(|file| file.path.starts_with("crates/"));
    ours.flat_map(|file| check_path(&file.path)).collect()
}

fn check_path(path: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if path.ends_with("/mod.rs") {
        let message = "`mod.rs` says nothing in a list of tabs: name the file after its folder, \
                       beside it";
        found.push(violation(path, 1, message));
    }
    let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    for part in parts.filter(|part| EMPTY_NAMES.contains(part)) {
        let message =
            format!("`{part}` is no noun of ours: put each thing next to what it belongs to");
        found.push(violation(path, 1, message));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_noun_are_refused() {
        for bad in ["crates/core/src/lib.rs", "crates/a/src/utils.rs", "crates/a/src/b/mod.rs"] {
            assert_eq!(check_path(bad).len(), 1, "{bad}");
        }
        for good in ["crates/a/src/scoring.rs", "crates/a/src/typed.rs", "crates/model/src/a.rs"] {
            assert_eq!(check_path(good), [], "{good}");
        }
    }
}
