//! Somebody with a home folder, a key and `errand`.

use super::terminal::Terminal;
use e2e::process::binary;
use e2e::world::World;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Size of a terminal unless another is asked for.
const SIZE: (u16, u16) = (100, 30);

/// A person.
pub struct Person {
    home: tempfile::TempDir,
    url: String,
    token: String,
}

impl Person {
    /// One with the installation's own token.
    pub fn of(world: &World) -> Self {
        let home = tempfile::Builder::new().prefix("errand-e2e-home-").tempdir().unwrap();
        Self { home, url: world.api.base.clone(), token: world.api.token.clone() }
    }

    /// Their home folder, where their commands run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A program as this person starts it: with nothing of ours in its environment.
    #[expect(clippy::disallowed_methods, reason = "real programs are what is tested")]
    pub fn program(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("TERM", "xterm-256color")])
            .envs([("LANG", "C.UTF-8"), ("USER", "someone")])
            .env("HOME", self.home())
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// `errand` of somebody who is signed in nowhere.
    pub fn stranger(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(binary());
        command.args(arguments);
        command
    }

    /// `errand` with the server and key in the environment.
    pub fn errand(&self, arguments: &[&str]) -> Command {
        let mut command = self.stranger(arguments);
        command.env("ERRAND_URL", &self.url).env("ERRAND_TOKEN", &self.token);
        command
    }

    /// What a command prints, which must succeed.
    #[track_caller]
    pub fn says(&self, arguments: &[&str]) -> String {
        said(self.errand(arguments).output().unwrap(), arguments)
    }

    /// Exit code and complaint of a command that must fail.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.errand(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().expect("an exit code"), complaint)
    }

    /// Starts a command at a terminal.
    pub fn sits(&self, arguments: &[&str]) -> Terminal {
        Terminal::open(&self.errand(arguments), SIZE)
    }
}

/// What a program printed, which must have succeeded.
#[track_caller]
pub fn said(output: Output, what: &[&str]) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what:?} ended with {}:\n{out}{err}", output.status);
    out.into_owned()
}
