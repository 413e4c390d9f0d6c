//! Every raw system call of this crate; nothing else in it is `unsafe`.
#![expect(unsafe_code, reason = "system calls that no crate we depend on offers safely")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Attributes that a mount gets, as `mount_setattr` takes them.
pub mod attr {
    /// Nothing can be written.
    pub const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
    /// Set-user-id bits mean nothing.
    pub const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
    /// Device nodes do not open.
    pub const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
    /// Nothing can be executed.
    pub const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
}

/// Which side of a [`clone_into_namespaces`] a process finds itself on.
#[derive(Debug)]
pub enum Cloned {
    /// The new process, first of its pid namespace.
    Child,
    /// The caller.
    Parent {
        /// The child's pid, as the caller sees it.
        pid: i32,
        /// Refers to the child and to nothing else, ever.
        pidfd: OwnedFd,
    },
}

/// The namespaces of every sandbox but the cgroup one, which the child leaves later.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Forks into the namespaces of a sandbox. Only for a process with a single thread.
pub fn clone_into_namespaces() -> io::Result<Cloned> {
    clone_into(NAMESPACES)
}

/// Forks, into the process namespace that the caller chose for its children. Only for a process with a
/// single thread.
pub fn clone_child() -> io::Result<Cloned> {
    clone_into(0)
}

/// Forks into a user namespace and no other. Only for a process with a single thread.
pub fn clone_into_user_namespace() -> io::Result<Cloned> {
    clone_into(libc::CLONE_NEWUSER)
}

fn clone_into(namespaces: i32) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all-zero is a valid `clone_args`: every field is an integer and zero means "unused".
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (namespaces | libc::CLONE_PIDFD) as u64;
    args.pidfd = (&raw mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: no CLONE_VM and no new stack, so this behaves as `fork`; the caller is
    // single-threaded, so the child may use everything it inherited, allocator included.
    let result = unsafe {
        libc::syscall(libc::SYS_clone3, &raw mut args, std::mem::size_of::<libc::clone_args>())
    };
    match check(result)? {
        0 => Ok(Cloned::Child),
        pid => {
            // SAFETY: the kernel wrote a new descriptor here that nobody else owns.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent { pid: pid as i32, pidfd })
        }
    }
}

/// Sets attributes on a mount and everything below it, and keeps it from other namespaces: a copy of
/// a tree would go on sharing what is mounted there with the tree it was copied from.
pub fn set_mount_attributes(mount: BorrowedFd<'_>, attributes: u64) -> io::Result<()> {
    // SAFETY: all-zero is a valid `mount_attr`: every field is an integer and zero means "keep".
    let mut attr: libc::mount_attr = unsafe { std::mem::zeroed() };
    attr.attr_set = attributes;
    attr.propagation = libc::MS_PRIVATE;
    set_mount(mount, &attr, libc::AT_RECURSIVE)
}

/// Has a mount show owners as this user namespace maps them. Only while it is not attached yet.
pub fn map_mount_ids(mount: BorrowedFd<'_>, user_namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: as above.
    let mut attr: libc::mount_attr = unsafe { std::mem::zeroed() };
    attr.attr_set = libc::MOUNT_ATTR_IDMAP;
    attr.userns_fd = user_namespace.as_raw_fd() as u64;
    set_mount(mount, &attr, 0)
}

fn set_mount(mount: BorrowedFd<'_>, attr: &libc::mount_attr, flags: i32) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | flags;
    // SAFETY: the path is a static C string and `attr` lives for the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            std::mem::size_of::<libc::mount_attr>(),
        )
    };
    check(result).map(drop)
}

/// Makes `fd` appear under the number `number` as well, open across `exec`.
pub fn duplicate_onto(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: plain integers; the caller keeps no owned descriptor under `number`.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }.into()).map(drop)
}

/// A copy of a descriptor that this process was started with, out of the way of all others.
pub fn inherited(number: RawFd, lowest: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: borrowed for this one call, which refuses a number that means nothing.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(rustix::io::fcntl_dupfd_cloexec(borrowed, lowest)?)
}

/// Marks every descriptor from `first` on to be closed by `exec`.
pub fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    // The largest number that a descriptor can have; gVisor refuses a range that ends beyond it.
    let last = RawFd::MAX;
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: changes flags only, no descriptor is closed under anybody's feet.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) }).map(drop)
}

/// Closes every descriptor but this one and the standard three. For a fork that owns nothing else: what
/// its parent's code holds is not used or dropped in it.
pub fn close_all_but(kept: BorrowedFd<'_>) -> io::Result<()> {
    let kept = libc::c_uint::try_from(kept.as_raw_fd()).map_err(io::Error::other)?;
    for (first, last) in [(3, kept.saturating_sub(1)), (kept + 1, libc::c_uint::MAX)] {
        if first <= last {
            // SAFETY: the caller vouches that nobody in this process uses them any more.
            check(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
        }
    }
    Ok(())
}

/// Lets the kernel reap ended children by itself.
pub fn ignore_children() -> io::Result<()> {
    // SAFETY: SIG_IGN runs no code of ours.
    let previous = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    if previous == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Undoes [`ignore_children`] in a process that waits for its children.
pub fn default_children() -> io::Result<()> {
    // SAFETY: SIG_DFL runs no code of ours.
    let previous = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    if previous == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Names the host in the caller's uts namespace.
pub fn set_hostname(name: &CStr) -> io::Result<()> {
    let bytes = name.to_bytes();
    // SAFETY: pointer and length describe one live buffer.
    check(unsafe { libc::sethostname(bytes.as_ptr().cast(), bytes.len()) }.into()).map(drop)
}
