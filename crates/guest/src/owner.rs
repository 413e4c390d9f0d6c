//! Whose a socket inside is: the process that holds it, for those who read what was refused.

use crate::ops::fault;
use crate::{Guest, sockets};
use protocol::link::{Answer, Fault, FaultCode, Transport};
use protocol::process::Process;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a command line that are answered.
const COMMAND_BYTES: usize = 1024;

/// Looks for it with the rights of the agent's user, and then, for what runs as root, with the guest's own.
pub async fn of(
    guest: &Arc<Guest>,
    transport: Transport,
    address: SocketAddr,
) -> Result<Answer, Fault> {
    let Some(inode) = inode(transport, address) else { return Ok(Answer::Owner { process: None }) };
    let mut process = guest.as_agent(move || Ok(holder(inode))).await?;
    if process.is_none() && guest.config.agent.is_some() {
        // TRUST: threads of the pool have the rights of the agent's user, so this is none of them.
        let (sender, found) = tokio::sync::oneshot::channel();
        let looking = std::thread::Builder::new().spawn(move || sender.send(holder(inode)));
        looking.map_err(|error| fault(FaultCode::Failed, format!("cannot look: {error}")))?;
        process = found.await.unwrap_or_default();
    }
    Ok(Answer::Owner { process })
}

fn inode(transport: Transport, address: SocketAddr) -> Option<u64> {
    let is_it = |bound: SocketAddr| {
        let ip = bound.ip().to_canonical();
        bound.port() == address.port() && (ip == address.ip() || ip.is_unspecified())
    };
    let mut all = sockets::all(transport).into_iter();
    all.find(|socket| !socket.is_listening && socket.inode != 0 && is_it(socket.address))
        .map(|socket| socket.inode)
}

fn holder(inode: u64) -> Option<Process> {
    let mut found = None;
    sockets::holders(|folder, held| {
        if held != inode {
            return ControlFlow::Continue(());
        }
        found = process(folder);
        ControlFlow::Break(())
    });
    found
}

fn process(folder: &Path) -> Option<Process> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let mut line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
    line.truncate(COMMAND_BYTES);
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    Some(Process { pid, name: sockets::program(folder), command: line.trim_end().to_owned() })
}
