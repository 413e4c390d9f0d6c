//! One window on a terminal: what is printed goes out, what is typed goes in if it may.
//!
//! Three loops side by side, so that a reader who is slow can still press Ctrl-C, and a program that
//! reads nothing holds up no screen: `screen` prints, `listen` hears the window, `typing` types.

use super::super::{Inside, attend};
use super::SIDE_MAX;
use crate::agents::Extras;
use crate::auth::socket::{Tie, close, part};
use crate::terminals::{REPLAY_BYTES, Seat, Table};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::api::machine::{FromTerminal, ToTerminal};
use protocol::input::Input;
use protocol::link::{OpId, Piece, PtySize, Request};
use sandbox::link::{PortWriter, Screen, Shown};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages typed that wait for the program to read them.
const TYPED: usize = 64;
/// Answers that wait to be sent.
const NOTES: usize = 16;
/// How long keys typed before leaving may take to arrive.
const LAST_KEYS: Duration = Duration::from_secs(2);
/// How often a quiet window is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// Closed because the program ended.
const CLOSE_NORMAL: u16 = 1000;
/// Closed because the machine is gone.
const CLOSE_GONE: u16 = 4410;

/// A window that is being opened.
pub struct Window {
    pub(super) inside: Inside,
    pub(super) op: OpId,
    pub(super) name: String,
    pub(super) table: Arc<Table>,
    pub(super) principal: String,
}

type Out = SplitSink<WebSocket, Message>;

impl Window {
    /// Serves it until somebody leaves: the person, the program, the machine or the session.
    pub async fn serve(self, socket: WebSocket, mut tie: Tie) {
        let (mut out, mut incoming) = socket.split();
        let (screen, keys) = match self.inside.link.attach(self.op.clone(), REPLAY_BYTES).await {
            Ok(both) => both,
            Err(error) => {
                let gone = gone(&error.to_string());
                _ = say(&mut out, &gone).await;
                let last = parting(CLOSE_GONE, "the machine is gone");
                return part(&mut out, &mut incoming, last).await;
            }
        };
        let seat = self.table.change(|room| room.join(&self.principal));
        let (typed, to_type) = mpsc::channel(TYPED);
        let (notes, to_note) = mpsc::channel(NOTES);
        let last = tokio::select! {
            code = tie.over() => Some(close(code)),
            last = self.screen(seat, screen, to_note, &mut out) => last,
            () = async {
                let mut typing = std::pin::pin!(self.typing(keys, to_type));
                tokio::select! {
                    () = self.listen(seat, &mut incoming, typed, notes) => {}
                    () = &mut typing => return,
                }
                // What was typed before leaving still arrives, unless nobody reads it.
                drop(tokio::time::timeout(LAST_KEYS, typing).await);
            } => None,
        };
        if self.table.change(|room| room.leave(seat)) {
            self.record(self.released()).await;
        }
        if let Some(last) = last {
            part(&mut out, &mut incoming, last).await;
        }
    }

    /// Sends what is printed and what changes; ends with the last message, if somebody is there.
    async fn screen(
        &self,
        seat: Seat,
        mut screen: Screen,
        mut notes: mpsc::Receiver<FromTerminal>,
        out: &mut Out,
    ) -> Option<Message> {
        let mut changes = self.table.changes();
        changes.mark_changed();
        let mut ping = tokio::time::interval(PING);
        loop {
            // In this order: who types comes before what was typed.
            let sent = tokio::select! {
                biased;
                _ = changes.changed() => {
                    let state = self.table.room().state(seat);
                    say(out, &state).await
                }
                Some(note) = notes.recv() => say(out, &note).await,
                shown = screen.next() => match shown {
                    Ok(Shown::Piece(Piece::Output(bytes))) => out.send(Message::Binary(bytes.into())).await.ok(),
                    Ok(Shown::Piece(Piece::Skipped(bytes))) => say(out, &FromTerminal::Skipped { bytes }).await,
                    Ok(Shown::Exited(exited)) => {
                        say(out, &FromTerminal::Exit { code: exited.code }).await?;
                        return Some(parting(CLOSE_NORMAL, "the program ended"));
                    }
                    Err(error) => {
                        say(out, &gone(&error.to_string())).await?;
                        return Some(parting(CLOSE_GONE, "the machine is gone"));
                    }
                },
                _ = ping.tick() => out.send(Message::Ping(Vec::new().into())).await.ok(),
            };
            sent?;
        }
    }

    async fn listen(
        &self,
        seat: Seat,
        incoming: &mut SplitStream<WebSocket>,
        typed: mpsc::Sender<bytes::Bytes>,
        notes: mpsc::Sender<FromTerminal>,
    ) {
        while let Some(Ok(message)) = incoming.next().await {
            let answer = match message {
                Message::Binary(bytes) => {
                    // TRUST: the page may believe what it likes; who types is decided here.
                    if self.table.room().writes(seat) {
                        if typed.send(bytes).await.is_err() {
                            return;
                        }
                        None
                    } else {
                        Some(error(
                            "read_only",
                            "you look at this terminal only: take it over first",
                        ))
                    }
                }
                Message::Text(text) => self.obey(seat, &text).await,
                Message::Close(_) => return,
                Message::Ping(_) | Message::Pong(_) => None,
            };
            // A window that asks faster than it reads gets fewer answers.
            if let Some(answer) = answer {
                drop(notes.try_send(answer));
            }
        }
    }

    async fn obey(&self, seat: Seat, text: &str) -> Option<FromTerminal> {
        let message = match serde_json::from_str::<ToTerminal>(text) {
            Ok(message) => message,
            Err(problem) => return Some(error("bad_message", &problem.to_string())),
        };
        match message {
            ToTerminal::Resize { cols, rows } => self.resize(seat, cols, rows).await,
            ToTerminal::Take => {
                let (terminal, principal) = (self.name.clone(), self.principal.clone());
                if !self.table.room().writes(seat) {
                    // In the log before it holds.
                    self.record(Input::TakeTerminal { terminal, principal }).await;
                    self.table.change(|room| room.take(seat));
                }
                None
            }
            ToTerminal::Release => {
                if self.table.change(|room| room.release(seat)) {
                    self.record(self.released()).await;
                }
                None
            }
        }
    }

    async fn resize(&self, seat: Seat, cols: u16, rows: u16) -> Option<FromTerminal> {
        if !(1..=SIDE_MAX).contains(&cols) || !(1..=SIDE_MAX).contains(&rows) {
            return Some(error("bad_message", "choose 1 to 1000 columns and rows"));
        }
        if !self.table.room().sizes(seat) {
            return None;
        }
        let size = PtySize { cols, rows };
        let asked = self.inside.link.request(Request::Resize { op: self.op.clone(), size }).await;
        asked.err().map(|problem| error("not_resized", &problem.to_string()))
    }

    async fn typing(&self, keys: PortWriter, mut typed: mpsc::Receiver<bytes::Bytes>) {
        while let Some(bytes) = typed.recv().await {
            if keys.write(&bytes).await.is_err() {
                break;
            }
            attend(&self.inside.handle, &self.principal).await;
        }
        // Why nothing can be typed any more is for the screen to tell.
        std::future::pending().await
    }

    fn released(&self) -> Input {
        let (terminal, principal) = (self.name.clone(), self.principal.clone());
        Input::ReleaseTerminal { terminal, principal }
    }

    async fn record(&self, input: Input) {
        if let Err(error) = self.inside.handle.submit(input, Extras::default()).await {
            let agent = self.inside.handle.id;
            tracing::warn!(agent.id = %agent, error = format!("{error:#}"), "who types was not recorded");
        }
    }
}

async fn say(out: &mut Out, message: &FromTerminal) -> Option<()> {
    let text = serde_json::to_string(message).ok()?;
    out.send(Message::Text(text.into())).await.ok()
}

fn error(code: &str, message: &str) -> FromTerminal {
    FromTerminal::Error { code: code.to_owned(), message: message.to_owned() }
}

fn gone(why: &str) -> FromTerminal {
    error("sandbox_gone", &format!("the terminal cannot be reached: {why}"))
}

fn parting(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
