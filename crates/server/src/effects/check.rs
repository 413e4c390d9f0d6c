//! Runs what the base's configuration names as checks, at a commit that was just pushed, in a sandbox of their own: on
//! what the agent's disk began with, without its disk, its variables or any credential, and removed afterwards.
//!
//! TRUST: which commands are run, and on what machine, the base says, never the commit. How they end the commit decides,
//! for it is its code that runs: a commit that replaces its tests passes them. So this shows that these commands, run on
//! exactly these files, ended so when the agent could not touch the machine, and no more than that.

use super::Job;
use crate::builder::{Command, Machine, Unfit, to_end};
use crate::dockerfile::context::archived;
use crate::egress;
use crate::environments::{self, Followed};
use crate::record;
use crate::redact;
use crate::sandbox_spec::command_variables;
use agent::state::Living;
use anyhow::{Context, Result, bail};
use forge::describe::{ChecksFact, CommandFact};
use gateway::audit::Peer;
use git::name::CommitId;
use git::objects::FileContent;
use git::repo::Repo;
use protocol::event::{Check, CheckReport, Event, Logged};
use protocol::failure::{Failure, Phase};
use protocol::ids::{Epoch, RunId, Seq};
use protocol::limits::{ENVIRONMENT_CHECKED_BYTES, ENVIRONMENT_CHECKS, ENVIRONMENT_CHECKS_MS};
use protocol::link::{Exited, User};
use std::time::{Duration, Instant};

/// Stands for the sandbox in which an agent's commit is checked; the agent's own begin with 1.
pub const EPOCH: Epoch = Epoch(0);
/// Time for starting the machine, beside what the commands have.
const STARTING: Duration = Duration::from_secs(120);
/// Files of a commit.
const FILES: usize = 200_000;
/// Bytes of one file.
const FILE_BYTES: u64 = 512 * 1024 * 1024;
/// End of an archive.
const ARCHIVE_END: [u8; 1024] = [0; 1024];

/// Puts the files there, as a repository of one commit: many programs ask git which files there are.
const BRING: &str = r#"set -eu
mkdir -p -- "$1"
cd -- "$1"
tar -xf -
git init -q
git add -Af
git commit -q --allow-empty -m "$2""#;

/// Checks one commit, and has it recorded.
pub async fn run(job: &Job, run: RunId, url: &str, commit: &str) -> Result<()> {
    let (url, commit) = (url.to_owned(), commit.to_owned());
    let mut report = CheckReport { url, commit, checks: Vec::new(), failure: None };
    // What is signed does not change: a server that was here before had found that already.
    match record::found(job, &report.url, &report.commit).await? {
        Some(checks) => report.checks = checks,
        None => {
            carry_out(job, run, &mut report).await?;
            record::checked(job, run, &report).await.context("record the run")?;
        }
    }
    let (key, report) = (job.key.clone(), Box::new(report));
    job.report(vec![Event::Checked { run, key, report }]).await
}

async fn carry_out(job: &Job, run: RunId, report: &mut CheckReport) -> Result<()> {
    let view = job.view().await?;
    let living = view.living()?;
    let followed = environments::followed(&job.app, &job.handle.org, living).await?;
    let followed = followed.context("the environment file is not there any more")?;
    let settings = &living.settings;
    // What a fork begins with is another agent's work.
    let layers = match settings.forked_from {
        Some(_) => job.app.base.into_iter().collect(),
        None => settings.layers.clone(),
    };
    let mut machine = Machine::over(&job.app, &job.handle.org, layers, &job.cancel);
    let peer = Peer { agent: job.handle.id, epoch: EPOCH };
    machine.reach(peer, egress::without_credentials(&job.app, &job.handle).await?);
    let variables = environments::variables(Some(&followed), Vec::new());
    let variables = environments::over_image(settings, &variables);
    let env = command_variables(job.handle.id, Some(run), &variables);
    let limit = Duration::from_millis(ENVIRONMENT_CHECKS_MS);
    let mut work =
        Work { job, living, followed: &followed, machine, env, until: Instant::now() + limit };
    let done = match job.app.config.sandbox.shared {
        true => {
            Err(Unfit("the sandboxes of this server are shared, so none is fresh".to_owned())
                .into())
        }
        false => {
            let all = tokio::time::timeout(limit + STARTING, Box::pin(work.all(report)));
            let done = job.cancel.run_until_cancelled(all).await;
            done.unwrap_or_else(|| Ok(Err(unwanted()))).unwrap_or_else(|_| Err(too_long()))
        }
    };
    work.machine.end().await;
    if let Err(error) = done {
        // Where nobody waits any more nothing was found.
        if job.cancel.is_cancelled() {
            return Err(error);
        }
        tracing::info!(agent.id = %job.handle.id, error = format!("{error:#}"), "not all checks were run");
        let message = error.downcast_ref::<Unfit>().map_or_else(
            || "the machine for it could not be made or broke: see the server's log".to_owned(),
            |Unfit(words)| words.clone(),
        );
        report.failure = Some(Failure::new(Phase::PullRequest, "checks_not_run", message));
    }
    let redactor = redact::of_agent(&job.app, &job.handle.org, living).await?;
    for check in &mut report.checks {
        check.said = redactor.text(&check.said);
    }
    if let Some(failure) = &mut report.failure {
        failure.message = redactor.text(&failure.message);
    }
    Ok(())
}

/// One commit being checked.
struct Work<'a> {
    job: &'a Job,
    living: &'a Living,
    followed: &'a Followed,
    machine: Machine<'a>,
    env: Vec<(String, String)>,
    until: Instant,
}

impl Work<'_> {
    async fn all(&mut self, report: &mut CheckReport) -> Result<()> {
        self.tell("starting the machine");
        self.bring(&report.url, &report.commit).await?;
        let environment = self.followed.understood.environment.clone();
        let scripts = [("install", environment.install), ("start", environment.start)];
        for (name, script) in scripts {
            let Some(script) = script else { continue };
            self.tell(name);
            let (exited, said) = self.shell(script).await?;
            if exited.timed_out {
                return Err(too_long());
            }
            if exited.code != Some(0) {
                let words = format!("`{name}` of the environment file {}: {said}", how(&exited));
                return Err(Unfit(words).into());
            }
        }
        for command in environment.checks.into_iter().take(ENVIRONMENT_CHECKS) {
            self.tell(&command);
            let began = Instant::now();
            let (exited, said) = self.shell(command.clone()).await?;
            let exit_code = exited.code.filter(|_| !exited.timed_out);
            let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            report.checks.push(Check { command, exit_code, duration_ms, said });
            if exited.timed_out {
                return Err(too_long());
            }
        }
        Ok(())
    }

    fn tell(&self, what: &str) {
        self.job.progress(self.living.epoch, "checks", what, None);
    }

    /// The files of the commit, from our own copy.
    async fn bring(&mut self, url: &str, commit: &str) -> Result<()> {
        let repo = self.living.settings.repos.iter().find(|repo| repo.url == url);
        let repo = repo.context("the checks are of another repository")?;
        let ours = self.job.app.agent_repo(self.job.handle.id, repo)?;
        let words = ["/bin/sh", "-c", BRING, "errand", &self.followed.path, commit];
        let command = self.command(words.map(str::to_owned).to_vec())?;
        let command = Command { cwd: "/workspace".to_owned(), ..command };
        let (mut follow, into) = self.machine.pipe(command).await?;
        let sent = send(&ours, &CommitId::parse(commit)?, &into).await;
        into.end().await.ok();
        let (exited, said) = to_end(&mut follow, |_| ()).await?;
        if exited.code != Some(0) {
            let words = format!("the files of the commit could not be put there: {said}");
            return Err(Unfit(words).into());
        }
        sent
    }

    async fn shell(&mut self, script: String) -> Result<(Exited, String)> {
        let words = vec!["/bin/bash".to_owned(), "-c".to_owned(), script];
        let command = self.command(words)?;
        self.machine.run(command, |_| ()).await
    }

    fn command(&self, argv: Vec<String>) -> Result<Command> {
        let left = self.until.saturating_duration_since(Instant::now());
        let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        if timeout_ms == 0 {
            return Err(too_long());
        }
        let (env, cwd) = (self.env.clone(), self.followed.path.clone());
        Ok(Command { argv, env, cwd, user: User::Agent, timeout_ms })
    }
}

async fn send(ours: &Repo, commit: &CommitId, into: &sandbox::link::PortWriter) -> Result<()> {
    let listing = ours.list_files(commit, "", FILES).await.context("list the commit's files")?;
    if listing.truncated {
        return Err(Unfit(format!("the commit has more than {FILES} files")).into());
    }
    let mut reader = ours.reader().await.context("read the commit")?;
    let mut left = ENVIRONMENT_CHECKED_BYTES;
    for entry in listing.entries {
        // What is no UTF-8, and other repositories, are passed over.
        let Ok(name) = String::from_utf8(entry.path) else { continue };
        let blob = reader.blob(&entry.id, FILE_BYTES.min(left)).await.context("read a file")?;
        let bytes = match blob {
            Some(FileContent::Whole(bytes)) => bytes,
            Some(FileContent::TooLarge(_)) => {
                let words = format!(
                    "{name} is too large, or the commit has more than {ENVIRONMENT_CHECKED_BYTES} bytes"
                );
                return Err(Unfit(words).into());
            }
            None if entry.kind == git::objects::EntryKind::Submodule => continue,
            None => bail!("a file of the commit is missing"),
        };
        left = left.saturating_sub(bytes.len() as u64);
        into.write(&archived(&name, entry.kind, &bytes)?).await?;
    }
    Ok(into.write(&ARCHIVE_END).await?)
}

fn how(exited: &Exited) -> String {
    match (exited.code, exited.signal) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    }
}

fn unwanted() -> anyhow::Error {
    anyhow::anyhow!("nobody waits for the checks any more")
}

fn too_long() -> anyhow::Error {
    let minutes = ENVIRONMENT_CHECKS_MS / 60_000;
    Unfit(format!("the checks were not over within {minutes} min")).into()
}

/// What a pull request says of the checks of its commit.
pub async fn fact(job: &Job, url: &str, commit: &str) -> Result<Option<ChecksFact>> {
    let log = job.handle.log(Seq(0)).await?;
    let mut reports = reports(&log).filter(|report| report.url == url);
    Ok(reports.next().filter(|report| report.commit == commit).map(|report| ChecksFact {
        commit: report.commit.clone(),
        commands: facts(&report.checks).collect(),
        failure: report.failure.as_ref().map(|failure| failure.message.clone()),
    }))
}

/// The newest word of checks, whichever repository they were of, unless the branch was moved since.
pub fn of(log: &[Logged]) -> Option<&CheckReport> {
    let report = reports(log).next()?;
    let since =
        log.iter().rev().take_while(|logged| !matches!(logged.event, Event::Checked { .. }));
    let is_moved = since.into_iter().any(
        |logged| matches!(&logged.event, Event::BranchUpdated { repo, .. } if *repo == report.url),
    );
    (!is_moved).then_some(report)
}

fn reports(log: &[Logged]) -> impl Iterator<Item = &CheckReport> {
    log.iter().rev().filter_map(|logged| match &logged.event {
        Event::Checked { report, .. } => Some(&**report),
        _ => None,
    })
}

/// How commands of checks ended.
pub fn facts(checks: &[Check]) -> impl Iterator<Item = CommandFact> {
    checks.iter().map(|check| CommandFact {
        command: check.command.clone(),
        exit_code: check.exit_code,
        duration_ms: check.duration_ms,
    })
}
