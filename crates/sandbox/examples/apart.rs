//! A process that waits in the namespaces it was told, and in no others, until its input ends.
//!
//! Only tests use it, to measure what a process looks like that lacks one of them. It always has a
//! user namespace first, in which its user is root; without any word it is an ordinary process of the
//! host. Besides the names of namespaces it takes `veth` and `route`: an interface more, and a way out
//! through it.
#![expect(clippy::disallowed_methods, reason = "a helper of tests starts programs")]

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("wait") => wait(),
        _ => part(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "apart: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn wait() -> io::Result<()> {
    writeln!(io::stdout(), "waiting")?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Says the waiting process's number, once all is as told.
fn part(words: &[String]) -> io::Result<()> {
    let mut flags = CloneFlags::empty();
    for word in words {
        flags |= match word.as_str() {
            "mnt" => CloneFlags::CLONE_NEWNS,
            "pid" => CloneFlags::CLONE_NEWPID,
            "net" => CloneFlags::CLONE_NEWNET,
            "ipc" => CloneFlags::CLONE_NEWIPC,
            "uts" => CloneFlags::CLONE_NEWUTS,
            "cgroup" => CloneFlags::CLONE_NEWCGROUP,
            _ => CloneFlags::empty(),
        };
    }
    if !words.is_empty() {
        become_root_of_a_namespace()?;
        unshare(flags)?;
    }
    if words.iter().any(|word| word == "veth") {
        ip("link add one type veth peer name two")?;
        ip("link set one up")?;
        ip("link set two up")?;
    }
    if words.iter().any(|word| word == "route") {
        ip("address add 192.0.2.1/24 dev one")?;
    }
    let mut child = Command::new("/proc/self/exe").arg("wait").stdout(Stdio::piped()).spawn()?;
    // A program that is still being loaded opens and closes files of its own.
    let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
    BufReader::new(output).read_line(&mut String::new())?;
    writeln!(io::stdout(), "{}", child.id())?;
    child.wait().map(drop)
}

fn become_root_of_a_namespace() -> io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {} 1", uid.as_raw()))?;
    std::fs::write("/proc/self/gid_map", format!("0 {} 1", gid.as_raw()))
}

fn ip(words: &str) -> io::Result<()> {
    let status = Command::new("ip").args(words.split(' ')).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("ip {words}: {status}"))) }
}
