//! `errand attach`: a terminal of the machine on this terminal. Ctrl-] leaves; the terminal goes on.

use super::{Cx, machine};
use crate::args::Attach;
use crate::client::socket::{Came, Inward, Outward, Socket};
use crate::exit::{Exit, Trouble};
use crate::output;
use crate::style::{Line, Style};
use crate::vt::Filter;
use anyhow::{Context as _, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Stdin};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Stdout};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Ctrl-], as in telnet: hardly a program wants it.
const LEAVE: u8 = 0x1d;
/// Bytes read from the keyboard at once.
const KEYS: usize = 4096;
/// Pieces typed that wait to be sent.
const WAITING: usize = 1024;
/// Longest wait until what was typed is sent when one leaves.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

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
    let mut screen = Screen { filter: Filter::default(), stdout: tokio::io::stdout() };
    let over = carry(socket, &mut screen, arguments.read_only).await;
    // What is still being written must not come after what undoes it.
    drop(tokio::time::timeout(FAREWELL_MAX, screen.stdout.flush()).await);
    drop(raw);
    let undo = String::from_utf8_lossy(&screen.filter.undo()).into_owned();
    output::ask(&format!("{undo}\r\n")).context("restore the terminal")?;
    output.line(Line::of(Style::Dim, over?))?;
    Ok(Exit::Done)
}

/// Carries keys and output until one side is done; says how it ended.
///
/// Each direction has its own pace: whoever leaves is heard while the machine floods the screen, and
/// while a program inside reads nothing of what was typed.
async fn carry(socket: Socket, screen: &mut Screen, is_read_only: bool) -> Result<String> {
    let (mut inward, outward) = socket.split();
    let (sender, mut typed) = mpsc::channel(WAITING);
    let mut sending = std::pin::pin!(send(outward, &mut typed));
    let mut keyboard = Keyboard { sender, is_read_only };
    let left = tokio::select! {
        over = screen.show(&mut inward) => return over,
        sent = &mut sending => return sent.map(|()| "the server hung up".to_owned()),
        left = keyboard.read() => left,
    };
    drop(keyboard);
    // What was typed before one left still goes there.
    drop(tokio::time::timeout(FAREWELL_MAX, sending).await);
    left.map(|()| "left; the terminal goes on".to_owned())
}

/// Something for the terminal.
enum Typed {
    Keys(Vec<u8>),
    Control(Value),
}

struct Keyboard {
    sender: mpsc::Sender<Typed>,
    is_read_only: bool,
}

impl Keyboard {
    /// Reads keys and sizes of the window until one leaves.
    async fn read(&mut self) -> Result<()> {
        let mut resized = signal(SignalKind::window_change()).context("watch the window")?;
        let mut keyboard = tokio::io::stdin();
        let mut keys = vec![0; KEYS];
        if !self.is_read_only {
            self.put(Typed::Control(json!({ "type": "take" })));
        }
        self.resize();
        loop {
            let read = tokio::select! {
                read = keyboard.read(&mut keys) => read.context("read the keyboard")?,
                _ = resized.recv() => {
                    self.resize();
                    continue;
                }
            };
            let typed = keys.get(..read).unwrap_or_default();
            let mut parts = typed.split(|key| *key == LEAVE);
            if let Some(before) = parts.next().filter(|before| !before.is_empty()) {
                self.put(Typed::Keys(before.to_vec()));
            }
            if typed.is_empty() || parts.next().is_some() {
                return Ok(());
            }
        }
    }

    fn resize(&self) {
        let (cols, rows) = size();
        self.put(Typed::Control(json!({ "type": "resize", "cols": cols, "rows": rows })));
    }

    fn put(&self, typed: Typed) {
        if !self.is_read_only {
            // A program that reads nothing for so long gets no more: the person must be able to leave.
            drop(self.sender.try_send(typed));
        }
    }
}

async fn send(mut outward: Outward, typed: &mut mpsc::Receiver<Typed>) -> Result<()> {
    while let Some(typed) = typed.recv().await {
        match typed {
            Typed::Keys(keys) => outward.bytes(&keys).await?,
            Typed::Control(control) => outward.control(&control).await?,
        }
    }
    outward.close().await;
    Ok(())
}

struct Screen {
    /// TRUST: the bytes are the sandbox's; what would reach beyond the screen is taken out.
    filter: Filter,
    stdout: Stdout,
}

impl Screen {
    /// Shows output until there is no more.
    async fn show(&mut self, inward: &mut Inward) -> Result<String> {
        loop {
            match inward.next().await? {
                Came::Bytes(bytes) => {
                    let shown = self.filter.pass(&bytes);
                    self.stdout.write_all(&shown).await.context("show output")?;
                    self.stdout.flush().await.context("show output")?;
                }
                Came::Control(control) => {
                    if control.get("type").and_then(Value::as_str) == Some("exit") {
                        return Ok("the terminal ended".to_owned());
                    }
                }
                Came::Over(reason) => {
                    return Ok(reason.unwrap_or_else(|| "the server hung up".to_owned()));
                }
            }
        }
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
