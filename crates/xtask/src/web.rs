//! Builds the web app where Node is installed; everything else is built without it.

use crate::program::{Program, say};
use anyhow::{Context, Result};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How much older npm's own record may be than the lock file it was made from: both are written at
/// the end of an installation, in no order.
const SAME_INSTALLATION: Duration = Duration::from_secs(60);

/// Builds `web/dist`; false = there is none, and why was said.
pub fn build(root: &Path) -> Result<bool> {
    let web = root.join("web");
    if !web.join("package.json").is_file() {
        return Ok(false);
    }
    if Program::new("npm", &web).args(["--version"]).output().is_err() {
        say("npm was not found: errand is built without its web app");
        return Ok(false);
    }
    if !is_installed(&web) {
        // Scripts of packages would run with our rights; none that we use needs its own.
        let quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
        Program::new("npm", &web).args(["ci", "--ignore-scripts"]).args(quiet).run()?;
    }
    Program::new("npm", &web)
        .args(["run", "--silent", "build", "--", "--logLevel", "warn"])
        .run()
        .context("build the web app")?;
    Ok(true)
}

/// Writes the client's types anew, where the app's tools are installed; `make lint` says if that was missed.
pub fn codegen(root: &Path) -> Result<()> {
    let web = root.join("web");
    if is_installed(&web) {
        Program::new("npm", &web)
            .args(["run", "--silent", "codegen"])
            .run()
            .context("write the web app's types")?;
    }
    Ok(())
}

fn is_installed(web: &Path) -> bool {
    let changed = |path: &str| -> Option<SystemTime> {
        std::fs::metadata(web.join(path)).ok()?.modified().ok()
    };
    match (changed("package-lock.json"), changed("node_modules/.package-lock.json")) {
        (Some(lock), Some(installed)) => installed + SAME_INSTALLATION >= lock,
        (None, _) | (_, None) => false,
    }
}
