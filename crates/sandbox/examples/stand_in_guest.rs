//! A guest for the tests of this crate: answers pings, runs programs, and tries forbidden things.
//!
//! It speaks one line of JSON each way instead of the link protocol, so that the walls can be tested
//! without the guest.
#![expect(unsafe_code, reason = "forbidden system calls are tried raw")]

use std::ffi::CString;
use std::io::{self, BufRead, BufReader, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

const SELF: &str = "/opt/errand/bin/errand-guest";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["guest", ..] => serve(),
        ["as-agent", program @ ..] => become_and_run(true, program),
        ["as-root", program @ ..] => become_and_run(false, program),
        ["try", name, value @ ..] => {
            writeln!(std::io::stdout(), "{}", attempt(name, value)).unwrap_or_default();
        }
        _ => std::process::exit(2),
    }
}

fn serve() {
    let hidden = rustix::process::DumpableBehavior::NotDumpable;
    if rustix::process::set_dumpable_behavior(hidden).is_err() {
        return;
    }
    // SAFETY: the shim leaves the control socket under this number and nobody else uses it.
    let control = unsafe { BorrowedFd::borrow_raw(3) };
    while let Some(link) = receive_link(control) {
        std::thread::spawn(move || converse(UnixStream::from(link)));
    }
}

fn receive_link(control: BorrowedFd<'_>) -> Option<OwnedFd> {
    let mut bytes = [0_u8; 256];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    recvmsg(control.as_fd(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).ok()?;
    ancillary.drain().find_map(|part| {
        let RecvAncillaryMessage::ScmRights(mut fds) = part else { return None };
        fds.next()
    })
}

fn converse(link: UnixStream) {
    let Ok(mut answers) = link.try_clone() else { return };
    for line in BufReader::new(link).lines() {
        let Ok(line) = line else { return };
        let answer = if line == "ping" { "pong".to_owned() } else { run_line(&line) };
        if writeln!(answers, "{answer}").is_err() {
            return;
        }
    }
}

fn run_line(line: &str) -> String {
    let words: Vec<String> = serde_json::from_str(line).unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "a guest starts programs")]
    let mut command = Command::new(SELF);
    let (code, output) = match command.args(words).output() {
        Ok(done) => {
            let mut text = String::from_utf8_lossy(&done.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&done.stderr));
            use std::os::unix::process::ExitStatusExt;
            (done.status.code().or(done.status.signal().map(|s| 128 + s)), text)
        }
        Err(error) => (None, error.to_string()),
    };
    serde_json::json!({ "code": code, "output": output }).to_string()
}

fn become_and_run(agent: bool, program: &[&str]) {
    if let Err(error) = become_user(agent) {
        writeln!(std::io::stderr(), "become: {error}").unwrap_or_default();
        std::process::exit(125);
    }
    let words: Vec<CString> = program.iter().filter_map(|w| CString::new(*w).ok()).collect();
    let Some(path) = words.first() else { std::process::exit(2) };
    let error = match nix::unistd::execvp(path, &words) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    writeln!(std::io::stderr(), "exec: {error}").unwrap_or_default();
    std::process::exit(126);
}

fn become_user(agent: bool) -> std::io::Result<()> {
    let none = CapabilitySet::empty();
    if agent && rustix::process::geteuid().is_root() {
        for bit in 0..41 {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            match rustix::thread::remove_capability_from_bounding_set(one) {
                // Past the last capability this kernel knows.
                Err(rustix::io::Errno::INVAL) => break,
                other => other?,
            }
        }
        let (uid, gid) = (Uid::from_raw(1000), Gid::from_raw(1000));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        let empty = CapabilitySets { effective: none, permitted: none, inheritable: none };
        rustix::thread::set_capabilities(None, empty)?;
    } else {
        let now = rustix::thread::capabilities(None)?;
        rustix::thread::set_capabilities(None, CapabilitySets { inheritable: none, ..now })?;
    }
    Ok(())
}

/// Tries something and says what came of it: `ok`, an error's name, or what was found.
fn attempt(name: &str, value: &[&str]) -> String {
    let number = |index: usize| value.get(index).and_then(|v| v.parse::<i64>().ok()).unwrap_or(0);
    match name {
        "call" => {
            let argument = |index| libc::c_long::from(number(index));
            // SAFETY: the arguments are numbers chosen so that the kernel refuses the call, or does
            // something harmless to this process only.
            let result = unsafe {
                libc::syscall(argument(0), argument(1), argument(2), argument(3), argument(4), 0, 0)
            };
            outcome(result)
        }
        "write" => match std::fs::OpenOptions::new().write(true).open(value.concat()) {
            Ok(_) => "ok".to_owned(),
            Err(error) => name_of(&error),
        },
        "abstract" => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(value.concat());
            match address.and_then(|address| UnixStream::connect_addr(&address)) {
                Ok(_) => "ok".to_owned(),
                Err(error) => name_of(&error),
            }
        }
        "tcp" => match value.concat().parse::<std::net::SocketAddr>() {
            Ok(address) => match std::net::TcpStream::connect(address) {
                Ok(_) => "ok".to_owned(),
                Err(error) => name_of(&error),
            },
            Err(error) => error.to_string(),
        },
        "rules" => rules().map_or_else(|error| name_of(&error), |()| "ok".to_owned()),
        "memory" => {
            let bytes = usize::try_from(number(0)).unwrap_or(0);
            let block = vec![1_u8; bytes];
            format!("ok {}", block.iter().map(|byte| u64::from(*byte)).sum::<u64>())
        }
        other => format!("unknown attempt {other}"),
    }
}

/// Tries to remove the rules of nftables, all of them.
fn rules() -> io::Result<()> {
    use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, netlink};
    let socket = net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::NETFILTER))?;
    let message = |kind: u16, flags: u16, resource: u16| {
        let head = [20_u16.to_ne_bytes(), [0; 2], kind.to_ne_bytes(), (flags | 1).to_ne_bytes()];
        [head.concat(), vec![0; 10], resource.to_be_bytes().to_vec()].concat()
    };
    // The beginning of a batch, DELTABLE with an acknowledgement, the end.
    let batch = [message(0x10, 0, 10), message((10 << 8) | 2, 4, 0), message(0x11, 0, 10)];
    net::send(&socket, &batch.concat(), SendFlags::empty())?;
    let mut answer = [0; 256];
    net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match i32::from_ne_bytes(answer[16..20].try_into().map_err(io::Error::other)?) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}

fn outcome(result: libc::c_long) -> String {
    if result < 0 { name_of(&std::io::Error::last_os_error()) } else { "ok".to_owned() }
}

fn name_of(error: &std::io::Error) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}
