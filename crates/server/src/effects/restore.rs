//! Puts the files back to how they were at the end of an earlier run. It is a run like every other, but
//! that no model is asked: so what it changes becomes a commit on top, and nothing of what was pushed
//! goes. What was not committed until then stays on the machine's disk, under a ref.

use super::{Job, prepare};
use crate::forks;
use crate::machines::Machine;
use agent::state::Living;
use anyhow::{Context, Result};
use git::name::{BranchName, CommitId};
use git::worktree::outgoing::Wanted;
use protocol::event::{Logged, RepoSettings, TurnOutcome};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, RunId, Seq};
use protocol::link::{OpId, Unpack};

/// Code of what people and model are told when it is done.
pub const RESTORED: &str = "files_restored";

/// Keeps what is there as a commit that no branch has, and then makes the files those of a tree. What
/// git ignores stays as it is. Where a machine was lost in the middle it begins again in the next one:
/// what was kept first stays kept, and its index is its own, so no lock of the one before is in the way.
const PUT_BACK: &str = r#"set -eu
cd -- "$1"
tree=$2 kept=refs/errand/before/$3
index=$(git rev-parse --git-path index)
GIT_INDEX_FILE=$(git rev-parse --git-path errand-restore)
export GIT_INDEX_FILE
rm -f "$GIT_INDEX_FILE.lock"
cp -f "$index" "$GIT_INDEX_FILE"
git add --all
now=$(git write-tree)
if [ "$now" != "$(git rev-parse 'HEAD^{tree}')" ] && [ "$now" != "$tree" ] \
  && ! git show-ref --verify --quiet "$kept"; then
  git update-ref "$kept" "$(git -c user.name=errand -c user.email=errand@localhost \
    commit-tree "$now" -p HEAD -m 'What was not committed when files were put back')"
fi
git read-tree -m -u "$now" "$tree" 2>/dev/null || git read-tree --reset -u "$tree"
git read-tree HEAD
git update-index -q --refresh >/dev/null || true
mv -f "$GIT_INDEX_FILE" "$index"
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
        let arguments = [path.as_str(), &tree, &short(self.run)];
        let command = prepare::command(self.job, self.run, (op.clone(), PUT_BACK), &arguments);
        self.machine.link.start(command).await?;
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
        let folder = prepare::digest(folder);
        Ok(OpId::parse(&format!("restore-{}-{folder}", self.run.uuid().simple()))?)
    }
}

/// Enough of a run's id to tell it from others of one agent.
fn short(run: RunId) -> String {
    run.uuid().simple().to_string().chars().skip(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    #[expect(clippy::disallowed_methods, reason = "a test looks at what git makes of a script")]
    fn run(folder: &Path, program: &str, words: &[&str]) -> String {
        let output = Command::new(program).args(words).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn what_was_there_is_kept_once_though_it_is_begun_twice() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
        let git = |words: &[&str]| run(at, "git", words);
        git(&["init", "-q"]);
        let commit = |text: &str| {
            write("README.md", text);
            git(&["add", "-A"]);
            git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", text]);
            git(&["rev-parse", "HEAD^{tree}"])
        };
        let (first, second) = (commit("first"), commit("second"));
        write("late.txt", "late");
        let put_back = |tree: &str| {
            let path = at.to_str().unwrap();
            run(at, "sh", &["-c", PUT_BACK, "errand", path, tree, "run"])
        };
        assert_eq!(put_back(&first), "kept");
        // The machine was lost in the middle: some files are back, and locks are left.
        write("README.md", "sec");
        for lock in ["index.lock", "errand-restore.lock"] {
            write(&format!(".git/{lock}"), "");
        }
        assert_eq!(put_back(&first), "kept");
        std::fs::remove_file(at.join(".git/index.lock")).unwrap();
        assert_eq!(std::fs::read_to_string(at.join("README.md")).unwrap(), "first");
        assert_eq!(git(&["status", "--porcelain"]), "M README.md", "on top of what HEAD has");
        let kept = |name: &str| git(&["show", &format!("refs/errand/before/run:{name}")]);
        assert_eq!((kept("late.txt").as_str(), kept("README.md").as_str()), ("late", "second"));
        assert!(!at.join("late.txt").exists() && first != second);
    }
}
