//! The first process of a sandbox that a runtime made: it stands where the guest will, closes what
//! the runtime left open, and waits to be measured.
//!
//! Nothing hostile has run until then, and the guest cannot come back to this.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::local::child::{self, Closing};
use crate::local::packet;
use crate::local::request::UidMap;
use crate::local::sys;
use crate::provider::Posture;

/// Becomes the guest that `words` name: `<posture> <descriptor> <guest's words>`.
pub fn run(words: &[String]) -> io::Result<()> {
    let [posture, control, arguments @ ..] = words else {
        return Err(io::Error::other("started by a runtime only"));
    };
    let posture = match posture.as_str() {
        "sudo" => Posture::Sudo,
        "none" => Posture::None,
        _ => return Err(io::Error::other("no such posture")),
    };
    let control = sys::inherited(control.parse().map_err(io::Error::other)?, child::PARKED_FD)?;
    let log = io::stdout().as_fd().try_clone_to_owned()?;
    let setup = receive_setup(&control)?;
    let text = |text: &String| CString::new(text.as_str());
    let environment = std::env::vars_os().map(|(name, value)| {
        use std::os::unix::ffi::OsStringExt;
        CString::new([name.into_vec(), value.into_vec()].join(&b'='))
    });
    let closing = Closing {
        posture,
        // The first id of the range is known outside only, and decides nothing here.
        uids: UidMap::Range { base: 0 },
        processes: 0,
        arguments: arguments.iter().map(text).collect::<Result<_, _>>()?,
        environment: environment.collect::<Result<_, _>>()?,
    };
    let Err((step, error)) = child::close_off(&closing, &setup, control.as_fd(), log.as_fd())
    else {
        return Ok(());
    };
    child::tell_failure(&setup, step, &error);
    Err(error)
}

/// The socket towards the shim, which it sent ahead to whoever comes to stand here.
fn receive_setup(control: &OwnedFd) -> io::Result<OwnedFd> {
    let sent = packet::receive(control)?.and_then(|packet| packet.fds.into_iter().next());
    sent.ok_or_else(|| io::Error::other("the shim is gone"))
}
