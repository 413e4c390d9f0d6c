//! Carries out what settings and environment file ask for: `install` once a disk, the startup commands,
//! `start` and the terminals each time the machine comes up. Whatever comes of it, the agent works with
//! what is there.
//!
//! Scripts are operations whose names do not change, so a server that comes back attaches to what
//! runs. Only what was ended from outside is begun again, under the next name.

use super::{Job, failed, prepare, provision};
use crate::builds;
use crate::clock::now_ms;
use crate::egress;
use crate::environments::{self, Followed};
use crate::machines::Machine;
use crate::models_inside;
use crate::redact;
use crate::sandbox_spec::command_variables;
use crate::secrets;
use crate::terminals::{self, NotOpened, Work};
use agent::state::Living;
use anyhow::{Context, Result};
use protocol::environment::found::{SetUpOutcome, SetUpPhase, named};
use protocol::event::Event;
use protocol::failure::{Failure, Phase};
use protocol::ids::Epoch;
use protocol::limits::{ENVIRONMENT_INSTALL_MS, ENVIRONMENT_START_MS, STARTUP_COMMAND_MS};
use protocol::link::{
    Answer, Exited, OpId, OpState, PtySize, ReadFile, Request, Start, Stdin, User,
};
use sandbox::link::LinkError;
use std::time::Instant;

/// How the names of its operations begin.
const OP: &str = "set-up:";
/// Times that a script is begun in one machine because it was ended from outside.
const BEGINNINGS: u32 = 8;
/// Output kept of a script.
const OUTPUT_BYTES: u64 = 1024 * 1024;
/// Where the disk says what prepared it, from the repository's folder: beside what git keeps, so it
/// is in no commit.
const MARK: &str = ".git/errand-installed";
/// Bytes of it.
const MARK_BYTES: u64 = 256;
/// Characters of a startup command that are told where it failed.
const SHOWN_CHARS: usize = 80;
/// Size of a terminal that nobody sits at.
const SIZE: PtySize = PtySize { cols: 120, rows: 40 };

/// Runs a script, and marks the disk only where that went well.
const INSTALL: &str = r#"/bin/bash -c "$1" || exit
printf '%s' "$2" > "$3""#;

/// Carries out one phase.
pub async fn run(job: &Job, epoch: Epoch, phase: SetUpPhase) -> Result<()> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    let machine = provision::serve(job, machine).await?;
    // What it may reach is not what it was when its gateway was attached.
    egress::follow(&job.app, &job.handle).await?;
    let view = job.view().await?;
    let living = view.living()?;
    let followed = environments::followed(&job.app, &job.handle.org, living).await?;
    let (org, agent, whose) = (&job.handle.org, job.handle.id, secrets::phase_of(living));
    let own = secrets::variables(&job.app, org, agent, living, whose).await?;
    let own = environments::variables(followed.as_ref(), own);
    let own = environments::over_image(&living.settings, &own);
    let run = living.active.as_ref().map(|active| active.run);
    let own = models_inside::variables(&job.app, job.handle.id, own);
    let env = command_variables(job.handle.id, run, &own);
    let began = Instant::now();
    let files = followed.as_ref().filter(|_| phase != SetUpPhase::Startup);
    let step = Step { job, machine: &machine, cwd: folder(living, files), env };
    let there = || followed.as_ref().context("the environment file is not there any more");
    let (outcome, ops) = match phase {
        SetUpPhase::Startup => step.startup(&living.settings.startup_commands).await?,
        SetUpPhase::Install => step.install(there()?).await?,
        SetUpPhase::Start => step.start(there()?).await?,
        SetUpPhase::Terminals => (step.terminals(there()?).await?, Vec::new()),
    };
    let outcome = redacted(job, living, outcome).await?;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_prepared =
        phase == SetUpPhase::Install && !matches!(outcome, SetUpOutcome::Failed { .. });
    job.report(vec![Event::SetUpFinished { epoch, phase, outcome, duration_ms }]).await?;
    if let (true, Some(followed)) = (is_prepared, &followed) {
        let considered = builds::consider(&job.app, &job.handle.org, living, &followed.digest);
        if let Err(error) = considered.await {
            tracing::warn!(error = format!("{error:#}"), "a build could not be begun");
        }
    }
    for op in ops {
        // The outcome is in the log; a guest that is gone has forgotten the rest anyway.
        drop(machine.link.ack(op).await);
    }
    Ok(())
}

/// What a script printed last may be the value of a secret.
async fn redacted(job: &Job, living: &Living, outcome: SetUpOutcome) -> Result<SetUpOutcome> {
    let SetUpOutcome::Failed { mut failure } = outcome else { return Ok(outcome) };
    let redactor = redact::of_agent(&job.app, &job.handle.org, living).await?;
    failure.message = redactor.text(&failure.message);
    Ok(SetUpOutcome::Failed { failure })
}

/// Where scripts run: the repository with the file, else the first one.
fn folder(living: &Living, followed: Option<&Followed>) -> String {
    match (followed, living.settings.repos.first()) {
        (Some(followed), _) => followed.path.clone(),
        (None, Some(repo)) => format!("/workspace/{}", repo.folder),
        (None, None) => "/workspace".to_owned(),
    }
}

/// Whether an operation left something running that belongs to the machine and not to a run.
pub fn outlives_runs(state: &OpState) -> bool {
    let phase = state.op.as_str().strip_prefix(OP).and_then(|rest| rest.split([':', '-']).next());
    let stays = [SetUpPhase::Startup, SetUpPhase::Start].iter().any(|it| phase == Some(it.word()));
    !state.running && state.processes > 0 && stays
}

struct Step<'a> {
    job: &'a Job,
    machine: &'a Machine,
    cwd: String,
    env: Vec<(String, String)>,
}

/// A script of the set-up.
struct Script<'a> {
    phase: SetUpPhase,
    /// Names its operations, after [`OP`].
    name: &'a str,
    /// What people and model know it as.
    shown: &'a str,
    argv: &'a [&'a str],
    timeout_ms: u64,
}

type Ended = (SetUpOutcome, Vec<OpId>);

impl Step<'_> {
    /// One after the other, none after one that failed.
    async fn startup(&self, commands: &[String]) -> Result<Ended> {
        let mut ops = Vec::new();
        for (index, command) in commands.iter().enumerate() {
            let nth = index + 1;
            let line: String = command.chars().take(SHOWN_CHARS).collect();
            let script = Script {
                phase: SetUpPhase::Startup,
                name: &format!("{}-{nth}", SetUpPhase::Startup.word()),
                shown: &format!("Startup command {nth} (`{line}`)"),
                argv: &["/bin/bash", "-c", command],
                timeout_ms: STARTUP_COMMAND_MS,
            };
            let (outcome, begun) = self.script(&script).await?;
            ops.extend(begun);
            if let SetUpOutcome::Failed { .. } = outcome {
                return Ok((outcome, ops));
            }
        }
        Ok((SetUpOutcome::Done, ops))
    }

    async fn install(&self, followed: &Followed) -> Result<Ended> {
        let (phase, digest) = (SetUpPhase::Install, followed.digest.as_str());
        let script = followed.understood.environment.install.as_deref().unwrap_or_default();
        if self.mark().await?.as_deref() == Some(digest) && !self.was_begun(phase).await? {
            return Ok((SetUpOutcome::Kept, Vec::new()));
        }
        self.script(&Script {
            phase,
            name: phase.word(),
            shown: &format!("`{}` of {}", phase.word(), followed.file),
            argv: &["/bin/bash", "-c", INSTALL, "errand", script, digest, MARK],
            timeout_ms: ENVIRONMENT_INSTALL_MS,
        })
        .await
    }

    async fn start(&self, followed: &Followed) -> Result<Ended> {
        let phase = SetUpPhase::Start;
        let script = followed.understood.environment.start.as_deref().unwrap_or_default();
        self.script(&Script {
            phase,
            name: phase.word(),
            shown: &format!("`{}` of {}", phase.word(), followed.file),
            argv: &["/bin/bash", "-c", script],
            timeout_ms: ENVIRONMENT_START_MS,
        })
        .await
    }

    /// TRUST: whoever works inside can write the mark, and so keep `install` from their own disk.
    async fn mark(&self) -> Result<Option<String>> {
        let file = ReadFile {
            cwd: self.cwd.clone(),
            path: MARK.to_owned(),
            offset_line: 0,
            limit_lines: 1,
            max_bytes: MARK_BYTES,
        };
        match self.machine.link.request(Request::ReadFile(file)).await {
            Ok(Answer::File(file)) => Ok(Some(file.text)),
            Ok(_) | Err(LinkError::Fault(_)) => Ok(None),
            Err(error) => Err(error).context("look how the disk was prepared"),
        }
    }

    /// Whether this machine knows of it: a server before this one began it and did not hear the end.
    async fn was_begun(&self, phase: SetUpPhase) -> Result<bool> {
        let named = format!("{OP}{}:", phase.word());
        match self.machine.link.request(Request::Ops).await {
            Ok(Answer::Ops { ops }) => Ok(ops.iter().any(|op| op.op.as_str().starts_with(&named))),
            Ok(_) => anyhow::bail!("the guest answered something else"),
            Err(error) => Err(error).context("look what was begun"),
        }
    }

    async fn script(&self, script: &Script<'_>) -> Result<Ended> {
        let Script { phase, name, shown, timeout_ms, .. } = *script;
        for nth in 0..BEGINNINGS {
            let op = OpId::parse(&format!("{OP}{name}:{nth}"))?;
            let command = self.command(op.clone(), script.argv, timeout_ms);
            let known = self.machine.link.start(command).await?;
            let ended = prepare::to_end(self.job, self.machine, phase.word(), op.clone()).await?;
            let (exited, output) = ended;
            if !exited.killed || exited.timed_out {
                return Ok((script.outcome(&exited, &output), vec![op]));
            }
            if !known {
                let message = format!("{shown} was ended from outside");
                return Err(failed(Phase::SetUp, "set_up_ended", message));
            }
        }
        let message = format!("{shown} was ended from outside {BEGINNINGS} times");
        Ok((failure(phase, "ended", message), Vec::new()))
    }

    fn command(&self, op: OpId, argv: &[&str], timeout_ms: u64) -> Start {
        Start {
            op,
            argv: argv.iter().map(|part| (*part).to_owned()).collect(),
            cwd: self.cwd.clone(),
            env: self.env.clone(),
            user: User::Agent,
            timeout_ms: Some(timeout_ms),
            stdin: Stdin::Null,
            pty: None,
            output_cap: OUTPUT_BYTES,
        }
    }

    async fn terminals(&self, followed: &Followed) -> Result<SetUpOutcome> {
        let (app, agent) = (&self.job.app, self.job.handle.id);
        let mut troubles = Vec::new();
        for terminal in named(&followed.understood.environment.terminals) {
            let table = app.terminals.table(agent, &terminal.name);
            let _alone = table.opening().await;
            let (name, env) = (terminal.name.as_str(), self.env.clone());
            let opening = terminals::Opening { name, size: SIZE, env, now_ms: now_ms() };
            let work = Work { cwd: &self.cwd, command: Some(&terminal.command) };
            match terminals::begin(&self.machine.link, opening, work).await {
                Ok(_) => {}
                Err(NotOpened::TooMany) => troubles.push(format!("{name}: too many are open")),
                Err(NotOpened::Link(LinkError::Fault(fault))) => {
                    troubles.push(format!("{name}: {}", fault.message));
                }
                Err(NotOpened::Link(error)) => return Err(error).context("open a terminal"),
            }
        }
        if troubles.is_empty() {
            return Ok(SetUpOutcome::Done);
        }
        let message = format!("Some terminals were not opened: {}", troubles.join("; "));
        Ok(failure(SetUpPhase::Terminals, "failed", message))
    }
}

impl Script<'_> {
    fn outcome(&self, exited: &Exited, output: &str) -> SetUpOutcome {
        let (phase, shown, said) = (self.phase, self.shown, output.trim());
        let said = if said.is_empty() {
            "It printed nothing.".to_owned()
        } else {
            format!("It printed last:\n{said}")
        };
        if exited.timed_out {
            let message = format!(
                "{shown} was ended, because it had not ended within {} s. A program that keeps running \
                 belongs into `terminals`. {said}",
                self.timeout_ms / 1000
            );
            return failure(phase, "timed_out", message);
        }
        match (exited.code, exited.signal) {
            (Some(0), _) => SetUpOutcome::Done,
            (Some(code), _) => {
                let message = format!("{shown} ended with status {code}. {said}");
                failure(phase, "failed", message)
            }
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                let message = format!("{shown} was ended by signal {signal}. {said}");
                failure(phase, "failed", message)
            }
        }
    }
}

fn failure(phase: SetUpPhase, what: &str, message: String) -> SetUpOutcome {
    let code = format!("{}_{what}", phase.word());
    SetUpOutcome::Failed { failure: Failure::new(Phase::SetUp, code, message) }
}
