//! The server's side of a link: asks a guest, hears its answers.
//!
//! [`Link`] is a handle, cheap to clone. Dropping the last one closes the connection. When the
//! connection dies, everything that waits on it fails with [`LinkError::Closed`].
//!
//! TRUST: the guest is hostile. What it sends is bounded by the frame decoder and by the windows
//! kept here; a guest that sends beyond its window, or nonsense, loses its connection.

mod streams;

pub use streams::{Download, Follow, Followed, Offsets, PortReader, PortWriter, Screen, Shown};

use protocol::link::{
    Answer, Body, Decoder, Exited, Fault, FrameError, FromGuest, Hello, OpId, Pack, Request, Start,
    ToGuest, Unpack, VERSION, WINDOW_BYTES, Welcome, encode_control, encode_data,
};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Frames that wait to be written.
const OUTGOING_FRAMES: usize = 64;
/// Time for the guest's greeting.
const GREETING: Duration = Duration::from_secs(10);
/// Credit is given back once this much was used.
const CREDIT_BYTES: usize = WINDOW_BYTES / 4;

/// Why something asked over a link was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// The connection is gone; the operation may have happened.
    #[error("the connection to the sandbox is closed")]
    Closed,
    /// The guest refused the greeting, in words.
    #[error("the guest refused the connection: {0}")]
    Refused(String),
    /// The guest broke the protocol.
    #[error("the guest broke the protocol: {0}")]
    Protocol(String),
    /// The guest could not do it.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<FrameError> for LinkError {
    fn from(error: FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<LinkError> for io::Error {
    fn from(error: LinkError) -> Self {
        Self::other(error)
    }
}

/// A connection to a guest.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
    /// Its last clone takes the connection's tasks with it.
    _tasks: Arc<Tasks>,
}

/// The connection's tasks; they end with the last handle, and what still waits fails.
struct Tasks {
    _running: JoinSet<()>,
    shared: Arc<Shared>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.shared.close(LinkError::Closed);
    }
}

struct Shared {
    welcome: Welcome,
    out: mpsc::Sender<Vec<u8>>,
    channels: Mutex<HashMap<u32, Entry>>,
    next: AtomicU32,
    closed: watch::Sender<Option<LinkError>>,
}

struct Entry {
    incoming: mpsc::UnboundedSender<Incoming>,
    held: Arc<AtomicUsize>,
    credit: Arc<Semaphore>,
}

enum Incoming {
    Opened,
    Data(Vec<u8>),
    End,
    Answer(Answer),
    Failed(Fault),
}

/// A request that is under way.
struct Call {
    id: u32,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    held: Arc<AtomicUsize>,
    used: usize,
    credit: Arc<Semaphore>,
    shared: Arc<Shared>,
    finished: bool,
}

impl Link {
    /// Greets a guest on a stream.
    pub async fn connect<S>(stream: S, hello: Hello) -> Result<Self, LinkError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut bytes = Vec::new();
        encode_control(&mut bytes, 0, &ToGuest::Hello(hello))?;
        writer.write_all(&bytes).await.map_err(|_| LinkError::Closed)?;
        let mut decoder = Decoder::new();
        let greeting = tokio::time::timeout(GREETING, greeting(&mut reader, &mut decoder));
        let silent = |_| LinkError::Protocol("no greeting within ten seconds".to_owned());
        let welcome = greeting.await.map_err(silent)??;
        let (out, outgoing) = mpsc::channel(OUTGOING_FRAMES);
        let shared = Arc::new(Shared {
            welcome,
            out,
            channels: Mutex::default(),
            next: AtomicU32::new(1),
            closed: watch::Sender::new(None),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(write(writer, outgoing, Arc::clone(&shared)));
        let reading = Arc::clone(&shared);
        tasks.spawn(async move {
            let error = read(&mut reader, decoder, &reading).await;
            reading.close(error);
        });
        let tasks = Tasks { _running: tasks, shared: Arc::clone(&shared) };
        Ok(Self { shared, _tasks: Arc::new(tasks) })
    }

    /// What the guest said of itself.
    pub fn welcome(&self) -> &Welcome {
        &self.shared.welcome
    }

    /// Whether the guest can do something beyond the version.
    pub fn can(&self, capability: &str) -> bool {
        self.shared.welcome.capabilities.iter().any(|known| known == capability)
    }

    /// Ends when the connection does; says why.
    pub async fn closed(&self) -> LinkError {
        let mut closed = self.shared.closed.subscribe();
        let reason = closed.wait_for(Option::is_some).await.map(|reason| reason.clone());
        reason.ok().flatten().unwrap_or(LinkError::Closed)
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.borrow().is_some()
    }

    /// Asks and waits for the answer. Dropping the future cancels the wait, not what was started.
    pub async fn request(&self, request: Request) -> Result<Answer, LinkError> {
        let mut call = self.call(request).await?;
        loop {
            match call.next().await? {
                Incoming::Answer(answer) => return Ok(answer),
                Incoming::Failed(fault) => return Err(fault.into()),
                Incoming::Data(bytes) => call.used(bytes.len()).await?,
                Incoming::Opened | Incoming::End => {}
            }
        }
    }

    /// Starts a process; whether it was known already.
    pub async fn start(&self, start: Start) -> Result<bool, LinkError> {
        let answer = self.request(Request::Start(start)).await?;
        if let Answer::Started { known } = answer { Ok(known) } else { Err(unexpected(&answer)) }
    }

    /// Waits for a process's end.
    pub async fn wait(&self, op: OpId) -> Result<Exited, LinkError> {
        exited(self.request(Request::Wait { op }).await?)
    }

    /// Ends a process and everything that came from it.
    pub async fn kill(&self, op: OpId, signal: i32) -> Result<Exited, LinkError> {
        exited(self.request(Request::Kill { op, signal }).await?)
    }

    /// Sends a signal to everything of an operation, which may do with it what it likes.
    pub async fn signal(&self, op: OpId, signal: i32) -> Result<(), LinkError> {
        self.request(Request::Signal { op, signal }).await.map(drop)
    }

    /// The result is stored; the guest may forget it.
    pub async fn ack(&self, op: OpId) -> Result<(), LinkError> {
        self.request(Request::Ack { op }).await.map(drop)
    }

    /// Output from these offsets on, then the end.
    pub async fn follow(&self, op: OpId, from: Offsets) -> Result<Follow, LinkError> {
        let (from_stdout, from_stderr) = (from.stdout, from.stderr);
        let request = Request::Follow { op, from_stdout, from_stderr };
        Ok(Follow { call: self.call(request).await? })
    }

    /// A pack of objects.
    pub async fn pack(&self, pack: Pack) -> Result<Download, LinkError> {
        Ok(Download::new(self.call(Request::Pack(pack)).await?))
    }

    /// A file's bytes.
    pub async fn download(&self, cwd: String, path: String) -> Result<Download, LinkError> {
        Ok(Download::new(self.call(Request::Download { cwd, path }).await?))
    }

    /// Brings objects from a pack or bundle.
    pub async fn unpack(
        &self,
        unpack: Unpack,
        source: impl AsyncRead + Unpin,
    ) -> Result<Answer, LinkError> {
        self.send(Request::Unpack(unpack), source).await
    }

    /// A request that takes data: `Unpack` or `Upload`.
    pub async fn send(
        &self,
        request: Request,
        mut source: impl AsyncRead + Unpin,
    ) -> Result<Answer, LinkError> {
        let mut call = self.call(request).await?;
        let sink = call.sink();
        let feed = async {
            let mut buffer = vec![0; READ_BYTES];
            loop {
                let read = source.read(&mut buffer).await;
                let read = read.map_err(|error| LinkError::Protocol(error.to_string()))?;
                if read == 0 {
                    return sink.message(&ToGuest::End).await;
                }
                sink.data(buffer.get(..read).unwrap_or_default()).await?;
            }
        };
        let mut feed = std::pin::pin!(feed);
        let mut feeding = true;
        loop {
            tokio::select! {
                fed = &mut feed, if feeding => {
                    fed?;
                    feeding = false;
                }
                incoming = call.next() => match incoming? {
                    Incoming::Answer(answer) => return Ok(answer),
                    Incoming::Failed(fault) => return Err(fault.into()),
                    Incoming::Data(bytes) => call.used(bytes.len()).await?,
                    Incoming::Opened | Incoming::End => {}
                }
            }
        }
    }

    /// A connection to a port inside.
    pub async fn port(&self, port: u16) -> Result<(PortReader, PortWriter), LinkError> {
        let mut call = self.call(Request::Connect { port }).await?;
        call.opened().await?;
        let sink = call.sink();
        Ok((PortReader { call }, PortWriter { sink }))
    }

    /// Starts a process whose output is not kept; it ends when both halves are dropped.
    pub async fn exec(&self, start: Start) -> Result<(Follow, PortWriter), LinkError> {
        let mut call = self.call(Request::Exec(start)).await?;
        call.opened().await?;
        let sink = call.sink();
        Ok((Follow { call }, PortWriter { sink }))
    }

    /// Sits down at a process's terminal, beginning with the newest bytes it printed.
    pub async fn attach(
        &self,
        op: OpId,
        replay_bytes: u64,
    ) -> Result<(Screen, PortWriter), LinkError> {
        let mut call = self.call(Request::Attach { op, replay_bytes }).await?;
        call.opened().await?;
        let sink = call.sink();
        Ok((Screen { call }, PortWriter { sink }))
    }

    /// Tells the guest how long its lease holds from now.
    pub async fn renew(&self, lease: Duration) -> Result<(), LinkError> {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        self.shared.message(0, &ToGuest::Renew { lease_ms }).await
    }

    async fn call(&self, request: Request) -> Result<Call, LinkError> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let held = Arc::new(AtomicUsize::new(0));
        let credit = Arc::new(Semaphore::new(WINDOW_BYTES));
        let entry =
            Entry { incoming: sender, held: Arc::clone(&held), credit: Arc::clone(&credit) };
        let mut bytes = Vec::new();
        // A place in the queue first: numbers must rise in the order in which they are sent.
        let place = self.shared.out.reserve().await.map_err(|_| LinkError::Closed)?;
        let id = {
            let mut channels = self.shared.lock();
            if let Some(reason) = self.shared.closed.borrow().clone() {
                return Err(reason);
            }
            let id = self.shared.next.fetch_add(2, Ordering::Relaxed);
            encode_control(&mut bytes, id, &ToGuest::Request { request })?;
            channels.insert(id, entry);
            place.send(bytes);
            id
        };
        let shared = Arc::clone(&self.shared);
        Ok(Call { id, incoming, held, used: 0, credit, shared, finished: false })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, reason: LinkError) {
        let mut channels = self.lock();
        self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert(reason);
            first
        });
        for (_, entry) in channels.drain() {
            entry.credit.close();
        }
    }

    async fn message(&self, channel: u32, message: &ToGuest) -> Result<(), LinkError> {
        let mut bytes = Vec::new();
        encode_control(&mut bytes, channel, message)?;
        self.out.send(bytes).await.map_err(|_| LinkError::Closed)
    }
}

impl Call {
    async fn next(&mut self) -> Result<Incoming, LinkError> {
        let incoming = self.incoming.recv().await;
        self.check(incoming)
    }

    /// Waits until data may flow.
    async fn opened(&mut self) -> Result<(), LinkError> {
        loop {
            match self.next().await? {
                Incoming::Opened => return Ok(()),
                Incoming::Failed(fault) => return Err(fault.into()),
                Incoming::Answer(answer) => return Err(unexpected(&answer)),
                Incoming::Data(_) | Incoming::End => {}
            }
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, LinkError>> {
        self.incoming.poll_recv(context).map(|incoming| self.check(incoming))
    }

    fn check(&mut self, incoming: Option<Incoming>) -> Result<Incoming, LinkError> {
        let closed = || self.shared.closed.borrow().clone().unwrap_or(LinkError::Closed);
        let incoming = incoming.ok_or_else(closed)?;
        self.finished = matches!(incoming, Incoming::Answer(_) | Incoming::Failed(_));
        Ok(incoming)
    }

    /// Bytes were used: the guest may send as many more, told in larger portions.
    async fn used(&mut self, bytes: usize) -> Result<(), LinkError> {
        match self.owed(bytes) {
            Some(credit) => self.shared.message(self.id, &credit).await,
            None => Ok(()),
        }
    }

    /// As `used`, but drops nothing when the queue is full: the debt is told next time.
    fn used_now(&mut self, bytes: usize) {
        let Some(credit) = self.owed(bytes) else { return };
        let mut frame = Vec::new();
        let ToGuest::Credit { bytes } = credit else { return };
        let told = encode_control(&mut frame, self.id, &credit).is_ok()
            && self.shared.out.try_send(frame).is_ok();
        if !told {
            self.used += bytes as usize;
            self.held.fetch_add(bytes as usize, Ordering::Relaxed);
        }
    }

    fn owed(&mut self, bytes: usize) -> Option<ToGuest> {
        self.used += bytes;
        if self.used < CREDIT_BYTES {
            return None;
        }
        let used = std::mem::take(&mut self.used);
        self.held.fetch_sub(used, Ordering::Relaxed);
        Some(ToGuest::Credit { bytes: u32::try_from(used).unwrap_or(u32::MAX) })
    }

    fn sink(&self) -> Sink {
        Sink { id: self.id, credit: Arc::clone(&self.credit), shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.id);
        if !self.finished {
            let mut frame = Vec::new();
            // Told if there is room; without it the guest stops at the end of its window.
            if encode_control(&mut frame, self.id, &ToGuest::Cancel).is_ok() {
                drop(self.shared.out.try_send(frame));
            }
        }
    }
}

struct Sink {
    id: u32,
    credit: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Sink {
    async fn data(&self, bytes: &[u8]) -> Result<(), LinkError> {
        for piece in bytes.chunks(READ_BYTES) {
            let permits = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let paid = self.credit.acquire_many(permits).await.map_err(|_| LinkError::Closed)?;
            paid.forget();
            let mut frame = Vec::new();
            encode_data(&mut frame, self.id, piece);
            self.shared.out.send(frame).await.map_err(|_| LinkError::Closed)?;
        }
        Ok(())
    }

    async fn message(&self, message: &ToGuest) -> Result<(), LinkError> {
        self.shared.message(self.id, message).await
    }
}

async fn greeting(
    reader: &mut (impl AsyncRead + Unpin),
    decoder: &mut Decoder,
) -> Result<Welcome, LinkError> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        if let Some(frame) = decoder.next()? {
            return match message(&frame.body)? {
                FromGuest::Welcome(welcome) if welcome.version == VERSION => Ok(welcome),
                FromGuest::Welcome(welcome) => Err(LinkError::Refused(format!(
                    "the guest speaks protocol {}, this server {VERSION}",
                    welcome.version
                ))),
                FromGuest::Refused { reason } => Err(LinkError::Refused(reason)),
                FromGuest::Pong { .. }
                | FromGuest::Opened
                | FromGuest::Answer { .. }
                | FromGuest::Failed { .. }
                | FromGuest::Credit { .. }
                | FromGuest::End => Err(LinkError::Protocol("no greeting".to_owned())),
            };
        }
        let read = reader.read(&mut buffer).await.map_err(|_| LinkError::Closed)?;
        if read == 0 {
            return Err(LinkError::Closed);
        }
        decoder.push(buffer.get(..read).unwrap_or_default());
    }
}

fn message(body: &Body) -> Result<FromGuest, LinkError> {
    let Body::Control(json) = body else {
        return Err(LinkError::Protocol("data where a message belongs".to_owned()));
    };
    serde_json::from_slice(json)
        .map_err(|error| LinkError::Protocol(format!("a message cannot be understood: {error}")))
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
) {
    while let Some(frame) = outgoing.recv().await {
        if writer.write_all(&frame).await.is_err() {
            break;
        }
    }
    shared.close(LinkError::Closed);
}

async fn read(
    reader: &mut (impl AsyncRead + Unpin),
    mut decoder: Decoder,
    shared: &Shared,
) -> LinkError {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        loop {
            match decoder.next() {
                Ok(Some(frame)) => {
                    if let Err(error) = deliver(shared, frame.channel, frame.body) {
                        return error;
                    }
                }
                Ok(None) => break,
                Err(error) => return error.into(),
            }
        }
        match reader.read(&mut buffer).await {
            Ok(read) if read > 0 => decoder.push(buffer.get(..read).unwrap_or_default()),
            Ok(_) | Err(_) => return LinkError::Closed,
        }
    }
}

fn deliver(shared: &Shared, channel: u32, body: Body) -> Result<(), LinkError> {
    let mut channels = shared.lock();
    // What belongs to a request that nobody waits for any more is dropped unread.
    let Some(entry) = channels.get(&channel) else { return Ok(()) };
    let incoming = match body {
        Body::Data(bytes) => {
            let held = entry.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
            if held > WINDOW_BYTES {
                return Err(LinkError::Protocol("data beyond the window".to_owned()));
            }
            Incoming::Data(bytes)
        }
        body @ Body::Control(_) => match message(&body)? {
            FromGuest::Opened => Incoming::Opened,
            FromGuest::End => Incoming::End,
            FromGuest::Answer { answer } => Incoming::Answer(answer),
            FromGuest::Failed { fault } => Incoming::Failed(fault),
            FromGuest::Credit { bytes } => {
                let bytes = bytes as usize;
                if entry.credit.available_permits().saturating_add(bytes) > WINDOW_BYTES {
                    return Err(LinkError::Protocol("credit beyond the window".to_owned()));
                }
                entry.credit.add_permits(bytes);
                return Ok(());
            }
            FromGuest::Welcome(_) | FromGuest::Refused { .. } | FromGuest::Pong { .. } => {
                return Err(LinkError::Protocol("a greeting on a channel".to_owned()));
            }
        },
    };
    let last = matches!(incoming, Incoming::Answer(_) | Incoming::Failed(_));
    // A receiver that is gone removes its entry itself.
    drop(entry.incoming.send(incoming));
    if last && let Some(entry) = channels.remove(&channel) {
        entry.credit.close();
    }
    Ok(())
}

fn exited(answer: Answer) -> Result<Exited, LinkError> {
    if let Answer::Exited(exited) = answer { Ok(exited) } else { Err(unexpected(&answer)) }
}

fn unexpected(answer: &Answer) -> LinkError {
    let mut shown = format!("{answer:?}");
    shown.truncate(shown.floor_char_boundary(100));
    LinkError::Protocol(format!("an answer to another question: {shown}"))
}
