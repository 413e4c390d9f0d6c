//! Puts the files back to how they were at the end of an earlier run. It is a run like every other, but
//! that no model is asked: so what it changes becomes a commit on top, and nothing of what was pushed
//! goes. What was not committed until then stays on the machine's disk, under a ref.

use super::{Job, prepare};
use crate::forks;
use crate::machines::Machine;
use crate::sandbox_spec::command_variables;
use agent::state::Living;
use anyhow::{Context, Result};
use git::name::{BranchName, CommitId};
use git::worktree::outgoing::Wanted;
use protocol::event::{Logged, RepoSettings, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, RunId, Seq};
use protocol::link::{OpId, Start, Stdin, Unpack, User};

/// Code of what people and model are told when it is done.
pub const RESTORED: &str = "files_restored";
/// Time for one repository.
const STEP_MS: u64 = 5 * 60 * 1000;
/// Output kept of it.
const OUTPUT_BYTES: u64 = 64 * 1024;

/// Keeps what is there as a commit that no branch has, and then makes the files those of a tree. What
/// git ignores stays as it is.
const PUT_BACK: &str = r#"set -eu
cd -- "$1"
tree=$2 kept=refs/errand/before/$3
git add --all
now=$(git write-tree)
if [ "$now" != "$(git rev-parse 'HEAD^{tree}')" ] && [ "$now" != "$tree" ]; then
  git update-ref "$kept" "$(git -c user.name=errand -c user.email=errand@localhost \
    commit-tree "$now" -p HEAD -m 'What was not committed when files were put back')"
fi
git read-tree -m -u "$now" "$tree" 2>/dev/null || git read-tree --reset -u "$tree"
git read-tree HEAD
git update-index -q --refresh >/dev/null || true
if git show-ref --verify --quiet "$kept"; then echo kept; fi"#;

/// Puts every repository back to where it was at the end of that run.
pub async fn carry_out(
    job: &Job,
    epoch: Epoch,
    (run, target): (RunId, RunId),
) -> Result<TurnOutcome> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    let log = job.handle.log(Seq(0)).await?;
    let view = job.view().await?;
    let living = view.living()?;
    let settings = &living.settings;
    let step = Step { job, living, machine: &machine, run, log: &log, target };
    let (mut result, mut kept) = ("The files are as they were.".to_owned(), false);
    for repo in &settings.repos {
        match step.put_back(repo, &settings.branch).await? {
            Ok(some) => kept |= some,
            Err(failure) => return Ok(TurnOutcome::Failed { failure }),
        }
    }
    if kept {
        result.push_str(&format!(
            " What was not committed before is on the machine as refs/errand/before/{}.",
            short(run)
        ));
    }
    Ok(TurnOutcome::Finished { result })
}

/// The commit that a repository's branch was at when a run was over; none where nothing was kept of it.
pub fn commit_of(living: &Living, log: &[Logged], run: RunId, url: &str) -> Option<String> {
    let repo = living.settings.repos.iter().zip(&living.repos).find(|(repo, _)| repo.url == url);
    let (settings, state) = repo?;
    // What happened before a fork happened on a branch that this agent does not have.
    let is_fork = living.settings.forked_from.is_some();
    let start = || {
        let sent = settings.upload.as_ref().map(|upload| upload.head.clone());
        sent.or_else(|| state.base.as_ref().map(|base| base.commit.clone())).filter(|_| !is_fork)
    };
    forks::tip(log, run, url).or_else(start)
}

struct Step<'a> {
    job: &'a Job,
    living: &'a Living,
    machine: &'a Machine,
    run: RunId,
    log: &'a [Logged],
    target: RunId,
}

impl Step<'_> {
    /// Whether something was there that no commit had.
    async fn put_back(&self, repo: &RepoSettings, branch: &str) -> Result<Result<bool, Failure>> {
        let ours = self.job.app.agent_repo(self.job.handle.id, repo)?;
        let wanted = commit_of(self.living, self.log, self.target, &repo.url);
        let wanted = CommitId::parse(&wanted.context("nothing of that run is known")?)?;
        let tree = ours.tree_of(&wanted).await?.to_string();
        let tip = ours.ref_head(&BranchName::parse(branch)?.to_ref()).await?;
        let have = tip.iter().map(ToString::to_string).collect();
        let path = format!("/workspace/{}", repo.folder);
        let mut pack = ours.send_pack(&Wanted { want: vec![tree.clone()], have }).await?;
        let unpack = Unpack { repo_path: path.clone(), refs: Vec::new() };
        let sent = self.machine.link.unpack(unpack, &mut pack.stdout).await;
        sent.context("send the files inside")?;
        pack.finish().await.context("pack the files")?;
        let op = self.op(&repo.folder)?;
        self.machine.link.start(self.command(op.clone(), &path, &tree)).await?;
        let (exited, output) = prepare::to_end(self.job, self.machine, "restore", op).await?;
        if exited.code == Some(0) {
            return Ok(Ok(output.lines().last() == Some("kept")));
        }
        let why = if exited.timed_out { "it took too long" } else { output.trim() };
        let message = format!("the files of {} were not put back: {why}", repo.folder);
        Ok(Err(Failure::new(Phase::Branch, "restore_failed", message)))
    }

    /// The same however often it is asked for in this machine.
    fn op(&self, folder: &str) -> Result<OpId> {
        let folder = blake3::hash(folder.as_bytes()).to_hex();
        let folder: String = folder.chars().take(12).collect();
        Ok(OpId::parse(&format!("restore-{}-{folder}", self.run.uuid().simple()))?)
    }

    fn command(&self, op: OpId, path: &str, tree: &str) -> Start {
        let kept = short(self.run);
        let argv = ["/bin/sh", "-c", PUT_BACK, "errand", path, tree, &kept];
        Start {
            op,
            argv: argv.map(str::to_owned).to_vec(),
            cwd: "/workspace".to_owned(),
            env: command_variables(self.job.handle.id, Some(self.run), &[]),
            user: User::Agent,
            timeout_ms: Some(STEP_MS),
            stdin: Stdin::Null,
            pty: None,
            output_cap: OUTPUT_BYTES,
        }
    }
}

/// Enough of a run's id to tell it from others of one agent.
fn short(run: RunId) -> String {
    run.uuid().simple().to_string().chars().skip(20).collect()
}
