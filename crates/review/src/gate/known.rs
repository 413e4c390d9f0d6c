//! The exact values of this agent's secrets, in every spelling of them that programs write.

use super::{Place, Stops, is_new_path};
use crate::change::{Change, Line};
use aho_corasick::{AhoCorasick, BuildError};
use std::collections::{BTreeSet, HashSet};

/// Bytes that a spelling needs, so that it is told from chance.
const LEAST_BYTES: usize = 6;

/// The agent's secrets, made ready to be found.
#[derive(Debug, Clone)]
pub struct Known {
    key: [u8; 32],
    /// Names, and digests of all spellings.
    names: Vec<(String, blake3::Hash)>,
    /// Of every spelling the place of its secret in `names`, as both finders number them.
    owners: Vec<usize>,
    whole: AhoCorasick,
    /// The spellings as they are where line ends fall into them.
    joined: AhoCorasick,
}

impl Known {
    /// Secrets by name, each with its spellings. Marks are made under `key`, so that nobody guesses a weak password
    /// by the mark that allowed it; another key makes every mark another.
    pub fn new(
        key: [u8; 32],
        secrets: impl IntoIterator<Item = (String, Vec<Vec<u8>>)>,
    ) -> Result<Self, BuildError> {
        let (mut names, mut owners, mut needles) = (Vec::new(), Vec::new(), Vec::new());
        for (name, spellings) in secrets {
            let spellings: BTreeSet<_> =
                spellings.into_iter().filter(|one| one.len() >= LEAST_BYTES).collect();
            let mut digest = blake3::Hasher::new_keyed(&key);
            spellings.iter().for_each(|spelling| {
                digest.update(spelling);
            });
            owners.extend(spellings.iter().map(|_| names.len()));
            needles.extend(spellings);
            names.push((name, digest.finalize()));
        }
        let joined: Vec<_> = needles.iter().map(|needle| joined_needle(needle)).collect();
        Ok(Self {
            key,
            names,
            owners,
            whole: AhoCorasick::new(&needles)?,
            joined: AhoCorasick::new(joined)?,
        })
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    fn named(&self, needle: usize) -> Option<&(String, blake3::Hash)> {
        self.names.get(*self.owners.get(needle)?)
    }

    /// A path as it may be shown: without any secret, and without what is not seen.
    pub(super) fn masked(&self, path: &str) -> String {
        let mut shown = String::with_capacity(path.len());
        let mut hidden_to = 0;
        let mut hits =
            self.whole.find_overlapping_iter(path).map(|hit| hit.range()).collect::<Vec<_>>();
        hits.sort_by_key(|hit| hit.start);
        let mut hits = hits.into_iter().peekable();
        for (at, c) in path.char_indices() {
            while let Some(hit) = hits.next_if(|hit| hit.start <= at) {
                if hidden_to <= at {
                    shown.push('…');
                }
                hidden_to = hidden_to.max(hit.end);
            }
            if at >= hidden_to {
                match c {
                    ' '..='~' => shown.push(c),
                    c if c.is_alphanumeric() => shown.push(c),
                    c => shown.extend(c.escape_unicode()),
                }
            }
        }
        shown
    }
}

fn tell(stops: &mut Stops<'_>, place: &Place, line: Option<u32>, needle: usize, where_: &str) {
    let known = stops.known;
    let Some((name, digest)) = known.named(needle) else { return };
    let why = format!(
        "The value of the secret {name} stands {where_}{}: take it out, and have it read from the environment.",
        place.said
    );
    stops.add("secret.known", place, line, digest.as_bytes(), why);
}

/// Looks into the path of a file that the diff brings.
pub(super) fn in_path(place: &Place, change: &Change, stops: &mut Stops<'_>) {
    if is_new_path(change) {
        let known = stops.known;
        for hit in known.whole.find_overlapping_iter(&change.path) {
            tell(stops, place, None, hit.pattern().as_usize(), "in the name of this file");
        }
    }
}

/// Looks for what is nowhere in the old bytes, where the new ones are no text.
pub(super) fn in_bytes(place: &Place, old: &[u8], new: &[u8], stops: &mut Stops<'_>) {
    if std::str::from_utf8(new).is_ok() {
        return;
    }
    let known = stops.known;
    let found = |bytes: &[u8]| -> BTreeSet<usize> {
        known.whole.find_overlapping_iter(bytes).map(|hit| hit.pattern().as_usize()).collect()
    };
    for needle in found(new).difference(&found(old)) {
        tell(stops, place, None, *needle, "in this file");
    }
}

/// Looks through a whole text, also across the ends of its lines, for what touches a line that is added.
pub(super) fn in_text(place: &Place, text: &str, added: &[Line<'_>], stops: &mut Stops<'_>) {
    let known = stops.known;
    if known.owners.is_empty() || added.is_empty() {
        return;
    }
    let is_added: HashSet<u32> = added.iter().map(|line| line.number).collect();
    let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
    let starts: Vec<usize> = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
    let (joined, joined_starts) = join(text.as_bytes());
    let looks = [
        (&known.whole, text.as_bytes(), &starts),
        (&known.joined, joined.as_slice(), &joined_starts),
    ];
    let mut told = HashSet::new();
    for (finder, bytes, starts) in looks {
        for hit in finder.find_overlapping_iter(bytes) {
            let needle = hit.pattern().as_usize();
            if hit.is_empty() || told.contains(&needle) {
                continue;
            }
            let lines = line_at(starts, hit.start())..=line_at(starts, hit.end() - 1);
            if let Some(line) = lines.into_iter().find(|line| is_added.contains(line)) {
                told.insert(needle);
                tell(stops, place, Some(line), needle, "here");
            }
        }
    }
}

/// The number of the line that holds a byte, by where lines start.
fn line_at(starts: &[usize], at: usize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
}

fn joined_needle(needle: &[u8]) -> Vec<u8> {
    let (joined, _) = join(needle);
    if joined.len() < LEAST_BYTES { needle.to_vec() } else { joined }
}

/// A text as one line, without what programs put at the ends of lines when they break a long value: indents, quotes,
/// signs of comment and continuation. Says where in it each line starts.
fn join(bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut joined, mut starts) = (Vec::with_capacity(bytes.len()), Vec::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        starts.push(joined.len());
        let mut line = line.trim_ascii();
        for sign in [b"//".as_slice(), b"# ", b"* ", b"+ ", b"- ", b". "] {
            line = line.strip_prefix(sign).unwrap_or(line);
        }
        for sign in [b"\\n".as_slice(), b" +", b" \\", b" .", b"\\", b",", b";"] {
            line = line.trim_ascii_end().strip_suffix(sign).unwrap_or(line);
        }
        let mut line = line.trim_ascii();
        while let [b'"' | b'\'' | b'`', rest @ ..] = line {
            line = rest;
        }
        while let [rest @ .., b'"' | b'\'' | b'`'] = line {
            line = rest.strip_suffix(b"\\n").unwrap_or(rest);
        }
        joined.extend_from_slice(line);
    }
    (joined, starts)
}
