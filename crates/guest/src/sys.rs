//! The only unsafe code of the guest: starting processes and changing who a thread is.
//!
//! A started process gets a *supervisor*: a fork of the guest that does nothing but wait. It is a
//! child subreaper, so every process that comes from the command stays its descendant, however it
//! daemonises. That is how a kill finds all of them without cgroups and without trusting marks in
//! an environment.

#![expect(unsafe_code, reason = "fork, credentials and capabilities have no safe interface")]

use std::ffi::{CString, c_char, c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::unix::AsyncFd;

/// Report of a supervisor: the process's id.
pub const REPORT_PID: i32 = 1;
/// Report of a supervisor: the program could not be run, with the error number.
pub const REPORT_EXEC: i32 = 2;
/// Report of a supervisor: the process ended, with its wait status.
pub const REPORT_EXIT: i32 = 3;
/// Bytes of one report: kind and value.
pub const REPORT_BYTES: usize = 8;

/// The largest number that a descriptor can have; gVisor refuses a range that ends beyond it.
const LAST_FD: c_int = c_int::MAX;
const CAP_SETPCAP: c_int = 8;
const CAP_LAST: c_int = 63;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Who a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What a process becomes before its program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Become {
    /// The same as the guest (guest without a sandbox).
    Same,
    /// This user with no capability at all, not even in the bounding set.
    Powerless(Ids),
    /// The namespace's root with the bounding set that is left.
    Root,
}

/// A process to start, everything prepared so that nothing is allocated after the fork.
pub struct Prepared {
    /// Paths tried in turn.
    pub candidates: Vec<CString>,
    /// Arguments, the program's name first.
    pub argv: Vec<CString>,
    /// Environment.
    pub env: Vec<CString>,
    /// Working directory.
    pub cwd: CString,
    /// Standard input, output and error.
    pub stdio: [OwnedFd; 3],
    /// Standard input is a terminal that shall be the controlling one.
    pub terminal: bool,
    /// Who it becomes.
    pub become_who: Become,
}

/// Starts a process under a supervisor. Returns the supervisor's id and the end of the pipe on
/// which it reports; the pipe ends when the last process that came from the command is gone.
pub fn spawn(prepared: &Prepared) -> io::Result<(i32, OwnedFd)> {
    let (reports, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let argv = pointers(&prepared.argv);
    let env = pointers(&prepared.env);
    let writer_fd = writer.as_raw_fd();
    // SAFETY: the child only makes system calls on data prepared above, then exits or execs.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => supervise(prepared, &argv, &env, writer_fd),
        pid => Ok((pid, reports)),
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

fn report(fd: RawFd, kind: i32, value: i32) {
    let mut bytes = [0u8; REPORT_BYTES];
    let (head, tail) = bytes.split_at_mut(4);
    head.copy_from_slice(&kind.to_ne_bytes());
    tail.copy_from_slice(&value.to_ne_bytes());
    // SAFETY: writes from a live buffer; a reader that is gone is nobody to tell.
    unsafe { libc::write(fd, bytes.as_ptr().cast(), REPORT_BYTES) };
}

fn errno() -> i32 {
    // SAFETY: the address of this thread's own errno.
    unsafe { *libc::__errno_location() }
}

/// The child of the fork: starts the process, then waits until all its descendants are gone.
fn supervise(prepared: &Prepared, argv: &[*const c_char], env: &[*const c_char], fd: RawFd) -> ! {
    // SAFETY: plain system calls after a fork, no allocation; this process has one thread.
    unsafe {
        libc::setsid();
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_NAME, c"errand-op".as_ptr(), 0, 0, 0);
        block_all_signals();
        let main = libc::fork();
        if main == 0 {
            run(prepared, argv, env, fd);
        }
        if main < 0 {
            report(fd, REPORT_EXEC, errno());
            libc::_exit(1);
        }
        report(fd, REPORT_PID, main);
        // Keep nothing of the guest's and the command's descriptors but the pipe.
        libc::dup2(fd, 0);
        libc::syscall(libc::SYS_close_range, 1u32, LAST_FD, 0u32);
        loop {
            let mut status: c_int = 0;
            let pid = libc::waitpid(-1, &raw mut status, 0);
            if pid == main {
                report(0, REPORT_EXIT, status);
            }
            if pid < 0 && errno() != libc::EINTR {
                libc::_exit(0);
            }
        }
    }
}

/// SAFETY: to be called after a fork only.
unsafe fn block_all_signals() {
    // SAFETY: a zeroed set is filled before it is used.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// SAFETY: to be called after a fork only; ends in exec or exit.
unsafe fn run(prepared: &Prepared, argv: &[*const c_char], env: &[*const c_char], fd: RawFd) -> ! {
    // SAFETY: system calls on data that lives until the exec.
    unsafe {
        libc::setsid();
        for (target, source) in (0..).zip(prepared.stdio.iter()) {
            libc::dup2(source.as_raw_fd(), target);
        }
        if prepared.terminal {
            libc::ioctl(0, libc::TIOCSCTTY, 0);
        }
        let became = become_who(prepared.become_who);
        if became != 0 || libc::chdir(prepared.cwd.as_ptr()) != 0 {
            fail(fd);
        }
        // Where it fails the supervisor's fails too, which would wait for itself without an end.
        if libc::syscall(libc::SYS_close_range, 3u32, LAST_FD, libc::CLOSE_RANGE_CLOEXEC) != 0 {
            fail(fd);
        }
        default_signals();
        let mut error = libc::ENOENT;
        for candidate in &prepared.candidates {
            libc::execve(candidate.as_ptr(), argv.as_ptr(), env.as_ptr());
            if errno() != libc::ENOENT && errno() != libc::ENOTDIR {
                error = errno();
            }
        }
        report(fd, REPORT_EXEC, error);
        libc::_exit(if error == libc::ENOENT { 127 } else { 126 });
    }
}

/// SAFETY: to be called after a fork only.
unsafe fn fail(fd: RawFd) -> ! {
    report(fd, REPORT_EXEC, errno());
    // SAFETY: ends this process.
    unsafe { libc::_exit(126) }
}

/// SAFETY: to be called after a fork only.
unsafe fn default_signals() {
    // SAFETY: handlers are set to the default before the program runs.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Raw system calls, since the C library's would speak to threads that do not exist here.
///
/// SAFETY: to be called after a fork only.
unsafe fn become_who(who: Become) -> c_long {
    // SAFETY: plain system calls.
    unsafe {
        match who {
            Become::Same => {}
            Become::Powerless(ids) => {
                // TRUST: an agent's process never holds a capability, and never could again: the
                // bounding set goes first, while there is still the right to do so.
                for capability in 0..=CAP_LAST {
                    if drop_bounding(capability) != 0 {
                        return -1;
                    }
                }
                let none: [libc::gid_t; 0] = [];
                if libc::syscall(libc::SYS_setgroups, 0usize, none.as_ptr()) != 0
                    || libc::syscall(libc::SYS_setresgid, ids.gid, ids.gid, ids.gid) != 0
                    || libc::syscall(libc::SYS_setresuid, ids.uid, ids.uid, ids.uid) != 0
                    || capabilities_off() != 0
                {
                    return -1;
                }
            }
            Become::Root => {
                // TRUST: the right to change bounding sets is the guest's alone.
                if drop_bounding(CAP_SETPCAP) != 0 || inheritable_off() != 0 {
                    return -1;
                }
            }
        }
        c_long::from(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    }
}

/// SAFETY: to be called after a fork only.
unsafe fn drop_bounding(capability: c_int) -> c_int {
    // SAFETY: plain system calls; reading a capability the kernel does not know fails.
    unsafe {
        if libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) != 1 {
            return 0;
        }
        libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0)
    }
}

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// SAFETY: to be called after a fork only.
unsafe fn capabilities_off() -> c_long {
    let header = CapHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let data = [CapData::default(); 2];
    // SAFETY: both structures have the kernel's layout.
    unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) }
}

/// SAFETY: to be called after a fork only.
unsafe fn inheritable_off() -> c_long {
    let mut header = CapHeader { version: CAPABILITY_VERSION_3, pid: 0 };
    let mut data = [CapData::default(); 2];
    // SAFETY: both structures have the kernel's layout.
    unsafe {
        if libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) != 0 {
            return -1;
        }
        for set in &mut data {
            set.inheritable = 0;
        }
        libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr())
    }
}

/// Makes this thread's file accesses those of another user. Only for threads that do nothing else.
///
/// TRUST: the kernel takes the file capabilities from the effective set with the user id, so a path
/// that the agent may not touch is refused here as it would be in a shell.
pub fn file_rights_of(ids: Ids) -> io::Result<()> {
    // SAFETY: system calls that change this thread alone; called with -1 they answer what holds.
    unsafe {
        libc::syscall(libc::SYS_setfsgid, ids.gid);
        libc::syscall(libc::SYS_setfsuid, ids.uid);
        let uid = libc::syscall(libc::SYS_setfsuid, -1i64);
        if uid < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS) {
            return effective_rights_of(ids);
        }
        let gid = libc::syscall(libc::SYS_setfsgid, -1i64);
        if uid == c_long::from(ids.uid) && gid == c_long::from(ids.gid) {
            return Ok(());
        }
    }
    Err(io::Error::from_raw_os_error(libc::EPERM))
}

/// The same for gVisor, which knows no ids for files alone.
///
/// TRUST: with the effective id goes every effective capability. The real and the saved id stay root's, so
/// the agent may neither signal nor trace the thread.
fn effective_rights_of(ids: Ids) -> io::Result<()> {
    // SAFETY: system calls that change this thread alone.
    let changed = unsafe {
        libc::syscall(libc::SYS_setresgid, -1i64, ids.gid, -1i64) == 0
            && libc::syscall(libc::SYS_setresuid, -1i64, ids.uid, -1i64) == 0
    };
    if changed { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps other processes from looking into this one.
pub fn hide_memory() -> io::Result<()> {
    // SAFETY: a plain system call.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Takes over a descriptor that the parent process left for this one.
pub fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: asks about a number; nothing is done when it is not open.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and the caller takes each number once, at the start of the program.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a descriptor one that can be awaited.
pub fn awaited(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor stays open and the same until it is dropped.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

/// Opens `/dev/null` for those of the descriptors 0–2 that are closed.
pub fn fill_standard_descriptors() {
    for fd in 0..3 {
        // SAFETY: asks about a number, and opens what takes the lowest free one.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}

/// Sends a signal to one process; whether it was there.
pub fn signal(pid: i32, signal: i32) -> bool {
    // SAFETY: a plain system call; never 0 or negative, which would mean groups.
    pid > 0 && unsafe { libc::kill(pid, signal) } == 0
}

/// Takes one ended child, any or this one; `None` when there is none (yet).
pub fn reap(pid: Option<i32>, wait: bool) -> Option<i32> {
    let mut status = 0;
    let flags = if wait { 0 } else { libc::WNOHANG };
    // SAFETY: a plain system call with a live place for the status.
    let reaped = unsafe { libc::waitpid(pid.unwrap_or(-1), &raw mut status, flags) };
    (reaped > 0).then_some(reaped)
}

/// Who is at the other end of a unix socket: process, user.
pub fn peer(socket: BorrowedFd<'_>) -> io::Result<(i32, u32)> {
    let credentials = rustix::net::sockopt::socket_peercred(socket)?;
    Ok((credentials.pid.as_raw_nonzero().get(), credentials.uid.as_raw()))
}
