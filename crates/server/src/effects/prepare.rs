//! Makes the workspace ready for a run: a new repository from a pack that is made once for all who
//! start from the same commit, or the one that is there brought up to date.

use super::{Job, failed, provision};
use crate::machines::Machine;
use crate::sandbox_spec::command_variables;
use anyhow::{Context, Result};
use git::agent_repo::AgentRepo;
use git::name::{BranchName, CommitId};
use git::worktree::outgoing::Wanted;
use protocol::event::{Event, PushPlan, RepoBase, RepoSettings, WorkspaceBranch};
use protocol::failure::Phase;
use protocol::ids::{Epoch, RunId};
use protocol::link::{
    Answer, CheckOut, Exited, FaultCode, Head, OpId, Request, Start, Stdin, Unpack, User,
};
use sandbox::link::{Followed, LinkError, Offsets};
use std::time::{Duration, Instant};

/// Time for a clone of a large repository.
const CLONE_TIME: Duration = Duration::from_secs(30 * 60);
/// Time for anything smaller.
const STEP_MS: u64 = 5 * 60 * 1000;
/// Output kept of a preparing command.
const OUTPUT_BYTES: u64 = 256 * 1024;
/// End of the output that a failure shows.
const SHOWN_BYTES: usize = 2000;

/// Puts the files of a worktree that was sent where they were, and leaves them uncommitted; once.
const LAY_OUT: &str = r#"set -eu
cd -- "$1"
mark=$(git rev-parse --git-path errand-files)
if [ ! -e "$mark" ]; then
  git read-tree -m -u HEAD "$2"
  git read-tree HEAD
  git update-index -q --refresh >/dev/null || true
  : > "$mark"
fi
git rev-parse HEAD"#;

/// Makes the checkout that a disk began with into this agent's own, once: the delta is fetched, files
/// that are the same are not looked at. What `install` made of a file that differs by now is given up.
const ADOPT: &str = r#"set -eu
dest=$1 branch=$2 commit=$3 base=$4
cd -- "$dest"
if ! git show-ref --verify --quiet "refs/heads/$branch"; then
  git cat-file -e "$commit^{commit}" 2>/dev/null || git fetch --quiet origin "refs/heads/$branch"
  was=$(git rev-parse HEAD)
  if [ "$was" != "$commit" ]; then
    git read-tree -m -u "$was" "$commit" 2>/dev/null || git read-tree --reset -u "$commit"
  fi
  left=$(git symbolic-ref --quiet HEAD || true)
  for name in "heads/$base" "remotes/origin/$base" "heads/$branch"; do
    git update-ref "refs/$name" "$commit"
  done
  git symbolic-ref HEAD "refs/heads/$branch"
  case $left in
    "refs/heads/$base"|"refs/heads/$branch"|"") ;;
    *) git update-ref -d "$left" ;;
  esac
fi
git rev-parse HEAD"#;

/// Takes what people pushed meanwhile, as long as nothing here stands against it; what does is
/// merged when the work is pushed.
const UPDATE: &str = r#"set -eu
dest=$1 branch=$2 commit=$3
cd -- "$dest"
if [ "$(git rev-parse HEAD)" != "$commit" ]; then
  git fetch --quiet origin "refs/heads/$branch"
  if [ "$(git symbolic-ref --quiet --short HEAD)" = "$branch" ]; then
    git merge --quiet --ff-only "$commit" >&2 || true
  fi
fi
git rev-parse HEAD"#;

/// Prepares every repository.
pub async fn run(job: &Job, epoch: Epoch, run: RunId) -> Result<()> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    let machine = provision::serve(job, machine).await?;
    let view = job.view().await?;
    let living = view.living()?;
    let settings = &living.settings;
    let attempt = living
        .failing
        .iter()
        .find(|failing| failing.key == job.key)
        .map_or(0, |failing| failing.attempts);
    let branch = BranchName::parse(&settings.branch).context("parse the branch")?;
    let on_layers = !settings.layers.is_empty();
    let step = Preparation { job, machine: &machine, epoch, run, attempt, on_layers };
    let _place = job.app.starts.place().await?;
    let mut branches = Vec::new();
    for (repo, state) in settings.repos.iter().zip(&living.repos) {
        let base = state.base.as_ref().context("the starting commit is not known")?;
        // The branch in the agent's own repository is where the workspace shall be.
        let ours = job.app.agent_repo(job.handle.id, repo)?;
        let tip = match ours.ref_head(&branch.to_ref()).await? {
            Some(tip) => tip,
            None => CommitId::parse(&base.commit)?,
        };
        let ready = step.check_out(&ours, (repo, base), &settings.branch, &tip).await?;
        step.lay_out(&ours, repo, &ready).await?;
        branches.push(ready);
    }
    job.report(vec![Event::WorkspaceReady { epoch, run, branches }]).await
}

/// Brings a workspace to what a push made of its branch, as far as nothing there stands against it.
pub async fn follow(job: &Job, run: RunId, push: &PushPlan) -> Result<()> {
    let machine = job.app.machines.get(job.handle.id).context("there is no machine")?;
    let view = job.view().await?;
    let settings = &view.living()?.settings;
    let on_layers = !settings.layers.is_empty();
    let mut repos = settings.repos.iter();
    let repo = repos.find(|repo| repo.url == push.url).context("the repository is not known")?;
    let path = format!("/workspace/{}", repo.folder);
    let (machine, epoch, attempt) = (&machine, machine.epoch, 0);
    let step = Preparation { job, machine, epoch, run, attempt, on_layers };
    let at = step.script("follow", repo, UPDATE, &[&path, &push.branch, &push.commit]).await?;
    anyhow::ensure!(at == push.commit, "what is there stands against it");
    Ok(())
}

struct Preparation<'a> {
    job: &'a Job,
    machine: &'a Machine,
    epoch: Epoch,
    run: RunId,
    attempt: u32,
    /// Whether the disk began with a layer.
    on_layers: bool,
}

impl Preparation<'_> {
    async fn check_out(
        &self,
        ours: &AgentRepo,
        (repo, base): (&RepoSettings, &RepoBase),
        branch: &str,
        tip: &CommitId,
    ) -> Result<WorkspaceBranch> {
        let path = format!("/workspace/{}", repo.folder);
        let began = Instant::now();
        let (phase, mut at) = match self.standing(&path).await? {
            Some(there) if self.is_anothers(&there, branch) => {
                let args = [&path, branch, tip.as_str(), &base.base_branch];
                ("snapshot", self.script("snapshot", repo, ADOPT, &args).await?)
            }
            Some(there) => ("clone", head_of(there)?),
            None => ("clone", self.make((repo, base), &path, branch, ours, tip).await?),
        };
        self.finished(phase, began, repo).await?;
        let began = Instant::now();
        if at != tip.as_str() {
            at = self.script("branch", repo, UPDATE, &[&path, branch, tip.as_str()]).await?;
        }
        self.finished("branch", began, repo).await?;
        Ok(WorkspaceBranch { url: repo.url.clone(), path, branch: branch.to_owned(), commit: at })
    }

    /// Where a repository that is there already stands.
    async fn standing(&self, path: &str) -> Result<Option<Head>> {
        match self.machine.link.request(Request::Head { repo_path: path.to_owned() }).await {
            Ok(Answer::Head(head)) => Ok(Some(head)),
            Ok(_) => anyhow::bail!("the guest answered something else"),
            Err(LinkError::Fault(fault)) if fault.code == FaultCode::NotFound => Ok(None),
            Err(error) => Err(error).context("ask where the workspace stands"),
        }
    }

    /// Whether a checkout may be what the disk began with, and not this agent's.
    fn is_anothers(&self, there: &Head, branch: &str) -> bool {
        self.on_layers && there.branch.as_deref() != Some(branch)
    }

    /// A new repository at the tip of the agent's branch.
    async fn make(
        &self,
        (repo, base): (&RepoSettings, &RepoBase),
        path: &str,
        branch: &str,
        ours: &AgentRepo,
        tip: &CommitId,
    ) -> Result<String> {
        let starts = &self.job.app.starts;
        let is_start = tip.as_str() == base.commit;
        let pack =
            if is_start { starts.pack(ours, tip).await? } else { starts.alone(ours, tip).await? };
        let wanted = CheckOut {
            repo_path: path.to_owned(),
            url: repo.url.clone(),
            upstream: if is_start { base.base_branch.clone() } else { branch.to_owned() },
            upstream_is_default: is_start,
            branch: branch.to_owned(),
            commit: tip.to_string(),
            pack: pack.name.clone(),
            pack_bytes: pack.pack_bytes,
            index_bytes: pack.index_bytes,
            env: command_variables(self.job.handle.id, Some(self.run), &[]),
        };
        let bytes = pack.read().await?;
        let sending = self.machine.link.send(Request::CheckOut(Box::new(wanted)), bytes);
        let why = match tokio::time::timeout(CLONE_TIME, sending).await {
            Ok(Ok(Answer::Head(head))) => return head_of(head),
            Ok(Ok(_)) => anyhow::bail!("the guest answered something else"),
            Ok(Err(LinkError::Fault(fault))) => fault.message,
            Ok(Err(error)) => return Err(error).context("send the repository inside"),
            Err(_) => format!("it took longer than {} s", CLONE_TIME.as_secs()),
        };
        let message = format!("preparing {} failed: {}", repo.folder, why.trim());
        Err(failed(Phase::Clone, "clone_failed", message))
    }

    /// The files of a worktree that was sent, as long as the work stands where they belong.
    async fn lay_out(
        &self,
        ours: &AgentRepo,
        repo: &RepoSettings,
        ready: &WorkspaceBranch,
    ) -> Result<()> {
        let Some(upload) = repo.upload.as_ref().filter(|upload| upload.head == ready.commit) else {
            return Ok(());
        };
        let head = CommitId::parse(&upload.head)?;
        if ours.tree_of(&head).await?.as_str() == upload.tree {
            return Ok(());
        }
        let began = Instant::now();
        let wanted = Wanted { want: vec![upload.tree.clone()], have: vec![upload.head.clone()] };
        let mut pack = ours.send_pack(&wanted).await.context("pack the files that were sent")?;
        let unpack = Unpack { repo_path: ready.path.clone(), refs: Vec::new() };
        self.machine
            .link
            .unpack(unpack, &mut pack.stdout)
            .await
            .context("send the files inside")?;
        pack.finish().await.context("pack the files that were sent")?;
        self.script("files", repo, LAY_OUT, &[&ready.path, &upload.tree]).await?;
        self.finished("files", began, repo).await
    }

    async fn finished(&self, phase: &str, began: Instant, repo: &RepoSettings) -> Result<()> {
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let event = Event::PhaseFinished {
            epoch: self.epoch,
            phase: phase.to_owned(),
            duration_ms,
            detail: repo.folder.clone(),
        };
        self.job.report(vec![event]).await
    }

    /// Runs a fixed script with arguments of its own, as the agent's user; gives its last line, the
    /// commit that is checked out.
    async fn script(
        &self,
        phase: &str,
        repo: &RepoSettings,
        script: &str,
        args: &[&str],
    ) -> Result<String> {
        let run: String = self.run.uuid().simple().to_string();
        let op = OpId::parse(&format!(
            "prepare-{phase}-{run}-{}-{}",
            self.attempt,
            digest(&repo.folder)
        ))?;
        let start = command(self.job, self.run, (op.clone(), script), args);
        self.machine.link.start(start).await?;
        let (exited, output) = to_end(self.job, self.machine, phase, op).await?;
        if exited.code == Some(0) {
            let last = output.lines().last().unwrap_or_default().trim();
            // TRUST: a claim from inside; whoever uses it looks it up on our side.
            return Ok(CommitId::parse(last).context("the workspace names no commit")?.to_string());
        }
        let why = if exited.timed_out {
            format!("it took longer than {} s", STEP_MS / 1000)
        } else {
            output
        };
        let message = format!("preparing {} failed: {}", repo.folder, why.trim());
        Err(failed(Phase::Clone, "branch_failed", message))
    }
}

/// A fixed script with arguments of its own, as the agent's user.
pub(super) fn command(
    job: &Job,
    run: RunId,
    (op, script): (OpId, &str),
    arguments: &[&str],
) -> Start {
    let words = ["/bin/sh", "-c", script, "errand"];
    Start {
        op,
        argv: words.iter().chain(arguments).map(|word| (*word).to_owned()).collect(),
        cwd: "/workspace".to_owned(),
        env: command_variables(job.handle.id, Some(run), &[]),
        user: User::Agent,
        timeout_ms: Some(STEP_MS),
        stdin: Stdin::Null,
        pty: None,
        output_cap: OUTPUT_BYTES,
    }
}

/// Follows a command to its end, showing what it prints; gives the end of that.
pub(super) async fn to_end(
    job: &Job,
    machine: &Machine,
    phase: &str,
    op: OpId,
) -> Result<(Exited, String)> {
    let mut follow = machine.link.follow(op, Offsets { stdout: 0, stderr: 0 }).await?;
    let mut kept = String::new();
    loop {
        match follow.next().await? {
            Followed::Exited(exited) => return Ok((exited, kept)),
            Followed::Stdout(bytes) | Followed::Stderr(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                job.progress(machine.epoch, phase, text.trim_end(), None);
                kept.push_str(&text);
                let cut = kept.len().saturating_sub(SHOWN_BYTES);
                let cut = (cut..kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
                kept.drain(..cut);
            }
        }
    }
}

/// The commit that a worktree stands at.
fn head_of(head: Head) -> Result<String> {
    // TRUST: a claim from inside; whoever uses it looks it up on our side.
    let commit = head.commit.context("the workspace names no commit")?;
    Ok(CommitId::parse(&commit).context("the workspace names no commit")?.to_string())
}

/// A folder's name as part of an operation's name.
pub(super) fn digest(folder: &str) -> String {
    blake3::hash(folder.as_bytes()).to_hex().chars().take(12).collect()
}
