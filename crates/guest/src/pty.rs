//! Terminals for processes that want one.

use crate::exec;
use crate::sys::Ids;
use protocol::link::PtySize;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use std::io;

/// Opens a terminal of this size; the outer end does not block.
pub fn open(size: PtySize, owner: Option<Ids>) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let slave = inner_end(&master, flags)?;
    if let Some(ids) = owner {
        let (uid, gid) = (rustix::fs::Uid::from_raw(ids.uid), rustix::fs::Gid::from_raw(ids.gid));
        rustix::fs::fchown(&slave, Some(uid), Some(gid))?;
    }
    resize(&master, size)?;
    exec::nonblocking(&master)?;
    Ok((master, slave))
}

fn inner_end(master: &OwnedFd, flags: OpenptFlags) -> io::Result<OwnedFd> {
    match rustix::pty::ioctl_tiocgptpeer(master, flags) {
        // gVisor cannot be asked for it, only for its name.
        Err(rustix::io::Errno::NOTTY) => {
            let name = rustix::pty::ptsname(master, Vec::new())?;
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(name, flags, Mode::empty())?)
        }
        other => Ok(other?),
    }
}

/// Gives a terminal another size; its foreground processes are told by the kernel.
pub fn resize(master: &OwnedFd, size: PtySize) -> io::Result<()> {
    let size = rustix::termios::Winsize {
        ws_row: size.rows,
        ws_col: size.cols,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(rustix::termios::tcsetwinsize(master, size)?)
}

/// Another size and back: programs that fill the screen draw it again.
pub fn nudge(master: &OwnedFd) -> io::Result<()> {
    let size = rustix::termios::tcgetwinsize(master)?;
    let rows = if size.ws_row > 1 { size.ws_row - 1 } else { size.ws_row + 1 };
    rustix::termios::tcsetwinsize(master, rustix::termios::Winsize { ws_row: rows, ..size })?;
    Ok(rustix::termios::tcsetwinsize(master, size)?)
}
