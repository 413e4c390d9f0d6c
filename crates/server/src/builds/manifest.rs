//! What a build brings that runs although nobody calls it by its path, beside the build before it: so that
//! somebody sees what an `install` that was tampered with leaves for all agents.

use super::{Build, Environment, Origin};
use crate::app::App;
use crate::leaks;
use anyhow::{Context, Result};
use protocol::api::builds::{BuildChange, BuildChanges};
use protocol::ids::{LayerId, OrgId};
use sandbox::provider::{Entry, EntryKind, Manifest};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Manifests that are kept; layers never change.
const KEPT: usize = 16;

/// Manifests that were asked for lately. One is made at a time, since that reads a whole disk.
#[derive(Debug, Default)]
pub struct Manifests(Mutex<VecDeque<(LayerId, Arc<Manifest>)>>);

impl Manifests {
    async fn of(&self, app: &App, org: &OrgId, layer: LayerId) -> Result<Arc<Manifest>> {
        let mut kept = self.0.lock().await;
        if let Some((_, known)) = kept.iter().find(|(known, _)| *known == layer) {
            return Ok(Arc::clone(known));
        }
        let made = app.provider.manifest(layer, org).await.context("list what a build brings")?;
        let made = Arc::new(made);
        kept.truncate(KEPT - 1);
        kept.push_front((layer, Arc::clone(&made)));
        Ok(made)
    }
}

/// What a build that is ready brings; beside the one before it, where both were built the same way.
pub async fn changes(
    app: &App,
    org: &OrgId,
    environment: &Environment,
    build: &Build,
) -> Result<BuildChanges> {
    let now = app.manifests.of(app, org, build.layer).await?;
    let earlier = before(environment, build);
    let then = match earlier {
        Some(earlier) => Some(app.manifests.of(app, org, earlier.layer).await?),
        None => None,
    };
    Ok(BuildChanges {
        beside: earlier.map(|earlier| earlier.agent.to_string()),
        items: compare(&now, then.as_deref()),
        whole: now.is_whole && then.is_none_or(|then| then.is_whole),
    })
}

/// The build before it. What was kept of an agent's machine, or came as a file, holds other things.
fn before<'a>(environment: &'a Environment, build: &Build) -> Option<&'a Build> {
    let is_built = |build: &Build| matches!(build.origin, Origin::Automatic | Origin::Asked);
    let ready = build.ready.as_ref().filter(|_| is_built(build))?;
    let earlier = environment.builds.iter().filter(|other| {
        let then = other.ready.as_ref();
        let fits = then.is_some_and(|then| then.at_ms < ready.at_ms && then.is_on(ready.ground()));
        fits && is_built(other) && other.layer != build.layer
    });
    earlier.max_by_key(|earlier| earlier.ready.as_ref().map_or(0, |then| then.at_ms))
}

/// How one differs from the other, what matters most first.
fn compare(now: &Manifest, then: Option<&Manifest>) -> Vec<BuildChange> {
    let then = then.map(|then| then.entries.as_slice()).unwrap_or_default();
    let (mut was, mut is) = (then.iter().peekable(), now.entries.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let order = match (was.peek(), is.peek()) {
            (Some(was), Some(is)) => was.path.cmp(&is.path),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let before = if order.is_le() { was.next() } else { None };
        let after = if order.is_ge() { is.next() } else { None };
        changes.extend(match (before, after) {
            (Some(before), Some(after)) => {
                (before.digest != after.digest).then_some((after, "changed"))
            }
            // Where something was left out, this may be.
            (Some(before), None) => now.is_whole.then_some((before, "removed")),
            (None, after) => after.map(|after| (after, "added")),
        });
    }
    changes.sort_by_key(|(entry, _)| rank(entry.kind));
    changes.into_iter().map(|(entry, change)| shown(entry, change)).collect()
}

const fn rank(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Startup => 0,
        EntryKind::KnownProgram => 1,
        EntryKind::Program => 2,
    }
}

fn shown(entry: &Entry, change: &str) -> BuildChange {
    let kind = match entry.kind {
        EntryKind::Startup => "startup",
        EntryKind::KnownProgram => "knownProgram",
        EntryKind::Program => "program",
    };
    let (path, kind) = (leaks::shown(&entry.path), kind.to_owned());
    BuildChange { path, kind, change: change.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(entries: &[(&str, EntryKind, &str)]) -> Manifest {
        let entry = |(path, kind, digest): &(&str, EntryKind, &str)| Entry {
            path: (*path).to_owned(),
            kind: *kind,
            digest: (*digest).to_owned(),
        };
        Manifest { entries: entries.iter().map(entry).collect(), is_whole: true }
    }

    #[test]
    fn what_came_went_and_became_other_is_told_and_what_matters_comes_first() {
        let then = manifest(&[
            ("home/.bashrc", EntryKind::Startup, "1"),
            ("home/bin/a", EntryKind::Program, "1"),
            ("home/bin/gone", EntryKind::Program, "1"),
            ("home/bin/same", EntryKind::Program, "1"),
        ]);
        let now = manifest(&[
            ("home/.bashrc", EntryKind::Startup, "2"),
            ("home/bin/a", EntryKind::Program, "2"),
            ("home/bin/git", EntryKind::KnownProgram, "1"),
            ("home/bin/same", EntryKind::Program, "1"),
            ("root/etc/profile.d/x.sh", EntryKind::Startup, "1"),
        ]);
        let told = |now: &Manifest, then: Option<&Manifest>| -> Vec<String> {
            let changes = compare(now, then).into_iter();
            changes.map(|it| format!("{} {} {}", it.kind, it.change, it.path)).collect()
        };
        let expected = [
            "startup changed /home/agent/.bashrc",
            "startup added /etc/profile.d/x.sh",
            "knownProgram added /home/agent/bin/git",
            "program changed /home/agent/bin/a",
            "program removed /home/agent/bin/gone",
        ];
        assert_eq!(told(&now, Some(&then)), expected);
        assert_eq!(told(&now, None).len(), 5, "all of the first is new");
        assert!(told(&now, Some(&now)).is_empty());
        let empty = manifest(&[]);
        assert_eq!(told(&empty, Some(&then)).len(), 4);
        assert!(told(&Manifest { is_whole: false, ..empty }, Some(&then)).is_empty());
    }
}
