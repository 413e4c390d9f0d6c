//! Traps in the tree itself: links that lead out of it, names that are taken for git's own, names that collide.
//!
//! TRUST: only what the diff brings is known here. A link through one that was there before is followed only as far
//! as the diff tells.

use super::{Place, Stops, is_new_path, unicode};
use crate::change::{Change, Content, Mode};
use std::collections::{HashMap, VecDeque};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// Parts of paths that are followed for one link.
const FOLLOWED_PARTS: usize = 2_000;

pub(super) fn in_diff(changes: &[Change], stops: &mut Stops<'_>) {
    let links: HashMap<&str, &str> =
        changes.iter().filter_map(|change| Some((change.path.as_str(), target(change)?))).collect();
    let mut tree = Tree::default();
    for change in changes {
        let Some(new) = &change.new else { continue };
        let place = Place::file(change, stops.known);
        if is_new_path(change) {
            of_path(&place, &change.path, stops);
        }
        let is_same = change.old.as_ref() == Some(new) && !is_new_path(change);
        if new.mode == Mode::Symlink && !is_same {
            of_link(&place, change, &links, stops);
        }
    }
    // What was there before comes first, so that it is the new name which collides.
    let (there, new): (Vec<_>, Vec<_>) = changes
        .iter()
        .filter(|change| change.new.is_some())
        .partition(|change| !is_new_path(change));
    for change in there.into_iter().chain(new) {
        if tree.collides(&change.path) && is_new_path(change) {
            let place = Place::file(change, stops.known);
            let why = "This path differs from another of this diff only in capitals or in how its letters are written, and they are one file on many machines: rename one.";
            stops.add("path.collision", &place, None, change.path.as_bytes(), why.to_owned());
        }
    }
}

fn of_path(place: &Place, path: &str, stops: &mut Stops<'_>) {
    let mut stop = |rule: &str, why: &str| {
        stops.add(rule, place, None, path.as_bytes(), why.to_owned());
    };
    if path.chars().any(|c| c.is_ascii_control()) {
        stop(
            "path.control",
            "This path holds control characters, by which listings show another one: rename it.",
        );
    }
    let mut parts = path.split(['/', '\\']);
    if path.starts_with('/') || parts.clone().any(|part| matches!(part, "" | "." | "..")) {
        stop("path.dots", "This path leads out of its place in the tree: rename it.");
    }
    if parts.any(is_git) {
        stop(
            "path.git",
            "A part of this path is taken for git's own folder on some machines, where it runs what is in it: rename it.",
        );
    }
    if path.split(['/', '\\']).any(is_modules_look_alike) {
        stop(
            "path.gitmodules",
            "A part of this path is taken for `.gitmodules` on some machines and is not: rename it.",
        );
    }
}

/// A part of a path as the file systems fold it that fold most.
fn folded(part: &str) -> String {
    let part: String = part.chars().filter(|c| !unicode::is_ignored(*c)).nfkc().collect();
    let part: String = part.to_lowercase().nfc().collect();
    // What follows a colon names a stream of the same file.
    let part = part.split(':').next().unwrap_or_default();
    part.trim_end_matches(['.', ' ']).to_owned()
}

fn is_short_name(part: &str, name: &str) -> bool {
    part.strip_prefix(name).is_some_and(|rest| matches!(rest.as_bytes(), [b'~', b'0'..=b'9', ..]))
}

/// Whether a part of a path is git's folder to some file system, or to whoever reads it.
fn is_git(part: &str) -> bool {
    let folded = folded(part);
    folded == ".git"
        || is_short_name(&folded, "git")
        || (!part.is_ascii() && looks(&folded, ".git"))
}

fn is_modules_look_alike(part: &str) -> bool {
    let folded = folded(part);
    part != ".gitmodules"
        && (folded == ".gitmodules"
            || is_short_name(&folded, "gitmod")
            || is_short_name(&folded, "gi7eba")
            || (!part.is_ascii() && looks(&folded, ".gitmodules")))
}

fn looks(part: &str, name: &str) -> bool {
    part.chars().count() <= 2 * name.len() && skeleton(part).eq(skeleton(name))
}

fn target(change: &Change) -> Option<&str> {
    let new = change.new.as_ref().filter(|new| new.mode == Mode::Symlink)?;
    new.text()
}

/// Where a link leads.
enum Lead {
    Within,
    Out,
    ToGit,
    Endless,
}

fn of_link(place: &Place, change: &Change, links: &HashMap<&str, &str>, stops: &mut Stops<'_>) {
    let content = change.new.as_ref().map(|new| &new.content);
    let text = match content {
        Some(Content::Text(text)) => text.as_bytes(),
        Some(Content::Binary(bytes)) => bytes,
        Some(Content::Unread(_)) | None => &[],
    };
    let lead = target(change).map_or(Lead::Out, |target| follow(&change.path, target, links));
    let (rule, why) = match lead {
        Lead::Within if change.path.rsplit('/').next() == Some(".gitmodules") => {
            ("path.gitmodules", "`.gitmodules` is a link, which git refuses: make it a file.")
        }
        Lead::Within => return,
        Lead::Out => (
            "path.link",
            "This link leads out of the tree, to whatever is there on the machine that checks it out: make it a file, or a link within.",
        ),
        Lead::ToGit => (
            "path.link-git",
            "This link leads into git's own folder: make it a file, or a link within the tree.",
        ),
        Lead::Endless => (
            "path.link-loop",
            "This link leads through so many others that it was not followed to its end: let it lead there straight.",
        ),
    };
    stops.add(rule, place, None, text, why.to_owned());
}

/// Follows a link as a file system does, within what the diff tells.
fn follow(path: &str, target: &str, links: &HashMap<&str, &str>) -> Lead {
    let mut at: Vec<&str> = path.split('/').collect();
    at.pop();
    let mut ahead: VecDeque<&str> = VecDeque::new();
    if !lead_into(target, &mut ahead) {
        return Lead::Out;
    }
    let mut followed = 0;
    while let Some(part) = ahead.pop_front() {
        followed += 1;
        if followed > FOLLOWED_PARTS {
            return Lead::Endless;
        }
        match part {
            "" | "." => continue,
            ".." if at.pop().is_some() => continue,
            ".." => return Lead::Out,
            part if is_git(part) => return Lead::ToGit,
            part => at.push(part),
        }
        // Without any other link there is none to be followed, however long the path.
        if links.len() > 1
            && let Some(next) = links.get(at.join("/").as_str())
        {
            at.pop();
            if ahead.len() > FOLLOWED_PARTS {
                return Lead::Endless;
            }
            if !lead_into(next, &mut ahead) {
                return Lead::Out;
            }
        }
    }
    Lead::Within
}

/// Puts the parts of a target before what is ahead; says whether it leads from where the link is.
fn lead_into<'a>(target: &'a str, ahead: &mut VecDeque<&'a str>) -> bool {
    let is_drive = matches!(target.as_bytes(), [b'A'..=b'Z' | b'a'..=b'z', b':', ..]);
    if is_drive || target.starts_with(['/', '\\', '~']) {
        return false;
    }
    for part in target.rsplit(['/', '\\']).take(FOLLOWED_PARTS + 1) {
        ahead.push_front(part);
    }
    true
}

/// The names of a tree, folded, each with the one that was met first.
#[derive(Default)]
struct Tree<'a> {
    nodes: HashMap<(usize, String), (&'a str, usize)>,
}

impl<'a> Tree<'a> {
    /// Adds a path; says whether a part of it is met in another spelling at the same place.
    fn collides(&mut self, path: &'a str) -> bool {
        let (mut at, mut collides) = (0, false);
        for part in path.split('/') {
            let folded: String = part.nfc().collect::<String>().to_lowercase().nfc().collect();
            let next = self.nodes.len() + 1;
            let (first, node) = *self.nodes.entry((at, folded)).or_insert((part, next));
            collides |= first != part;
            at = node;
        }
        collides
    }
}

#[cfg(test)]
mod tests;
