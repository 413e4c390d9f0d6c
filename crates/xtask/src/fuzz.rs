//! Searches for bytes that break what must hold: every target of `crates/fuzz`, as many at once as there are cores.

use crate::dist::target_folder;
use crate::program::{Program, say};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};

/// One target that is searched.
struct Search {
    name: String,
    log: PathBuf,
    child: Child,
}

/// Searches each target (or the one of this name) for this many seconds.
pub fn run(root: &Path, seconds: u64, only: Option<&str>) -> Result<ExitCode> {
    let home = root.join("crates/fuzz");
    let mut names = targets(&home)?;
    names.retain(|name| only.is_none_or(|only| only == name));
    if names.is_empty() {
        bail!("no such target; there are: {}", targets(&home)?.join(", "));
    }
    build(root, &home)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut failed = Vec::new();
    for group in names.chunks(cores) {
        let started: Vec<_> =
            group.iter().map(|name| start(root, name, seconds)).collect::<Result<_>>()?;
        for search in started {
            failed.extend(finished(search)?);
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{} found bytes that break what must hold", failed.join(", "))
}

/// Every target has seeds.
fn targets(home: &Path) -> Result<Vec<String>> {
    let seeds = std::fs::read_dir(home.join("seeds")).context("read the seeds")?;
    let mut names = Vec::new();
    for entry in seeds {
        let entry = entry.context("read the seeds")?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Our own crates are built with counters; all others are those of the release.
fn build(root: &Path, home: &Path) -> Result<()> {
    Program::cargo(root)
        .args(["build", "--quiet", "--release", "--package", "fuzz", "--features", "search"])
        .env("RUSTC_WORKSPACE_WRAPPER", home.join("rustc"))
        .run()
}

fn start(root: &Path, name: &str, seconds: u64) -> Result<Search> {
    let target = target_folder(root)?;
    let work = target.join("fuzz");
    let (corpus, findings) = (work.join("corpus").join(name), work.join("findings"));
    for folder in [&corpus, &findings] {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let log = work.join(format!("{name}.log"));
    let file = std::fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
    let program = Program::new(target.join("release").join(name), root)
        .args([format!("-max_total_time={seconds}"), "-max_len=4096".to_owned()])
        .args(["-timeout=10", "-print_final_stats=1"])
        .args([format!("-artifact_prefix={}/{name}-", findings.display())])
        .args([corpus, root.join("crates/fuzz/seeds").join(name)]);
    Ok(Search { name: name.to_owned(), log, child: program.start(file)? })
}

/// The name of a target that failed.
fn finished(mut search: Search) -> Result<Option<String>> {
    let status = search.child.wait().with_context(|| format!("wait for {}", search.name))?;
    let text = std::fs::read(&search.log).context("read what a target said")?;
    let text = String::from_utf8_lossy(&text);
    let tried = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let tried = tried.map_or("?", str::trim);
    if status.success() {
        say(&format!("{:14} {tried} inputs, none breaks it", search.name));
        return Ok(None);
    }
    let from = text.find("panicked at").unwrap_or_default();
    let told = text.get(from..).unwrap_or_default().lines().take(12).collect::<Vec<_>>();
    say(&format!("{:14} {status}, see {}\n{}", search.name, search.log.display(), told.join("\n")));
    Ok(Some(search.name))
}
