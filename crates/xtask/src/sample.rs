//! The sample repository: a calculator that cannot add, made from `samples/first-errand`.

use crate::program::Program;
use anyhow::{Context, Result};
use std::path::Path;

/// What the first errand is told to do.
pub const TASK: &str =
    "The test in this repository fails. Find out why, fix it, and show that it passes.";

/// Makes the sample at this place as a bare repository with one commit on `main`, once.
pub fn make(root: &Path, repository: &Path) -> Result<()> {
    if repository.join("HEAD").exists() {
        return Ok(());
    }
    let checkout = repository.with_extension("making");
    remove(&checkout)?;
    std::fs::create_dir_all(&checkout).with_context(|| format!("make {}", checkout.display()))?;
    copy(&root.join("samples/first-errand"), &checkout)?;
    git(&checkout, &["init", "--quiet", "--initial-branch", "main"])?;
    git(&checkout, &["add", "."])?;
    git(
        &checkout,
        &["commit", "--quiet", "--no-gpg-sign", "--message", "Add a very small calculator"],
    )?;
    Program::new("git", root)
        .args(["clone", "--quiet", "--bare", "--no-hardlinks", "--"])
        .args([&checkout, repository])
        .run()?;
    remove(&checkout)
}

fn git(checkout: &Path, args: &[&str]) -> Result<()> {
    // Whatever the person configured for their own repositories is not for this one.
    let git = Program::new("git", checkout)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let who = ["-c", "user.name=Errand sample", "-c", "user.email=sample@errand.invalid"];
    git.args(who).args(args).run()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let attempt = || format!("copy {}", from.display());
    for entry in std::fs::read_dir(from).with_context(attempt)? {
        let entry = entry.with_context(attempt)?;
        if entry.file_type().with_context(attempt)?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).with_context(attempt)?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
