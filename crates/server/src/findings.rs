//! What the diff of an agent's branch holds that a person should look at (`review` decides), from our own copy of the
//! commits.
//!
//! TRUST: paths and contents are the agent's. They are read by id, in bounds of bytes, and judged by code that cannot
//! fail on them. Who owns a file is said by the starting commit, never by the branch itself.

use crate::app::App;
use crate::gate;
use anyhow::{Context, Result};
use forge::describe::Judgement;
use git::agent_repo::AgentRepo;
use git::changed::ChangedEntry;
use git::name::CommitId;
use git::objects::Reader;
use protocol::api::review::{
    FactorBody, FindingBody, FindingSeverity, FindingSide, ReviewBody, RiskBand, ScoreBody,
};
use protocol::event::RepoSettings;
use protocol::ids::AgentId;
use review::change::{Change, Content, Side};
use review::finding::{Family, Finding, LineSide, Severity};
use review::render;
use review::rules::{self, Diff};
use review::score::{self, Band, Score};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Files that are read; a diff of more is not.
const FILES: usize = 20_000;
/// Bytes of a file that is read.
const FILE_BYTES: u64 = 4 << 20;
/// Bytes of one diff that are held at a time, both sides together.
const DIFF_BYTES: u64 = 128 << 20;
/// Diffs that are held at a time, of all agents together; others wait.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Findings that are kept of one diff, and shown.
const KEPT: usize = 200;
/// Diffs whose findings are kept; commits never change.
const DIFFS: usize = 64;
/// Bytes of a file that says whose files are.
const OWNERS_BYTES: u64 = 1 << 20;
/// Where it may be; the first that is there counts.
const OWNERS: [&str; 6] = [
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".gitlab/CODEOWNERS",
    ".gitea/CODEOWNERS",
    ".forgejo/CODEOWNERS",
];

/// What was found in one diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The loudest first.
    findings: Vec<Finding>,
    /// Findings that are not kept.
    more: usize,
    /// Of all findings.
    score: Score,
    /// Files that no rule saw.
    unread: usize,
}

type Key = (AgentId, CommitId, CommitId);

/// Findings that were asked for lately.
#[derive(Debug, Default)]
pub struct Judged(Mutex<VecDeque<(Key, Arc<Found>)>>);

impl Judged {
    async fn get(&self, key: &Key) -> Option<Arc<Found>> {
        let kept = self.0.lock().await;
        kept.iter().find(|(known, _)| known == key).map(|(_, found)| Arc::clone(found))
    }

    async fn put(&self, key: Key, found: &Arc<Found>) {
        let mut kept = self.0.lock().await;
        kept.retain(|(known, _)| *known != key);
        kept.truncate(DIFFS - 1);
        kept.push_front((key, Arc::clone(found)));
    }
}

/// What lies between two commits of an agent's repository.
pub async fn between(
    app: &App,
    agent: AgentId,
    repo: &RepoSettings,
    (base, tip): (&str, &str),
) -> Result<Arc<Found>> {
    let (base, tip) = (CommitId::parse(base)?, CommitId::parse(tip)?);
    let key = (agent, base, tip);
    if let Some(found) = app.judged.get(&key).await {
        return Ok(found);
    }
    let _place = PLACES.acquire().await.context("wait for a place to judge a diff")?;
    // Somebody else may have asked for the same meanwhile.
    if let Some(found) = app.judged.get(&key).await {
        return Ok(found);
    }
    let ours = app.agent_repo(agent, repo)?;
    let found = Arc::new(judge(&ours, &key.1, &key.2).await?);
    app.judged.put(key, &found).await;
    Ok(found)
}

/// The same, where that a diff cannot be judged is no reason to fail: whoever reads it has to know.
pub async fn if_judged(
    app: &App,
    agent: AgentId,
    repo: &RepoSettings,
    range: (&str, &str),
) -> Option<Arc<Found>> {
    match between(app, agent, repo, range).await {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!(agent.id = %agent, error = format!("{error:#}"), "a diff was not judged");
            None
        }
    }
}

async fn judge(ours: &AgentRepo, base: &CommitId, tip: &CommitId) -> Result<Found> {
    let changed = ours.changed(base, tip).await.context("list what differs")?;
    let mut reader = ours.reader().await?;
    let owners = owners(&mut reader, base).await?;
    let left_out = changed.entries.len().saturating_sub(FILES) + usize::from(changed.truncated);
    let mut budget = DIFF_BYTES;
    let mut changes = Vec::with_capacity(changed.entries.len().min(FILES));
    for entry in changed.entries.into_iter().take(FILES) {
        changes.push(change(&mut reader, entry, &mut budget).await?);
    }
    let judging = move || {
        let is_unread =
            |side: &Option<Side>| matches!(side, Some(Side { content: Content::Unread(_), .. }));
        let unread = changes.iter().filter(|it| is_unread(&it.old) || is_unread(&it.new)).count();
        let findings = rules::find(Diff { changes: &changes, owners: owners.as_deref() });
        (findings, unread)
    };
    let (mut findings, unread) =
        tokio::task::spawn_blocking(judging).await.context("judge a diff")?;
    let score = score::score(&findings);
    let more = findings.len().saturating_sub(KEPT);
    findings.truncate(KEPT);
    Ok(Found { findings, more, score, unread: unread + left_out })
}

async fn owners(reader: &mut Reader, base: &CommitId) -> Result<Option<String>> {
    for path in OWNERS {
        if let Some(file) = reader.file(base, path, OWNERS_BYTES).await? {
            return Ok(file.into_text());
        }
    }
    Ok(None)
}

async fn change(reader: &mut Reader, entry: ChangedEntry, budget: &mut u64) -> Result<Change> {
    let ChangedEntry { path, old_path, old, new } = entry;
    let shown = |path: Vec<u8>| String::from_utf8_lossy(&path).into_owned();
    Ok(Change {
        path: shown(path),
        old_path: old_path.map(shown),
        old: gate::side(reader, old, FILE_BYTES, budget).await?,
        new: gate::side(reader, new, FILE_BYTES, budget).await?,
    })
}

impl Found {
    /// For the text of a pull request.
    pub fn judgement(&self) -> Judgement {
        Judgement {
            text: render::markdown(&self.findings, &self.score),
            found: self.findings.len(),
            more: self.more,
            unread: self.unread,
        }
    }

    /// For whoever asks over the API.
    pub fn body(&self) -> ReviewBody {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let factor = |factor: &score::Factor| FactorBody {
            rule: factor.rule.to_string(),
            count: factor.count,
            points: factor.points,
        };
        ReviewBody {
            findings: self.findings.iter().map(finding).collect(),
            more_findings: count(self.more),
            score: ScoreBody {
                points: self.score.points,
                band: match self.score.band {
                    Band::Low => RiskBand::Low,
                    Band::Medium => RiskBand::Medium,
                    Band::High => RiskBand::High,
                },
                factors: self.score.factors.iter().map(factor).collect(),
            },
            unread_files: count(self.unread),
        }
    }
}

fn finding(finding: &Finding) -> FindingBody {
    FindingBody {
        rule: finding.rule.to_string(),
        family: family(finding.family).to_owned(),
        severity: match finding.severity {
            Severity::Info => FindingSeverity::Info,
            Severity::Notice => FindingSeverity::Notice,
            Severity::Warning => FindingSeverity::Warning,
            Severity::High => FindingSeverity::High,
        },
        path: Some(finding.path.clone()).filter(|path| !path.is_empty()),
        line: finding.line,
        side: match finding.side {
            LineSide::Before => FindingSide::Before,
            LineSide::After => FindingSide::After,
        },
        why: finding.why.clone(),
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Executes => "executes",
        Family::Dependencies => "dependencies",
        Family::Permissions => "permissions",
        Family::Tests => "tests",
        Family::Opaque => "opaque",
        Family::Size => "size",
        Family::Ownership => "ownership",
    }
}

#[cfg(test)]
mod tests;
