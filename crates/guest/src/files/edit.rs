//! Exact replacement in a file.

use super::write::Draft;
use super::{explain, open, resolve};
use crate::ops::fault;
use protocol::link::{Answer, EditFile, Edited, Fault, FaultCode};
use similar::{ChangeTag, TextDiff};
use std::io::{Read as _, Write as _};
use std::time::Duration;

/// Bytes of a file that can be edited.
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of the diff that is answered.
const DIFF_BYTES: usize = 16 * 1024;
/// Lines around a change.
const CONTEXT_LINES: usize = 3;
/// Time for finding a small diff; after it a larger one is taken.
const DIFF_TIME: Duration = Duration::from_millis(50);

/// Edits the file; what is left of the draft goes when it is dropped.
pub fn file(wanted: &EditFile) -> Result<(Answer, Draft), Fault> {
    prepare(wanted)?.commit(&wanted.path)
}

/// An edit that only has to take its place.
pub struct Prepared {
    draft: Draft,
    edited: Edited,
}

impl Prepared {
    /// Puts it there.
    pub fn commit(mut self, shown: &str) -> Result<(Answer, Draft), Fault> {
        self.draft.commit(shown)?;
        Ok((Answer::Edited(self.edited), self.draft))
    }
}

/// Does everything for an edit that changes nothing yet.
pub fn prepare(wanted: &EditFile) -> Result<Prepared, Fault> {
    let path = resolve(&wanted.cwd, &wanted.path)?;
    let before = text(&path, &wanted.path)?;
    let (after, replaced) = replace(&before, wanted)?;
    let mut draft = Draft::begin(&path, &wanted.path, None)?;
    draft.file.write_all(after.as_bytes()).map_err(|error| explain(&wanted.path, &error))?;
    draft.begin_writing();
    Ok(Prepared { draft, edited: Edited { replaced, diff: diff(&before, &after) } })
}

fn text(path: &std::path::Path, shown: &str) -> Result<String, Fault> {
    let unsuitable = |text: String| fault(FaultCode::Unsuitable, text);
    let (file, size) = open(path, shown)?;
    if size > FILE_BYTES {
        return Err(unsuitable(format!("{shown} has {size} bytes; edit it with a command")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| explain(shown, &error))?;
    String::from_utf8(bytes)
        .map_err(|_| unsuitable(format!("{shown} is not UTF-8 text; edit it with a command")))
}

fn replace(before: &str, wanted: &EditFile) -> Result<(String, u32), Fault> {
    let bad = |text: &str| Err(fault(FaultCode::BadRequest, text));
    if wanted.old.is_empty() {
        return bad("the text to replace is empty; write the file instead");
    }
    if wanted.old == wanted.new {
        return bad("the old and the new text are the same");
    }
    let (old, new) = line_ends(before, wanted);
    let count = before.matches(old.as_str()).count();
    match (count, wanted.all) {
        (0, _) => Err(fault(FaultCode::NoMatch, no_match(before, &wanted.old, &wanted.path))),
        (2.., false) => Err(fault(
            FaultCode::ManyMatches,
            format!(
                "the text to replace occurs {count} times in {}: \
                 give more of its surroundings, or replace all",
                wanted.path
            ),
        )),
        _ => Ok((before.replace(&old, &new), u32::try_from(count).unwrap_or(u32::MAX))),
    }
}

/// In a file whose lines end with CR LF, a text written with LF alone means the same lines.
fn line_ends(before: &str, wanted: &EditFile) -> (String, String) {
    let exact = (wanted.old.clone(), wanted.new.clone());
    let plain = wanted.old.contains('\n') || wanted.new.contains('\n');
    let carriage = wanted.old.contains('\r') || wanted.new.contains('\r');
    if !plain
        || carriage
        || !before.contains("\r\n")
        || before.contains(&wanted.old) && wanted.old.contains('\n')
    {
        return exact;
    }
    (wanted.old.replace('\n', "\r\n"), wanted.new.replace('\n', "\r\n"))
}

fn no_match(before: &str, old: &str, shown: &str) -> String {
    let mut text = format!("the text to replace does not occur in {shown}");
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = old.lines().map(squeeze).find(|line| !line.is_empty());
    let near = first.and_then(|first| before.lines().position(|line| squeeze(line) == first));
    if let Some(line) = near {
        let line = line + 1;
        let hint =
            format!("; its first line stands at line {line}, perhaps with other white space");
        text.push_str(&hint);
    }
    text
}

/// A unified diff of the part that changed.
fn diff(before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let start = same.saturating_sub(CONTEXT_LINES);
    let room = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
    let tail = tail.saturating_sub(CONTEXT_LINES);
    let old = old.get(start..old.len() - tail).unwrap_or_default();
    let new = new.get(start..new.len() - tail).unwrap_or_default();
    let diff = TextDiff::configure().timeout(DIFF_TIME).diff_slices(old, new);
    let mut out = String::new();
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let side = |from: usize, to: usize| format!("{},{}", start + from + 1, to - from);
        let left = side(first.old_range().start, last.old_range().end);
        let right = side(first.new_range().start, last.new_range().end);
        out.push_str(&format!("@@ -{left} +{right} @@\n"));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value();
            let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            out.push(sign);
            out.push_str(line);
            out.push_str(end);
            if out.len() > DIFF_BYTES {
                out.truncate(out.floor_char_boundary(DIFF_BYTES));
                out.push_str("\n… (more changes)\n");
                return out;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(before: &str, old: &str, new: &str, all: bool) -> Result<(String, u32), FaultCode> {
        let wanted = EditFile {
            op: protocol::link::OpId::parse("e").unwrap(),
            cwd: "/".to_owned(),
            path: "f".to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
            all,
        };
        replace(before, &wanted).map_err(|fault| fault.code)
    }

    #[test]
    fn a_replacement_is_exact_and_unique_unless_all_are_meant() {
        assert_eq!(edit("a b a", "b", "c", false), Ok(("a c a".to_owned(), 1)));
        assert_eq!(edit("a b a", "a", "c", false), Err(FaultCode::ManyMatches));
        assert_eq!(edit("a b a", "a", "c", true), Ok(("c b c".to_owned(), 2)));
        assert_eq!(edit("a b a", "x", "c", false), Err(FaultCode::NoMatch));
        assert_eq!(edit("a", "", "c", false), Err(FaultCode::BadRequest));
        assert_eq!(edit("grün ✓", "✓", "✗", false), Ok(("grün ✗".to_owned(), 1)));
    }

    #[test]
    fn line_ends_of_the_file_are_kept() {
        assert_eq!(edit("a\r\nb\r\n", "a\nb", "x\ny", false), Ok(("x\r\ny\r\n".to_owned(), 1)));
        assert_eq!(edit("a\r\nb\r\n", "a", "x\ny", false), Ok(("x\r\ny\r\nb\r\n".to_owned(), 1)));
        assert_eq!(edit("a\r\nb\r\n", "a\r\nb", "c", false), Ok(("c\r\n".to_owned(), 1)));
        assert_eq!(
            edit("a\nb\r\nc\n", "c\n", "d\n", false),
            Err(FaultCode::NoMatch).or(Ok(("a\nb\r\nd\n".to_owned(), 1)))
        );
    }

    #[test]
    fn the_diff_names_the_lines_of_the_whole_file() {
        let before: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 50\n", "line fifty\n");
        let shown = diff(&before, &after);
        assert!(shown.starts_with("@@ -47,7 +47,7 @@\n line 47\n"), "{shown}");
        assert!(shown.contains("-line 50\n+line fifty\n"), "{shown}");
        assert_eq!(
            diff("a", "b"),
            "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        );
    }
}
