//! Connections from the server to a port inside.

use crate::channel::{Channel, Disconnected, Sink, Source};
use crate::handle::unheard;
use crate::ops::fault;
use protocol::link::{Answer, Fault, FaultCode};
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes read at once.
const READ_BYTES: usize = 32 * 1024;

/// Connects to the loopback, then carries bytes both ways until both sides have ended.
pub async fn connect(channel: &mut Channel, port: u16) -> Result<Answer, Fault> {
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        // Development servers often listen on ::1 alone.
        Err(first) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| {
            fault(FaultCode::NotFound, format!("nothing answers at port {port}: {first}"))
        })?,
    };
    channel.sink.opened().await.map_err(unheard)?;
    let (reader, writer) = stream.into_split();
    let (outward, ()) =
        tokio::join!(outward(&channel.sink, reader), inward(&mut channel.source, writer));
    outward.map(|()| Answer::Done).map_err(unheard)
}

async fn outward(sink: &Sink, mut reader: OwnedReadHalf) -> Result<(), Disconnected> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match reader.read(&mut buffer).await {
            Ok(read) if read > 0 => sink.data(buffer.get(..read).unwrap_or_default()).await?,
            Ok(_) | Err(_) => return sink.end().await,
        }
    }
}

async fn inward(source: &mut Source, mut writer: OwnedWriteHalf) {
    while let Ok(Some(bytes)) = source.receive().await {
        if writer.write_all(&bytes).await.is_err() {
            break;
        }
    }
    // The other side may have closed already, which is what was wanted.
    drop(writer.shutdown().await);
}
