//! The posture of a sandbox: what its walls look like from outside, and what they must look like.
//!
//! Pure. [`facts`] makes a [`Record`] of named points from what the kernel says about a process;
//! [`golden`] holds the records that a sandbox must show; comparing the two names every difference
//! and what it would let through. `measure` reads the kernel, and lets nothing run that differs.
//!
//! TRUST: the golden records are written out in full and take no constant from the code that builds
//! the walls: a slip there must show here.

pub mod facts;
pub mod golden;
mod mounts;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::request::UidMap;

/// Differences that are told one by one; a sandbox without walls differs in everything.
const TOLD_MAX: usize = 32;

/// What was measured: named points, each with a value in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(BTreeMap<String, String>);

impl Record {
    /// Sets a point.
    pub fn set(&mut self, point: impl Into<String>, value: impl Into<String>) {
        self.0.insert(point.into(), value.into());
    }

    /// Takes a point away.
    pub fn remove(&mut self, point: &str) {
        self.0.remove(point);
    }

    /// The value of a point.
    pub fn get(&self, point: &str) -> Option<&str> {
        self.0.get(point).map(String::as_str)
    }

    /// Every point with its value.
    pub fn points(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(point, value)| (point.as_str(), value.as_str()))
    }

    /// Number of points.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.points().try_for_each(|(point, value)| writeln!(f, "{point}: {value}"))
    }
}

/// Whether a sandbox must show a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Must,
    /// Only where the host has what it is about; if it shows, then so.
    May,
}

/// One point of a golden record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Point {
    value: String,
    presence: Presence,
    protects: &'static str,
}

/// What a sandbox of one kind must show on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// Its name, for people.
    pub name: String,
    points: BTreeMap<String, Point>,
}

/// A point that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which one.
    pub point: String,
    /// What it must be; nothing where it must not be there at all.
    pub expected: Option<String>,
    /// What it is; nothing where it is not there.
    pub found: Option<String>,
    /// What it protects from.
    pub protects: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { point, expected, found, .. } = self;
        let found = found.as_deref().unwrap_or("missing");
        match expected {
            Some(expected) => write!(f, "{point} is `{found}` and must be `{expected}`"),
            None => write!(f, "{point} is `{found}` and must not be there"),
        }
    }
}

impl Golden {
    fn new(name: String) -> Self {
        Self { name, points: BTreeMap::new() }
    }

    fn add(
        &mut self,
        presence: Presence,
        point: impl Into<String>,
        value: impl Into<String>,
        protects: &'static str,
    ) {
        self.points.insert(point.into(), Point { value: value.into(), presence, protects });
    }

    fn must(&mut self, point: impl Into<String>, value: impl Into<String>, protects: &'static str) {
        self.add(Presence::Must, point, value, protects);
    }

    /// Number of points.
    pub fn count(&self) -> usize {
        self.points.len()
    }

    /// Every difference between what was measured and what must be.
    pub fn differences(&self, measured: &Record) -> Vec<Difference> {
        let wrong = self.points.iter().filter_map(|(name, point)| point.check(name, measured));
        let unknown = measured.points().filter(|(name, _)| !self.points.contains_key(*name));
        let unknown = unknown.map(|(name, value)| Difference {
            point: name.to_owned(),
            expected: None,
            found: Some(value.to_owned()),
            protects: "parts of the host that nobody meant to show",
        });
        wrong.chain(unknown).collect()
    }

    /// The differences among the points that a part of a measurement tells about.
    pub fn differences_in_part(&self, part: &Record) -> Vec<Difference> {
        let told = self.points.iter().filter(|(name, _)| part.get(name).is_some());
        told.filter_map(|(name, point)| point.check(name, part)).collect()
    }

    /// The record that shows every point as it must be.
    pub fn record(&self) -> Record {
        let values = self.points.iter().map(|(name, point)| (name.clone(), point.value.clone()));
        Record(values.collect())
    }
}

impl Point {
    fn check(&self, name: &str, measured: &Record) -> Option<Difference> {
        let found = measured.get(name);
        let fine = found.map_or(self.presence == Presence::May, |found| found == self.value);
        (!fine).then(|| Difference {
            point: name.to_owned(),
            expected: Some(self.value.clone()),
            found: found.map(str::to_owned),
            protects: self.protects,
        })
    }
}

/// Differences as one sentence, those together that protect from the same; nothing if there are none.
pub fn in_words(golden: &Golden, differences: &[Difference]) -> Option<String> {
    if differences.is_empty() {
        return None;
    }
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for difference in differences.iter().take(TOLD_MAX) {
        let words = difference.to_string();
        match groups.iter_mut().find(|(protects, _)| *protects == difference.protects) {
            Some((_, told)) => told.push(words),
            None => groups.push((difference.protects, vec![words])),
        }
    }
    let told = groups
        .iter()
        .map(|(protects, told)| format!("{}, which protects from {protects}", told.join(", ")));
    let mut told: Vec<_> = told.collect();
    match differences.len().saturating_sub(TOLD_MAX) {
        0 => {}
        more => told.push(format!("and {more} more")),
    }
    let (name, told) = (&golden.name, told.join("; "));
    Some(format!("measured from outside, its walls differ from the record of `{name}`: {told}"))
}

#[cfg(test)]
mod tests;
