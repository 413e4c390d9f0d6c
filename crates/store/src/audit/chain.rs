//! A record of the audit log as a line of text, and how lines hold together.
//!
//! ```text
//! {"seq":2,"atMs":…,"kind":"secret.set","who":"key:admin","subject":…,"agent":…,"run":…,"details":{…},
//!  "previous":"<hash of record 1>","hash":"<hash>"}
//! ```
//!
//! The hash is the SHA-256 of the line's own bytes before `,"hash"`, so a line is checked with what every system has.
//! The first record's `previous` is 64 zeros.

use crate::log::Hash;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// What stands between a line's text and its hash.
const BEFORE_HASH: &str = ",\"hash\":\"";
/// What stands behind it.
const AFTER_HASH: &str = "\"}";

/// The end of an audit log: note it elsewhere, and nobody can take away what was before it unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// The last record; 0: there is none.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl AuditHead {
    /// Before the first record.
    pub const NONE: Self = Self { seq: 0, hash: Hash::NONE };

    /// Reads `SEQ:HASH`, as it is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.trim().split_once(':')?;
        Some(Self { seq: seq.parse().ok()?, hash: hash_of_hex(hash)? })
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

fn hash_of_hex(text: &str) -> Option<Hash> {
    hex::decode(text).ok()?.try_into().ok().map(Hash)
}

/// The first record that does not fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} {why}")]
pub struct Broken {
    /// Its number, or the one that should stand there.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What is in a line, in the order in which it stands there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line<'a> {
    pub(super) seq: u64,
    pub(super) at_ms: i64,
    pub(super) kind: &'a str,
    pub(super) who: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<&'a str>,
    pub(super) details: &'a RawValue,
    pub(super) previous: String,
}

impl Line<'_> {
    /// Everything before the hash.
    pub(super) fn text(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        text.pop();
        Ok(text)
    }
}

/// The hash of everything before it.
pub(super) fn hash(text: &str) -> Hash {
    Hash(Sha256::digest(text.as_bytes()).into())
}

/// The whole line.
pub(super) fn line(text: &str, hash: Hash) -> String {
    format!("{text}{BEFORE_HASH}{hash}{AFTER_HASH}")
}

/// The part of a line that says where it belongs.
#[derive(Deserialize)]
struct Place {
    seq: u64,
    previous: String,
}

/// Walks lines, oldest first, in constant memory.
#[derive(Debug)]
pub struct Chain {
    head: AuditHead,
    noted: Option<AuditHead>,
}

impl Chain {
    /// Before the first record; what is walked must go through a head that was noted earlier.
    pub const fn new(noted: Option<AuditHead>) -> Self {
        Self { head: AuditHead::NONE, noted }
    }

    /// The last record that fitted.
    pub const fn head(&self) -> AuditHead {
        self.head
    }

    /// Takes the next line, without its line break.
    pub fn follow(&mut self, line: &str) -> Result<(), Broken> {
        let seq = self.head.seq.saturating_add(1);
        let broken = |why: &str| Broken { seq, why: why.to_owned() };
        let parts = line.strip_suffix(AFTER_HASH).and_then(|rest| rest.rsplit_once(BEFORE_HASH));
        let (text, said) = parts.ok_or_else(|| broken("is no line of an audit log"))?;
        let said = hash_of_hex(said).ok_or_else(|| broken("has a hash that is none"))?;
        let place: Place =
            serde_json::from_str(line).map_err(|_| broken("is no line of an audit log"))?;
        if place.seq != seq {
            return Err(broken(&format!("is missing: record {} stands there", place.seq)));
        }
        if hash(text) != said {
            return Err(broken("was changed: its hash is another"));
        }
        if place.previous != self.head.hash.to_string() {
            return Err(broken("does not follow the one before it"));
        }
        self.head = AuditHead { seq, hash: said };
        match self.noted.filter(|noted| noted.seq == seq && noted.hash != said) {
            Some(_) => Err(broken("is not the one whose head was noted")),
            None => Ok(()),
        }
    }

    /// There are no more lines.
    pub fn end(&self) -> Result<AuditHead, Broken> {
        match self.noted.filter(|noted| noted.seq > self.head.seq) {
            Some(noted) => {
                let why = format!("is missing: the log went on to record {} once", noted.seq);
                Err(Broken { seq: self.head.seq.saturating_add(1), why })
            }
            None => Ok(self.head),
        }
    }
}
