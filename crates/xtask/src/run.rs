//! `run` and `demo`: everything from nothing to the first pull request.

use crate::house::{House, is_open};
use crate::program::say;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// How often a serving house looks whether it shall end.
const LOOK: Duration = Duration::from_millis(200);
/// The agent of the first errand, by its name.
const AGENT: &str = "first-errand";

/// Serves, runs the first errand, and goes on serving until Ctrl-C.
pub fn run(root: &Path) -> Result<ExitCode> {
    let stopping = stopping()?;
    let folder = root.join(".errand");
    let mut house = House::start(root, &folder, &data_folder(&folder), None)?;
    let ended = house.first_errand()?;
    if !ended.success() {
        say("\nThe first errand did not finish; the server is up all the same.");
    }
    tell(&house);
    while !stopping.load(Ordering::SeqCst) {
        house.server.check()?;
        if let Some(scripted) = &mut house.scripted {
            scripted.check()?;
        }
        std::thread::sleep(LOOK);
    }
    say("\nStopping. Agents and their work are kept; `make run` goes on with them.");
    Ok(ExitCode::SUCCESS)
}

/// The same first errand in a house of its own, then what came of it, then the end.
pub fn demo(root: &Path) -> Result<ExitCode> {
    let stopping = stopping()?;
    let folder = fresh(crate::dist::target_folder(root)?.join("demo"))?;
    let elsewhere = elsewhere(&folder)?;
    let data = elsewhere.as_ref().map_or(folder.as_path(), TempDir::path).join("data");
    let house = House::start(root, &folder, &data, Some("127.0.0.1:0"))?;
    let ended = house.first_errand()?;
    let mut good = ended.success() && !stopping.load(Ordering::SeqCst);
    for (title, command) in
        [("Branch and commits", "show"), ("Pull request", "pr"), ("Diff", "diff")]
    {
        say(&format!("\n── {title}"));
        good &= house.errand(&[command, AGENT])?.success();
    }
    // Removed, so that no sandbox outlives the demonstration.
    good &= house.errand(&["rm", AGENT])?.success();
    drop(house);
    say(if good { "\nThe demonstration succeeded." } else { "\nThe demonstration failed." });
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where `run` keeps its data.
fn data_folder(folder: &Path) -> PathBuf {
    if let Some(named) = std::env::var_os("ERRAND_DATA") {
        return PathBuf::from(named);
    }
    if is_open(folder) {
        return folder.join("data");
    }
    say("Only root can enter this folder, and the server gives up root: its data goes to \
         /var/lib/errand.");
    PathBuf::from("/var/lib/errand")
}

/// The folder, empty: the demonstration begins from nothing each time.
fn fresh(folder: PathBuf) -> Result<PathBuf> {
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(folder),
    }
}

/// Another place for the demonstration's data, where the server could not enter the first.
fn elsewhere(folder: &Path) -> Result<Option<TempDir>> {
    if is_open(folder) {
        return Ok(None);
    }
    let enter = std::fs::Permissions::from_mode(0o711);
    let made = tempfile::Builder::new().prefix("errand-demo-").permissions(enter).tempdir();
    made.map(Some).context("make a temporary folder")
}

/// Set by Ctrl-C and SIGTERM, which therefore do not end us before our children have ended.
fn stopping() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).context("watch for Ctrl-C")?;
    }
    Ok(flag)
}

fn tell(house: &House) {
    let url = house.server.url();
    let data = house.data.display();
    let call = house.how_to_call();
    say(&format!(
        "\nErrand serves at {url}\n\
         \x20 API        {url}/openapi.json\n\
         \x20 data       {data}\n\
         \x20 token      {data}/admin-token\n\
         \x20 log        {}\n\
         \n\
         The next errand, in another terminal:\n\
         \x20 {call} run --repo PATH-OR-URL \"what to do\"\n\
         \n\
         Ctrl-C stops the server.",
        house.server.log().display()
    ));
}
