//! Watching: the loop that `run`, `watch` and `send` share.
//!
//! It reads from the [`Follower`], lets the [`View`] fold what it reads, and hands the lines to the
//! output; beside that it takes answers from the terminal and lets the person go with Ctrl-C.

mod cards;
mod message;
mod phases;
mod said;
pub mod summary;
pub mod view;

use crate::client::Client;
use crate::client::follow::{Followed, Follower};
use crate::exit::{Exit, Trouble};
use crate::lookup;
use crate::output::Output;
use crate::style::{Line, Shown, Style};
use crate::text;
use anyhow::Result;
use phases::{aside, noted};
use protocol::api::IdBody;
use protocol::api::agents::{AnswerQuestion, EventBody};
use protocol::event::{Event, RunStatus};
use protocol::ids::{AgentId, RunId};
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use view::View;

/// How often the status line moves.
const TICK: Duration = Duration::from_millis(120);

/// When watching is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// This run has ended.
    Ended(RunId),
    /// No run is active or waits, and this many events were seen.
    Idle(u64),
}

/// What to watch.
pub struct Watching {
    /// Whom.
    pub agent: AgentId,
    /// Events up to this number were seen before.
    pub after: u64,
    /// Until when.
    pub until: Until,
    /// The view, told what it should know already.
    pub view: View,
}

/// Why watching stopped.
enum Stop {
    Ended(RunId, RunStatus),
    Detached,
    Deleted,
}

/// Watches until it is over, and shows what the run left behind.
pub async fn watch(client: &Client, output: &mut Output, watching: Watching) -> Result<Exit> {
    let agent = watching.agent;
    let follower = Follower::start(client, agent, watching.after).await?;
    let mut session = Session {
        client,
        output,
        agent,
        view: watching.view,
        until: watching.until,
        seen: watching.after,
        latest: None,
        typed: None,
        since: Instant::now(),
    };
    let stop = session.watch(follower).await;
    session.output.status(None)?;
    match stop? {
        Stop::Detached => session.detached(),
        Stop::Deleted => session.deleted(),
        Stop::Ended(run, status) => session.ended(run, status).await,
    }
}

struct Session<'a> {
    client: &'a Client,
    output: &'a mut Output,
    agent: AgentId,
    view: View,
    until: Until,
    seen: u64,
    /// The run that ended last.
    latest: Option<(RunId, RunStatus)>,
    typed: Option<Lines<BufReader<Stdin>>>,
    /// Since when the present thing is going on.
    since: Instant,
}

/// What woke the loop.
enum Woken {
    Followed(Result<Followed>),
    Typed(std::io::Result<Option<String>>),
    Tick,
    Interrupted,
}

impl Session<'_> {
    async fn watch(&mut self, mut follower: Follower) -> Result<Stop> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            // Kept until it is done: a wait between two connections is longer than a tick.
            let mut next = std::pin::pin!(follower.next());
            let followed = loop {
                let woken = tokio::select! {
                    followed = &mut next => Woken::Followed(followed),
                    _ = &mut interrupt => Woken::Interrupted,
                    line = typed(&mut self.typed) => Woken::Typed(line),
                    _ = tick.tick(), if self.output.is_terminal() => Woken::Tick,
                };
                match woken {
                    Woken::Followed(followed) => break followed?,
                    Woken::Interrupted => return Ok(Stop::Detached),
                    Woken::Typed(line) => self.answer(line).await?,
                    Woken::Tick => self.tick()?,
                }
            };
            if let Some(stop) = self.take(followed)? {
                return Ok(stop);
            }
            self.listen();
        }
    }

    fn take(&mut self, followed: Followed) -> Result<Option<Stop>> {
        let before = self.view.doing().map(str::to_owned);
        let stop = match followed {
            Followed::Event(body) => self.event(*body)?,
            Followed::Delta(delta) => {
                if self.output.is_for_program() {
                    self.output.json(&json!({ "type": "delta", "delta": delta }))?;
                } else {
                    let shown = self.view.delta(&delta);
                    self.output.show(&shown)?;
                }
                None
            }
            Followed::Lost(reason) => {
                self.connection(
                    "lost",
                    noted(format!("the connection was lost ({reason}); trying again")),
                    Some(&reason),
                )?;
                None
            }
            Followed::Back => {
                self.connection("back", aside("the connection is back"), None)?;
                None
            }
        };
        if self.view.doing() != before.as_deref() {
            self.since = Instant::now();
        }
        Ok(stop)
    }

    fn event(&mut self, body: EventBody) -> Result<Option<Stop>> {
        self.seen = body.seq;
        if self.output.is_for_program() {
            let EventBody { seq, at, hash, event } = &body;
            self.output.json(
                &json!({ "type": "event", "seq": seq, "at": at, "hash": hash, "event": event }),
            )?;
        }
        // An event that only a newer server knows is passed over.
        let Ok(event) = serde_json::from_value::<Event>(body.event) else { return Ok(None) };
        let shown = self.view.event(&event);
        if !self.output.is_for_program() {
            self.output.show(&shown)?;
        }
        if let Event::RunEnded { run, status, .. } = &event {
            self.latest = Some((*run, *status));
        }
        if matches!(event, Event::DeleteRequested { .. } | Event::Deleted) {
            return Ok(Some(Stop::Deleted));
        }
        Ok(self.over())
    }

    fn over(&self) -> Option<Stop> {
        match self.until {
            Until::Ended(run) => self.view.ended(run).map(|status| Stop::Ended(run, status)),
            Until::Idle(head) if self.seen >= head && !self.view.is_busy() => {
                self.latest.map(|(run, status)| Stop::Ended(run, status))
            }
            Until::Idle(_) => None,
        }
    }

    fn connection(&mut self, state: &str, shown: Shown, reason: Option<&str>) -> Result<()> {
        match self.output.is_for_program() {
            true => self
                .output
                .json(&json!({ "type": "connection", "state": state, "reason": reason }))?,
            false => self.output.show(&[shown])?,
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        let elapsed = self.since.elapsed().as_millis();
        let status = self.view.doing().map(|doing| match u64::try_from(elapsed) {
            Ok(ms @ 1000..) => format!("{doing}  {}", text::duration(ms)),
            Ok(_) | Err(_) => doing.to_owned(),
        });
        Ok(self.output.status(status.as_deref())?)
    }

    /// Begins to read answers once there is a question and somebody to type one.
    fn listen(&mut self) {
        let can_type = !self.output.is_for_program()
            && self.output.is_terminal()
            && std::io::stdin().is_terminal();
        if self.view.question().is_some() && self.typed.is_none() && can_type {
            self.typed = Some(BufReader::new(tokio::io::stdin()).lines());
        }
    }

    async fn answer(&mut self, line: std::io::Result<Option<String>>) -> Result<()> {
        let Some(line) = line? else {
            // The end of the input: nobody will type any more, and asking again would never wait.
            self.typed = None;
            return Ok(());
        };
        let Some(question) = self.view.question().filter(|_| !line.trim().is_empty()) else {
            return Ok(());
        };
        let body = AnswerQuestion { answer: question.answer(&line) };
        let (agent, id) = (self.agent.to_string(), question.id.to_string());
        match self.client.post::<IdBody>(&["agents", &agent, "questions", &id], &body).await {
            Ok(_) => Ok(()),
            Err(error) => {
                Ok(self.output.show(&[noted(format!("the answer was not taken: {error:#}"))])?)
            }
        }
    }

    fn detached(self) -> Result<Exit> {
        let short = self.agent.to_string();
        let short = text::short_id(&short);
        if self.output.is_for_program() {
            self.output
                .json(&json!({ "type": "detached", "agentId": self.agent, "after": self.seen }))?;
            return Ok(Exit::Done);
        }
        let line = Line::of(Style::Plain, "The agent goes on without you. Come back: ")
            .and(Style::Accent, format!("errand watch {short}"))
            .and(Style::Plain, "   End it: ")
            .and(Style::Accent, format!("errand cancel {short}"));
        self.output.show(&[Shown::Gap, Shown::Whole(line)])?;
        Ok(Exit::Done)
    }

    fn deleted(self) -> Result<Exit> {
        if self.output.is_for_program() {
            self.output.json(&json!({ "type": "deleted", "agentId": self.agent }))?;
        }
        Err(Trouble::new(Exit::NotFound, "agent_not_found", "the agent was deleted").into())
    }

    async fn ended(self, run: RunId, status: RunStatus) -> Result<Exit> {
        let exit = Exit::of_run(status);
        let (run, shown) =
            summary::fetch(self.client, &self.agent.to_string(), &run.to_string()).await?;
        if self.output.is_for_program() {
            let line: Value = json!({ "type": "ended", "exitCode": exit as u8, "run": run });
            self.output.json(&line)?;
        } else {
            self.output.show(&shown)?;
        }
        Ok(exit)
    }
}

/// The next line from the terminal; never, while nobody is asked.
async fn typed(lines: &mut Option<Lines<BufReader<Stdin>>>) -> std::io::Result<Option<String>> {
    match lines {
        Some(lines) => lines.next_line().await,
        None => std::future::pending().await,
    }
}

/// Watches one run from the given place on.
pub async fn watch_run(
    client: &Client,
    output: &mut Output,
    agent: AgentId,
    run: &str,
    after: u64,
    prompts: view::Prompts,
) -> Result<Exit> {
    let run = lookup::run_id(run)?;
    let id = agent.to_string();
    let view = View::new(text::short_id(&id), view::Scope::Only(run), prompts);
    watch(client, output, Watching { agent, after, until: Until::Ended(run), view }).await
}
