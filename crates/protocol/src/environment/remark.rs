//! What is said about a file: a problem keeps it from being used, a warning does not.

use super::path::RepoPath;
use crate::limits::ENVIRONMENT_REMARKS;
use serde::Serialize;
use std::fmt;

/// One problem or warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    /// Stable, snake case, for programs.
    pub code: &'static str,
    /// The file, relative to the repository.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// Path of the key, as in `terminals[0].command`; empty for the whole file.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// In a line, as compilers write it.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, key, message, .. } = self;
        let colon = if key.is_empty() { "" } else { ": " };
        write!(f, "{file}:{line}:{column}  {key}{colon}{message}")
    }
}

/// What is said about one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What keeps it from being used.
    pub problems: Vec<Remark>,
    /// What does not.
    pub warnings: Vec<Remark>,
}

/// Something of the repository that a file refers to. Whoever has the repository looks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it has to be.
    pub path: RepoPath,
    /// What it has to be.
    pub kind: ReferenceKind,
    /// The problem if it is not there.
    pub missing: Remark,
}

/// What a reference has to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// A file to build from.
    Dockerfile,
    /// A folder.
    Context,
}

/// Everything that was noted of a file.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) remarks: Remarks,
    pub(super) references: Vec<Reference>,
}

/// Collects remarks while a file is read, and knows where in it each offset is.
#[derive(Debug)]
pub(super) struct Notes<'t> {
    file: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
    problems: Vec<(usize, Remark)>,
    warnings: Vec<(usize, Remark)>,
    references: Vec<Reference>,
}

impl<'t> Notes<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let after_feeds = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_feeds).collect();
        let (problems, warnings, references) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, text, line_starts, problems, warnings, references }
    }

    /// The text that is read.
    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    /// Something that keeps the file from being used. Keys come as they are written.
    pub(super) fn problem(
        &mut self,
        at: usize,
        key: &str,
        code: &'static str,
        message: impl Into<String>,
    ) {
        if self.problems.len() < ENVIRONMENT_REMARKS {
            let remark = self.remark(at, key, code, message.into());
            self.problems.push((at, remark));
        }
    }

    /// Something to know.
    pub(super) fn warning(
        &mut self,
        at: usize,
        key: &str,
        code: &'static str,
        message: impl Into<String>,
    ) {
        if self.warnings.len() < ENVIRONMENT_REMARKS {
            let remark = self.remark(at, key, code, message.into());
            self.warnings.push((at, remark));
        }
    }

    /// Something of the repository that has to be there.
    pub(super) fn refers(&mut self, at: usize, key: &str, path: &RepoPath, kind: ReferenceKind) {
        let what = match kind {
            ReferenceKind::Dockerfile => "file",
            ReferenceKind::Context => "folder",
        };
        let message = format!("there is no {what} {path} in the repository: correct the path");
        let missing = self.remark(at, key, "missing_file", message);
        self.references.push(Reference { path: path.clone(), kind, missing });
    }

    fn remark(&self, at: usize, key: &str, code: &'static str, message: String) -> Remark {
        let (line, column) = self.position(at);
        Remark { code, file: self.file.to_owned(), line, column, key: key.to_owned(), message }
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// All of it, each kind of remark in the order of the file.
    pub(super) fn finish(mut self) -> Noted {
        for remarks in [&mut self.problems, &mut self.warnings] {
            remarks.sort_by_key(|(at, _)| *at);
        }
        let plain = |remarks: Vec<(usize, Remark)>| remarks.into_iter().map(|(_, one)| one);
        let problems = plain(self.problems).collect();
        let warnings = plain(self.warnings).collect();
        Noted { remarks: Remarks { problems, warnings }, references: self.references }
    }
}

/// A text from the file, short enough to be quoted in a message.
pub(super) fn quoted(text: &str) -> String {
    const QUOTED_CHARS: usize = 60;
    let mut cut: String = text.chars().take(QUOTED_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
