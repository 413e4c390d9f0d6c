//! What a diff changes, file by file, as our own copy of the commits tells it.

use similar::{Algorithm, DiffTag};

/// Lines of both sides that are compared with one another; of more, all count as changed.
const COMPARED_LINES: usize = 6_000;

/// One file that a diff changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it is, or was where it is deleted.
    pub path: String,
    /// Where it was before it was renamed.
    pub old_path: Option<String>,
    /// What was there; none where it is new.
    pub old: Option<Side>,
    /// What is there; none where it is deleted.
    pub new: Option<Side>,
}

/// A file on one side of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// What kind of entry it is.
    pub mode: Mode,
    /// Size in bytes.
    pub bytes: u64,
    /// What it holds.
    pub content: Content,
}

/// The kinds of entries of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file.
    File,
    /// A file that may be run.
    Executable,
    /// A symbolic link; its content is where it leads.
    Symlink,
    /// A commit of another repository; its content is that commit's id.
    Submodule,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// Bytes that are no UTF-8 text.
    Binary(Vec<u8>),
    /// It was not read: it is larger than what is looked at. The name that git has for it.
    Unread(String),
}

/// A line that a change adds or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1, on its own side.
    pub number: u32,
    /// It, without its end.
    pub text: &'a str,
}

/// The lines that a change adds and removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines<'a> {
    /// Those of the new side.
    pub added: Vec<Line<'a>>,
    /// Those of the old side.
    pub removed: Vec<Line<'a>>,
}

impl Side {
    /// Its text, if it is one that was read.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Binary(_) | Content::Unread(_) => None,
        }
    }
}

impl Change {
    /// The text that is there, if it is one that was read.
    pub fn new_text(&self) -> Option<&str> {
        self.new.as_ref()?.text()
    }

    /// The text that was there, if it is one that was read.
    pub fn old_text(&self) -> Option<&str> {
        self.old.as_ref()?.text()
    }

    /// The lines that are added and removed. The same on every machine, so no clock decides how closely is looked.
    pub fn lines(&self) -> Lines<'_> {
        let old: Vec<&str> = self.old_text().unwrap_or_default().lines().collect();
        let new: Vec<&str> = self.new_text().unwrap_or_default().lines().collect();
        let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
        let before = old.iter().zip(&new).take_while(same).count();
        let (old_rest, new_rest) =
            (old.get(before..).unwrap_or_default(), new.get(before..).unwrap_or_default());
        let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
        let middle = |rest: &[&'_ str]| 0..rest.len() - after;
        let (old_rest, new_rest) = (
            old_rest.get(middle(old_rest)).unwrap_or_default(),
            new_rest.get(middle(new_rest)).unwrap_or_default(),
        );
        let mut lines = Lines::default();
        if old_rest.len() + new_rest.len() > COMPARED_LINES {
            lines.removed = numbered(old_rest, 0, before).collect();
            lines.added = numbered(new_rest, 0, before).collect();
            return lines;
        }
        for op in similar::capture_diff_slices(Algorithm::Myers, old_rest, new_rest) {
            let (tag, of_old, of_new) = op.as_tag_tuple();
            if tag != DiffTag::Equal {
                let removed = old_rest.get(of_old.clone()).unwrap_or_default();
                let added = new_rest.get(of_new.clone()).unwrap_or_default();
                lines.removed.extend(numbered(removed, of_old.start, before));
                lines.added.extend(numbered(added, of_new.start, before));
            }
        }
        lines
    }
}

fn numbered<'a>(lines: &[&'a str], start: usize, before: usize) -> impl Iterator<Item = Line<'a>> {
    let number = move |at: usize| u32::try_from(before + start + at + 1).unwrap_or(u32::MAX);
    lines.iter().enumerate().map(move |(at, text)| Line { number: number(at), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(text: &str) -> Option<Side> {
        let content = Content::Text(text.to_owned());
        Some(Side { mode: Mode::File, bytes: text.len() as u64, content })
    }

    #[test]
    fn lines_are_numbered_on_their_own_side() {
        let path = "a".to_owned();
        let (old, new) = (side("a\nb\nc"), side("a\nx\r\nc\nd\n"));
        let change = Change { path, old_path: None, old, new };
        let lines = change.lines();
        let said = |lines: &[Line<'_>]| {
            lines.iter().map(|line| format!("{} {}", line.number, line.text)).collect::<Vec<_>>()
        };
        assert_eq!(said(&lines.removed), ["2 b"]);
        assert_eq!(said(&lines.added), ["2 x", "4 d"]);
    }

    #[test]
    fn what_is_too_long_to_be_compared_is_changed_as_a_whole() {
        let text = |mark: &str| {
            let middle = (0..COMPARED_LINES).map(|n| format!("{mark} {n}\n"));
            side(&format!("first\n{}last\n", middle.collect::<String>()))
        };
        let path = "a".to_owned();
        let change = Change { path, old_path: None, old: text("x"), new: text("y") };
        let lines = change.lines();
        assert_eq!((lines.removed.len(), lines.added.len()), (COMPARED_LINES, COMPARED_LINES));
        assert_eq!(lines.added.first().unwrap().number, 2);
    }
}
