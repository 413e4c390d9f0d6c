//! Sandboxes whose first process an OCI runtime starts: runc, crun, or gVisor's runsc.
//!
//! ```text
//! shim ── clone ──► outside: namespaces, ids, network, root   (ours, as in every sandbox)
//!                      │ becomes
//!                      ▼
//!                   the runtime: first process of the sandbox's outer process namespace
//!                      │ starts, in namespaces or a kernel of its own
//!                      ▼
//!                   inside: waits to be measured, closes what is still open ──► guest
//! ```
//!
//! The runtime runs within the sandbox's user namespace, as nobody on the host, and sees no control
//! groups: those are ours. All that it writes lies in memory which only it sees. So nothing of it is
//! left when it ends, and it ends with the shim: there is no state to clear away.

pub mod bundle;
pub mod inside;
pub mod outside;
mod first;

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

pub use self::first::find as first_process;

/// Where a runtime that is given by its name is looked for.
const PLACES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Day of the oldest gVisor that was tried and works. That of December 2022 works but for `ls`: it refuses
/// a flag of `statx`.
const OLDEST_RUNSC: u32 = 20_240_729;

/// The runtimes that we know how to speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Namespaces of the host's kernel.
    Runc,
    /// The same, by another hand.
    Crun,
    /// gVisor: a kernel of its own, in a process of the host.
    Runsc,
}

impl Kind {
    /// Its name, as its program has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Runsc => "runsc",
        }
    }

    /// Number under which the first process finds its control socket. gVisor hands on standard input,
    /// output and error, and nothing else.
    fn control(self) -> i32 {
        match self {
            Self::Runc | Self::Crun => super::child::CONTROL_FD,
            Self::Runsc => 0,
        }
    }
}

/// A runtime of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Which one.
    pub kind: Kind,
    /// Its program.
    pub path: PathBuf,
    /// What it says it is.
    pub version: String,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind.name(), self.version, self.path.display())
    }
}

/// Finds a runtime by its name or path, and asks it what it is.
pub fn find(named: &Path) -> io::Result<Runtime> {
    let path = look_for(named)?;
    let at = |error: io::Error| {
        io::Error::new(error.kind(), format!("run {} --version: {error}", path.display()))
    };
    #[expect(clippy::disallowed_methods, reason = "this is the launcher of sandboxes")]
    let mut command = Command::new(&path);
    let asked = command.arg("--version").env_clear().stdin(Stdio::null()).output().map_err(at)?;
    let said = String::from_utf8_lossy(&asked.stdout);
    let Some((kind, version)) = understand(&said) else {
        let path = path.display();
        let words =
            format!("{path} does not say that it is runc, crun or runsc: name one of these");
        return Err(io::Error::other(words));
    };
    young_enough(Runtime { kind, version: version.to_owned(), path })
}

fn young_enough(runtime: Runtime) -> io::Result<Runtime> {
    match (runtime.kind, day(&runtime.version)) {
        (Kind::Runsc, Some(day)) if day < OLDEST_RUNSC => Err(io::Error::other(format!(
            "{runtime} is too old: programs as common as `ls` fail in it; install the release of \
             {OLDEST_RUNSC} or a later one"
        ))),
        (Kind::Runc | Kind::Crun | Kind::Runsc, _) => Ok(runtime),
    }
}

/// The day in a version of gVisor, `release-20240729.0` or `0.0~20240729.0`.
fn day(version: &str) -> Option<u32> {
    let numbers = version.split(|c: char| !c.is_ascii_digit());
    numbers.filter(|number| number.len() == 8).find_map(|number| number.parse().ok())
}

/// Takes `<name> version <version>`, the first line of what every runtime says.
fn understand(said: &str) -> Option<(Kind, &str)> {
    let (name, version) = said.lines().next()?.split_once(" version ")?;
    let kind =
        [Kind::Runc, Kind::Crun, Kind::Runsc].into_iter().find(|kind| kind.name() == name)?;
    Some((kind, version.trim()))
}

fn look_for(named: &Path) -> io::Result<PathBuf> {
    let is_program = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let candidates = match named.is_absolute() {
        true => vec![named.to_owned()],
        false => PLACES.map(|place| Path::new(place).join(named)).to_vec(),
    };
    let found = candidates.into_iter().find(|path| is_program(path));
    found.ok_or_else(|| {
        let (named, places) = (named.display(), PLACES.join(", "));
        let words = format!(
            "{named} is no program of this host: install it, or give its path; looked in {places}"
        );
        io::Error::new(io::ErrorKind::NotFound, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_what_it_says_it_is() {
        let said = "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1\nspec: 1.0.2-dev\n";
        assert_eq!(understand(said), Some((Kind::Runc, "1.1.5+ds1")));
        assert_eq!(understand("runsc version 0.0\nspec: 1"), Some((Kind::Runsc, "0.0")));
        for said in ["", "bash, version 5", "kata version 3.0", "runc-x version 1"] {
            assert_eq!(understand(said), None, "{said}");
        }
    }

    #[test]
    fn the_day_of_a_release_is_found_in_both_forms() {
        for version in ["release-20240729.0", "0.0~20240729.0"] {
            assert_eq!(day(version), Some(OLDEST_RUNSC), "{version}");
        }
        assert_eq!(day("1.1.5+ds1"), None);
    }

    #[test]
    fn a_gvisor_that_is_too_old_is_refused_with_the_release_that_is_not() {
        let of = |version: &str| {
            let (version, path) = (version.to_owned(), "/usr/bin/runsc".into());
            young_enough(Runtime { kind: Kind::Runsc, version, path })
        };
        let refused = of("0.0~20221219.0").unwrap_err().to_string();
        let words = "runsc 0.0~20221219.0 (/usr/bin/runsc) is too old: ";
        assert!(refused.starts_with(words) && refused.contains("20240729"), "{refused}");
        assert!(of("release-20240729.0").is_ok() && of("release-20260101.0").is_ok());
    }

    #[test]
    fn what_is_no_runtime_is_refused_by_name() {
        let missing = find(Path::new("no-such-runtime")).unwrap_err().to_string();
        assert!(missing.starts_with("no-such-runtime is no program of this host"), "{missing}");
        let other = find(Path::new("true")).unwrap_err().to_string();
        assert!(other.contains("does not say that it is runc"), "{other}");
    }
}
