//! The examples damaged at random: the reader never panics, and agrees with schema and printer.

use super::super::place::Place;
use super::super::schema::schema;
use super::super::{check_dockerfile, explain::explain, path::RepoPath, read};
use super::examples::{ALL, EVERYTHING};
use super::schemas::is_valid;
use fastrand::Rng;

/// Damaged files of one test.
const ROUNDS: u64 = 4_000;
/// Pieces that break JSON, or mean something to the reader.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "'",
    "\\",
    "/*",
    "*/",
    "//",
    "\n",
    "\0",
    "null",
    "true",
    "0",
    "-1",
    "1e9",
    "65536",
    "\"\"",
    "\"..\"",
    "\"../..\"",
    "\"/\"",
    "\"port\"",
    "\"build\"",
    "\"dockerfile\"",
    "\"image\"",
    "\"snapshot\"",
    "\"terminals\"",
    "\"env\"",
    "\"install\"",
    "\u{feff}",
    "\u{a0}",
    "ü",
    "🦀",
    "\\u0000",
    "\\ud83d",
    "\\ud83d\\ude00",
    "${localEnv:X}",
    "<<EOF",
    "FROM",
    "COPY . /",
    "&",
    "--watch",
    "\u{202e}",
    "\r",
    "\u{2028}",
    "[[[[",
    "{\"a\":",
];

fn examples() -> Vec<(Place, String)> {
    let mut all: Vec<(Place, String)> =
        ALL.iter().map(|(place, text)| (*place, (*text).to_owned())).collect();
    all.push((Place::Cursor, EVERYTHING.to_owned()));
    all
}

/// Some bytes changed, taken away, doubled, or mixed with pieces of other examples.
fn damaged(rng: &mut Rng, examples: &[(Place, String)]) -> (Place, Vec<u8>) {
    let (place, text) = rng.choice(examples).unwrap();
    let mut bytes = text.clone().into_bytes();
    for _ in 0..rng.usize(1..6) {
        let at = rng.usize(0..=bytes.len());
        let end = (at + rng.usize(0..12)).min(bytes.len());
        let other = rng.choice(examples).unwrap().1.as_bytes();
        let piece: &[u8] = match rng.u8(0..6) {
            0 => &[],
            1 => &[rng.u8(..)],
            2 => {
                let from = rng.usize(0..=other.len());
                &other[from..(from + rng.usize(0..40)).min(other.len())]
            }
            3 => &bytes[at..end].repeat(2),
            _ => rng.choice(PIECES).unwrap().as_bytes(),
        };
        let piece = piece.to_vec();
        let end = if rng.bool() { at } else { end };
        bytes.splice(at..end, piece);
    }
    (*place, bytes)
}

/// Reads it, and checks whatever holds of any file. True: it was understood.
fn check(place: Place, bytes: &[u8]) -> bool {
    let reading = read(place, bytes);
    let shown = String::from_utf8_lossy(bytes);
    let lines = shown.lines().count() + 1;
    let problems = reading.outcome.as_ref().err().into_iter().flatten();
    for remark in problems.chain(&reading.warnings) {
        assert!((1..=lines).contains(&remark.line) && remark.column >= 1, "{remark:?}\n{shown}");
        assert!(!remark.message.is_empty() && !remark.code.is_empty(), "{remark:?}");
    }
    let Ok(understood) = reading.outcome else {
        return false;
    };
    assert!(explain(&understood).iter().all(|one| !one.lines.is_empty()), "{shown}");
    let file = understood.environment.to_file();
    assert!(is_valid(&schema(), &file), "{shown}\n{file}");
    let again = read(Place::Errand, file.to_string().as_bytes()).outcome;
    let again = again.unwrap_or_else(|problems| panic!("{shown}\n{file}\n{problems:?}"));
    assert_eq!(again.environment, understood.environment, "{shown}\n{file}");
    if let Ok(plain) = serde_json::from_slice(bytes) {
        let is_ours = matches!(place, Place::Errand | Place::Cursor);
        assert!(!is_ours || is_valid(&schema(), &plain), "{shown}");
    }
    true
}

#[test]
fn no_damage_makes_the_reader_panic_or_disagree_with_schema_and_printer() {
    let examples = examples();
    let survived = (0..ROUNDS).filter(|seed| {
        let (place, bytes) = damaged(&mut Rng::with_seed(*seed), &examples);
        check(place, &bytes)
    });
    let survived = survived.count() as u64;
    // Damage that nothing survives, or everything, would prove little.
    assert!(
        (ROUNDS / 20..ROUNDS / 2).contains(&survived),
        "{survived} of {ROUNDS} were understood"
    );
}

#[test]
fn no_bytes_make_the_reader_panic() {
    for seed in 0..ROUNDS {
        let mut rng = Rng::with_seed(seed);
        let bytes: Vec<u8> = match rng.bool() {
            true => (0..rng.usize(0..64)).map(|_| rng.u8(..)).collect(),
            false => {
                let pieces = (0..rng.usize(0..24)).map(|_| *rng.choice(PIECES).unwrap());
                pieces.collect::<String>().into_bytes()
            }
        };
        for place in Place::ALL {
            check(place, &bytes);
        }
        check_dockerfile(&RepoPath::default(), &bytes);
    }
}

#[test]
fn every_cut_of_an_example_is_read_without_panic() {
    for (place, text) in examples() {
        for end in 0..text.len() {
            check(place, &text.as_bytes()[..end]);
        }
    }
}
