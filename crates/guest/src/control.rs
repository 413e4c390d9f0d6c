//! The control socket to the shim: each message brings one descriptor, a link connection.

use crate::sys;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

/// Bytes of a message; only its descriptor counts.
const MESSAGE_BYTES: usize = 256;

/// The control socket.
pub struct Control {
    socket: AsyncFd<OwnedFd>,
}

impl Control {
    /// Takes over the socket.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        crate::exec::nonblocking(&socket)?;
        Ok(Self { socket: sys::awaited(socket)? })
    }

    /// The next connection; `None` when the shim is gone.
    pub async fn next(&mut self) -> io::Result<Option<OwnedFd>> {
        loop {
            let mut ready = self.socket.readable().await?;
            match ready.try_io(|fd| receive(fd.get_ref())) {
                Ok(Ok(Message::Descriptor(stream))) => return Ok(Some(stream)),
                Ok(Ok(Message::End)) => return Ok(None),
                Ok(Ok(Message::Empty)) | Err(_) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

enum Message {
    Descriptor(OwnedFd),
    Empty,
    End,
}

fn receive(socket: &OwnedFd) -> io::Result<Message> {
    let mut bytes = [0u8; MESSAGE_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut slices, &mut control, flags)?;
    let mut rights = control.drain().filter_map(|message| {
        let RecvAncillaryMessage::ScmRights(rights) = message else { return None };
        Some(rights)
    });
    match rights.next().and_then(|mut rights| rights.next()) {
        Some(stream) => Ok(Message::Descriptor(stream)),
        None if received.bytes > 0 => Ok(Message::Empty),
        None => Ok(Message::End),
    }
}
