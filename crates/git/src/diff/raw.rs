//! Reads `--raw --numstat -z`: what happened to each file, and how many lines changed.

use super::{FileDiff, Status};
use crate::objects::EntryKind;

/// Reads all records; one cut in the middle is left out.
pub(super) fn parse(records: &[u8]) -> Vec<FileDiff> {
    let mut fields = records.split(|b| *b == 0).peekable();
    let mut files: Vec<FileDiff> = Vec::new();
    // Counts come in the order of the files, so each search goes on where the last one ended.
    let mut at = 0;
    while let Some(field) = fields.next() {
        if let Some(meta) = field.strip_prefix(b":") {
            let Some(file) = raw(meta, &mut fields) else { break };
            files.push(file);
        } else if let Some((additions, deletions, path)) = counts(field) {
            // A renamed file has an empty path here and its two names in the next two fields.
            let name = if path.is_empty() { fields.nth(1).unwrap_or_default() } else { path };
            let name = String::from_utf8_lossy(name);
            let remaining = files.iter_mut().enumerate().skip(at);
            if let Some((found, file)) = remaining.into_iter().find(|(_, f)| f.path() == name) {
                at = found;
                file.binary = additions.is_none();
                file.additions = additions.unwrap_or(0);
                file.deletions = deletions.unwrap_or(0);
            }
        }
    }
    files
}

/// Reads `<mode> <mode> <id> <id> <status>` and the one or two paths that follow.
fn raw<'a>(meta: &[u8], fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<FileDiff> {
    let mut words = std::str::from_utf8(meta).ok()?.split(' ');
    let (old_kind, new_kind) =
        (EntryKind::of_mode(words.next()?), EntryKind::of_mode(words.next()?));
    let status = match words.nth(2)?.chars().next()? {
        'A' => Status::Added,
        'D' => Status::Deleted,
        'R' => Status::Renamed,
        'C' => Status::Copied,
        'T' => Status::Retyped,
        _ => Status::Modified,
    };
    let first = String::from_utf8_lossy(fields.next()?).into_owned();
    let (old_path, new_path) = match status {
        Status::Added => (None, Some(first)),
        Status::Deleted => (Some(first), None),
        Status::Renamed | Status::Copied => {
            (Some(first), Some(String::from_utf8_lossy(fields.next()?).into_owned()))
        }
        Status::Modified | Status::Retyped => (Some(first.clone()), Some(first)),
    };
    let hunks = Vec::new();
    let (binary, additions, deletions) = (false, 0, 0);
    Some(FileDiff {
        old_path,
        new_path,
        status,
        old_kind,
        new_kind,
        binary,
        additions,
        deletions,
        hunks,
    })
}

type Counts<'a> = (Option<u64>, Option<u64>, &'a [u8]);

/// Reads `<added> TAB <removed> TAB <path>`; a hyphen stands for a binary file.
fn counts(field: &[u8]) -> Option<Counts<'_>> {
    let mut parts = field.splitn(3, |b| *b == b'\t');
    let number = |part: &[u8]| -> Option<Option<u64>> {
        let text = std::str::from_utf8(part).ok()?;
        if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
    };
    let (added, removed) = (number(parts.next()?)?, number(parts.next()?)?);
    Some((added, removed, parts.next()?))
}
