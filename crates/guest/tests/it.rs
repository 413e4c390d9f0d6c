//! A real guest without a sandbox, over a socket pair, asked through the server's own client.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests are not seen as tests by clippy; a panic is how they fail"
)]

mod commands;
mod files;
mod git;
mod link;
mod sockets;

use guest::{Guest, GuestConfig};
use protocol::ids::{AgentId, Epoch, Term};
use protocol::link::{Answer, Fault, FaultCode, Hello, OpId, Request, Start, Stdin, User, VERSION};
use sandbox::link::{Link, LinkError};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A guest with a workspace of its own.
struct Machine {
    guest: Arc<Guest>,
    folder: tempfile::TempDir,
    connections: JoinSet<()>,
}

impl Machine {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut GuestConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        std::fs::create_dir_all(&workspace).unwrap();
        let mut config = GuestConfig::process(folder.path().join("run"), workspace);
        change(&mut config);
        let guest = Guest::open(config).unwrap();
        Self { guest, folder, connections: JoinSet::new() }
    }

    fn workspace(&self) -> String {
        self.folder.path().join("workspace").display().to_string()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(&self.workspace()).join(name)
    }

    /// The server's end of a new connection on which nothing was said.
    fn stream(&mut self) -> tokio::net::UnixStream {
        let (server, guest_end) = tokio::net::UnixStream::pair().unwrap();
        let guest = Arc::clone(&self.guest);
        self.connections.spawn(async move { drop(guest.serve(guest_end).await) });
        server
    }

    async fn greet(&mut self, hello: Hello) -> Result<Link, LinkError> {
        let stream = self.stream();
        Link::connect(stream, hello).await
    }

    async fn link(&mut self) -> Link {
        self.greet(hello(1)).await.unwrap()
    }

    fn shell(&self, op: &str, script: &str) -> Start {
        Start {
            op: id(op),
            argv: vec!["sh".into(), "-c".into(), script.into()],
            cwd: self.workspace(),
            env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            user: User::Agent,
            timeout_ms: None,
            stdin: Stdin::Null,
            pty: None,
            output_cap: 1 << 20,
        }
    }
}

fn hello(term: u64) -> Hello {
    let agent = AgentId::parse("bc-0190b5a4-7c3e-7bde-8f00-0123456789ab").unwrap();
    Hello { version: VERSION, agent, epoch: Epoch(1), term: Term(term) }
}

fn id(text: &str) -> OpId {
    OpId::parse(text).unwrap()
}

/// The fault that a request met.
async fn refused(link: &Link, request: Request) -> Fault {
    match link.request(request).await {
        Err(LinkError::Fault(fault)) => fault,
        other => panic!("no fault but {other:?}"),
    }
}

async fn stdout(link: &Link, op: &str) -> String {
    let stream = protocol::link::Stream::Stdout;
    let read = Request::Read { op: id(op), stream, offset: 0, max: 1 << 20 };
    match link.request(read).await.unwrap() {
        Answer::Output(output) => String::from_utf8(output.bytes.0).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Processes of this machine whose command line contains a mark.
fn running(mark: &str) -> usize {
    let found = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let text = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(mark)
    });
    found.count()
}
