//! Replaces texts in a stream, also where a text lies across the border of two pieces. Pure.

use aho_corasick::{AhoCorasick, MatchKind};
use std::sync::Arc;

/// What is replaced by what; shared by the streams that do so.
#[derive(Clone)]
pub struct Swaps {
    inner: Arc<Inner>,
}

struct Inner {
    finder: AhoCorasick,
    needles: Vec<Vec<u8>>,
    replacements: Vec<Vec<u8>>,
}

impl Swaps {
    /// Pairs of what is looked for and what takes its place; empty needles are left out. None where nothing is
    /// left to look for.
    pub fn new(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Option<Self> {
        let (needles, replacements): (Vec<_>, Vec<_>) =
            pairs.into_iter().filter(|(needle, _)| !needle.is_empty()).unzip();
        if needles.is_empty() {
            return None;
        }
        let finder =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&needles).ok()?;
        Some(Self { inner: Arc::new(Inner { finder, needles, replacements }) })
    }

    /// The same bytes with everything replaced.
    pub fn all(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.stream();
        let mut out = stream.push(bytes);
        out.extend(stream.finish());
        out
    }

    /// Whether anything would be replaced.
    pub fn touches(&self, bytes: &[u8]) -> bool {
        self.inner.finder.is_match(bytes)
    }

    /// A stream that is replaced in.
    pub fn stream(&self) -> Swapping {
        Swapping { inner: Arc::clone(&self.inner), held: Vec::new(), swapped: false }
    }
}

/// One stream that is replaced in.
pub struct Swapping {
    inner: Arc<Inner>,
    /// The end of what came, as far as it may be the beginning of a needle.
    held: Vec<u8>,
    swapped: bool,
}

impl Swapping {
    /// Whether anything was replaced so far.
    pub const fn swapped(&self) -> bool {
        self.swapped
    }

    /// Takes a piece and gives all that is sure by now.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let sure = self.held.len() - self.beginning();
        self.take(sure)
    }

    /// Gives the rest.
    pub fn finish(&mut self) -> Vec<u8> {
        self.take(self.held.len())
    }

    /// Length of the longest end that a needle begins with, but not ends with.
    fn beginning(&self) -> usize {
        let longest = self.inner.needles.iter().map(Vec::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest.saturating_sub(1));
        (from..self.held.len())
            .find_map(|at| {
                let end = self.held.get(at..)?;
                let is_beginning =
                    |needle: &Vec<u8>| needle.len() > end.len() && needle.starts_with(end);
                self.inner.needles.iter().any(is_beginning).then_some(end.len())
            })
            .unwrap_or(0)
    }

    /// Replaces in all matches that begin before `sure`. They end before the end of what is held: one that did
    /// not would be the beginning of a needle.
    fn take(&mut self, sure: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(sure);
        let mut at = 0;
        for found in self.inner.finder.find_iter(&self.held) {
            if found.start() >= sure {
                break;
            }
            out.extend_from_slice(self.held.get(at..found.start()).unwrap_or_default());
            self.swapped = true;
            let replacement = self.inner.replacements.get(found.pattern().as_usize());
            out.extend_from_slice(replacement.map_or(&[][..], Vec::as_slice));
            at = found.end();
        }
        let end = sure.max(at);
        out.extend_from_slice(self.held.get(at..end).unwrap_or_default());
        self.held.drain(..end);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swaps(pairs: &[(&str, &str)]) -> Swaps {
        Swaps::new(pairs.iter().map(|(a, b)| (a.as_bytes().to_vec(), b.as_bytes().to_vec())))
            .unwrap()
    }

    #[test]
    fn every_cut_gives_the_same() {
        let swaps = swaps(&[("secret", "S"), ("secretary", "T"), ("etx", "U"), ("crab", "V")]);
        let text = b"a secret, secretary secre secretx ssecret crabcrab secretar";
        let whole = swaps.all(text);
        assert_eq!(whole, b"a S, T secre Sx sS VV Sar".to_vec());
        for first in 0..text.len() {
            for second in first..text.len() {
                let mut stream = swaps.stream();
                let mut out = stream.push(&text[..first]);
                out.extend(stream.push(&text[first..second]));
                out.extend(stream.push(&text[second..]));
                out.extend(stream.finish());
                assert_eq!(out, whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn only_what_may_be_a_beginning_is_held_back() {
        let swaps = swaps(&[("errand-placeholder", "x")]);
        let mut stream = swaps.stream();
        assert_eq!(stream.push(b"data: hello\n\n"), b"data: hello\n\n");
        assert_eq!(stream.push(b"data: err"), b"data: ");
        assert_eq!(stream.push(b"or"), b"error");
        assert_eq!(stream.push(b"errand-place"), b"");
        assert_eq!(stream.finish(), b"errand-place");
    }

    #[test]
    fn nothing_to_look_for_is_none() {
        assert!(Swaps::new([(Vec::new(), b"x".to_vec())]).is_none());
        assert!(!swaps(&[("a", "b")]).touches(b"xyz"));
    }
}
