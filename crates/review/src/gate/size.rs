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
        stops.add("size.files", &Place::diff(), None, &files.to_le_bytes(), why);
    }
    let sizes = changes.iter().filter_map(|change| Some(change.new.as_ref()?.bytes));
    let bytes = sizes.fold(0_u64, u64::saturating_add);
    if bytes > limits.diff_bytes {
        let why = format!(
            "The files of this diff hold {} and {} may leave at once: leave out what is made or fetched, or allow it.",
            said(bytes),
            said(limits.diff_bytes)
        );
        stops.add("size.diff", &Place::diff(), None, &bytes.to_le_bytes(), why);
    }
}

pub(super) fn of_file(place: &Place, new: &Side, limits: &Limits, stops: &mut Stops<'_>) {
    let text = new.bytes.to_le_bytes();
    if new.bytes > limits.file_bytes {
        let why = format!(
            "This file holds {} and {} may leave in one file: keep it elsewhere, or allow it; what is in it was {}looked at.",
            said(new.bytes),
            said(limits.file_bytes),
            if new.content == Content::Unread { "not " } else { "" }
        );
        stops.add("size.file", place, None, &text, why);
    } else if new.content == Content::Unread {
        let why = "What is in this file was not looked at, since it is too large to be read: split it, or allow it if you know what it holds.";
        stops.add("size.unread", place, None, &text, why.to_owned());
    }
}

fn said(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} bytes"),
        _ => format!("{} MiB", bytes >> 20),
    }
}
