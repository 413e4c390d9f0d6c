//! The small programs beside this one, `errand-guest` and `errand-shim`: only those that it was built
//! with are started.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// Each part with its digest (BLAKE3 in hex), where `cargo xtask dist` built this program.
const PARTS: [(&str, Option<&str>); 2] = [
    ("errand-guest", option_env!("ERRAND_GUEST_DIGEST")),
    ("errand-shim", option_env!("ERRAND_SHIM_DIGEST")),
];

/// Compares the parts in this folder with what is known of them.
///
/// TRUST: the shim keeps the privileges that the server gives up, and the guest is root's child inside
/// every sandbox. Whoever can write to the folder could replace this program as well; what is kept out
/// here is a part of another version, left over or half installed.
pub fn check(folder: &Path) -> Result<()> {
    for (name, expected) in PARTS {
        check_one(&folder.join(name), expected)?;
    }
    Ok(())
}

fn check_one(path: &Path, expected: Option<&str>) -> Result<()> {
    let Some(expected) = expected else {
        tracing::info!(part = %path.display(), "not compared: this is a development build");
        return Ok(());
    };
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    if blake3::hash(&bytes).to_hex().as_str() != expected {
        bail!(
            "{} is not the one that this errand was built with: install all parts of one version",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_another_version_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("errand-guest");
        std::fs::write(&part, "one").unwrap();
        let digest = blake3::hash(b"one").to_hex();
        check_one(&part, Some(digest.as_str())).unwrap();
        std::fs::write(&part, "another").unwrap();
        let error = check_one(&part, Some(digest.as_str())).unwrap_err();
        assert!(error.to_string().contains("errand-guest"), "{error}");
        check_one(&part, None).unwrap();
    }
}
