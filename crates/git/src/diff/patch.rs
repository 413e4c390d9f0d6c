//! Reads patch text into hunks. Lines are counted by the hunk's header, so content that looks like
//! a header stays content.

use super::{FileDiff, Hunk, Line, LineKind, Status};

/// Puts the hunks of a patch to their files; both are in the same order.
pub(super) fn attach(files: &mut [FileDiff], patch: &[u8]) {
    let mut sections = Sections { rest: patch };
    for file in files {
        let Some(hunks) = sections.next_file() else { return };
        file.hunks = hunks;
        if file.status == Status::Retyped {
            // Printed as a file removed and a file added.
            file.hunks.extend(sections.next_file().unwrap_or_default());
        }
    }
}

struct Sections<'a> {
    rest: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Reads from one `diff --git` line to the next; hunks cut in the middle are left out.
    fn next_file(&mut self) -> Option<Vec<Hunk>> {
        self.line().filter(|line| line.starts_with(b"diff --git "))?;
        let mut hunks = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(b"diff --git ") {
            let line = self.line()?;
            if line.starts_with(b"@@ ") {
                hunks.extend(self.hunk(line));
            }
        }
        Some(hunks)
    }

    fn hunk(&mut self, header: &[u8]) -> Option<Hunk> {
        let mut hunk = parse_header(&String::from_utf8_lossy(header))?;
        let (mut old, mut new) = (hunk.old_lines, hunk.new_lines);
        while old > 0 || new > 0 {
            let line = self.line()?;
            let (mark, text) = line.split_first()?;
            let kind = match mark {
                b'+' => LineKind::Added,
                b'-' => LineKind::Removed,
                _ => LineKind::Context,
            };
            old -= u32::from(kind != LineKind::Added && old > 0);
            new -= u32::from(kind != LineKind::Removed && new > 0);
            let unterminated = self.rest.starts_with(b"\\ ");
            if unterminated {
                self.line()?;
            }
            let text = String::from_utf8_lossy(text).into_owned();
            hunk.lines.push(Line { kind, text, unterminated });
        }
        Some(hunk)
    }

    /// The next whole line; the last of a cut text is not whole.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest;
        let Some(end) = rest.iter().position(|b| *b == b'\n') else {
            self.rest = &[];
            return None;
        };
        self.rest = rest.get(end + 1..).unwrap_or_default();
        rest.get(..end)
    }
}

/// Reads `@@ -a,b +c,d @@ section`; a count left out is one.
fn parse_header(line: &str) -> Option<Hunk> {
    let (ranges, section) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((old_start, old_lines), (new_start, new_lines)) = (range(old)?, range(new)?);
    let section = section.trim_start().to_owned();
    Some(Hunk { old_start, old_lines, new_start, new_lines, section, lines: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_looks_like_a_header_stays_content() {
        let patch =
            b"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ fn f()\n\
            -diff --git a/y b/y\n+@@ -1 +1 @@\n \n\\ No newline at end of file\n";
        let mut sections = Sections { rest: patch };
        let hunks = sections.next_file().unwrap();
        assert_eq!(hunks.len(), 1);
        assert_eq!(hunks[0].header(), "@@ -1,2 +1,2 @@ fn f()");
        let lines: Vec<_> =
            hunks[0].lines.iter().map(|l| (l.kind, l.text.as_str(), l.unterminated)).collect();
        assert_eq!(
            lines,
            [
                (LineKind::Removed, "diff --git a/y b/y", false),
                (LineKind::Added, "@@ -1 +1 @@", false),
                (LineKind::Context, "", true),
            ]
        );
        assert!(sections.next_file().is_none());
    }

    #[test]
    fn a_cut_patch_loses_only_its_last_hunk() {
        let whole = "diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n@@ -9,2 +9,2 @@\n-a\n+b\n c\n";
        for end in 0..whole.len() {
            let mut sections = Sections { rest: &whole.as_bytes()[..end] };
            if let Some(hunks) = sections.next_file() {
                assert!(hunks.len() <= 1);
            }
        }
    }
}
