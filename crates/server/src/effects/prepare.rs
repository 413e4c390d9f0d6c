//! Makes the workspace ready for a run: clone or bring up to date, and the agent's branch.

use super::{Job, failed, provision};
use crate::machines::Machine;
use crate::sandbox_spec::{self, command_variables};
use anyhow::{Context, Result};
use git::name::{BranchName, CommitId};
use protocol::event::{Event, RepoBase, RepoSettings, WorkspaceBranch};
use protocol::failure::Phase;
use protocol::ids::{Epoch, RunId};
use protocol::link::{Exited, OpId, Start, Stdin, User};
use sandbox::link::{Followed, Offsets};
use std::time::Instant;

/// Time for a clone of a large repository.
const CLONE_MS: u64 = 30 * 60 * 1000;
/// Time for anything smaller.
const STEP_MS: u64 = 5 * 60 * 1000;
/// Output kept of a preparing command.
const OUTPUT_BYTES: u64 = 256 * 1024;
/// End of the output that a failure shows.
const SHOWN_BYTES: usize = 2000;

/// Clones into a folder of its own first, so that a half-made clone is never taken for a whole one.
const CLONE: &str = r#"set -eu
dest=$1 url=$2 base=$3 branch=$4 commit=$5 endpoint=$6
if [ -e "$dest/.git" ]; then git -C "$dest" rev-parse HEAD; exit 0; fi
rm -rf -- "$dest.partial"
git clone --quiet --no-checkout --single-branch --branch "$base" -- "$endpoint" "$dest.partial"
git -C "$dest.partial" config remote.origin.url "$url"
git -C "$dest.partial" config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
git -C "$dest.partial" checkout --quiet --no-track -B "$branch" "$commit"
mkdir -p "$dest.partial/.git/info"
printf '/.artifacts\n' >> "$dest.partial/.git/info/exclude"
mv -T -- "$dest.partial" "$dest"
git -C "$dest" rev-parse HEAD"#;

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
    let step = Preparation { job, machine: &machine, epoch, run, attempt };
    let mut branches = Vec::new();
    for (repo, state) in settings.repos.iter().zip(&living.repos) {
        let base = state.base.as_ref().context("the starting commit is not known")?;
        // The branch in the agent's own repository is where the workspace shall be.
        let tip = job.app.agent_repo(job.handle.id, repo)?.ref_head(&branch.to_ref()).await?;
        let tip = tip.map_or_else(|| base.commit.clone(), |tip| tip.to_string());
        branches.push(step.check_out(repo, base, &settings.branch, &tip).await?);
    }
    job.report(vec![Event::WorkspaceReady { epoch, run, branches }]).await
}

struct Preparation<'a> {
    job: &'a Job,
    machine: &'a Machine,
    epoch: Epoch,
    run: RunId,
    attempt: u32,
}

impl Preparation<'_> {
    async fn check_out(
        &self,
        repo: &RepoSettings,
        base: &RepoBase,
        branch: &str,
        tip: &str,
    ) -> Result<WorkspaceBranch> {
        let path = format!("/workspace/{}", repo.folder);
        let began = Instant::now();
        let fetched = if tip == base.commit { base.base_branch.as_str() } else { branch };
        let endpoint = sandbox_spec::endpoint(repo);
        let mut at = self
            .script(
                "clone",
                repo,
                CLONE,
                &[&path, &repo.url, fetched, branch, tip, &endpoint],
                CLONE_MS,
            )
            .await?;
        self.finished("clone", began, repo).await?;
        let began = Instant::now();
        if at != tip {
            at = self.script("update", repo, UPDATE, &[&path, branch, tip], STEP_MS).await?;
        }
        self.finished("branch", began, repo).await?;
        Ok(WorkspaceBranch { url: repo.url.clone(), path, branch: branch.to_owned(), commit: at })
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
        timeout_ms: u64,
    ) -> Result<String> {
        let run: String = self.run.uuid().simple().to_string();
        let op = OpId::parse(&format!(
            "prepare-{phase}-{run}-{}-{}",
            self.attempt,
            digest(&repo.folder)
        ))?;
        let mut argv: Vec<String> = ["/bin/sh", "-c", script, "errand"].map(str::to_owned).to_vec();
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        let start = Start {
            op: op.clone(),
            argv,
            cwd: "/workspace".to_owned(),
            env: command_variables(self.job.handle.id, Some(self.run), &[]),
            user: User::Agent,
            timeout_ms: Some(timeout_ms),
            stdin: Stdin::Null,
            pty: None,
            output_cap: OUTPUT_BYTES,
        };
        self.machine.link.start(start).await?;
        let (exited, output) = self.output(phase, op).await?;
        if exited.code == Some(0) {
            let last = output.lines().last().unwrap_or_default().trim();
            // TRUST: a claim from inside; whoever uses it looks it up on our side.
            return Ok(CommitId::parse(last).context("the workspace names no commit")?.to_string());
        }
        let why = if exited.timed_out {
            format!("it took longer than {} s", timeout_ms / 1000)
        } else {
            output
        };
        let code = if phase == "clone" { "clone_failed" } else { "branch_failed" };
        Err(failed(Phase::Clone, code, format!("preparing {} failed: {}", repo.folder, why.trim())))
    }

    async fn output(&self, phase: &str, op: OpId) -> Result<(Exited, String)> {
        let mut follow = self.machine.link.follow(op, Offsets { stdout: 0, stderr: 0 }).await?;
        let mut kept = String::new();
        loop {
            match follow.next().await? {
                Followed::Exited(exited) => return Ok((exited, kept)),
                Followed::Stdout(bytes) | Followed::Stderr(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    self.job.progress(self.epoch, phase, text.trim_end(), None);
                    kept.push_str(&text);
                    let cut = kept.len().saturating_sub(SHOWN_BYTES);
                    let cut = (cut..kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
                    kept.drain(..cut);
                }
            }
        }
    }
}

/// A folder's name as part of an operation's name.
fn digest(folder: &str) -> String {
    blake3::hash(folder.as_bytes()).to_hex().chars().take(12).collect()
}
