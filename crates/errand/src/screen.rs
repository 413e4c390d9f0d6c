//! `errand watch` on a whole terminal: the conversation above, what goes on and an input line below.
//!
//! It shows the same lines as [`crate::live`]; [`page`] lays them out and is pure.

mod page;

use crate::client::Client;
use crate::client::follow::{Followed, Follower};
use crate::exit::Exit;
use crate::live::view::View;
use crate::lookup;
use crate::style::{Line, Shown, Style};
use crate::text;
use anyhow::{Context as _, Result};
use crossterm::event::{Event as Key, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::StreamExt as _;
use page::Page;
use protocol::api::IdBody;
use protocol::api::agents::{Agent, AnswerQuestion};
use protocol::event::Event;
use protocol::ids::{AgentId, RunId};
use protocol::input::WhenBusy;
use serde_json::json;
use std::time::{Duration, Instant};

/// Pictures are at least so far apart.
const PICTURE: Duration = Duration::from_millis(33);
/// Characters of one message.
const MESSAGE_CHARS: usize = protocol::limits::PROMPT_CHARS;

/// Where to begin.
pub struct Beginning {
    /// Whom.
    pub agent: Agent,
    /// Events up to this number were seen before.
    pub after: u64,
    /// The view, told what it should know already.
    pub view: View,
}

/// Shows the agent until the person leaves; the agent goes on.
pub async fn watch(client: &Client, beginning: Beginning) -> Result<Exit> {
    let id = lookup::id_of(&beginning.agent)?;
    let mut follower = Follower::start(client, id, beginning.after).await?;
    let mut terminal = ratatui::try_init().context("take the terminal over")?;
    let mut screen = Screen::new(client, id, beginning);
    let outcome = screen.run(&mut follower, &mut terminal).await;
    ratatui::restore();
    outcome
}

struct Screen<'a> {
    client: &'a Client,
    agent: AgentId,
    view: View,
    page: Page,
    /// The run that `Ctrl-X` ends.
    active: Option<RunId>,
    since: Instant,
    doing: Option<String>,
}

/// What a key leads to.
enum Next {
    Stay,
    Leave,
}

impl<'a> Screen<'a> {
    fn new(client: &'a Client, agent: AgentId, beginning: Beginning) -> Self {
        let Beginning { agent: body, view, .. } = beginning;
        let branch = body.branch_name.as_deref().unwrap_or("no repository");
        let title = Line::of(Style::Bold, &body.name)
            .and(Style::Dim, format!("  {branch}  {}", body.model.id));
        Self {
            client,
            agent,
            view,
            page: Page::new(title),
            active: None,
            since: Instant::now(),
            doing: None,
        }
    }

    async fn run(
        &mut self,
        follower: &mut Follower,
        terminal: &mut ratatui::DefaultTerminal,
    ) -> Result<Exit> {
        let mut keys = EventStream::new();
        let mut pictures = tokio::time::interval(PICTURE);
        pictures.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Kept until it is done: a wait between two connections is longer than a picture.
            let mut next = std::pin::pin!(follower.next());
            let followed = loop {
                tokio::select! {
                    followed = &mut next => break followed?,
                    key = keys.next() => match key {
                        Some(key) => if let Next::Leave = self.key(key.context("read a key")?).await {
                            return Ok(Exit::Done);
                        },
                        None => return Ok(Exit::Done),
                    },
                    _ = pictures.tick() => {
                        self.status();
                        terminal.draw(|frame| self.page.draw(frame)).context("draw")?;
                    }
                }
            };
            self.take(followed);
        }
    }

    fn take(&mut self, followed: Followed) {
        match followed {
            Followed::Event(body) => {
                // An event that only a newer server knows is passed over.
                if let Ok(event) = serde_json::from_value::<Event>(body.event) {
                    if let Event::RunStarted { run } = &event {
                        self.active = Some(*run);
                    } else if matches!(event, Event::RunEnded { .. }) {
                        self.active = None;
                    }
                    self.page.add(&self.view.event(&event));
                }
            }
            Followed::Delta(delta) => self.page.add(&self.view.delta(&delta)),
            Followed::Lost(reason) => {
                self.page
                    .add(&[warned(format!("the connection was lost ({reason}); trying again"))]);
            }
            Followed::Back => {
                let line = Line::of(Style::Dim, "the connection is back");
                self.page.add(&[Shown::Line(line)]);
            }
        }
        let doing = self.view.doing().map(str::to_owned);
        if doing != self.doing {
            self.since = Instant::now();
            self.doing = doing;
        }
    }

    fn status(&mut self) {
        let hint = match (self.view.question().is_some(), self.active.is_some()) {
            (true, _) => "type your answer or its number · Enter answers",
            (false, true) => "Enter queues · Ctrl-S steers · Ctrl-X ends the run · Ctrl-C leaves",
            (false, false) => "Enter sends · PgUp/PgDn scroll · Ctrl-C leaves",
        };
        let status = match &self.doing {
            Some(doing) => {
                let elapsed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
                Line::of(Style::Accent, "● ")
                    .and(Style::Plain, doing)
                    .and(Style::Dim, format!("  {}   {hint}", text::duration(elapsed)))
            }
            None => Line::of(Style::Dim, format!("○ {hint}")),
        };
        self.page.status = status;
    }

    async fn key(&mut self, key: Key) -> Next {
        match key {
            Key::Key(key) if key.kind != KeyEventKind::Release => self.pressed(key).await,
            Key::Paste(text) => {
                self.insert(&text);
                Next::Stay
            }
            // A resized terminal is drawn again by itself.
            Key::Key(_) | Key::Resize(..) | Key::FocusGained | Key::FocusLost | Key::Mouse(_) => {
                Next::Stay
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other keys do nothing")]
    async fn pressed(&mut self, key: KeyEvent) -> Next {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if is_control => return Next::Leave,
            KeyCode::Char('s') if is_control => self.send(WhenBusy::Steer).await,
            KeyCode::Char('x') if is_control => self.cancel().await,
            KeyCode::Char('u') if is_control => self.page.input.clear(),
            KeyCode::Char(sign) if !is_control => self.insert(&sign.to_string()),
            KeyCode::Enter => self.send(WhenBusy::Queue).await,
            KeyCode::Backspace => drop(self.page.input.pop()),
            KeyCode::PageUp => self.page.scroll_pages(1),
            KeyCode::PageDown => self.page.scroll_pages(-1),
            KeyCode::Up => self.page.scroll(1),
            KeyCode::Down => self.page.scroll(-1),
            KeyCode::Home => self.page.scroll(isize::MAX),
            KeyCode::End | KeyCode::Esc => self.page.go_to_end(),
            _ => {}
        }
        Next::Stay
    }

    fn insert(&mut self, typed: &str) {
        let left = MESSAGE_CHARS.saturating_sub(self.page.input.chars().count());
        self.page.input.extend(text::clean(typed).chars().take(left));
    }

    async fn send(&mut self, when_busy: WhenBusy) {
        let typed = self.page.input.trim().to_owned();
        if typed.is_empty() {
            return;
        }
        let agent = self.agent.to_string();
        let sent = match self.view.question() {
            Some(question) => {
                let body = AnswerQuestion { answer: question.answer(&typed) };
                let id = question.id.to_string();
                self.client
                    .post::<IdBody>(&["agents", &agent, "questions", &id], &body)
                    .await
                    .map(drop)
            }
            None => {
                // Chosen here, so that a message sent twice over a bad line is taken once.
                let run = RunId::from_uuid(uuid::Uuid::new_v4()).to_string();
                let body =
                    json!({ "prompt": { "text": typed }, "whenBusy": when_busy, "runId": run });
                let path = ["agents", &agent, "runs"];
                self.client.post_once::<serde_json::Value>(&path, &body).await.map(drop)
            }
        };
        match sent {
            Ok(()) => {
                self.page.input.clear();
                self.page.go_to_end();
            }
            Err(error) => self.page.add(&[warned(format!("not sent: {error:#}"))]),
        }
    }

    async fn cancel(&mut self) {
        let Some(run) = self.active else { return };
        let (agent, run) = (self.agent.to_string(), run.to_string());
        let path = ["agents", &agent, "runs", &run, "cancel"];
        if let Err(error) = self.client.act::<IdBody>(&path).await {
            self.page.add(&[warned(format!("not ended: {error:#}"))]);
        }
    }
}

fn warned(text: String) -> Shown {
    Shown::Whole(Line::of(Style::Warn, text))
}
