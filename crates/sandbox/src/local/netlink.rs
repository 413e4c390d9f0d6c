//! Requests to the kernel over netlink, answered by an acknowledgement.

use std::io;
use std::time::Duration;

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send as put,
    socket_with, sockopt,
};

/// How long the kernel may take for its answer.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Sends a message that asks for an acknowledgement; the kernel's code where it is refused.
pub fn send(protocol: Option<Protocol>, message: &[u8]) -> io::Result<()> {
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(ANSWER_WAIT))?;
    put(&socket, message, SendFlags::empty())?;
    let mut answer = [0_u8; 1024];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    let code = answer.get(..length).and_then(|a| a.get(16..20)).and_then(|c| c.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::other("short netlink answer")),
    }
}
