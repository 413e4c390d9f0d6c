//! Tells those who asked at a forge how far it is: one comment of ours in each thread, which is kept up to date.
//!
//! A letter is written with the event that makes it worth telling, and says only of which run. What the comment says is
//! read from the log when the letter is carried, so that letters may come twice, late, or out of their order.

use super::decide::FIXES;
use super::threads;
use crate::app::App;
use crate::clock::now_ms;
use crate::evidence::gathered::Gathered;
use crate::forges::may_pass;
use crate::projection::Detail;
use crate::redact;
use crate::settings;
use anyhow::{Context as _, Result};
use forge::forge::{ForgeError, keep_comment};
use forge::progress::{Facts, Stage, progress};
use protocol::content::AskedAt;
use protocol::event::{Event, Logged, RunStatus};
use protocol::failure::Refusal;
use protocol::ids::{AgentId, OrgId, RunId, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::outbox::{Claimed, Letter};

/// What carries these letters.
const KIND: &str = "thread";
/// How often it is looked for letters.
const ROUND: Duration = Duration::from_secs(1);
/// Letters that are carried at once.
const AT_ONCE: u16 = 20;
/// Time that one may take before it comes up again.
const CARRIED_MS: i64 = 120_000;
/// First wait after a failed attempt; it doubles.
const FIRST_MS: i64 = 2_000;
/// Longest such wait.
const LONGEST_MS: i64 = 10 * 60 * 1000;
/// Attempts until nobody waits for it any more: about a day.
const ATTEMPTS: u64 = 150;
/// Threads that one run is told in.
const THREADS: usize = 10;

/// The letters that go with events.
pub fn letters(agent: AgentId, detail: &Detail, events: &[Logged]) -> Vec<Letter> {
    if detail.told.is_empty() {
        return Vec::new();
    }
    let worth = |logged: &Logged| {
        let run = match &logged.event {
            Event::Asked { run, .. }
            | Event::Steered { run, .. }
            | Event::RunStarted { run }
            | Event::RunEnded { run, .. } => *run,
            _ => return None,
        };
        detail.told.contains(&run).then(|| Letter {
            id: format!("{KIND}:{agent}:{}", logged.seq),
            kind: KIND.to_owned(),
            body: run.to_string(),
            due_ms: logged.at_ms,
        })
    };
    events.iter().filter_map(worth).collect()
}

/// Carries letters until the server ends.
pub async fn carry(app: Arc<App>) {
    loop {
        let now = now_ms();
        match app.store.claim(KIND, now, now.saturating_add(CARRIED_MS), AT_ONCE).await {
            Ok(claimed) => {
                let mut agents = BTreeMap::<AgentId, Vec<Claimed>>::new();
                let count = claimed.len();
                for claimed in claimed {
                    agents.entry(claimed.agent).or_default().push(claimed);
                }
                // Two at once would not find each other's comment.
                let of_agent = async |all: Vec<Claimed>| {
                    for claimed in all {
                        one(&app, &claimed).await;
                    }
                };
                futures::future::join_all(agents.into_values().map(of_agent)).await;
                if count >= usize::from(AT_ONCE) {
                    continue;
                }
            }
            Err(error) => tracing::warn!(%error, "the letters to forges cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = app.shutdown.cancelled() => return,
        }
    }
}

async fn one(app: &App, claimed: &Claimed) {
    let Claimed { org, agent, letter, attempts } = claimed;
    let told = match RunId::parse(&letter.body) {
        Ok(run) => Box::pin(tell(app, org, *agent, run)).await,
        Err(error) => Err(Untold::Other(error.into())),
    };
    let kept = match told {
        Ok(()) => app.store.complete(org, &letter.id).await,
        Err(untold) if untold.may_pass() && *attempts < ATTEMPTS => {
            let wait = FIRST_MS.saturating_mul(1 << (*attempts).min(20)).min(LONGEST_MS);
            app.store.postpone(org, &letter.id, now_ms().saturating_add(wait)).await
        }
        Err(untold) => {
            tracing::warn!(agent.id = %agent, error = %untold, "somebody at a forge is not told");
            app.store.complete(org, &letter.id).await
        }
    };
    if let Err(error) = kept {
        tracing::warn!(agent.id = %agent, %error, "a letter will be carried once more");
    }
}

#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error(transparent)]
    Forge(#[from] ForgeError),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Untold {
    fn may_pass(&self) -> bool {
        match self {
            Self::Forge(error) => may_pass(error),
            // An agent that is gone has nothing more to tell.
            Self::Other(error) => !error.is::<Refusal>(),
        }
    }
}

async fn tell(app: &App, org: &OrgId, agent: AgentId, run: RunId) -> Result<(), Untold> {
    let handle = app.agents.existing(org, agent).await?;
    let log = handle.log(Seq(0)).await?;
    let asked = asked(&log, run);
    let facts = facts(app, org, agent, (run, &log)).await?;
    for asked in newest(&asked) {
        let thread = &asked.thread;
        let Some(connection) = app.forges.by_id(org, &thread.forge) else { continue };
        let Some(repository) = connection.account.named(&thread.repository) else { continue };
        let forge = connection.account.forge(repository)?;
        let mut facts = facts.clone();
        facts.pulls.retain(|link| *link != thread.link);
        facts.taken_out = taken_out(&log, asked);
        facts.fix = asked.fix.map(|count| (count, FIXES));
        let on = threads::subject(thread);
        keep_comment(forge.as_ref(), on, &agent.to_string(), &progress(&facts)).await?;
    }
    Ok(())
}

/// Where the run was asked for, and where it was steered.
fn asked(log: &[Logged], run: RunId) -> Vec<&AskedAt> {
    let of = |logged: &'_ Logged| match &logged.event {
        Event::Asked { run: of, .. } | Event::Steered { run: of, .. } => *of == run,
        _ => false,
    };
    log.iter().filter(|logged| of(logged)).filter_map(|logged| asked_at(&logged.event)).collect()
}

fn asked_at(event: &Event) -> Option<&AskedAt> {
    match event {
        Event::Asked { prompt, .. } | Event::Steered { prompt, .. } => prompt.asked_at.as_deref(),
        _ => None,
    }
}

/// The newest of each thread.
fn newest<'a>(asked: &[&'a AskedAt]) -> Vec<&'a AskedAt> {
    let mut newest: Vec<&AskedAt> = Vec::new();
    for asked in asked {
        newest.retain(|known| known.thread != asked.thread);
        newest.push(asked);
    }
    newest.into_iter().rev().take(THREADS).collect()
}

/// What was ever taken out of what the agent was given in this thread.
fn taken_out(log: &[Logged], asked: &AskedAt) -> Vec<String> {
    let all = log.iter().filter_map(|logged| asked_at(&logged.event));
    let mut all: Vec<String> = all
        .filter(|known| known.thread == asked.thread)
        .flat_map(|known| known.taken_out.clone())
        .collect();
    all.dedup();
    all
}

async fn facts(
    app: &App,
    org: &OrgId,
    agent: AgentId,
    (run, log): (RunId, &[Logged]),
) -> Result<Facts> {
    let handle = app.agents.existing(org, agent).await?;
    let view = handle.view().await?;
    let row = app.store.run(org, agent, run).await.context("read a run")?.ok_or(Refusal::NoRun)?;
    let redactor = redact::of_agent(app, org, view.living()?).await?;
    let is_shown = settings::read(app, org).await?.tells_outside();
    let stage = match row.status {
        RunStatus::Creating => Stage::Waiting,
        RunStatus::Running => Stage::Working,
        RunStatus::Finished => Stage::Done,
        RunStatus::Cancelled => Stage::Stopped,
        RunStatus::Error | RunStatus::Expired if !is_shown => {
            Stage::Failed("see its page".to_owned())
        }
        RunStatus::Error | RunStatus::Expired => {
            let failure = row.failure.as_ref();
            let failure = failure.map_or("it ran out of time", |failure| &failure.message);
            Stage::Failed(redactor.text(failure))
        }
    };
    Ok(Facts {
        agent: if is_shown {
            redactor.text(&view.projection.detail.name)
        } else {
            "The agent".to_owned()
        },
        link: format!("{}/agents/{agent}", app.public_url),
        stage,
        // Whom the host lets read it may be others than may read here.
        answer: row
            .result
            .filter(|_| is_shown)
            .map_or_else(String::new, |text| redactor.text(&text)),
        commands: Gathered::of(log).commands,
        pulls: view.projection.detail.pulls.iter().map(|pull| pull.link.clone()).collect(),
        taken_out: Vec::new(),
        fix: None,
    })
}
