//! Messages with descriptors over unix sockets, for programs without a runtime.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, listen,
    recvmsg, sendmsg, socket_with, socketpair,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Descriptors in one message.
pub const FDS_MAX: usize = 16;
/// Bytes of one packet.
pub const PACKET_BYTES: usize = 64 * 1024;
/// Bytes of one whole request or answer on a stream.
pub const MESSAGE_BYTES: usize = 1024 * 1024;

/// Bytes and the descriptors that came with them.
#[derive(Debug, Default)]
pub struct Packet {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The descriptors, in the order sent.
    pub fds: Vec<OwnedFd>,
}

/// Two connected sockets that keep message boundaries.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// A socket that only our own user can reach, in place of one that an earlier process left at this path.
pub fn listen_at(path: &Path) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The directory is one that only we may enter, so the mode is never wider than this.
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Sends bytes and descriptors in one message.
pub fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?)
}

/// Receives one message; `None` when the other side is gone.
pub fn receive(socket: impl AsFd) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; PACKET_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match recvmsg(&socket, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => continue,
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            fds.extend(received);
        }
    }
    bytes.truncate(message.bytes);
    if bytes.is_empty() && fds.is_empty() { Ok(None) } else { Ok(Some(Packet { bytes, fds })) }
}

/// Receives everything until the other side stops writing.
pub fn receive_all(socket: impl AsFd) -> io::Result<Packet> {
    let mut whole = Packet::default();
    while let Some(part) = receive(&socket)? {
        whole.bytes.extend(part.bytes);
        whole.fds.extend(part.fds);
        if whole.bytes.len() > MESSAGE_BYTES {
            return Err(io::Error::other("message too long"));
        }
    }
    Ok(whole)
}

/// Sends everything over a stream, the descriptors with its first parts.
pub fn send_all(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    for (mut bytes, mut fds) in parts(bytes, fds) {
        loop {
            bytes = bytes.get(send(&socket, bytes, fds)?..).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            fds = &[];
        }
    }
    Ok(())
}

/// Cuts a message so that no part has too many descriptors.
pub fn parts<'a, 'fd>(
    bytes: &'a [u8],
    fds: &'a [BorrowedFd<'fd>],
) -> impl Iterator<Item = (&'a [u8], &'a [BorrowedFd<'fd>])> {
    let messages = fds.len().div_ceil(FDS_MAX).clamp(1, bytes.len().max(1));
    (0..messages).map(move |index| {
        let last = index + 1 == messages;
        let bytes = bytes.get(index..if last { bytes.len() } else { index + 1 });
        let fds = fds.get(index * FDS_MAX..).unwrap_or_default();
        (bytes.unwrap_or_default(), fds.get(..FDS_MAX).filter(|_| !last).unwrap_or(fds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_brings_any_number_of_descriptors_in_their_order() {
        let null = std::fs::File::open("/dev/null").unwrap();
        for count in [0, 1, FDS_MAX, FDS_MAX + 1, 5 * FDS_MAX] {
            let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let fds: Vec<_> = (0..count).map(|_| null.as_fd()).collect();
            let text = b"as many bytes as there are messages";
            send_all(&ours, text, &fds).unwrap();
            drop(ours);
            let packet = receive_all(&theirs).unwrap();
            assert_eq!((packet.bytes.as_slice(), packet.fds.len()), (text.as_slice(), count));
        }
    }
}
