//! A connection with the server: greeting, fencing, frames in and out.

use crate::channel::{self, Outgoing, Remote};
use crate::handle;
use crate::ops::fault;
use crate::{Guest, GuestConfig};
use protocol::ids::{AgentId, Epoch, Term};
use protocol::link::{
    Body, CAPABILITY_ATTACH, CAPABILITY_DRAFT, CAPABILITY_OWNER, CAPABILITY_PTY, CAPABILITY_SIGNAL,
    CAPABILITY_SUDO, CAPABILITY_TRANSFER, Decoder, FaultCode, Frame, FrameError, FromGuest, Hello,
    OPEN_CHANNELS, Request, ToGuest, VERSION, Welcome,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Frames that wait to be written.
const OUTGOING_FRAMES: usize = 32;
/// Time for the greeting.
const GREETING: Duration = Duration::from_secs(10);
/// Time to write the last words to a connection that is given up.
const FAREWELL: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The server closed it.
    Closed,
    /// A newer connection took its place.
    Replaced,
    /// The greeting was refused, in words.
    Refused,
}

/// A connection that had to be given up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The bytes are no frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The frames follow no rule.
    #[error("the server broke the protocol: {0}")]
    Protocol(&'static str),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Which connection counts.
pub(crate) struct Current {
    state: Mutex<Holder>,
    lease: watch::Sender<Option<Instant>>,
}

#[derive(Default)]
struct Holder {
    identity: Option<(AgentId, Epoch)>,
    term: Term,
    replaced: Option<oneshot::Sender<()>>,
}

impl Default for Current {
    fn default() -> Self {
        Self { state: Mutex::default(), lease: watch::Sender::new(None) }
    }
}

impl Current {
    /// Accepts a greeting, which ends the connection before, or refuses it in words.
    fn greet(&self, hello: &Hello) -> Result<oneshot::Receiver<()>, String> {
        if hello.version != VERSION {
            let age = if hello.version > VERSION { "older" } else { "newer" };
            return Err(format!(
                "this guest is {age} than the server (protocol {VERSION}, server {}): \
                 start the sandbox again so that it gets the server's own guest",
                hello.version
            ));
        }
        let mut holder = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((agent, epoch)) = holder.identity
            && (agent, epoch) != (hello.agent, hello.epoch)
        {
            return Err(format!(
                "this is the sandbox of {agent} in epoch {epoch}, not of {} in epoch {}",
                hello.agent, hello.epoch
            ));
        }
        if hello.term < holder.term {
            return Err(format!(
                "a server with term {} holds this sandbox; term {} is over",
                holder.term, hello.term
            ));
        }
        let (sender, replaced) = oneshot::channel();
        holder.identity = Some((hello.agent, hello.epoch));
        holder.term = hello.term;
        // Dropping the sender before is what tells the connection before.
        holder.replaced = Some(sender);
        Ok(replaced)
    }

    fn renew(&self, lease: Duration) {
        self.lease.send_replace(Instant::now().checked_add(lease));
    }

    /// Ends when a lease was given and has run out.
    pub(crate) async fn lease_ended(&self) {
        let mut lease = self.lease.subscribe();
        loop {
            let until = *lease.borrow_and_update();
            let ended = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ended => return,
                changed = lease.changed() => drop(changed),
            }
        }
    }
}

/// Serves one connection.
pub(crate) async fn serve<S>(guest: &Arc<Guest>, stream: S) -> Result<Ended, ServeError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut frames = Frames::default();
    let greeting = tokio::time::timeout(GREETING, greeting(&mut reader, &mut frames)).await;
    let Some(hello) = greeting.map_err(|_| ServeError::Protocol("no greeting"))?? else {
        return Ok(Ended::Closed);
    };
    let mut bytes = Vec::new();
    let replaced = match guest.current.greet(&hello) {
        Ok(replaced) => replaced,
        Err(reason) => {
            protocol::link::encode_control(&mut bytes, 0, &FromGuest::Refused { reason })?;
            writer.write_all(&bytes).await?;
            writer.shutdown().await?;
            return Ok(Ended::Refused);
        }
    };
    let welcome = FromGuest::Welcome(welcome(&guest.config, hello.epoch));
    protocol::link::encode_control(&mut bytes, 0, &welcome)?;
    writer.write_all(&bytes).await?;
    let (out, outgoing) = mpsc::channel(OUTGOING_FRAMES);
    let mut writing = JoinSet::new();
    writing.spawn(write(writer, outgoing));
    let mut connection = Connection {
        guest: Arc::clone(guest),
        out,
        open: HashMap::new(),
        last_channel: 0,
        handlers: JoinSet::new(),
    };
    let ended = connection.run(&mut reader, frames, replaced).await;
    drop(connection);
    // The writer ends with the last sender; one that cannot write is dropped.
    drop(tokio::time::timeout(FAREWELL, writing.join_next()).await);
    ended
}

fn welcome(config: &GuestConfig, epoch: Epoch) -> Welcome {
    let known = [
        CAPABILITY_TRANSFER,
        CAPABILITY_PTY,
        CAPABILITY_ATTACH,
        CAPABILITY_SIGNAL,
        CAPABILITY_DRAFT,
        CAPABILITY_OWNER,
    ];
    let mut capabilities = known.map(str::to_owned).to_vec();
    if config.sudo {
        capabilities.push(CAPABILITY_SUDO.to_owned());
    }
    Welcome {
        version: VERSION,
        capabilities,
        epoch,
        guest_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

async fn greeting(
    reader: &mut (impl AsyncRead + Unpin),
    frames: &mut Frames,
) -> Result<Option<Hello>, ServeError> {
    let Some(frame) = frames.next(reader).await? else { return Ok(None) };
    match (frame.channel, parse(frame.body)?) {
        (0, Message::Control(ToGuest::Hello(hello))) => Ok(Some(hello)),
        _ => Err(ServeError::Protocol("no greeting")),
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    while let Some(frame) = outgoing.recv().await {
        writer.write_all(&frame).await?;
    }
    writer.shutdown().await
}

#[derive(Default)]
struct Frames {
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Frames {
    /// The next frame; loses nothing when it is dropped while it waits.
    async fn next(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Frame>, ServeError> {
        loop {
            if let Some(frame) = self.decoder.next()? {
                return Ok(Some(frame));
            }
            self.buffer.resize(READ_BYTES, 0);
            let read = reader.read(&mut self.buffer).await?;
            if read == 0 {
                return Ok(None);
            }
            self.decoder.push(self.buffer.get(..read).unwrap_or_default());
        }
    }
}

enum Message {
    Control(ToGuest),
    Data(Vec<u8>),
}

fn parse(body: Body) -> Result<Message, ServeError> {
    match body {
        Body::Data(bytes) => Ok(Message::Data(bytes)),
        Body::Control(json) => serde_json::from_slice(&json)
            .map(Message::Control)
            .map_err(|_| ServeError::Protocol("a message cannot be understood")),
    }
}

struct Connection {
    guest: Arc<Guest>,
    out: Outgoing,
    open: HashMap<u32, OpenChannel>,
    last_channel: u32,
    handlers: JoinSet<u32>,
}

struct OpenChannel {
    remote: Remote,
    cancel: Option<oneshot::Sender<()>>,
}

impl Connection {
    async fn run(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        mut frames: Frames,
        mut replaced: oneshot::Receiver<()>,
    ) -> Result<Ended, ServeError> {
        loop {
            tokio::select! {
                biased;
                _ = &mut replaced => return Ok(Ended::Replaced),
                Some(closed) = self.handlers.join_next() => {
                    if let Ok(channel) = closed {
                        self.open.remove(&channel);
                    }
                }
                frame = frames.next(reader) => {
                    let Some(frame) = frame? else { return Ok(Ended::Closed) };
                    self.take(frame).await?;
                }
            }
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), ServeError> {
        let channel = frame.channel;
        match parse(frame.body)? {
            Message::Data(bytes) => match self.open.get(&channel) {
                Some(open) if !open.remote.data(bytes) => {
                    Err(ServeError::Protocol("data without credit"))
                }
                _ => Ok(()),
            },
            Message::Control(message) => self.obey(channel, message).await,
        }
    }

    async fn obey(&mut self, channel: u32, message: ToGuest) -> Result<(), ServeError> {
        match message {
            ToGuest::Hello(_) => return Err(ServeError::Protocol("a second greeting")),
            ToGuest::Ping { nonce } => {
                drop(channel::send(&self.out, 0, &FromGuest::Pong { nonce }).await);
            }
            ToGuest::Renew { lease_ms } => {
                self.guest.current.renew(Duration::from_millis(lease_ms));
            }
            ToGuest::Request { request } => return self.open(channel, request).await,
            // A channel that was closed meanwhile is nothing to speak of.
            ToGuest::Credit { bytes } => {
                if self.open.get(&channel).is_some_and(|open| !open.remote.credit(bytes)) {
                    return Err(ServeError::Protocol("credit beyond the window"));
                }
            }
            ToGuest::End => {
                if let Some(open) = self.open.get_mut(&channel) {
                    open.remote.end();
                }
            }
            ToGuest::Cancel => {
                if let Some(open) = self.open.get_mut(&channel) {
                    open.cancel = None;
                }
            }
        }
        Ok(())
    }

    async fn open(&mut self, id: u32, request: Request) -> Result<(), ServeError> {
        if id.is_multiple_of(2) || id <= self.last_channel {
            return Err(ServeError::Protocol("a channel's number is even or was used before"));
        }
        self.last_channel = id;
        if self.open.len() >= OPEN_CHANNELS {
            let fault = fault(FaultCode::Busy, "too many requests are open");
            drop(channel::send(&self.out, id, &FromGuest::Failed { fault }).await);
            return Ok(());
        }
        let (mut channel, remote) = channel::open(id, self.out.clone());
        let (cancel, cancelled) = oneshot::channel::<()>();
        self.open.insert(id, OpenChannel { remote, cancel: Some(cancel) });
        let guest = Arc::clone(&self.guest);
        self.handlers.spawn(async move {
            let outcome = tokio::select! {
                outcome = handle::request(&guest, &mut channel, request) => outcome,
                _ = cancelled => Err(fault(FaultCode::Cancelled, "the request was cancelled")),
            };
            channel.finish(outcome).await;
            id
        });
        Ok(())
    }
}
