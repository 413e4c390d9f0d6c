//! What is handed out: `errand`, and beside it `errand-guest` and `errand-shim`, linked statically
//! because they run where no library can be counted on. `errand` knows the digests of the two and
//! starts no others. Where Node is installed, the web app is inside `errand`.

use crate::program::Program;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// How the compiler is told to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Fast programs.
    Release,
    /// Fast builds.
    Dev,
}

impl Profile {
    /// From its name on the command line.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "release" => Some(Self::Release),
            "dev" => Some(Self::Dev),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

/// The small programs: crate, name, and the variable that tells `errand` its digest.
const PARTS: [(&str, &str, &str); 2] = [
    ("guest", "errand-guest", "ERRAND_GUEST_DIGEST"),
    ("sandbox", "errand-shim", "ERRAND_SHIM_DIGEST"),
];

/// Builds all and gives the folder in which they lie.
pub fn build(root: &Path, profile: Profile) -> Result<PathBuf> {
    let target = target_folder(root)?;
    let host = host(root)?;
    build_parts(root, profile, &host)?;
    let folder = target.join(profile.folder());
    std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut errand = Program::cargo(root);
    for (_, name, variable) in PARTS {
        let built = target.join(&host).join(profile.folder()).join(name);
        let digest = digest(&built)?;
        errand = errand.env(variable, digest);
    }
    let profile_name = ["--profile", profile.name()];
    let which = ["-p", "errand", "-p", "fakes", "--bin", "errand", "--bin", "errand-scripted"];
    let app = if crate::web::build(root)? { ["--features", "errand/ui"].as_slice() } else { &[] };
    errand.args(["build", "--quiet"]).args(profile_name).args(which).args(app).run()?;
    for (_, name, _) in PARTS {
        install(&target.join(&host).join(profile.folder()).join(name), &folder.join(name))?;
    }
    Ok(folder)
}

fn build_parts(root: &Path, profile: Profile, host: &str) -> Result<()> {
    let parts = PARTS.iter().flat_map(|(package, name, _)| ["-p", package, "--bin", name]);
    // With a target named, build scripts and macros keep out of these flags.
    Program::cargo(root)
        .args(["build", "--quiet", "--profile", profile.name(), "--target", host])
        .args(parts)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .run()
}

/// Replaces the file as a whole: it may be running, and it may be a link to one of cargo's.
fn install(from: &Path, to: &Path) -> Result<()> {
    let fresh = to.with_extension("new");
    std::fs::copy(from, &fresh).with_context(|| format!("copy {}", from.display()))?;
    std::fs::rename(&fresh, to).with_context(|| format!("put {} in place", to.display()))
}

fn digest(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// Where cargo builds.
pub fn target_folder(root: &Path) -> Result<PathBuf> {
    let args = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let metadata = Program::cargo(root).args(args).output()?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("parse the answer of cargo metadata")?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    folder.map(PathBuf::from).context("find the target folder")
}

fn host(root: &Path) -> Result<String> {
    let version = Program::new("rustc", root).args(["-vV"]).output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("find the compiler's host")
}
