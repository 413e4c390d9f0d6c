//! Which commits of a workspace are new, and on which known ones they stand.

use std::collections::{HashMap, HashSet};

use crate::history::CommitInfo;
use crate::name::CommitId;

/// Local commits and what they were published as.
#[derive(Debug, Default)]
pub(super) struct Published<'a>(HashMap<&'a CommitId, &'a CommitId>);

impl<'a> FromIterator<(&'a CommitId, &'a CommitId)> for Published<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a CommitId, &'a CommitId)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Published<'_> {
    /// What a commit is called on our side; one that is no local commit keeps its name.
    pub fn resolve<'b>(&'b self, id: &'b CommitId) -> &'b CommitId {
        self.0.get(id).copied().unwrap_or(id)
    }

    /// Whether it was published under another name.
    pub fn knows(&self, id: &CommitId) -> bool {
        self.0.contains_key(id)
    }
}

/// New commits, parents first, and the known commits they stand on.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    pub commits: Vec<&'a CommitInfo>,
    pub roots: Vec<&'a CommitId>,
}

impl<'a> Line<'a> {
    /// Walks from the head through what is listed (parents first) down to what is published.
    pub fn find(head: &'a CommitId, listed: &'a [CommitInfo], published: &Published<'_>) -> Self {
        let mut wanted = HashSet::from([head]);
        let mut line = Self::default();
        // Children come before their parents this way round, so one pass sees everything.
        for commit in listed.iter().rev() {
            if wanted.contains(&commit.id) && !published.knows(&commit.id) {
                wanted.remove(&commit.id);
                wanted.extend(&commit.parents);
                line.commits.push(commit);
            }
        }
        line.commits.reverse();
        line.roots = wanted.into_iter().collect();
        line.roots.sort();
        line
    }
}
