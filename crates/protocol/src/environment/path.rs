//! Paths in an environment file: relative to the file's folder, never out of the repository.

use super::place::{Format, Place};
use crate::limits::ENVIRONMENT_LINE_BYTES;
use std::fmt;

/// A path within the repository, without `.`, `..` and doubled slashes. Empty: the repository itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepoPath(String);

impl RepoPath {
    /// Reads a path as a file at this place means it; else what to do about it.
    ///
    /// In `environment.json` `.`, `./` and `..` all mean the repository, whatever the folder.
    pub fn resolve(place: Place, written: &str) -> Result<Self, String> {
        let stands_for_all = matches!(written, "." | "./" | "..");
        if place.format() == Format::Environment && stands_for_all {
            return Ok(Self::default());
        }
        Self::join(place.folder(), written)
    }

    /// The folder of a file at this place.
    pub fn folder_of(place: Place) -> Self {
        Self(place.folder().to_owned())
    }

    fn join(folder: &str, written: &str) -> Result<Self, String> {
        refuse_foreign(written)?;
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in written.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.pop().is_none() => {
                    return Err(format!(
                        "leads out of the repository: paths begin in {}",
                        if folder.is_empty() { "the repository's top folder" } else { folder }
                    ));
                }
                ".." => {}
                // TRUST: a checkout has hooks and configuration there that nobody reviewed.
                _ if part.eq_ignore_ascii_case(".git") => {
                    return Err("leads into .git, which no commit holds".to_owned());
                }
                _ => parts.push(part),
            }
        }
        Ok(Self(parts.join("/")))
    }

    /// Whether this is the repository itself.
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Relative to the repository; empty for the repository itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is written in Errand's own file; none for that file's folder, which is the default.
    pub(super) fn in_errands_file(&self) -> Option<String> {
        let folder = Place::Errand.folder();
        match self.0.strip_prefix(folder) {
            _ if self.is_root() => Some("..".to_owned()),
            Some("") => None,
            Some(rest) if rest.starts_with('/') => Some(rest.trim_start_matches('/').to_owned()),
            Some(_) | None => Some(format!("../{}", self.0)),
        }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

fn refuse_foreign(written: &str) -> Result<(), String> {
    let is_drive = written.as_bytes().get(1) == Some(&b':');
    let problem = if written.trim().is_empty() {
        "is empty: leave it out, or name a path"
    } else if written.len() > ENVIRONMENT_LINE_BYTES {
        "is too long for a path"
    } else if written.starts_with('/') || is_drive {
        "is absolute: write it relative to the file's folder, as in ../Dockerfile"
    } else if written.starts_with('~') {
        "begins in somebody's home: write it relative to the file's folder, as in ../Dockerfile"
    } else if written.contains('\\') {
        "has a backslash: separate folders by /"
    } else if written.chars().any(char::is_control) {
        "has a control character"
    } else {
        return Ok(());
    };
    Err(problem.to_owned())
}
