//! Takes the worktree of each repository over: objects from the guest, commits by Errand.
//!
//! TRUST: everything the guest says here is a claim. Objects are checked in quarantine, commits are
//! made anew, and nothing of the workspace's configuration is ever read on this side.

use super::Job;
use crate::machines::Machine;
use crate::{artifacts, bases, commits, disk, lfs};
use anyhow::{Context, Result};
use git::agent_repo::AgentRepo;
use git::diff::{DiffOptions, Side};
use git::error::Error as GitError;
use git::name::{BranchName, CommitId, TreeId};
use git::pack::{ImportLimits, Tip};
use git::refs::Expected;
use protocol::event::{DiffStat, Event, RepoCheckpoint, RepoSettings};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, RunId};
use protocol::link::{
    AddCommits, Answer, Bytes64, Checkpoint, MoveBranch, OpId, Pack, Request, Worktree,
};
use sandbox::link::LinkError;

/// Commits sent inside after a run.
const COMMITS_SENT: usize = 500;
/// Bytes of these commits: they go in one message.
const COMMIT_BYTES_SENT: usize = 8 * 1024 * 1024;

/// Takes every repository over.
pub async fn run(job: &Job, run: RunId, epoch: Epoch) -> Result<()> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    let machine = super::provision::serve(job, machine).await?;
    let view = job.view().await?;
    let settings = &view.living()?.settings;
    let mut repos = Vec::new();
    for (index, repo) in settings.repos.iter().enumerate() {
        let take = Take {
            job,
            machine: &machine,
            run,
            epoch,
            repo,
            branch: BranchName::parse(&settings.branch)?,
        };
        match take.over(index).await {
            Ok(made) => repos.push(made),
            Err(error) => match final_failure(&error) {
                Some(failure) => {
                    return job
                        .report(vec![Event::CheckpointFailed {
                            run,
                            key: job.key.clone(),
                            failure,
                        }])
                        .await;
                }
                None => return Err(error),
            },
        }
    }
    artifacts::take(
        &job.app.store,
        &machine.link,
        &job.handle.org,
        job.handle.id,
        crate::clock::now_ms(),
    )
    .await?;
    job.report(vec![Event::CheckpointMade { run, key: job.key.clone(), repos }]).await
}

/// What no repetition will mend.
fn final_failure(error: &anyhow::Error) -> Option<Failure> {
    if let Some(super::Failed(failure)) = error.downcast_ref::<super::Failed>() {
        return Some(failure.clone());
    }
    if disk::is_full(error) {
        return Some(disk::full(Phase::Commit));
    }
    let words = match error.downcast_ref::<GitError>()? {
        GitError::BadObjects { detail } => {
            format!("the workspace's objects were refused: {detail}")
        }
        GitError::TooLarge { what, limit_bytes, .. } => {
            format!("{what} of the workspace is larger than {limit_bytes} bytes")
        }
        _ => return None,
    };
    Some(Failure::new(Phase::Commit, "objects_refused", words))
}

struct Take<'a> {
    job: &'a Job,
    machine: &'a Machine,
    run: RunId,
    epoch: Epoch,
    repo: &'a RepoSettings,
    branch: BranchName,
}

impl Take<'_> {
    async fn over(&self, index: usize) -> Result<RepoCheckpoint> {
        let ours = self.job.app.agent_repo(self.job.handle.id, self.repo)?;
        let view = self.job.view().await?;
        let state = view.living()?.repos.get(index).context("the repository is not known")?.clone();
        let start = state.base.context("the starting commit is not known")?;
        let base = CommitId::parse(&start.commit)?;
        let previous = ours.ref_head(&self.branch.to_ref()).await?.unwrap_or_else(|| base.clone());
        let worktree = self.worktree().await?;
        self.import(&ours, &worktree, &base, &previous).await?;
        let made = commits::hand_over(
            self.job,
            &ours,
            self.run,
            &commits::Handed { url: &self.repo.url, base: &base, worktree: &worktree },
        )
        .await?;
        self.stop_at_gate(&worktree)?;
        if made.tip != previous {
            let publishing = lfs::Publishing {
                job: self.job,
                machine: self.machine,
                repo: self.repo,
                branch: &self.branch,
                path: &self.path(),
            };
            publishing.publish(&ours, &made.tip, &[previous.clone(), base.clone()]).await?;
            ours.update_ref(&self.branch.to_ref(), &made.tip, Expected::Any).await?;
        }
        self.follow_inside(&worktree, &made).await;
        let since = bases::since(&ours, &start, made.tip.as_str()).await?;
        let stat = count(&ours, &since, &made.tip).await?;
        Ok(RepoCheckpoint {
            url: self.repo.url.clone(),
            commit: made.tip.to_string(),
            previous: previous.to_string(),
            new_commits: u32::try_from(made.commits.len()).unwrap_or(u32::MAX),
            published: made.published,
            stat,
            notes: notes(&worktree, made.notes),
        })
    }

    fn path(&self) -> String {
        format!("/workspace/{}", self.repo.folder)
    }

    fn op(&self, what: &str) -> Result<OpId> {
        let folder: String =
            blake3::hash(self.repo.folder.as_bytes()).to_hex().chars().take(12).collect();
        Ok(OpId::parse(&format!("{what}-{}-{}-{folder}", self.run.uuid().simple(), self.epoch))?)
    }

    async fn worktree(&self) -> Result<Worktree> {
        let ask =
            Checkpoint { op: self.op("checkpoint")?, repo_path: self.path(), exclude: Vec::new() };
        match self.machine.link.request(Request::Checkpoint(ask)).await {
            Ok(Answer::Worktree(worktree)) => Ok(*worktree),
            Ok(_) => anyhow::bail!("the guest answered something else"),
            Err(LinkError::Fault(fault)) => {
                let message = format!(
                    "the worktree of {} could not be read: {}",
                    self.repo.folder, fault.message
                );
                Err(super::failed(Phase::Commit, "worktree_unreadable", message))
            }
            Err(error) => Err(error).context("ask for the worktree"),
        }
    }

    /// Brings what is new to our side, complete and checked.
    async fn import(
        &self,
        ours: &AgentRepo,
        worktree: &Worktree,
        base: &CommitId,
        previous: &CommitId,
    ) -> Result<()> {
        let head = worktree.head.commit.as_deref().map(CommitId::parse).transpose()?;
        let tree = TreeId::parse(&worktree.tree)?;
        let here = match &head {
            Some(head) => head == base || head == previous || ours.has_commit(head).await?,
            None => false,
        };
        if here && worktree.clean {
            return Ok(());
        }
        let mut want = vec![tree.to_string()];
        let mut tips = vec![Tip::Tree(tree)];
        if let Some(head) = head.filter(|_| !here) {
            want.push(head.to_string());
            tips.push(Tip::Commit(head));
        }
        let mut known = vec![base.clone(), previous.clone()];
        known.dedup();
        let have = known.iter().map(ToString::to_string).collect();
        let mut pack = self
            .machine
            .link
            .pack(Pack { repo_path: self.path(), want, have })
            .await
            .context("ask for the objects")?;
        Ok(ours.import_pack(&mut pack, ImportLimits::default(), &tips, &known).await?)
    }

    /// Moves the branch inside to what was published. The person or agent inside may have moved it
    /// meanwhile: then it stays, and the log's map serves the next run.
    async fn follow_inside(&self, worktree: &Worktree, made: &commits::Made) {
        let Some(local) = &worktree.head.commit else { return };
        if *local == made.tip.as_str()
            || worktree.head.branch.as_deref() != Some(self.branch.as_str())
        {
            return;
        }
        if let Err(error) = self.move_inside(local, made).await {
            tracing::info!(agent.id = %self.job.handle.id, error = format!("{error:#}"), "the branch inside stays where it is");
        }
    }

    async fn move_inside(&self, local: &str, made: &commits::Made) -> Result<()> {
        let link = &self.machine.link;
        anyhow::ensure!(
            made.commits.len() <= COMMITS_SENT
                && made.commits.iter().map(|(_, content)| content.len()).sum::<usize>()
                    <= COMMIT_BYTES_SENT,
            "there are too many new commits; the next run fetches them"
        );
        // Every tree of ours came from there: the commits alone complete them.
        let commits = made.commits.iter();
        let commits = commits.map(|(id, content)| (id.to_string(), Bytes64(content.clone())));
        let adding = AddCommits { repo_path: self.path(), commits: commits.collect() };
        link.request(Request::AddCommits(adding)).await.context("send the new commits inside")?;
        let moving = MoveBranch {
            repo_path: self.path(),
            branch: self.branch.to_string(),
            old: local.to_owned(),
            new: made.tip.to_string(),
        };
        link.request(Request::MoveBranch(moving)).await.context("move the branch inside")?;
        Ok(())
    }

    /// What a person must decide about stops the push; the work is on our side by now.
    fn stop_at_gate(&self, worktree: &Worktree) -> Result<()> {
        if worktree.submodules.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the submodules {} were moved to other commits, which Errand cannot publish: push them to their own \
             repository first, or put them back",
            worktree.submodules.join(", ")
        );
        Err(super::failed(Phase::Push, "push_blocked", message))
    }
}

async fn count(ours: &AgentRepo, base: &CommitId, tip: &CommitId) -> Result<DiffStat> {
    if base == tip {
        return Ok(DiffStat::default());
    }
    let diff =
        ours.diff_stat(Side::Commit(base), Side::Commit(tip), &DiffOptions::default()).await?;
    Ok(DiffStat {
        files: u32::try_from(diff.files.len()).unwrap_or(u32::MAX),
        additions: diff.files.iter().map(|file| file.additions).sum(),
        deletions: diff.files.iter().map(|file| file.deletions).sum(),
    })
}

fn notes(worktree: &Worktree, mut notes: Vec<String>) -> Vec<String> {
    if !worktree.unmerged.is_empty() {
        notes.push(format!("Files with unresolved conflicts: {}", worktree.unmerged.join(", ")));
    }
    if !worktree.embedded.is_empty() {
        notes.push(format!(
            "Repositories inside the repository were left out: {}",
            worktree.embedded.join(", ")
        ));
    }
    notes
}
