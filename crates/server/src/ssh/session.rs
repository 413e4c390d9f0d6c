//! One session of a client: a shell, a command, or files; with a terminal or without.

use super::{Place, signal};
use crate::api::machine::attend;
use crate::terminals;
use protocol::link::{
    CAPABILITY_SIGNAL, Exited, OpId, Piece, PtySize, Request, Start, Stdin, User,
};
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use sandbox::link::{Follow, Followed, LinkError, PortWriter, Screen, Shown};
use uuid::Uuid;

/// Variables that a client may send.
const VARIABLES: usize = 64;
/// Where the guest's own program is inside.
const GUEST: &str = "/opt/errand/bin/errand-guest";
/// Data of the client's second stream: standard error.
const STDERR: u32 = 1;
/// Columns and rows of a terminal at most.
const SIDE_MAX: u32 = 1000;
/// What a client is told when its command could not be started.
const NOT_STARTED: u32 = 126;
/// Signal that the programs of a lost terminal get.
const HANGUP: i32 = 1;

/// What is to be started.
enum Wanted {
    Shell,
    Command(String),
    Files,
}

/// What a client said before it started something.
#[derive(Default)]
struct Asked {
    env: Vec<(String, String)>,
    size: Option<PtySize>,
}

/// Serves the session until it ends.
pub async fn serve(place: Place, channel: Channel<Msg>, handle: Handle) {
    let id = channel.id();
    let (mut reader, writer) = channel.split();
    let mut asked = Asked::default();
    let wanted = loop {
        let Some(message) = reader.wait().await else { return };
        let (accepted, wanted) = hear(&mut asked, message);
        let answered = match accepted {
            Some(true) => handle.channel_success(id).await,
            Some(false) => handle.channel_failure(id).await,
            None => Ok(()),
        };
        if answered.is_err() {
            return;
        }
        if let Some(wanted) = wanted {
            break wanted;
        }
    };
    let outcome = match asked.size {
        Some(size) => at_terminal(&place, asked.env, size, wanted, &mut reader, &writer).await,
        None => piped(&place, asked.env, wanted, &mut reader, &writer).await,
    };
    // A client that is gone hears none of it.
    match outcome {
        Ok(Some(exited)) => tell_end(&exited, &writer, &handle).await,
        // The client went first.
        Ok(None) => return,
        Err(error) => {
            let text = format!("errand: {error}\r\n");
            drop(writer.extended_data_bytes(STDERR, text.into_bytes()).await);
            drop(writer.exit_status(NOT_STARTED).await);
        }
    }
    drop(writer.eof().await);
    drop(writer.close().await);
}

/// The exit status, or the signal that ended the program.
async fn tell_end(exited: &Exited, writer: &ChannelWriteHalf<Msg>, handle: &Handle) {
    let (id, none) = (writer.id(), String::new);
    match (exited.code, exited.signal) {
        (None, Some(number)) => match signal::named(number) {
            Some(name) => {
                let told = handle.exit_signal_request(id, name, false, none(), none());
                told.await.unwrap_or_default();
            }
            // SSH has no name for it; shells spell it so.
            None => drop(writer.exit_status(128 + number.unsigned_abs()).await),
        },
        (code, _) => {
            let status = code.map_or(NOT_STARTED, i32::unsigned_abs);
            drop(writer.exit_status(status).await);
        }
    }
}

/// What a message asks for: whether it is granted, and what it starts.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not offered is not answered")]
fn hear(asked: &mut Asked, message: ChannelMsg) -> (Option<bool>, Option<Wanted>) {
    match message {
        ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
            asked.size = Some(size(col_width, row_height));
            asked.env.push(("TERM".to_owned(), term));
            (Some(true), None)
        }
        ChannelMsg::WindowChange { col_width, row_height, .. } => {
            asked.size = asked.size.map(|_| size(col_width, row_height));
            (None, None)
        }
        ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
            let fits = asked.env.len() < VARIABLES && is_variable(&variable_name);
            if fits {
                asked.env.push((variable_name, variable_value));
            }
            (Some(fits), None)
        }
        ChannelMsg::RequestShell { .. } => (Some(true), Some(Wanted::Shell)),
        ChannelMsg::Exec { command, .. } => match String::from_utf8(command) {
            Ok(command) => (Some(true), Some(Wanted::Command(command))),
            Err(_) => (Some(false), None),
        },
        ChannelMsg::RequestSubsystem { name, .. } if name == "sftp" => {
            (Some(true), Some(Wanted::Files))
        }
        ChannelMsg::RequestSubsystem { .. } | ChannelMsg::RequestX11 { .. } => (Some(false), None),
        _ => (None, None),
    }
}

/// A client without a window says that it has no size.
fn size(cols: u32, rows: u32) -> PtySize {
    let side = |side: u32, usual: u16| match side {
        0 => usual,
        side => u16::try_from(side.min(SIDE_MAX)).unwrap_or(usual),
    };
    PtySize { cols: side(cols, 80), rows: side(rows, 24) }
}

/// Names of variables that are nothing but that; what changes how programs are loaded is the
/// agent's matter, not a client's.
fn is_variable(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    plain && begins && !name.starts_with("LD_") && !matches!(name, "BASH_ENV" | "ENV" | "PATH")
}

fn start(place: &Place, own: Vec<(String, String)>, wanted: &Wanted) -> Option<Start> {
    let mut env = terminals::clean(place.env.as_ref().clone());
    env.retain(|(name, _)| own.iter().all(|(given, _)| given != name));
    env.extend(own);
    let bash = |rest: &[&str]| {
        let begin = ["/bin/bash", "--noprofile", "--norc"];
        begin.iter().chain(rest).map(|text| (*text).to_owned()).collect()
    };
    let argv = match wanted {
        Wanted::Shell => bash(&[]),
        Wanted::Command(command) => bash(&["-c", command]),
        Wanted::Files => vec![GUEST.to_owned(), "sftp".to_owned()],
    };
    Some(Start {
        op: OpId::parse(&format!("ssh:{}", Uuid::new_v4().simple())).ok()?,
        argv,
        cwd: "/workspace".to_owned(),
        env,
        user: User::Agent,
        timeout_ms: None,
        stdin: Stdin::Open,
        pty: None,
        output_cap: terminals::KEPT_BYTES,
    })
}

type Ended = Result<Option<Exited>, LinkError>;

fn unnamed() -> LinkError {
    LinkError::Protocol("a command without a name".to_owned())
}

/// Without a terminal: both ways at the client's pace, nothing lost.
async fn piped(
    place: &Place,
    env: Vec<(String, String)>,
    wanted: Wanted,
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Ended {
    let start = start(place, env, &wanted).ok_or_else(unnamed)?;
    let op = start.op.clone();
    let (output, input) = place.link.exec(start).await?;
    tokio::select! {
        ended = print(output, writer) => ended,
        () = feed(place, &op, reader, input) => Ok(None),
    }
}

async fn print(mut output: Follow, writer: &ChannelWriteHalf<Msg>) -> Ended {
    loop {
        let sent = match output.next().await? {
            Followed::Stdout(bytes) => writer.data_bytes(bytes).await,
            Followed::Stderr(bytes) => writer.extended_data_bytes(STDERR, bytes).await,
            Followed::Exited(exited) => return Ok(Some(exited)),
        };
        if sent.is_err() {
            return Ok(None);
        }
    }
}

/// Passes on what the client sends, signals too; ends when the client does.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not for a running command is not heard"
)]
async fn feed(place: &Place, op: &OpId, reader: &mut ChannelReadHalf, input: PortWriter) {
    let mut input = Some(input);
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                if let Some(open) = &input
                    && open.write(&data).await.is_err()
                {
                    // The command's end is told by its output.
                    input = None;
                }
                attend(&place.handle, &place.principal).await;
            }
            ChannelMsg::Eof => {
                if let Some(open) = input.take() {
                    // As above.
                    drop(open.end().await);
                }
            }
            ChannelMsg::Signal { signal } => {
                let goes_on = pass_on(place, op, &signal).await;
                if !goes_on {
                    return;
                }
            }
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

/// Sends a signal to the command; false where its end is all that is left to send.
async fn pass_on(place: &Place, op: &OpId, signal: &Sig) -> bool {
    if !place.link.can(CAPABILITY_SIGNAL) {
        // A guest of an earlier version knows how to end commands and nothing else.
        return !signal::ends(signal);
    }
    if let Some(number) = signal::number(signal) {
        // A command that ended meanwhile is told by its output.
        drop(place.link.signal(op.clone(), number).await);
    }
    true
}

/// At a terminal: the newest output is kept, and the window's size followed.
async fn at_terminal(
    place: &Place,
    env: Vec<(String, String)>,
    size: PtySize,
    wanted: Wanted,
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Ended {
    let mut start = start(place, env, &wanted).ok_or_else(unnamed)?;
    start.pty = Some(size);
    let op = start.op.clone();
    place.link.start(start).await?;
    let (screen, keys) = place.link.attach(op.clone(), terminals::REPLAY_BYTES).await?;
    let ended = tokio::select! {
        ended = show(screen, writer) => ended,
        () = type_in(place, &op, reader, keys) => Ok(None),
    };
    if !matches!(ended, Ok(Some(_))) {
        // As when a modem hangs up. A guest that is gone has ended it already.
        drop(place.link.kill(op.clone(), HANGUP).await);
    }
    // The same.
    drop(place.link.ack(op).await);
    ended
}

async fn show(mut screen: Screen, writer: &ChannelWriteHalf<Msg>) -> Ended {
    loop {
        let bytes = match screen.next().await? {
            Shown::Piece(Piece::Output(bytes)) => bytes,
            Shown::Piece(Piece::Skipped(bytes)) => {
                format!("\r\n[errand: {bytes} bytes left out]\r\n").into_bytes()
            }
            Shown::Exited(exited) => return Ok(Some(exited)),
        };
        if writer.data_bytes(bytes).await.is_err() {
            return Ok(None);
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not for a terminal is not heard")]
async fn type_in(place: &Place, op: &OpId, reader: &mut ChannelReadHalf, keys: PortWriter) {
    while let Some(message) = reader.wait().await {
        let typed = match message {
            ChannelMsg::Data { data } => keys.write(&data).await,
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                let (op, size) = (op.clone(), size(col_width, row_height));
                place.link.request(Request::Resize { op, size }).await.map(drop)
            }
            // In front of a terminal is not who was started first, but who reads the keys.
            ChannelMsg::Signal { signal } => match control(&signal) {
                Some(key) => keys.write(&[key]).await,
                None if pass_on(place, op, &signal).await => Ok(()),
                None => return,
            },
            ChannelMsg::Close => return,
            _ => Ok(()),
        };
        // The program's end is told by its screen.
        if typed.is_ok() {
            attend(&place.handle, &place.principal).await;
        }
    }
}

/// The key that sends a signal to what runs in front; others have none.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest have no key")]
fn control(signal: &Sig) -> Option<u8> {
    match signal {
        Sig::INT => Some(3),
        Sig::QUIT => Some(28),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_sends_variables_but_not_how_programs_are_loaded() {
        for good in ["LANG", "LC_ALL", "_X1"] {
            assert!(is_variable(good), "{good}");
        }
        for bad in ["", "1A", "A=B", "LD_PRELOAD", "BASH_ENV", "ENV", "PATH", "A\nB"] {
            assert!(!is_variable(bad), "{bad:?}");
        }
        assert_eq!(size(0, 1_000_000), PtySize { cols: 80, rows: 1000 });
    }
}
