//! `errand attach`: a terminal of the machine on this terminal. Ctrl-] leaves; the terminal goes on.

use super::{Cx, machine};
use crate::args::Attach;
use crate::client::socket::{Came, Socket};
use crate::exit::{Exit, Trouble};
use crate::output;
use crate::style::{Line, Style};
use crate::vt::Filter;
use anyhow::{Context as _, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Stdin};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Stdout};
use tokio::signal::unix::{SignalKind, signal};

/// Ctrl-], as in telnet: hardly a program wants it.
const LEAVE: u8 = 0x1d;
/// Bytes read from the keyboard at once.
const KEYS: usize = 4096;

pub(super) async fn attach(cx: Cx<'_>, arguments: &Attach) -> Result<Exit> {
    let Cx { client, output } = cx;
    if !std::io::stdin().is_terminal() || !output.is_terminal() {
        return Err(
            Trouble::usage("attach needs a terminal; for one command use `errand ssh`").into()
        );
    }
    let agent = machine::awake(&client, Some(&mut *output), &arguments.agent).await?;
    let name = &arguments.terminal;
    let (cols, rows) = size();
    let path = ["agents", &agent.id, "terminals"];
    let open = json!({ "name": name, "cols": cols, "rows": rows });
    let _: Value = client.post(&path, &open).await?;
    let socket =
        client.socket("terminal", &["agents", &agent.id, "terminals", name, "socket"]).await?;
    let how = if arguments.read_only { "read-only; " } else { "" };
    let line =
        format!("{} · terminal {name} · {how}Ctrl-] leaves, it goes on without you", agent.name);
    output.line(Line::of(Style::Dim, line))?;
    let raw = Raw::begin().context("prepare the terminal")?;
    let over = Session::new(socket, arguments.read_only).carry().await;
    drop(raw);
    output::ask("\r\n").context("restore the terminal")?;
    output.line(Line::of(Style::Dim, over?))?;
    Ok(Exit::Done)
}

struct Session {
    socket: Socket,
    is_read_only: bool,
    /// TRUST: the bytes are the sandbox's; what would reach beyond the screen is taken out.
    filter: Filter,
    stdout: Stdout,
}

impl Session {
    fn new(socket: Socket, is_read_only: bool) -> Self {
        Self { socket, is_read_only, filter: Filter::default(), stdout: tokio::io::stdout() }
    }

    /// Carries keys and output until one side is done; says how it ended.
    async fn carry(mut self) -> Result<String> {
        let mut resized = signal(SignalKind::window_change()).context("watch the window")?;
        let mut keyboard = tokio::io::stdin();
        let mut keys = [0; KEYS];
        if !self.is_read_only {
            self.socket.control(&json!({ "type": "take" })).await?;
        }
        self.resize().await?;
        loop {
            tokio::select! {
                came = self.socket.next() => if let Some(over) = self.came(came?).await? {
                    return Ok(over);
                },
                read = keyboard.read(&mut keys) => {
                    let typed = keys.get(..read.context("read the keyboard")?).unwrap_or_default();
                    if typed.is_empty() || typed.contains(&LEAVE) {
                        self.socket.close().await;
                        return Ok("left; the terminal goes on".to_owned());
                    }
                    if !self.is_read_only {
                        self.socket.bytes(typed).await?;
                    }
                },
                _ = resized.recv() => self.resize().await?,
            }
        }
    }

    async fn came(&mut self, came: Came) -> Result<Option<String>> {
        match came {
            Came::Bytes(bytes) => {
                let shown = self.filter.pass(&bytes);
                self.stdout.write_all(&shown).await.context("show output")?;
                self.stdout.flush().await.context("show output")?;
                Ok(None)
            }
            Came::Control(control) => Ok(match control.get("type").and_then(Value::as_str) {
                Some("exit") => Some("the terminal ended".to_owned()),
                _ => None,
            }),
            Came::Over(reason) => {
                Ok(Some(reason.unwrap_or_else(|| "the server hung up".to_owned())))
            }
        }
    }

    async fn resize(&mut self) -> Result<()> {
        if self.is_read_only {
            return Ok(());
        }
        let (cols, rows) = size();
        self.socket.control(&json!({ "type": "resize", "cols": cols, "rows": rows })).await
    }
}

fn size() -> (u16, u16) {
    match tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => (80, 24),
    }
}

/// A terminal that hands every key on as it is, until dropped.
struct Raw {
    stdin: Stdin,
    before: Termios,
}

impl Raw {
    fn begin() -> rustix::io::Result<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing helps when the terminal is gone.
        tcsetattr(&self.stdin, OptionalActions::Now, &self.before).ok();
    }
}
