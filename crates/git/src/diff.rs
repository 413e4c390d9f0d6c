//! Comparing two trees: files, counts and typed hunks, from git's raw records and its patch text.
//!
//! Names and counts come from NUL-separated records, lines from the patch, which names files only
//! in quoted form; both list the files in the same order.

mod patch;
mod raw;

use crate::error::Result;
use crate::name::{CommitId, ObjectFormat, TreeId};
use crate::objects::EntryKind;
use crate::repo::Repo;
use crate::runner::{Call, LOCAL_TIME_MAX, Overflow};

/// Bytes of patch text read where the caller names no limit.
pub const PATCH_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of names and counts.
const RECORDS_MAX_BYTES: usize = 32 * 1024 * 1024;

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// Nothing: everything on the other side is new.
    Empty,
    /// A commit's tree.
    Commit(&'a CommitId),
    /// A tree.
    Tree(&'a TreeId),
}

impl Side<'_> {
    fn spec(self, format: ObjectFormat) -> String {
        match self {
            Self::Empty => format.empty_tree().to_owned(),
            Self::Commit(id) => id.to_string(),
            Self::Tree(id) => id.to_string(),
        }
    }
}

/// Whether a file removed here and added there is one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Renames {
    /// Similar files are paired.
    #[default]
    Detect,
    /// They stay two files.
    Ignore,
}

/// How to compare.
#[derive(Debug, Clone)]
pub struct DiffOptions {
    /// Only these files or folders; empty means all.
    pub paths: Vec<String>,
    /// Pair renamed files.
    pub renames: Renames,
    /// Bytes of patch text read; files beyond keep their counts and lose their lines.
    pub max_bytes: usize,
    /// Unchanged lines around each change.
    pub context_lines: u8,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            renames: Renames::Detect,
            max_bytes: PATCH_MAX_BYTES,
            context_lines: 3,
        }
    }
}

/// What differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// In git's order.
    pub files: Vec<FileDiff>,
    /// Some lines or files are left out.
    pub truncated: bool,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or mode changed.
    Modified,
    /// It has another name.
    Renamed,
    /// It is a copy of another file.
    Copied,
    /// It became something else: a file a link, a link a submodule.
    Retyped,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path before; none for a new file.
    pub old_path: Option<String>,
    /// Path after; none for a deleted file.
    pub new_path: Option<String>,
    /// What happened.
    pub status: Status,
    /// What it was; none for a new file.
    pub old_kind: Option<EntryKind>,
    /// What it is; none for a deleted file.
    pub new_kind: Option<EntryKind>,
    /// Whether it has no lines to compare.
    pub binary: bool,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The changes with their surroundings; empty for statistics and for binary files.
    pub hunks: Vec<Hunk>,
}

impl FileDiff {
    /// The path to show: the new one, or the old one of a deleted file.
    pub fn path(&self) -> &str {
        self.new_path.as_deref().or(self.old_path.as_deref()).unwrap_or_default()
    }
}

/// A stretch of changed lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// First line before.
    pub old_start: u32,
    /// Number of lines before.
    pub old_lines: u32,
    /// First line after.
    pub new_start: u32,
    /// Number of lines after.
    pub new_lines: u32,
    /// The function or section it is in, as git guesses it.
    pub section: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Hunk {
    /// The header as a patch shows it.
    pub fn header(&self) -> String {
        let Self { old_start, old_lines, new_start, new_lines, section, .. } = self;
        let space = if section.is_empty() { "" } else { " " };
        format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@{space}{section}")
    }
}

/// What a line of a hunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// On both sides.
    Context,
    /// New.
    Added,
    /// Gone.
    Removed,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// Its text without the line break; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The last line of a file that does not end in a line break.
    pub unterminated: bool,
}

impl Repo {
    /// Compares two trees down to the lines.
    pub async fn diff(&self, old: Side<'_>, new: Side<'_>, options: &DiffOptions) -> Result<Diff> {
        let records = self
            .compare(options)
            .args(["--raw", "--numstat", "-z"])
            .stdout_max(RECORDS_MAX_BYTES, Overflow::Cut);
        let patch = self
            .compare(options)
            .args(["-p", "--no-ext-diff", "--no-textconv", "--no-color", "--no-indent-heuristic"])
            .args(["--src-prefix=a/", "--dst-prefix=b/", "--submodule=short"])
            .arg(format!("--unified={}", options.context_lines))
            .stdout_max(options.max_bytes, Overflow::Cut);
        let sides = [old.spec(self.format()), new.spec(self.format())];
        let (records, patch) =
            tokio::join!(on(records, &sides, options).run(), on(patch, &sides, options).run());
        let (records, patch) = (records?, patch?);
        let mut diff = Diff { files: raw::parse(&records.stdout), truncated: records.cut };
        diff.truncated |= patch.cut;
        patch::attach(&mut diff.files, &patch.stdout);
        Ok(diff)
    }

    /// Compares two trees by files and counts only.
    pub async fn diff_stat(
        &self,
        old: Side<'_>,
        new: Side<'_>,
        options: &DiffOptions,
    ) -> Result<Diff> {
        let call = self
            .compare(options)
            .args(["--raw", "--numstat", "-z"])
            .stdout_max(RECORDS_MAX_BYTES, Overflow::Cut);
        let sides = [old.spec(self.format()), new.spec(self.format())];
        let output = on(call, &sides, options).run().await?;
        Ok(Diff { files: raw::parse(&output.stdout), truncated: output.cut })
    }

    fn compare(&self, options: &DiffOptions) -> Call<'_> {
        let renames = match options.renames {
            Renames::Detect => "--find-renames",
            Renames::Ignore => "--no-renames",
        };
        self.call("compare two trees")
            .args(["diff-tree", "-r", "--full-index", "--ignore-submodules=none", renames])
            .heavy(LOCAL_TIME_MAX)
    }
}

fn on<'a>(call: Call<'a>, sides: &[String; 2], options: &DiffOptions) -> Call<'a> {
    call.arg("--end-of-options").args(sides).arg("--").args(&options.paths)
}
