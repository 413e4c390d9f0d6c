//! Which names may be written into a worktree.
//!
//! TRUST: the names come from a sandbox. Git refuses most of these in any pack; here they are
//! refused once more, for all platforms at once, since a worktree may travel.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use super::snapshot::Change;
use crate::objects::EntryKind;

/// Bytes of a path.
pub const PATH_MAX_BYTES: usize = 4096;

/// Why a name is refused; shown by `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It leaves the worktree, or names no file.
    Outside,
    /// It is, or lies in, something that some file system takes for `.git`.
    GitFolder,
    /// A link where git wants a file, since it configures git.
    LinkedSettings,
    /// It belongs to a repository hidden among ordinary files.
    Repository,
    /// Another path is the same on a file system that ignores case or spelling.
    Collision,
    /// It is too long.
    TooLong,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Outside => "the path leaves the worktree",
            Self::GitFolder => "the name stands for .git on some file systems",
            Self::LinkedSettings => "a link must not stand for git's settings",
            Self::Repository => "the files make up a git repository inside of the worktree",
            Self::Collision => "another file has the same name where case or spelling is ignored",
            Self::TooLong => "the path is too long",
        })
    }
}

/// What is wrong with a path that is to be written.
pub fn fault_of(path: &[u8], kind: EntryKind) -> Option<Fault> {
    if path.len() > PATH_MAX_BYTES {
        return Some(Fault::TooLong);
    }
    // Windows also separates by backslashes.
    if path.split(|b| *b == b'/').any(|part| matches!(part, b"" | b"." | b".."))
        || path.split(|b| matches!(b, b'/' | b'\\')).any(|part| part == b"..")
        || path.contains(&0)
    {
        return Some(Fault::Outside);
    }
    if path.split(|b| matches!(b, b'/' | b'\\')).any(is_git_folder) {
        return Some(Fault::GitFolder);
    }
    let name = path.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or_default();
    let settings = [".gitmodules", ".gitattributes", ".gitignore", ".mailmap"];
    if kind == EntryKind::Link && settings.contains(&plain(name).as_str()) {
        return Some(Fault::LinkedSettings);
    }
    None
}

/// Whether NTFS, HFS+ or a file system without case takes this for `.git`.
fn is_git_folder(part: &[u8]) -> bool {
    let name = plain(part);
    let short = name
        .strip_prefix("git~")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    name == ".git" || short
}

/// A name without what file systems overlook: case, streams, dots and spaces at the end, invisible
/// characters.
fn plain(part: &[u8]) -> String {
    let text = String::from_utf8_lossy(part);
    let text = text.split(':').next().unwrap_or_default();
    let seen: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
    seen.to_lowercase().trim_end_matches(['.', ' ']).to_owned()
}

/// Characters that HFS+ leaves out of comparisons.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// A path as a file system compares it that ignores case and spelling of characters.
fn folded(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) => text.nfc().flat_map(char::to_lowercase).nfc().collect(),
        Err(_) => String::from_utf8_lossy(path).to_lowercase(),
    }
}

/// New paths that fall together with another one, folders included.
pub fn collisions(all: &[Vec<u8>], added: &BTreeSet<&[u8]>) -> Vec<Vec<u8>> {
    let mut seen: BTreeMap<String, &[u8]> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for path in all {
        for end in ends(path) {
            let part = path.get(..end).unwrap_or_default();
            match seen.get(&folded(part)) {
                Some(known) if *known != part => {
                    for one in [path.as_slice(), known] {
                        let is_new = |new: &&[u8]| {
                            *new == one
                                || (new.starts_with(one) && new.get(one.len()) == Some(&b'/'))
                        };
                        found.extend(added.iter().copied().find(is_new).map(<[u8]>::to_vec));
                    }
                }
                Some(_) => {}
                None => {
                    seen.insert(folded(part), part);
                }
            }
        }
    }
    found.into_iter().collect()
}

/// Where each part of a path ends.
fn ends(path: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let inner = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    inner.chain(std::iter::once(path.len()))
}

/// Folders that new files may turn into a git repository: they would hold `HEAD`, `objects` or `refs`.
pub fn suspect_folders(changes: &[Change]) -> BTreeSet<Vec<u8>> {
    let mut folders = BTreeSet::new();
    for change in changes.iter().filter(|change| change.new.is_some()) {
        let parts: Vec<&[u8]> = change.path.split(|b| *b == b'/').collect();
        for (at, part) in parts.iter().enumerate() {
            let name = plain(part);
            let is_last = at + 1 == parts.len();
            let tells = matches!(name.as_str(), "objects" | "refs") && !is_last;
            if tells || (is_last && matches!(name.as_str(), "head" | "commondir" | "config")) {
                folders.insert(parts.get(..at).unwrap_or_default().join(&b'/'));
            }
        }
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_git_folder_is_refused() {
        let bad = [
            ".git",
            ".GIT/config",
            "a/.Git/hooks/x",
            ".git./x",
            ".git /x",
            ".git::$INDEX_ALLOCATION/x",
            "git~1/config",
            "GIT~2",
            ".g\u{200c}it/config",
            "\u{feff}.git",
            "a\\.git\\config",
            ".git\u{200d}. /x",
        ];
        for path in bad {
            assert_eq!(
                fault_of(path.as_bytes(), EntryKind::File),
                Some(Fault::GitFolder),
                "{path}"
            );
        }
        for path in ["../x", "a/../b", "/etc/passwd", "a//b", "./a", "", "a/", "a\\..\\b", "nul\0"]
        {
            assert_eq!(fault_of(path.as_bytes(), EntryKind::File), Some(Fault::Outside), "{path}");
        }
        for path in [
            ".gitignore",
            "git",
            ".github/x",
            "git~x",
            "a.git",
            ".gitmodules",
            "...",
            "a:b",
            "git~",
        ] {
            assert_eq!(fault_of(path.as_bytes(), EntryKind::File), None, "{path}");
        }
        assert_eq!(fault_of(b"d/.gitmodules", EntryKind::Link), Some(Fault::LinkedSettings));
        assert_eq!(fault_of(&[b'a'; 5000], EntryKind::File), Some(Fault::TooLong));
    }

    #[test]
    fn names_that_fall_together_are_found() {
        let all: Vec<Vec<u8>> = ["A/x", "a/y", "caf\u{e9}", "cafe\u{301}", "ok"]
            .map(|path| path.as_bytes().to_vec())
            .to_vec();
        let added: BTreeSet<&[u8]> = [&b"a/y"[..], "cafe\u{301}".as_bytes(), b"ok"].into();
        let found = collisions(&all, &added);
        assert_eq!(found, [b"a/y".to_vec(), "cafe\u{301}".as_bytes().to_vec()]);
    }
}
