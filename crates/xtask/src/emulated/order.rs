//! What the machine is told, and what it tells: two files of JSON.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Where the order lies in the archive.
pub const PLACE: &str = "order.json";
/// What tests may skip, by its first word: few distributions have a gVisor that is young enough.
const MAY_BE_MISSING: [&str; 1] = ["runsc"];

/// Everything that the machine shall do.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Modules in the order in which they are loaded.
    pub modules: Vec<String>,
    /// What is run, one after the other.
    pub runs: Vec<Run>,
    /// Where it is run.
    pub folder: PathBuf,
    /// Names of tests that are not run.
    pub left_out: Vec<String>,
}

/// A program of tests, run once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Its place, there as here.
    pub program: PathBuf,
    /// The control group that it is in.
    pub group: Group,
}

/// Where a server may find itself.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Group {
    /// At the top, as in a container: groups for sandboxes are made below it.
    Top,
    /// In a group of its own, as under a service manager: no group with processes in it can hand
    /// controllers down, so groups for sandboxes are made beside it.
    Service,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Top => "in the top group",
            Self::Service => "in a service's group",
        })
    }
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// Release of the kernel.
    pub kernel: String,
    /// What is mounted, and where the tests were.
    pub control_groups: Vec<String>,
    /// One for each run of a suite.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether everything was run and passed.
    pub fn is_good(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.iter().all(Outcome::is_good)
    }
}

/// What came of one run of a suite.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Name of the suite, and where it ran.
    pub name: String,
    /// How many tests passed.
    pub passed: u32,
    /// How many did not run.
    pub left_out: u32,
    /// Names of those that failed.
    pub failed: Vec<String>,
    /// What tests said that they skipped: here nothing may be missing but [`MAY_BE_MISSING`].
    pub skipped: Vec<String>,
    /// How the program ended, if not well.
    pub ended: Option<String>,
}

impl Outcome {
    /// From what a program of tests wrote, and how it ended if not well.
    pub fn read(name: &str, text: &str, ended: Option<String>) -> Self {
        let lines = || text.lines().map(str::trim_end);
        let result = lines().find_map(|line| line.strip_prefix("test result: "));
        let count = |what: &str| {
            let part = result?.split([';', '.']).find_map(|part| part.strip_suffix(what))?;
            part.trim().parse().ok()
        };
        let failed = |line: &str| {
            let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
            Some(name.to_owned())
        };
        Self {
            name: name.to_owned(),
            passed: count(" passed").unwrap_or(0),
            left_out: count(" filtered out").unwrap_or(0),
            failed: lines().filter_map(failed).collect(),
            skipped: lines()
                .filter(|line| line.starts_with("skipped:"))
                .map(str::to_owned)
                .collect(),
            ended: ended.or_else(|| result.is_none().then(|| "without a result".to_owned())),
        }
    }

    fn is_good(&self) -> bool {
        let may_be_missing = |skipped: &String| {
            let what = skipped.split_whitespace().nth(1);
            what.is_some_and(|what| MAY_BE_MISSING.contains(&what))
        };
        self.passed > 0
            && self.ended.is_none()
            && self.failed.is_empty()
            && self.skipped.iter().all(may_be_missing)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, passed, failed) = (&self.name, self.passed, self.failed.len());
        write!(f, "{name}: {passed} passed, {failed} failed, {} left out", self.left_out)?;
        for failed in &self.failed {
            write!(f, "\n  failed: {failed}")?;
        }
        for skipped in &self.skipped {
            write!(f, "\n  {skipped}")?;
        }
        match &self.ended {
            Some(how) => write!(f, "\n  ended: {how}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "running 3 tests\r\ntest a::b ... ok\r\ntest a::c ... FAILED\r\n\
        skipped: no memory limit (1 test)\r\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.5s\r\n";

    #[test]
    fn an_outcome_is_read_from_what_tests_write() {
        let outcome = Outcome::read("it", TEXT, None);
        assert_eq!((outcome.passed, outcome.left_out), (2, 4));
        assert_eq!(outcome.failed, ["a::c"]);
        assert_eq!(outcome.skipped, ["skipped: no memory limit (1 test)"]);
        assert!(!outcome.is_good());
    }

    #[test]
    fn nothing_is_good_that_was_skipped_cut_or_ended_badly() {
        let good = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out;";
        assert!(Outcome::read("it", good, None).is_good());
        assert!(!Outcome::read("it", good, Some("exit code 1".to_owned())).is_good());
        assert!(!Outcome::read("it", &format!("skipped: a\n{good}"), None).is_good());
        assert!(Outcome::read("it", &format!("skipped: runsc is too old\n{good}"), None).is_good());
        assert!(!Outcome::read("it", &good.replace('2', "0"), None).is_good());
        assert!(!Outcome::read("it", "test a ... ok\n", None).is_good());
        let report = Report { kernel: String::new(), control_groups: vec![], outcomes: vec![] };
        assert!(!report.is_good());
    }
}
