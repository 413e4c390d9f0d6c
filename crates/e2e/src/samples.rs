//! Sample repositories: bare ones in a folder, made and looked at with plain git.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bare repository that a world's agents work on.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where it lies.
    pub path: PathBuf,
}

/// Runs plain git, without anyone's configuration, and gives what it printed.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    try_git(folder, arguments).unwrap_or_else(|error| panic!("git {arguments:?}: {error}"))
}

/// The same where a refusal is expected: what it printed on standard error.
pub fn try_git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_"))
    {
        command.env_remove(name);
    }
    let output = command
        .current_dir(folder)
        .args([
            "-c",
            "user.name=A Person",
            "-c",
            "user.email=person@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .expect("run git");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Repository {
    /// An empty one: no commit, no branch.
    pub fn empty(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.git"));
        std::fs::create_dir_all(&path).unwrap();
        git(&path, &["init", "-q", "--bare"]);
        Self { path }
    }

    /// One with a little code on `main`.
    pub fn sample(folder: &Path, name: &str) -> Self {
        let repository = Self::empty(folder, name);
        repository.push(
            "main",
            "Begin",
            &[("README.md", "# Sample\n"), ("calc.py", "def add(a, b):\n    return a - b\n")],
        );
        repository
    }

    /// What an agent is given.
    pub fn url(&self) -> String {
        self.path.display().to_string()
    }

    /// Plain git in it.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }

    /// A person's commit on top of a branch, pushed; gives its id.
    pub fn push(&self, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
        let clone = tempfile::tempdir().unwrap();
        let clone = clone.path();
        git(clone, &["clone", "-q", &self.url(), "."]);
        let known = try_git(clone, &["checkout", "-q", branch]).is_ok();
        if !known {
            try_git(clone, &["checkout", "-q", "-b", branch]).unwrap_or_default();
        }
        for (name, content) in files {
            let path = clone.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        git(clone, &["add", "-A"]);
        git(clone, &["commit", "-q", "-m", message]);
        git(clone, &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
        git(clone, &["rev-parse", "HEAD"])
    }

    /// Where a branch stands.
    pub fn head(&self, branch: &str) -> Option<String> {
        try_git(&self.path, &["rev-parse", "--verify", "-q", &format!("refs/heads/{branch}")]).ok()
    }

    /// A file on a branch.
    #[track_caller]
    pub fn file(&self, branch: &str, path: &str) -> String {
        self.git(&["show", &format!("refs/heads/{branch}:{path}")])
    }

    /// A hook of the remote.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
