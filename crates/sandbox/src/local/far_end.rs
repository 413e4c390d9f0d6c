//! The other end of a repository on this host, where the server may not read it itself.
//!
//! Git on the server's side starts `errand-shim far-end <socket> <service> <path>` in place of
//! `git-upload-pack` or `git-receive-pack`. That process hands its own three streams to the launcher
//! and waits: git and the service that runs as the repository's owner then speak to each other
//! without anything in between.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

use super::LocalConfig;
use super::packet;
use super::request::{Answer, RepositoryTask, Request};

/// Name of the socket in its folder.
const SOCKET: &str = "far-end.sock";
/// Gits that may wait to be heard.
const BACKLOG: i32 = 256;
/// Exit code where git itself says that it cannot go on.
const FATAL: u8 = 128;

/// Names the shim's binary so that this process and all its later children can start it, even where
/// they may not enter its folder. Call it before there are threads.
pub fn inherited_program(config: &LocalConfig) -> io::Result<String> {
    // Without CLOEXEC on purpose, and never closed: the number is the name.
    let opened = rustix::fs::open(&config.shim, OFlags::PATH, Mode::empty())?;
    Ok(format!("/proc/self/fd/{}", opened.into_raw_fd()))
}

/// The socket of a server, and the words by which its gits reach it.
#[derive(Debug)]
pub struct FarEnds {
    /// For [`super::LauncherHandle::serve_far_ends`].
    pub listener: OwnedFd,
    /// The program and its first arguments; the service's name and the path follow.
    pub program: Vec<String>,
}

impl FarEnds {
    /// Opens the socket in this folder, which only the server's user may enter.
    pub fn open(program: String, folder: &Path) -> io::Result<Self> {
        super::record::make_private_dir(folder)?;
        let path = folder.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = socket()?;
        bind(&listener, &address(&path)?.0)?;
        listen(&listener, BACKLOG)?;
        let path = path.to_str().ok_or_else(|| io::Error::other("the path is not UTF-8"))?;
        Ok(Self { listener, program: vec![program, "far-end".to_owned(), path.to_owned()] })
    }
}

fn socket() -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// An address that fits whatever the length of the path, and the folder it relies on.
fn address(path: &Path) -> io::Result<(SocketAddrUnix, OwnedFd)> {
    use std::os::fd::AsRawFd;
    let folder = path.parent().ok_or_else(|| io::Error::other("the socket has no folder"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    Ok((SocketAddrUnix::new(short.join(path.file_name().unwrap_or(OsStr::new(SOCKET))))?, folder))
}

/// What git starts: hands its streams to the launcher and ends as the service ends.
pub fn run(words: impl Iterator<Item = String>) -> ExitCode {
    let words: Vec<String> = words.collect();
    match ask(&words) {
        Ok(Answer::Ended { code }) => {
            ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FATAL))
        }
        Ok(Answer::Failed { reason, .. }) => fatal(&reason),
        Ok(other) => fatal(&format!("the launcher answered {other:?}")),
        Err(error) => fatal(&format!("the launcher of Errand cannot be reached: {error}")),
    }
}

fn fatal(reason: &str) -> ExitCode {
    // As git says it, since git's caller reads it.
    writeln!(io::stderr(), "fatal: {reason}").ok();
    ExitCode::from(FATAL)
}

fn ask(words: &[String]) -> io::Result<Answer> {
    let [path, service, repository] = words else {
        return Err(io::Error::other("started by git only"));
    };
    let task = match service.as_str() {
        "upload-pack" => RepositoryTask::UploadPack {},
        "receive-pack" => RepositoryTask::ReceivePack {},
        _ => return Err(io::Error::other("no such service")),
    };
    let launcher = socket()?;
    connect(&launcher, &address(Path::new(path))?.0)?;
    let request = serde_json::to_vec(&Request::Repository { path: repository.clone(), task })?;
    let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
    packet::send_all(&launcher, &request, &[input.as_fd(), output.as_fd(), errors.as_fd()])?;
    rustix::net::shutdown(&launcher, rustix::net::Shutdown::Write)?;
    // Ours would keep the streams open after the service has ended.
    let null = fs::File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..2 {
        super::sys::duplicate_onto(null.as_fd(), number)?;
    }
    Ok(serde_json::from_slice(&packet::receive_all(&launcher)?.bytes)?)
}
