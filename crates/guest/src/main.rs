//! The program inside a sandbox. By name or first argument it is one of:
//!
//! - `errand-guest [guest] [--sudo none]`: process 1. Descriptor 3 is the control socket on which
//!   the shim hands over one link connection at a time.
//! - `sudo …`: asks process 1 to run a command as the namespace's root.
//! - `errand-guest sftp`: serves files to an SSH client on standard input and output.
//! - `errand-guest probe`: answers that the program can run here at all.

use guest::{Guest, GuestConfig, sudo, sys};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// The control socket to the shim.
const CONTROL: i32 = 3;
/// Threads for file tools at once.
const FILE_THREADS: usize = 8;
/// How long a thread for file tools waits for more work.
const FILE_THREAD_IDLE: Duration = Duration::from_secs(5);
/// Connections handed over that are served at once; the newest counts, others are ending.
const CONNECTIONS: usize = 16;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.map(|text| text.to_string_lossy().into_owned()).collect();
    if Path::new(&name).file_name().is_some_and(|name| name == "sudo") {
        return sudo_role(rest);
    }
    match rest.first().map(String::as_str) {
        Some("sudo") => sudo_role(rest.into_iter().skip(1).collect()),
        Some("probe") => {
            say(&mut io::stdout(), "errand-guest ", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("sftp") => match guest::sftp::serve(io::stdin().lock(), io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&mut io::stderr(), "sftp: ", &error.to_string());
                ExitCode::FAILURE
            }
        },
        _ => guest_role(&rest),
    }
}

fn sudo_role(arguments: Vec<String>) -> ExitCode {
    let cwd = std::env::current_dir().unwrap_or_else(|_| "/".into()).display().to_string();
    let (status, message) = sudo::ask(arguments, environment(), cwd);
    if !message.is_empty() {
        say(&mut io::stderr(), "sudo: ", &message);
    }
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}

fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn guest_role(arguments: &[String]) -> ExitCode {
    let none = arguments.windows(2).any(|pair| pair == ["--sudo", "none"]);
    match run(GuestConfig::sandbox(!none, environment())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut io::stderr(), "errand-guest: ", &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Where nobody can read a message, nobody is missing it.
fn say(to: &mut impl io::Write, head: &str, text: &str) {
    drop(writeln!(to, "{head}{text}"));
}

fn run(config: GuestConfig) -> io::Result<()> {
    sys::fill_standard_descriptors();
    sys::hide_memory()?;
    let control = sys::inherited(CONTROL)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .thread_keep_alive(FILE_THREAD_IDLE)
        .build()?;
    runtime.block_on(serve(config, control))
}

async fn serve(config: GuestConfig, control: OwnedFd) -> io::Result<()> {
    let guest = Guest::open(config)?;
    let mut children = signal(SignalKind::child())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(sudo::serve(Arc::clone(&guest)));
    let mut connections = JoinSet::new();
    let mut control = guest::control::Control::new(control)?;
    loop {
        tokio::select! {
            stream = control.next() => match stream? {
                Some(stream) if connections.len() < CONNECTIONS => {
                    let (guest, stream) = (Arc::clone(&guest), awaited(stream)?);
                    connections.spawn(async move { guest.serve(stream).await });
                }
                Some(_) => {}
                // The shim is gone: nobody can reach this sandbox any more.
                None => return Ok(()),
            },
            Some(_) = connections.join_next() => {}
            _ = children.recv() => guest.reap_all(),
            _ = term.recv() => return Ok(()),
            () = guest.lease_ended() => return Ok(()),
        }
    }
}

fn awaited(stream: OwnedFd) -> io::Result<tokio::net::UnixStream> {
    let stream = UnixStream::from(stream);
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}
