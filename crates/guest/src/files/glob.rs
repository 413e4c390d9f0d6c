//! Files by name, without those that git ignores.

use super::resolve;
use crate::ops::fault;
use globset::{GlobBuilder, GlobMatcher};
use ignore::{Walk, WalkBuilder};
use protocol::link::{Answer, Fault, FaultCode, Glob};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time a walk may take.
pub const WALK_TIME: Duration = Duration::from_secs(20);
/// Paths answered at most, whatever was asked.
const PATHS: usize = 20_000;

/// Finds the files, the most recently changed first.
pub fn paths(wanted: &Glob) -> Result<Answer, Fault> {
    let root = resolve(&wanted.cwd, &wanted.path)?;
    let glob = matcher(&wanted.pattern)?;
    let started = Instant::now();
    let mut found = Vec::new();
    let mut more = false;
    for entry in walk(&root, &wanted.path)? {
        if started.elapsed() > WALK_TIME {
            more = true;
            break;
        }
        // What cannot be read is not found.
        let Ok(entry) = entry else { continue };
        let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        let is_dir = entry.file_type().is_none_or(|file_type| file_type.is_dir());
        if is_dir || !glob.is_match(relative) {
            continue;
        }
        let changed = entry.metadata().ok().and_then(|metadata| metadata.modified().ok());
        found.push((changed, relative.to_string_lossy().into_owned()));
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let limit = (wanted.limit as usize).min(PATHS);
    more |= found.len() > limit;
    let paths = found.into_iter().take(limit).map(|(_, path)| path).collect();
    Ok(Answer::Paths { paths, more })
}

/// A walk that respects ignore files, in this thread (its rights are the thread's).
pub fn walk(root: &Path, shown: &str) -> Result<Walk, Fault> {
    std::fs::metadata(root).map_err(|error| super::explain(shown, &error))?;
    Ok(WalkBuilder::new(root)
        .hidden(false)
        .git_global(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_path(Path::cmp)
        .build())
}

/// A pattern; without a slash it is matched at any depth.
pub fn matcher(pattern: &str) -> Result<GlobMatcher, Fault> {
    let whole = if pattern.contains('/') { pattern.to_owned() } else { format!("**/{pattern}") };
    let glob = GlobBuilder::new(whole.trim_start_matches("./")).literal_separator(true).build();
    let bad = |error| fault(FaultCode::BadRequest, format!("not a pattern: {error}"));
    glob.map(|glob| glob.compile_matcher()).map_err(bad)
}
