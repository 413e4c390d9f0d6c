//! The environment file from outside: bytes in, meaning or remarks out.

mod devcontainers;
mod examples;
mod files;
mod followed;
mod mutations;
mod paths;
mod schemas;

use super::place::Place;
use super::remark::Remark;
use super::{Environment, Understood, read};

/// What a file at Errand's own place means; without any problem.
fn understood(text: &str) -> Understood {
    understood_at(Place::Errand, text)
}

fn understood_at(place: Place, text: &str) -> Understood {
    match read(place, text.as_bytes()).outcome {
        Ok(understood) => understood,
        Err(problems) => panic!("{text}\n{}", told(&problems)),
    }
}

fn environment(text: &str) -> Environment {
    understood(text).environment
}

/// The problems of a file at Errand's own place, one on each line.
fn problems(text: &str) -> String {
    problems_at(Place::Errand, text)
}

fn problems_at(place: Place, text: &str) -> String {
    read(place, text.as_bytes()).outcome.err().map(|all| told(&all)).unwrap_or_default()
}

fn warnings(text: &str) -> String {
    warnings_at(Place::Errand, text)
}

fn warnings_at(place: Place, text: &str) -> String {
    let reading = read(place, text.as_bytes());
    assert!(reading.outcome.is_ok(), "{text}\n{:?}", reading.outcome);
    told(&reading.warnings)
}

fn told(remarks: &[Remark]) -> String {
    let one = |remark: &Remark| {
        let Remark { code, file: _, line, column, key, message } = remark;
        format!("{line}:{column} {code} {key}: {message}")
    };
    remarks.iter().map(one).collect::<Vec<_>>().join("\n")
}
