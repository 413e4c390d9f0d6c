//! What the house rules ask and no compiler checks. Reads the tree once, names every violation
//! with its place and what to do about it.

mod arrows;
mod documentation;
mod names;
mod rust;
mod sizes;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

/// Something out of order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path from the root, with `/`.
    path: String,
    /// Line from 1.
    line: usize,
    /// What is wrong and what to do.
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// All violations of the tree, in order of their place.
pub fn check(root: &Path) -> anyhow::Result<Vec<Violation>> {
    let files = tree::read(root)?;
    let mut violations = arrows::check(&arrows::metadata(root)?)?;
    violations.extend(names::check(&files));
    violations.extend(documentation::check(&files));
    violations.extend(words::check(&files));
    violations.extend(sizes::check(&files, &sizes::exceptions(root)?));
    violations.sort();
    violations.dedup();
    Ok(violations)
}

fn violation(path: &str, line: usize, message: impl Into<String>) -> Violation {
    Violation { path: path.to_owned(), line, message: message.into() }
}
