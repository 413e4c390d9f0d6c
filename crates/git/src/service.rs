//! Serving a repository of ours to somebody else's git: `upload-pack` and `receive-pack`, streamed.
//!
//! The caller owns both ends of the conversation (smart HTTP, a socket) and has decided already
//! what may be asked; here the process is started, bounded in time, and killed when dropped.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::repo::Repo;
use crate::runner::{Call, Group, Started};

/// Time for one served request.
pub const SERVE_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// Objects received in one push are kept as a pack from the first object on.
const UNPACK_LIMIT: &str = "1";
const STDERR_MAX_BYTES: u64 = 32 * 1024;

/// Which half of the protocol is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The first answer: refs and capabilities.
    Advertise,
    /// One request, on standard input, and its answer.
    Answer,
}

/// Serves fetches.
#[derive(Debug, Clone)]
pub struct UploadPack {
    /// The value of the client's `Git-Protocol` header.
    pub protocol: Option<String>,
}

/// Serves pushes; what may be pushed where is the caller's business, before this starts.
#[derive(Debug, Clone)]
pub struct ReceivePack {
    /// The value of the client's `Git-Protocol` header.
    pub protocol: Option<String>,
    /// Bytes of one pushed pack.
    pub pack_max_bytes: u64,
    /// Bytes of one object, unpacked: bounds deltas that unfold to far more than they weigh, too.
    pub object_max_bytes: u64,
}

impl UploadPack {
    /// Starts serving this repository.
    pub async fn start(&self, repo: &Repo, half: Half) -> Result<Serving> {
        let call = repo
            .call("serve a fetch")
            .args(["upload-pack", "--strict", "--stateless-rpc", "--timeout=300"])
            .config("uploadpack.allowFilter", "true")
            // TRUST: only what a ref reaches is served; a borrowed object's id is not a key to it.
            .config("uploadpack.allowAnySHA1InWant", "false")
            .config("uploadpack.allowReachableSHA1InWant", "false")
            .config("uploadpack.allowTipSHA1InWant", "false")
            .config("uploadpack.hideRefs", "refs/errand");
        serve(repo, call, half, self.protocol.as_deref()).await
    }
}

impl ReceivePack {
    /// Starts serving this repository.
    pub async fn start(&self, repo: &Repo, half: Half) -> Result<Serving> {
        let call = repo
            .call("serve a push")
            .args(["receive-pack", "--stateless-rpc"])
            // TRUST: else the tips of every branch of the mirror are told to whoever pushes.
            .config("core.alternateRefsCommand", "true")
            .config("receive.fsckObjects", "true")
            .config("receive.maxInputSize", self.pack_max_bytes.to_string())
            .env("GIT_ALLOC_LIMIT", self.object_max_bytes.to_string())
            // A file that is read in pieces would be no allocation, and so be under no limit.
            .config("core.bigFileThreshold", (self.object_max_bytes.saturating_mul(2)).to_string())
            .config("receive.unpackLimit", UNPACK_LIMIT)
            .config("receive.autogc", "false")
            .config("receive.advertiseAtomic", "true")
            .config("receive.advertisePushOptions", "false")
            .config("receive.denyCurrentBranch", "ignore");
        serve(repo, call, half, self.protocol.as_deref()).await
    }
}

async fn serve(repo: &Repo, call: Call<'_>, half: Half, protocol: Option<&str>) -> Result<Serving> {
    let place = repo.git().heavy_place().await?;
    let mut call = match half {
        Half::Advertise => call.arg("--http-backend-info-refs"),
        Half::Answer => call,
    };
    // TRUST: the header comes from the client; git reads it as `key=value` pairs joined by colons.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | ':' | '-' | '.');
    if let Some(protocol) = protocol.filter(|text| text.len() <= 64 && text.chars().all(plain)) {
        call = call.env("GIT_PROTOCOL", protocol);
    }
    let Started { mut child, group } = call.arg("--").arg(repo.dir()).start_piped().await?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(Error::other("serve git", "git was started without pipes"));
    };
    let deadline = Instant::now() + SERVE_TIME_MAX;
    let guard = Guard { child, group, stderr, deadline, _place: place };
    Ok(Serving { stdin, stdout, guard })
}

/// A git that is serving; dropping its guard kills it with everything it started.
#[derive(Debug)]
pub struct Serving {
    /// The client's request goes here; drop it at the end of the request.
    pub stdin: ChildStdin,
    /// The answer comes from here.
    pub stdout: ChildStdout,
    /// Keeps the process; wait for it, or drop it.
    pub guard: Guard,
}

/// Keeps a serving process alive.
#[derive(Debug)]
pub struct Guard {
    child: tokio::process::Child,
    group: Group,
    stderr: ChildStderr,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

impl Guard {
    /// When the process is killed at the latest; streaming should stop there too.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits for the end; run it beside the streaming, so that complaints never block git.
    pub async fn wait(mut self) -> Result<()> {
        let attempt = "serve git";
        let Ok(done) = tokio::time::timeout_at(self.deadline, self.finish()).await else {
            return Err(Error::Timeout { attempt, limit: SERVE_TIME_MAX });
        };
        let (status, stderr) = done.map_err(Error::io(attempt))?;
        self.group.disarm();
        if status.success() { Ok(()) } else { Err(crate::error::of_local(attempt, &stderr)) }
    }

    async fn finish(&mut self) -> std::io::Result<(ExitStatus, String)> {
        let mut kept = Vec::new();
        (&mut self.stderr).take(STDERR_MAX_BYTES).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut self.stderr, &mut tokio::io::sink()).await?;
        let status = self.child.wait().await?;
        Ok((status, String::from_utf8_lossy(&kept).into_owned()))
    }
}
