//! The project's own commands, behind the Makefile: `cargo xtask <command>`.

mod program;
mod tidy;
mod codegen;
mod dist;
mod web;
mod sample;
mod house;
mod run;
mod emulated;
mod fuzz;

use anyhow::{Context, bail};
use dist::Profile;
use program::say;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>
  tidy                            check what no compiler checks
  codegen [--check]               write openapi.json and the tables in docs/, or see whether they are current
  dist [--profile release|dev]    build errand with its two small programs beside it
  sample <path>                   make the sample repository
  run                             serve, run a first errand, keep serving
  demo                            the same first errand, then end
  emulated [--package <file>]     test sandboxes on Debian's kernel, with cgroup v2 alone, in an emulated
                                  machine; the package of another kernel may be named
  fuzz <seconds> [target]         search for bytes that break what must hold, this long for each target
";

fn main() -> ExitCode {
    // Written by hand: a trace of our own functions would bury what the compiler said.
    carry_out().unwrap_or_else(|error| {
        writeln!(std::io::stderr().lock(), "xtask: {error:#}").unwrap_or_default();
        ExitCode::FAILURE
    })
}

fn carry_out() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.ancestors().nth(2).context("find the workspace above this crate")?;
    let command: Vec<String> = std::env::args().skip(1).collect();
    match command.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(root),
        ["codegen"] => codegen::write(root),
        ["codegen", "--check"] => codegen::check(root),
        ["dist"] => dist(root, Profile::Release),
        ["dist", "--profile", name] => {
            let profile = Profile::parse(name);
            dist(root, profile.with_context(|| format!("no profile {name:?}: release or dev"))?)
        }
        ["sample", path] => {
            sample::make(root, Path::new(path))?;
            Ok(ExitCode::SUCCESS)
        }
        ["run"] => run::run(root),
        ["demo"] => run::demo(root),
        ["fuzz", seconds] => fuzz::run(root, self::seconds(seconds)?, None),
        ["fuzz", seconds, target] => fuzz::run(root, self::seconds(seconds)?, Some(target)),
        ["emulated"] => emulated::run(root, None),
        ["emulated", "--package", package] => emulated::run(root, Some(Path::new(package))),
        [emulated::INSIDE] => emulated::guest::run(),
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command {:?}\n{USAGE}", other.join(" ")),
    }
}

fn seconds(text: &str) -> anyhow::Result<u64> {
    text.parse().with_context(|| format!("no number of seconds: {text:?}"))
}

fn dist(root: &Path, profile: Profile) -> anyhow::Result<ExitCode> {
    let folder = dist::build(root, profile)?;
    say(&format!("built {}", folder.join("errand").display()));
    Ok(ExitCode::SUCCESS)
}

fn tidy(root: &Path) -> anyhow::Result<ExitCode> {
    let violations = tidy::check(root)?;
    for violation in &violations {
        say(&violation.to_string());
    }
    if violations.is_empty() {
        say("tidy: all in order");
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("\ntidy: {} to put in order", violations.len()));
    Ok(ExitCode::FAILURE)
}
