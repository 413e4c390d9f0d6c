//! The way to root inside: `sudo` is this program under another name. It asks the guest to run the
//! command as the namespace's root and lends it its own terminal or pipes.
//!
//! It asks on an abstract socket: that lives in the sandbox's own network namespace, has no path
//! that could be replaced, and reaches the guest also from programs that close every descriptor
//! they inherited (as Python's `subprocess` does).
//!
//! TRUST: the kernel tells who asks. The agent's user gets the small capability set of the
//! namespace's root when the environment's posture is `sudo`, a refusal in words otherwise. The
//! command dies with the one who asked, and belongs to the operation it was asked from.

use crate::Guest;
use crate::exec::{KillOnDrop, Program, Report};
use crate::sys::{self, Become};
use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use tokio::io::unix::AsyncFd;
use tokio::task::JoinSet;

/// Name of the socket.
const SOCKET: &[u8] = b"errand-sudo";
/// Bytes of a request: arguments and environment.
const REQUEST_BYTES: usize = 160 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;
/// Commands under sudo at once.
const AT_ONCE: usize = 256;
/// Status of a sudo that could not do what was asked.
const FAILED: i32 = 1;

#[derive(Serialize, Deserialize)]
struct Asked {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: String,
}

#[derive(Serialize, Deserialize)]
struct Told {
    status: i32,
    message: Option<String>,
}

/// Listens for those who ask; serves until dropped.
pub async fn serve(guest: Arc<Guest>) -> io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::SEQPACKET;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(SOCKET)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let socket = sys::awaited(socket)?;
    let mut served = JoinSet::new();
    loop {
        let mut ready = socket.readable().await?;
        let accepted = ready.try_io(|fd| Ok(rustix::net::accept_with(fd.get_ref(), flags)?));
        while served.try_join_next().is_some() {}
        let Ok(Ok(client)) = accepted else { continue };
        if served.len() < AT_ONCE {
            let guest = Arc::clone(&guest);
            served.spawn(async move { answer(&guest, client).await });
        }
    }
}

async fn answer(guest: &Arc<Guest>, client: OwnedFd) {
    let Ok(client) = sys::awaited(client) else { return };
    let told = match carry_out(guest, &client).await {
        Ok(status) => Told { status, message: None },
        Err(message) => Told { status: FAILED, message: Some(message) },
    };
    if let Ok(json) = serde_json::to_vec(&told) {
        // Somebody who has gone needs no answer.
        let sent = rustix::net::send(client.get_ref(), &json, SendFlags::NOSIGNAL);
        drop(sent.map_err(io::Error::from));
    }
}

async fn carry_out(guest: &Arc<Guest>, client: &AsyncFd<OwnedFd>) -> Result<i32, String> {
    let words = |error: io::Error| format!("cannot run the command: {error}");
    let (asked, stdio) = receive(client).await.map_err(words)?;
    if !guest.config.sudo {
        return Err("this environment does not allow root (sudo: none)".to_owned());
    }
    let (pid, _) = sys::peer(client.get_ref().as_fd()).map_err(words)?;
    let program =
        Program { argv: asked.argv, env: asked.env, cwd: asked.cwd, become_who: Become::Root };
    let supervisors = &guest.ops.supervisors;
    let behalf = supervisors.ancestor_of(pid);
    let mut child = program.spawn(stdio, false, supervisors).map_err(words)?;
    if let Some(behalf) = behalf {
        supervisors.link(child.supervisor, behalf);
    }
    let mut guard = KillOnDrop::new(Arc::clone(supervisors), &child);
    let mut status = FAILED;
    loop {
        tokio::select! {
            report = child.report() => match report {
                Some(Report::Exit(ended)) => {
                    status = exit_status(ended);
                    break;
                }
                Some(Report::NotRun(error)) => {
                    return Err(words(io::Error::from_raw_os_error(error)));
                }
                Some(Report::Pid(_)) => {}
                None => break,
            },
            () = gone(client) => return Ok(status),
        }
    }
    // Daemons that the command left behind live on, as they would after a real sudo.
    guest.ops.spawn(async move {
        while child.report().await.is_some() {}
        guard.gone();
    });
    Ok(status)
}

fn exit_status(ended: i32) -> i32 {
    if libc::WIFEXITED(ended) { libc::WEXITSTATUS(ended) } else { 128 + libc::WTERMSIG(ended) }
}

/// Ends when the one who asked is gone.
async fn gone(client: &AsyncFd<OwnedFd>) {
    let mut byte = [0u8; 1];
    loop {
        let Ok(mut ready) = client.readable().await else { return };
        let read = ready
            .try_io(|fd| Ok(rustix::net::recv(fd.get_ref(), &mut byte, RecvFlags::empty())?.0));
        match read {
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) => return,
            Err(_) => continue,
        }
    }
}

async fn receive(client: &AsyncFd<OwnedFd>) -> io::Result<(Asked, [OwnedFd; 3])> {
    let mut bytes = vec![0u8; REQUEST_BYTES];
    loop {
        let mut ready = client.readable().await?;
        let Ok(received) = ready.try_io(|fd| receive_now(fd.get_ref(), &mut bytes)) else {
            continue;
        };
        let (read, stdio) = received?;
        let asked = serde_json::from_slice(bytes.get(..read).unwrap_or_default())?;
        let stdio = stdio.try_into().map_err(|_| io::Error::other("three descriptors are needed"));
        return Ok((asked, stdio?));
    }
}

fn receive_now(socket: &OwnedFd, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(bytes)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut slices, &mut control, flags)?;
    let rights = control.drain().filter_map(|message| {
        let RecvAncillaryMessage::ScmRights(rights) = message else { return None };
        Some(rights)
    });
    Ok((received.bytes, rights.flatten().collect()))
}

/// The program `sudo`: what it exits with, and what it has to say.
pub fn ask(arguments: Vec<String>, env: Vec<(String, String)>, cwd: String) -> (i32, String) {
    let (argv, set) = match command(arguments) {
        Ok(command) => command,
        Err(message) => return (FAILED, message),
    };
    let kept = env.into_iter().filter(|(name, _)| !set.iter().any(|(other, _)| other == name));
    let mut env: Vec<(String, String)> = kept.collect();
    env.extend(set);
    env.retain(|(name, _)| name != "HOME" && name != "USER" && name != "LOGNAME");
    env.extend([("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root")].map(owned));
    match exchange(&Asked { argv, env, cwd }) {
        Ok(told) => (told.status, told.message.unwrap_or_default()),
        Err(error) => (FAILED, format!("the guest cannot be asked: {error}")),
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

type Command = (Vec<String>, Vec<(String, String)>);

/// Takes off what sudo itself understands: options without effect here, and variables.
fn command(arguments: Vec<String>) -> Result<Command, String> {
    let mut rest = arguments.into_iter().peekable();
    let mut shell = false;
    let mut set = Vec::new();
    while let Some(argument) = rest.peek().cloned() {
        match argument.as_str() {
            "-E" | "-n" | "-H" | "-S" | "-k" | "--preserve-env" | "--non-interactive" => {}
            "-i" | "-s" => shell = true,
            "-u" | "-g" => {
                rest.next();
                match rest.peek().map(String::as_str) {
                    Some("root" | "0") => {}
                    _ => return Err("only root can be chosen with -u".to_owned()),
                }
            }
            "--" => {
                rest.next();
                break;
            }
            option if option.starts_with('-') => {
                return Err(format!("the option {option} is not known here"));
            }
            word => match word.split_once('=') {
                Some((name, value)) if !name.is_empty() => set.push(owned((name, value))),
                _ => break,
            },
        }
        rest.next();
    }
    let argv: Vec<String> = rest.collect();
    match (argv.is_empty(), shell) {
        (false, _) => Ok((argv, set)),
        (true, true) => Ok((vec!["/bin/sh".to_owned()], set)),
        (true, false) => Err("usage: sudo [-E] [NAME=value] command [arguments]".to_owned()),
    }
}

fn exchange(asked: &Asked) -> io::Result<Told> {
    let kind = SocketType::SEQPACKET;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&socket, REQUEST_BYTES * 2)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new_abstract_name(SOCKET)?)?;
    let json = serde_json::to_vec(asked)?;
    if json.len() > REQUEST_BYTES {
        return Err(io::Error::other("arguments and environment are too long"));
    }
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let lent = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&lent));
    rustix::net::sendmsg(&socket, &[IoSlice::new(&json)], &mut control, SendFlags::NOSIGNAL)?;
    let mut answer = vec![0u8; REQUEST_BYTES];
    let (read, _) = rustix::net::recv(&socket, answer.as_mut_slice(), RecvFlags::empty())?;
    Ok(serde_json::from_slice(answer.get(..read).unwrap_or_default())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_without_effect_and_variables_are_taken_off() {
        let (argv, set) = command(words("-E -n DEBIAN_FRONTEND=x apt-get -y install a=1")).unwrap();
        assert_eq!(argv, words("apt-get -y install a=1"));
        assert_eq!(set, [("DEBIAN_FRONTEND".to_owned(), "x".to_owned())]);
        assert_eq!(command(words("-u root -- -x")).unwrap().0, ["-x"]);
        assert_eq!(command(words("-i")).unwrap().0, ["/bin/sh"]);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for bad in ["", "-u postgres psql", "--edit file"] {
            assert!(command(words(bad)).is_err(), "{bad}");
        }
    }
}
