//! `errand down`: brings an agent's changes into a worktree of this computer.

use super::report::{self, Bar};
use super::{backup_ref, open, synced_ref, trouble, who};
use crate::args::{Conflicts, Down};
use crate::client::Client;
use crate::client::follow::{Followed, Follower};
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::output::Output;
use crate::settings::Surroundings;
use crate::style::{Line, Style};
use crate::text;
use anyhow::{Context as _, Result};
use futures::TryStreamExt as _;
use git::commit::CommitDraft;
use git::name::{CommitId, RefName, TreeId};
use git::pack::{ImportLimits, Tip};
use git::worktree::Worktree;
use git::worktree::apply::{Applied, Marks};
use git::worktree::desk::Desk;
use git::worktree::plan::Plan;
use git::worktree::snapshot::{Overlooked, Snapshot};
use protocol::api::agents::Agent;
use protocol::api::metadata::Items;
use protocol::api::sync::{PackRequest, WorktreeBody};
use serde_json::json;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::io::StreamReader;

/// Times a plan is made anew because files were edited meanwhile.
const PLANS: u32 = 5;
/// Quiet on both sides before a change is taken over continuously.
const QUIET: Duration = Duration::from_millis(700);
/// Wait before a server that is away is asked again.
const AWAY: Duration = Duration::from_secs(2);
/// Longest wait for quiet.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// Brings the changes, once or for as long as the agent works.
pub async fn down(
    client: &Client,
    output: &mut Output,
    around: &Surroundings,
    arguments: &Down,
) -> Result<Exit> {
    let agent = lookup::agent(client, &arguments.agent).await?;
    let worktree = open(&arguments.into, around).await?;
    let mut taking = Taking { client, output, arguments, agent, worktree };
    if arguments.watch {
        let mut interrupts = signal(SignalKind::interrupt()).context("watch for Ctrl-C")?;
        return Box::pin(taking.keep(&mut interrupts)).await;
    }
    Box::pin(taking.once()).await
}

/// Both sides, read, with all that is needed to merge them.
struct Sides {
    desk: Desk,
    there: WorktreeBody,
    ours: Snapshot,
    base: TreeId,
    theirs: TreeId,
    synced: RefName,
}

/// What is in this repository already.
struct Known {
    /// What both sides had in common last.
    synced: Option<TreeId>,
    /// Trees that have to be fetched.
    missing: Vec<TreeId>,
    /// Commits from which the server need not send again.
    commits: Vec<CommitId>,
}

struct Taking<'a> {
    client: &'a Client,
    output: &'a mut Output,
    arguments: &'a Down,
    agent: Agent,
    worktree: Worktree,
}

impl Taking<'_> {
    /// Brings what is there now.
    async fn once(&mut self) -> Result<Exit> {
        match Box::pin(self.read()).await? {
            Some(sides) => self.merge(sides).await,
            None => self.nothing(),
        }
    }

    /// Reads both sides; nothing where the agent's is as it was.
    async fn read(&mut self) -> Result<Option<Sides>> {
        self.output.status(Some("reading both sides"))?;
        let desk = self.worktree.desk().await.map_err(trouble)?;
        if let Some(done) = desk.recover().await.map_err(trouble)? {
            self.output.show(&report::recovered(&done))?;
        }
        // Both sides are read at the same time.
        let path = ["agents", &self.agent.id, "worktree"];
        let (ours, items) = tokio::join!(desk.snapshot(Overlooked::Seen), self.client.act(&path));
        let items: Items<WorktreeBody> = items?;
        let (number, there) = self.choose(items.items)?;
        let synced = synced_ref(&self.agent.id, number)?;
        let theirs = TreeId::parse(&there.tree).context("read the server's answer")?;
        let base = TreeId::parse(&there.base_tree).context("read the server's answer")?;
        let known = self.known(&there, &synced, [&theirs, &base]).await?;
        if known.synced.as_ref() == Some(&theirs) {
            return Ok(None);
        }
        let base = known.synced.clone().unwrap_or(base);
        self.fetch(&desk, number, known).await?;
        Ok(Some(Sides { ours: ours.map_err(trouble)?, desk, there, base, theirs, synced }))
    }

    /// What of all that matters is in this repository.
    async fn known(
        &self,
        there: &WorktreeBody,
        synced: &RefName,
        [theirs, base]: [&TreeId; 2],
    ) -> Result<Known> {
        let mut ask = vec![format!("{synced}^{{tree}}"), theirs.to_string(), base.to_string()];
        let started = CommitId::parse(&there.base).context("read the server's answer")?;
        let commits = ["HEAD", started.as_str(), synced.as_str()];
        ask.extend(commits.map(|name| format!("{name}^{{commit}}")));
        let found = self.worktree.objects_of(&ask).await.map_err(trouble)?;
        let [tree, their_tree, base_tree, commits @ ..] = found.as_slice() else {
            anyhow::bail!("git gave too few answers");
        };
        let synced = tree.as_deref().map(TreeId::parse).transpose()?;
        let mut missing = Vec::new();
        missing.extend(Some(theirs.clone()).filter(|_| their_tree.is_none()));
        missing.extend(Some(base.clone()).filter(|_| base_tree.is_none() && synced.is_none()));
        let commits = commits.iter().flatten().map(|id| CommitId::parse(id));
        Ok(Known { synced, missing, commits: commits.collect::<Result<_, _>>()? })
    }

    /// The repository of the agent that this worktree is one of.
    fn choose(&self, items: Vec<WorktreeBody>) -> Result<(usize, WorktreeBody)> {
        let root = self.worktree.root().display().to_string();
        let known = |url: &str| {
            url == root
                || ["origin", "upstream"]
                    .iter()
                    .any(|name| self.worktree.remote_url(name) == Some(url))
        };
        let only = items.len() == 1;
        let urls: Vec<String> = items.iter().map(|item| item.url.clone()).collect();
        let found = items.into_iter().enumerate().find(|(_, item)| match &self.arguments.repo {
            Some(wanted) => item.url == *wanted,
            None => only || known(&item.url),
        });
        found.ok_or_else(|| {
            let message = format!("which repository? choose with --repo: {}", urls.join(", "));
            Trouble::usage(message).into()
        })
    }

    /// Brings the objects that are missing here, checked before anything sees them.
    async fn fetch(&self, desk: &Desk, repo: usize, known: Known) -> Result<()> {
        let Known { synced, missing: want, commits: known } = known;
        if want.is_empty() {
            return Ok(());
        }
        let have = known.iter().map(ToString::to_string);
        let have = have.chain(synced.iter().map(ToString::to_string)).collect();
        let body = PackRequest { repo, want: want.iter().map(ToString::to_string).collect(), have };
        let path = ["agents", &self.agent.id, "worktree", "pack"];
        let response = self.client.post_for_bytes(&path, &body).await?;
        let bar = Bar::spinner("fetching", self.output);
        let mut bytes = 0;
        let stream = response.bytes_stream().map_err(std::io::Error::other).inspect_ok(|chunk| {
            bytes += chunk.len() as u64;
            bar.at(bytes);
        });
        let mut source = StreamReader::new(Box::pin(stream));
        let tips: Vec<Tip> = want.into_iter().map(Tip::Tree).collect();
        let taken =
            desk.repo().import_pack(&mut source, ImportLimits::default(), &tips, &known).await;
        taken.map_err(trouble)
    }

    async fn merge(&mut self, sides: Sides) -> Result<Exit> {
        let Sides { desk, there, ours, base, theirs, synced } = sides;
        let marks = Marks { synced, backup: backup_ref(&self.agent.id)? };
        let mut read = Some(ours);
        for round in 0..PLANS {
            let ours = match read.take() {
                Some(ours) => ours,
                None => desk.snapshot(Overlooked::Seen).await.map_err(trouble)?,
            };
            let plan = desk.plan_from(ours, &base, &theirs).await.map_err(trouble)?;
            self.output.status(None)?;
            self.show(&plan)?;
            if self.arguments.dry_run {
                return Ok(Exit::Done);
            }
            refuse(&plan)?;
            if !plan.conflicts.is_empty() {
                match self.arguments.conflicts {
                    Conflicts::Refuse => return Err(conflicts(&plan)),
                    Conflicts::Branch => return self.branch(&desk, &there, &plan).await,
                    Conflicts::Files => {}
                }
            }
            if plan.changes.is_empty() {
                desk.keep(&plan.ours).await.map_err(trouble)?;
                desk.remember(&marks.synced, &theirs, &who()).await.map_err(trouble)?;
                return self.nothing();
            }
            let bar = Bar::files("writing", plan.changes.len(), self.output);
            let applied =
                desk.apply(&plan, &marks, &who(), &mut |count| bar.at(count as u64)).await;
            drop(bar);
            match applied.map_err(trouble)? {
                Applied::Done(report) => return self.done(&report, &marks.backup),
                Applied::Stale => {}
                // They may have been made since this side was read, while the other one was.
                Applied::InTheWay(_) if round == 0 => {}
                Applied::InTheWay(paths) => return Err(in_the_way(&paths)),
            }
        }
        let message =
            "files here change faster than they can be merged: nothing was changed, try again";
        Err(Trouble::new(Exit::Usage, "worktree_busy", message).into())
    }

    fn show(&mut self, plan: &Plan) -> Result<()> {
        if !self.output.is_for_program() {
            self.output.show(&report::plan(plan))?;
        } else if self.arguments.dry_run {
            self.output.json(&report::plan_json(plan))?;
        }
        Ok(())
    }

    fn nothing(&mut self) -> Result<Exit> {
        self.output.status(None)?;
        if self.output.is_for_program() {
            self.output.json(&json!({ "written": 0, "removed": 0, "left": [] }))?;
        } else if !self.arguments.watch {
            self.output.line(Line::of(Style::Dim, "nothing new"))?;
        }
        Ok(Exit::Done)
    }

    fn done(&mut self, report: &git::worktree::apply::Report, backup: &RefName) -> Result<Exit> {
        if self.output.is_for_program() {
            self.output.json(&json!({
                "written": report.written,
                "removed": report.removed,
                "left": report.left,
                "backup": backup.as_str(),
            }))?;
        } else {
            self.output.show(&report::done(report, backup.as_str()))?;
        }
        Ok(if report.left.is_empty() { Exit::Done } else { Exit::Failed })
    }

    /// Leaves the worktree alone and puts the agent's files on a branch of their own.
    async fn branch(&mut self, desk: &Desk, there: &WorktreeBody, plan: &Plan) -> Result<Exit> {
        let name = format!("errand-down/{}", text::short_id(&self.agent.id));
        if self.worktree.branch().await.map_err(trouble)?.as_deref() == Some(&name) {
            let message = format!("{name} is checked out here: check out another branch first");
            return Err(Trouble::usage(message).into());
        }
        let base = self.worktree.commit_of(&there.base).await.map_err(trouble)?;
        desk.keep(&plan.ours).await.map_err(trouble)?;
        let draft = CommitDraft {
            tree: plan.theirs.clone(),
            parents: base.into_iter().collect(),
            author: who(),
            committer: who(),
            message: format!("Files of {}", self.agent.name),
            trailers: Vec::new(),
        };
        let full = RefName::parse(&format!("refs/heads/{name}")).context("name a branch")?;
        let commit = self.worktree.mark(&full, &draft).await.map_err(trouble)?;
        if self.output.is_for_program() {
            self.output.json(&json!({ "branch": name, "commit": commit.as_str() }))?;
        } else {
            let words =
                format!("the agent's files are on the branch {name}; the worktree is as it was");
            self.output.line(Line::of(Style::Good, "✓ ").and(Style::Plain, words))?;
        }
        Ok(Exit::Done)
    }

    /// Goes on for as long as somebody watches.
    async fn keep(&mut self, interrupts: &mut Signal) -> Result<Exit> {
        let id = lookup::id_of(&self.agent)?;
        let mut follower = Follower::start(self.client, id, self.agent.seq).await?;
        loop {
            let read = tokio::select! {
                read = self.read_settled() => read,
                _ = interrupts.recv() => return Ok(Exit::Done),
            };
            let (taken, is_left) = match read {
                Ok(Some(sides)) => to_its_end(Box::pin(self.merge(sides)), interrupts).await,
                Ok(None) => (self.nothing(), false),
                Err(error) => (Err(error), false),
            };
            let away = match taken {
                Ok(_) => false,
                Err(error) => self.complain(error)? == Exit::Unreachable,
            };
            if is_left {
                return Ok(Exit::Done);
            }
            let next = async {
                match away {
                    true => {
                        tokio::time::sleep(AWAY).await;
                        Ok(())
                    }
                    false => wait(&mut follower).await,
                }
            };
            if !away {
                self.output.status(Some("waiting for changes; Ctrl-C ends it"))?;
            }
            tokio::select! {
                waited = next => waited?,
                _ = interrupts.recv() => return Ok(Exit::Done),
            }
        }
    }

    async fn read_settled(&mut self) -> Result<Option<Sides>> {
        self.settle().await?;
        Box::pin(self.read()).await
    }

    /// Tells of what the person or time may mend; anything else ends the watching.
    fn complain(&mut self, error: anyhow::Error) -> Result<Exit> {
        let exit = error.downcast_ref::<Trouble>().map(|trouble| trouble.exit);
        let Some(exit @ (Exit::Usage | Exit::Unreachable)) = exit else { return Err(error) };
        self.output.line(Line::of(Style::Warn, format!("! {error}")))?;
        Ok(exit)
    }

    /// Waits until this side is not being edited.
    async fn settle(&self) -> Result<()> {
        let until = Instant::now() + QUIET_MAX;
        let mut before = None;
        while Instant::now() < until {
            let desk = self.worktree.desk().await.map_err(trouble)?;
            let now = desk.snapshot(Overlooked::Seen).await.map_err(trouble)?.tree;
            drop(desk);
            if before.as_ref() == Some(&now) {
                return Ok(());
            }
            before = Some(now);
            tokio::time::sleep(QUIET).await;
        }
        Ok(())
    }
}

/// What is being written is written to its end, and then the person is let go; whoever asks again is
/// let go at once, and the next call finishes it.
async fn to_its_end(
    mut merging: impl Future<Output = Result<Exit>> + Unpin,
    interrupts: &mut Signal,
) -> (Result<Exit>, bool) {
    let mut is_left = false;
    loop {
        tokio::select! {
            done = &mut merging => return (done, is_left),
            _ = interrupts.recv() => match is_left {
                true => return (Ok(Exit::Done), true),
                false => is_left = true,
            },
        }
    }
}

/// Waits until the agent changed something, and then for quiet on its side.
async fn wait(follower: &mut Follower) -> Result<()> {
    let mut changed = false;
    let mut until = Instant::now() + QUIET_MAX;
    loop {
        let next = match changed {
            false => Ok(follower.next().await),
            true => tokio::time::timeout(QUIET, follower.next()).await,
        };
        let Ok(next) = next else { return Ok(()) };
        if let Followed::Event(body) = next?
            && matters(&body.event)
            && !changed
        {
            changed = true;
            until = Instant::now() + QUIET_MAX;
        }
        if changed && Instant::now() >= until {
            return Ok(());
        }
    }
}

/// Whether files may have changed; a newer server may tell of more than we know.
fn matters(event: &serde_json::Value) -> bool {
    let kind = event.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
    matches!(kind, "ToolReturned" | "CheckpointMade" | "WorkspaceReady" | "RunEnded")
}

fn refuse(plan: &Plan) -> Result<()> {
    if plan.refused.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = plan
        .refused
        .iter()
        .map(|refused| format!("  {}: {}", refused.path, refused.fault))
        .collect();
    let message =
        format!("nothing was changed, since these are never written:\n{}", lines.join("\n"));
    Err(Trouble::new(Exit::Usage, "paths_refused", message).into())
}

fn conflicts(plan: &Plan) -> anyhow::Error {
    let lines: Vec<String> = plan
        .conflicts
        .iter()
        .map(|conflict| format!("  {} ({})", conflict.path, conflict.kind))
        .collect();
    let message = format!(
        "nothing was changed, since both sides changed the same:\n{}\nchoose --conflicts files to have both versions in \
         the files, or --conflicts branch to have the agent's files on a branch",
        lines.join("\n")
    );
    Trouble::new(Exit::Usage, "conflicts", message).into()
}

fn in_the_way(paths: &[String]) -> anyhow::Error {
    let message = format!(
        "nothing was changed, since files that git ignores here lie in the way: {}: move them, then try again",
        report::some_of(paths)
    );
    Trouble::new(Exit::Usage, "ignored_in_the_way", message).into()
}
