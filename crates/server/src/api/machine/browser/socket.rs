//! One window on the browser: pictures go out as fast as they are drawn, pointer and keys go in if
//! they may.

use super::super::{Inside, attend};
use crate::agents::Extras;
use crate::auth::socket::{Tie, close, part};
use crate::browser::{self, Order, Outcome, View};
use crate::terminals::{Seat, Table};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::api::browser::{FromBrowser, ToBrowser};
use protocol::input::Input;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Answers that wait to be sent.
const NOTES: usize = 16;
/// How often a quiet window is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// Pixels of a page's sides.
const WIDTHS: std::ops::RangeInclusive<u32> = 200..=2560;
/// Pixels of a page's sides.
const HEIGHTS: std::ops::RangeInclusive<u32> = 150..=1600;
/// Closed because the browser ended.
const CLOSE_NORMAL: u16 = 1000;
/// Closed because the browser or its machine is gone.
const CLOSE_GONE: u16 = 4410;

/// A window that is being opened.
pub struct Window {
    pub(super) inside: Inside,
    pub(super) table: Arc<Table>,
    pub(super) view: Arc<View>,
    pub(super) principal: String,
}

type Out = SplitSink<WebSocket, Message>;

impl Window {
    /// Serves it until somebody leaves: the person, the browser, the machine or the session.
    pub async fn serve(self, socket: WebSocket, mut tie: Tie) {
        let (mut out, mut incoming) = socket.split();
        let seat = self.table.change(|room| room.join(&self.principal));
        let (notes, to_note) = mpsc::channel(NOTES);
        let (drawn, seen) = watch::channel(0);
        let last = tokio::select! {
            code = tie.over() => Some(close(code)),
            last = self.show(seat, to_note, seen, &mut out) => last,
            () = self.listen(seat, &mut incoming, notes, drawn) => None,
        };
        if self.table.change(|room| room.leave(seat)) {
            self.record(self.released()).await;
        }
        if let Some(last) = last {
            part(&mut out, &mut incoming, last).await;
        }
    }

    /// Sends what is to be seen; ends with the last message, if somebody is there.
    async fn show(
        &self,
        seat: Seat,
        mut notes: mpsc::Receiver<FromBrowser>,
        mut drawn: watch::Receiver<u32>,
        out: &mut Out,
    ) -> Option<Message> {
        let mut changes = self.table.changes();
        let mut page = self.view.page.clone();
        let mut picture = self.view.picture.clone();
        let mut over = self.view.over.clone();
        changes.mark_changed();
        page.mark_changed();
        picture.mark_changed();
        let mut ping = tokio::time::interval(PING);
        let mut sent = 0;
        loop {
            // A window that draws slowly is sent the newest picture once it is done, and none between.
            let is_ready = *drawn.borrow() >= sent;
            let said = tokio::select! {
                biased;
                _ = changes.changed() => say(out, &self.state(seat)).await,
                end = ended(&mut over) => return self.parting(end, out).await,
                Some(note) = notes.recv() => say(out, &note).await,
                Ok(()) = page.changed() => {
                    let page = page.borrow_and_update().clone();
                    say(out, &FromBrowser::Page(page)).await
                }
                Ok(()) = picture.changed(), if is_ready => {
                    let newest = picture.borrow_and_update().clone();
                    match newest {
                        Some(newest) => {
                            sent = newest.number;
                            out.send(Message::Binary(newest.message.clone())).await.ok()
                        }
                        None => Some(()),
                    }
                }
                Ok(()) = drawn.changed() => Some(()),
                _ = ping.tick() => out.send(Message::Ping(Vec::new().into())).await.ok(),
            };
            said?;
        }
    }

    fn state(&self, seat: Seat) -> FromBrowser {
        let room = self.table.room();
        let (you, viewers) = (room.writes(seat), room.watchers(seat));
        FromBrowser::State { writer: room.writer().map(str::to_owned), you, viewers }
    }

    async fn parting(&self, end: Option<Outcome>, out: &mut Out) -> Option<Message> {
        if self.inside.link.is_closed() {
            say(out, &error("sandbox_gone", "the agent's machine is gone")).await?;
            return Some(parting(CLOSE_GONE, "the machine is gone"));
        }
        if let Some(Err(broken)) = end {
            say(out, &error("browser_broken", &broken.to_string())).await?;
            return Some(parting(CLOSE_GONE, "the browser is broken"));
        }
        say(out, &FromBrowser::Ended {}).await?;
        Some(parting(CLOSE_NORMAL, "the browser ended"))
    }

    async fn listen(
        &self,
        seat: Seat,
        incoming: &mut SplitStream<WebSocket>,
        notes: mpsc::Sender<FromBrowser>,
        drawn: watch::Sender<u32>,
    ) {
        while let Some(Ok(message)) = incoming.next().await {
            let answer = match message {
                Message::Text(text) => match serde_json::from_str::<ToBrowser>(&text) {
                    Ok(ToBrowser::Drawn { picture }) => {
                        drawn.send_replace(picture);
                        self.pass(ToBrowser::Drawn { picture }, &notes).await
                    }
                    Ok(message) => self.obey(seat, message, &notes).await,
                    Err(problem) => Some(error("bad_message", &problem.to_string())),
                },
                Message::Binary(_) => Some(error("bad_message", "send texts")),
                Message::Close(_) => return,
                Message::Ping(_) | Message::Pong(_) => None,
            };
            // A window that asks faster than it reads gets fewer answers.
            if let Some(answer) = answer {
                drop(notes.try_send(answer));
            }
        }
    }

    async fn obey(
        &self,
        seat: Seat,
        message: ToBrowser,
        notes: &mpsc::Sender<FromBrowser>,
    ) -> Option<FromBrowser> {
        match message {
            ToBrowser::Take {} => {
                if !self.table.room().writes(seat) {
                    let (terminal, principal) = (browser::NAME.to_owned(), self.principal.clone());
                    // In the log before it holds.
                    self.record(Input::TakeTerminal { terminal, principal }).await;
                    self.table.change(|room| room.take(seat));
                }
                None
            }
            ToBrowser::Release {} => {
                if self.table.change(|room| room.release(seat)) {
                    self.record(self.released()).await;
                }
                None
            }
            ToBrowser::Resize { width, height } => {
                if !self.table.room().sizes(seat) {
                    return None;
                }
                let (width, height) = (within(width, &WIDTHS), within(height, &HEIGHTS));
                self.pass(ToBrowser::Resize { width, height }, notes).await
            }
            // TRUST: the page may believe what it likes; who controls the browser is decided here.
            _ if !self.table.room().writes(seat) => {
                let message = "you look at this browser only: take control first";
                Some(error("read_only", message))
            }
            ToBrowser::Navigate { url } => match browser::checked(&url) {
                Some(url) => self.pass(ToBrowser::Navigate { url }, notes).await,
                None => Some(error("bad_message", "url: choose an http or https address")),
            },
            other => {
                attend(&self.inside.handle, &self.principal).await;
                self.pass(other, notes).await
            }
        }
    }

    /// Hands it to the browser, waiting while that has enough to do.
    async fn pass(
        &self,
        what: ToBrowser,
        notes: &mpsc::Sender<FromBrowser>,
    ) -> Option<FromBrowser> {
        // Why it takes nothing any more is for the other loop to tell.
        drop(self.view.orders.send(Order { what, back: notes.clone() }).await);
        None
    }

    fn released(&self) -> Input {
        let (terminal, principal) = (browser::NAME.to_owned(), self.principal.clone());
        Input::ReleaseTerminal { terminal, principal }
    }

    async fn record(&self, input: Input) {
        if let Err(error) = self.inside.handle.submit(input, Extras::default()).await {
            let agent = self.inside.handle.id;
            tracing::warn!(agent.id = %agent, error = format!("{error:#}"), "who controls the browser was not recorded");
        }
    }
}

/// How the view ended, once it has.
async fn ended(over: &mut watch::Receiver<Option<Outcome>>) -> Option<Outcome> {
    over.wait_for(Option::is_some).await.ok()?.clone()
}

fn within(side: u32, sides: &std::ops::RangeInclusive<u32>) -> u32 {
    side.clamp(*sides.start(), *sides.end())
}

async fn say(out: &mut Out, message: &FromBrowser) -> Option<()> {
    let text = serde_json::to_string(message).ok()?;
    out.send(Message::Text(text.into())).await.ok()
}

fn error(code: &str, message: &str) -> FromBrowser {
    FromBrowser::Error { code: code.to_owned(), message: message.to_owned() }
}

fn parting(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
