//! Files and diffs that are too large to leave.

use super::{Place, Stops};
use crate::change::{Change, Content, Side};

/// How much may leave in a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files of one diff.
    pub diff_files: usize,
    /// Bytes of all files of a diff together, as they are after it.
    pub diff_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 50 << 20, diff_files: 10_000, diff_bytes: 200 << 20 }
    }
}

pub(super) fn of_diff(changes: &[Change], limits: &Limits, stops: &mut Stops<'_>) {
    let files = changes.len();
    if files > limits.diff_files {
        let why = format!(
            "This diff changes {files} files and {} may leave at once: push it in parts, or allow it.",
            limits.diff_files
        );
        stops.add("size.files", &Place::diff(), None, &of_all(changes), why);
    }
    let sizes = changes.iter().filter_map(|change| Some(change.new.as_ref()?.bytes));
    let bytes = sizes.fold(0_u64, u64::saturating_add);
    if bytes > limits.diff_bytes {
        let why = format!(
            "The files of this diff hold {} and {} may leave at once: leave out what is made or fetched, or allow it.",
            said(bytes),
            said(limits.diff_bytes)
        );
        stops.add("size.diff", &Place::diff(), None, &of_all(changes), why);
    }
}

pub(super) fn of_file(place: &Place, new: &Side, limits: &Limits, stops: &mut Stops<'_>) {
    if new.bytes > limits.file_bytes {
        let why = format!(
            "This file holds {} and {} may leave in one file: keep it elsewhere, or allow it; what is in it was {}looked at.",
            said(new.bytes),
            said(limits.file_bytes),
            if matches!(new.content, Content::Unread(_)) { "not " } else { "" }
        );
        stops.add("size.file", place, None, &of_content(new), why);
    } else if matches!(new.content, Content::Unread(_)) {
        let why = "What is in this file was not looked at, since it is too large to be read: split it, or allow it if you know what it holds.";
        stops.add("size.unread", place, None, &of_content(new), why.to_owned());
    }
}

/// Names what a file holds: another of the same size is not what a person let through.
fn of_content(side: &Side) -> [u8; 32] {
    let (kind, bytes) = match &side.content {
        Content::Text(text) => (0, text.as_bytes()),
        Content::Binary(bytes) => (0, bytes.as_slice()),
        Content::Unread(name) => (1, name.as_bytes()),
    };
    *blake3::Hasher::new().update(&[kind]).update(bytes).finalize().as_bytes()
}

/// The same of a diff.
fn of_all(changes: &[Change]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for change in changes {
        hasher.update(&(change.path.len() as u64).to_le_bytes()).update(change.path.as_bytes());
        let new = change.new.as_ref().map(of_content).unwrap_or_default();
        hasher.update(&new);
    }
    *hasher.finalize().as_bytes()
}

fn said(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} bytes"),
        _ => format!("{} MiB", bytes >> 20),
    }
}
