//! The remote that errands work on: a bare repository made and looked at with plain git.

use crate::process::program;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A bare repository with `calc.py` as the scripted model expects it.
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// Makes one.
    pub fn make(folder: &Path, name: &str) -> Result<Self> {
        Self::with(folder, name, |_| Ok(()))
    }

    /// Makes one with more files.
    pub fn with(folder: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let path = folder.join(format!("{name}.git"));
        let work = folder.join(format!("{name}.work"));
        for folder in [&path, &work] {
            fs::create_dir_all(folder)?;
        }
        git(&path, &["init", "-q", "--bare"])?;
        fs::write(work.join("calc.py"), "def add(a, b):\n    return a - b\n")?;
        fs::write(work.join("README.md"), "# Sample\n\n`add` adds two numbers.\n")?;
        fill(&work)?;
        git(&work, &["init", "-q"])?;
        git(&work, &["add", "-A"])?;
        git(&work, &["commit", "-q", "-m", "Begin"])?;
        let remote = path.display().to_string();
        git(&work, &["push", "-q", &remote, "HEAD:refs/heads/main"])?;
        fs::remove_dir_all(&work)?;
        Ok(Self { path })
    }

    /// What an agent is given.
    pub fn url(&self) -> String {
        self.path.display().to_string()
    }

    /// A file on a branch of the remote.
    pub fn file(&self, branch: &str, path: &str) -> Result<String> {
        git(&self.path, &["show", &format!("refs/heads/{branch}:{path}")])
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = program("git")
        .current_dir(folder)
        .args(["-c", "user.name=A Person", "-c", "user.email=person@example.com"])
        .args(["-c", "init.defaultBranch=main", "-c", "safe.directory=*"])
        // Nothing goes on behind our back.
        .args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .context("run git")?;
    if !output.status.success() {
        bail!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
