//! Carries out what the environment file asks for: `install` once a disk, `start` and the terminals
//! each time the machine comes up. Whatever comes of it, the agent works with what is there.
//!
//! Scripts are operations whose names do not change, so a server that comes back attaches to what
//! runs. Only what was ended from outside is begun again, under the next name.

use super::{Job, failed, prepare, provision};
use crate::builds;
use crate::clock::now_ms;
use crate::environments::{self, Followed};
use crate::machines::Machine;
use crate::sandbox_spec::command_variables;
use crate::terminals::{self, NotOpened, Work};
use anyhow::{Context, Result};
use protocol::environment::found::{SetUpOutcome, SetUpPhase, named};
use protocol::event::Event;
use protocol::failure::{Failure, Phase};
use protocol::ids::Epoch;
use protocol::limits::{ENVIRONMENT_INSTALL_MS, ENVIRONMENT_START_MS};
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
/// Size of a terminal that nobody sits at.
const SIZE: PtySize = PtySize { cols: 120, rows: 40 };

/// Runs a script, and marks the disk only where that went well.
const INSTALL: &str = r#"/bin/bash -c "$1" || exit
printf '%s' "$2" > "$3""#;

/// Carries out one phase.
pub async fn run(job: &Job, epoch: Epoch, phase: SetUpPhase) -> Result<()> {
    let machine = job.app.machines.wait(job.handle.id, epoch).await?;
    let machine = provision::serve(job, machine).await?;
    let view = job.view().await?;
    let living = view.living()?;
    let followed = environments::followed(&job.app, &job.handle.org, living).await?;
    let followed = followed.context("the environment file is not there any more")?;
    let own = job.app.variables(&job.handle.org, job.handle.id).await?;
    let own = environments::variables(Some(&followed), own);
    let own = environments::over_image(&living.settings, &own);
    let run = living.active.as_ref().map(|active| active.run);
    let env = command_variables(job.handle.id, run, &own);
    let began = Instant::now();
    let step = Step { job, machine: &machine, followed: &followed, env };
    let (outcome, op) = match phase {
        SetUpPhase::Install => step.install().await?,
        SetUpPhase::Start => step.start().await?,
        SetUpPhase::Terminals => (step.terminals().await?, None),
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_prepared =
        phase == SetUpPhase::Install && !matches!(outcome, SetUpOutcome::Failed { .. });
    job.report(vec![Event::SetUpFinished { epoch, phase, outcome, duration_ms }]).await?;
    if is_prepared {
        let considered = builds::consider(&job.app, &job.handle.org, living, &followed.digest);
        if let Err(error) = considered.await {
            tracing::warn!(error = format!("{error:#}"), "a build could not be begun");
        }
    }
    if let Some(op) = op {
        // The outcome is in the log; a guest that is gone has forgotten the rest anyway.
        drop(machine.link.ack(op).await);
    }
    Ok(())
}

/// Whether an operation left something running that belongs to the machine and not to a run.
pub fn outlives_runs(state: &OpState) -> bool {
    let start = format!("{OP}{}:", SetUpPhase::Start.word());
    !state.running && state.processes > 0 && state.op.as_str().starts_with(&start)
}

struct Step<'a> {
    job: &'a Job,
    machine: &'a Machine,
    followed: &'a Followed,
    env: Vec<(String, String)>,
}

type Ended = (SetUpOutcome, Option<OpId>);

impl Step<'_> {
    async fn install(&self) -> Result<Ended> {
        let script = self.followed.understood.environment.install.as_deref().unwrap_or_default();
        let is_marked = self.mark().await?.as_deref() == Some(self.followed.digest.as_str());
        if is_marked && !self.was_begun(SetUpPhase::Install).await? {
            return Ok((SetUpOutcome::Kept, None));
        }
        let argv = ["/bin/bash", "-c", INSTALL, "errand", script, &self.followed.digest, MARK];
        self.script(SetUpPhase::Install, &argv, ENVIRONMENT_INSTALL_MS).await
    }

    async fn start(&self) -> Result<Ended> {
        let script = self.followed.understood.environment.start.as_deref().unwrap_or_default();
        let argv = ["/bin/bash", "-c", script];
        self.script(SetUpPhase::Start, &argv, ENVIRONMENT_START_MS).await
    }

    /// TRUST: whoever works inside can write the mark, and so keep `install` from their own disk.
    async fn mark(&self) -> Result<Option<String>> {
        let file = ReadFile {
            cwd: self.followed.path.clone(),
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

    async fn script(&self, phase: SetUpPhase, argv: &[&str], timeout_ms: u64) -> Result<Ended> {
        let word = phase.word();
        for nth in 0..BEGINNINGS {
            let op = OpId::parse(&format!("{OP}{word}:{nth}"))?;
            let known = self.machine.link.start(self.command(op.clone(), argv, timeout_ms)).await?;
            let (exited, output) =
                prepare::to_end(self.job, self.machine, word, op.clone()).await?;
            if !exited.killed || exited.timed_out {
                let outcome = self.outcome(phase, timeout_ms, &exited, &output);
                return Ok((outcome, Some(op)));
            }
            if !known {
                let message = format!("`{word}` was ended from outside");
                return Err(failed(Phase::SetUp, "set_up_ended", message));
            }
        }
        let message = format!("`{word}` was ended from outside {BEGINNINGS} times");
        Ok((failure(phase, "ended", message), None))
    }

    fn command(&self, op: OpId, argv: &[&str], timeout_ms: u64) -> Start {
        Start {
            op,
            argv: argv.iter().map(|part| (*part).to_owned()).collect(),
            cwd: self.followed.path.clone(),
            env: self.env.clone(),
            user: User::Agent,
            timeout_ms: Some(timeout_ms),
            stdin: Stdin::Null,
            pty: None,
            output_cap: OUTPUT_BYTES,
        }
    }

    fn outcome(
        &self,
        phase: SetUpPhase,
        timeout_ms: u64,
        exited: &Exited,
        output: &str,
    ) -> SetUpOutcome {
        let (word, file, said) = (phase.word(), self.followed.file, output.trim());
        let said = if said.is_empty() {
            "It printed nothing.".to_owned()
        } else {
            format!("It printed last:\n{said}")
        };
        if exited.timed_out {
            let message = format!(
                "`{word}` of {file} was ended, because it had not ended within {} s. A program that \
                 keeps running belongs into `terminals`. {said}",
                timeout_ms / 1000
            );
            return failure(phase, "timed_out", message);
        }
        match (exited.code, exited.signal) {
            (Some(0), _) => SetUpOutcome::Done,
            (Some(code), _) => {
                let message = format!("`{word}` of {file} ended with status {code}. {said}");
                failure(phase, "failed", message)
            }
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                let message = format!("`{word}` of {file} was ended by signal {signal}. {said}");
                failure(phase, "failed", message)
            }
        }
    }

    async fn terminals(&self) -> Result<SetUpOutcome> {
        let (app, agent) = (&self.job.app, self.job.handle.id);
        let mut troubles = Vec::new();
        for terminal in named(&self.followed.understood.environment.terminals) {
            let table = app.terminals.table(agent, &terminal.name);
            let _alone = table.opening().await;
            let (name, env) = (terminal.name.as_str(), self.env.clone());
            let opening = terminals::Opening { name, size: SIZE, env, now_ms: now_ms() };
            let work = Work { cwd: &self.followed.path, command: Some(&terminal.command) };
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

fn failure(phase: SetUpPhase, what: &str, message: String) -> SetUpOutcome {
    let code = format!("{}_{what}", phase.word());
    SetUpOutcome::Failed { failure: Failure::new(Phase::SetUp, code, message) }
}
