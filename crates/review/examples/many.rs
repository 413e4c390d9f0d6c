//! How long a diff of 10,000 files takes to be judged: `cargo run --release -p review --example many`.

#[path = "../tests/corpus/many.rs"]
mod many;

use review::rules::{Diff, find};
use review::score::score;
use std::io::Write;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let changes = many::many_files(10_000);
    let diff = Diff { changes: &changes, owners: Some("* @acme/all\n") };
    // The second round is what counts: the patterns are compiled in the first.
    for round in ["first", "second"] {
        let start = Instant::now();
        let findings = find(diff);
        let (took, points) = (start.elapsed(), score(&findings).points);
        let count = findings.len();
        writeln!(std::io::stdout(), "{round}: {count} findings, {points} points, {took:?}")?;
    }
    Ok(())
}
