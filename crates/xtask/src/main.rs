//! The project's own commands, behind the Makefile: `cargo xtask <command>`.

mod tidy;

use anyhow::{Context, bail};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy      check what no compiler checks\n";

fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.ancestors().nth(2).context("find the workspace above this crate")?;
    let command: Vec<String> = std::env::args().skip(1).collect();
    match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(root),
        [] | ["help" | "--help" | "-h"] => {
            std::io::stdout().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command {:?}\n{USAGE}", other.join(" ")),
    }
}

fn tidy(root: &Path) -> anyhow::Result<ExitCode> {
    let violations = tidy::check(root)?;
    let mut out = std::io::stdout().lock();
    for violation in &violations {
        writeln!(out, "{violation}")?;
    }
    if violations.is_empty() {
        writeln!(out, "tidy: all in order")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "\ntidy: {} to put in order", violations.len())?;
    Ok(ExitCode::FAILURE)
}
