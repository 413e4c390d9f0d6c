//! Smart HTTP for an agent's own repositories, at `http://errand.internal/git/<name>.git`.
//!
//! Fetching serves the agent's bare repository. Pushing stores what was pushed below
//! [`crate::repository::INBOX`] and nowhere else; nothing is forwarded from here.
//!
//! TRUST: the repositories are those the server attached to this sandbox. The name in the address
//! only chooses among them; it is compared, never made into a path.

use crate::attach::Attachment;
use crate::audit::Recorded;
use crate::dependency;
use crate::large_files::{self, Sending};
use crate::push::{self, CommandList, Outcome, Rewritten};
use crate::reply::{self, Body};
use crate::repository::{AgentRepository, INBOX, PushLimits};
use crate::upload::{BadUpload, Upload};
use bytes::Bytes;
use futures::TryStreamExt as _;
use git::name::{CommitId, RefName};
use git::repo::Repo;
use git::service::{Half, ReceivePack, Serving, UploadPack};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::ReaderStream;

/// Bytes of a request to fetch: what is wanted and what is there already.
const FETCH_REQUEST_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of a pack's head, which says how many objects follow.
const PACK_HEAD_BYTES: usize = 12;
/// Bytes of the list of refs.
const ADVERTISEMENT_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of a pack that are carried at a time: as much as a pipe holds.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes of a push besides its pack.
const HEADROOM_BYTES: u64 = 1024 * 1024;
/// Bytes of receive-pack's answer.
const OUTCOME_BYTES: u64 = 1024 * 1024;

/// Told to whoever asks for something else.
pub(crate) const SMART_ONLY: &str = "Errand speaks git's smart HTTP here, nothing else.";

/// Answers a request below `/git/`.
pub(crate) async fn answer(
    request: Request<Incoming>,
    path: &str,
    attachment: &Attachment,
) -> Response<Body> {
    let found = attachment.repositories.iter().find_map(|repository| {
        let rest = path.strip_prefix(&repository.name)?.strip_prefix(".git")?;
        Some((repository, rest))
    });
    let Some((repository, rest)) = found else {
        let text =
            "Errand has no such repository for this agent. It has its own repositories only.";
        return reply::words(StatusCode::NOT_FOUND, text);
    };
    // Git replaces the beginning of an address: what follows may be another ending of the same one,
    // or the rest of another repository's name.
    let action = rest.strip_prefix(".git/").or_else(|| rest.strip_prefix('/'));
    let Some(action) = action else {
        let address = format!("{}{rest}", repository.url);
        return dependency::elsewhere(&address, &request);
    };
    if let Some(action) = action.strip_prefix(large_files::PART) {
        let files = (repository.large_files.as_ref(), Sending::Taken);
        return large_files::answer(request, action, files, attachment).await;
    }
    let answered = match (request.method(), action) {
        (&Method::GET, "info/refs") => advertise(&request, repository, attachment).await,
        (&Method::POST, "git-upload-pack") => fetch(request, &repository.repo, attachment).await,
        (&Method::POST, "git-receive-pack") => receive(request, repository, attachment).await,
        _ => Err(Failed::answer(StatusCode::NOT_FOUND, SMART_ONLY)),
    };
    answered.unwrap_or_else(|failed| failed.told(attachment))
}

/// Why a request has no answer of git's.
pub(crate) enum Failed {
    Answer(StatusCode, String),
    Git(git::error::Error),
    Io(std::io::Error),
}

impl Failed {
    pub(crate) fn answer(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Answer(status, text.into())
    }

    /// The answer; what is wrong on our side goes into our log.
    pub(crate) fn told(self, attachment: &Attachment) -> Response<Body> {
        let agent = attachment.peer.agent;
        match &self {
            Self::Answer(..) => {}
            Self::Git(error) => {
                tracing::warn!(%error, agent.id = %agent, "the git endpoint failed")
            }
            Self::Io(error) => {
                tracing::warn!(%error, agent.id = %agent, "the git endpoint failed")
            }
        }
        match self {
            Self::Answer(status, text) => reply::words(status, &text),
            // Paths of the server stand in these messages, so the sandbox does not get them.
            Self::Git(_) | Self::Io(_) => reply::words(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Errand could not serve git; its log says why.",
            ),
        }
    }
}

impl From<git::error::Error> for Failed {
    fn from(error: git::error::Error) -> Self {
        Self::Git(error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BadUpload> for Failed {
    fn from(bad: BadUpload) -> Self {
        let status = match bad {
            BadUpload::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BadUpload::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BadUpload::Compressed(_) | BadUpload::Ended(_) => StatusCode::BAD_REQUEST,
        };
        Self::Answer(status, format!("Errand refused the request: {bad}."))
    }
}

async fn advertise(
    request: &Request<Incoming>,
    repository: &AgentRepository,
    attachment: &Attachment,
) -> Result<Response<Body>, Failed> {
    if request.uri().query() != Some("service=git-receive-pack") {
        return advertise_fetch(request, &repository.repo, attachment).await;
    }
    let refs = repository.repo.refs("refs/heads").await?;
    let out = push::advertise(&refs, repository.repo.format());
    Ok(git_answer("application/x-git-receive-pack-advertisement", reply::full(out)))
}

/// What may be fetched of a repository.
pub(crate) async fn advertise_fetch(
    request: &Request<Incoming>,
    repo: &Repo,
    attachment: &Attachment,
) -> Result<Response<Body>, Failed> {
    if request.uri().query() != Some("service=git-upload-pack") {
        return Err(Failed::answer(StatusCode::FORBIDDEN, SMART_ONLY));
    }
    let permit = place(attachment).await?;
    let serving = upload_pack(request).start(repo, Half::Advertise).await?;
    let mut out = collect(serving, ADVERTISEMENT_BYTES).await?;
    drop(permit);
    // Version 2 begins with its number, the older ones with the service's name.
    if !out.starts_with(b"000eversion 2") {
        let mut banner = b"001e# service=git-upload-pack\n0000".to_vec();
        banner.append(&mut out);
        out = banner;
    }
    Ok(git_answer("application/x-git-upload-pack-advertisement", reply::full(out)))
}

fn upload_pack(request: &Request<Incoming>) -> UploadPack {
    let protocol = request.headers().get("git-protocol").and_then(|value| value.to_str().ok());
    UploadPack { protocol: protocol.map(str::to_owned) }
}

/// Sends what a client wants and does not have.
pub(crate) async fn fetch(
    request: Request<Incoming>,
    repo: &Repo,
    attachment: &Attachment,
) -> Result<Response<Body>, Failed> {
    expect_type(&request, "application/x-git-upload-pack-request")?;
    let upload_pack = upload_pack(&request);
    let (parts, body) = request.into_parts();
    let wanted = Upload::new(&parts.headers, body, FETCH_REQUEST_BYTES)?.all().await?;
    let permit = place(attachment).await?;
    let Serving { mut stdin, stdout, guard } = upload_pack.start(repo, Half::Answer).await?;
    // Git may answer before it has read everything, so both directions run side by side. The task
    // ends when git does, and git does when nobody reads its answer any more.
    let feeding = async move {
        let feed = async move {
            // A git that stopped reading has already said why in its answer.
            if let Err(error) = stdin.write_all(&wanted).await {
                tracing::debug!(%error, "upload-pack stopped reading");
            }
        };
        let ((), ended) = tokio::join!(feed, guard.wait());
        if let Err(error) = ended {
            tracing::debug!(%error, "upload-pack ended with an error");
        }
        drop(permit);
    };
    attachment.tracker.spawn(attachment.stop.clone().run_until_cancelled_owned(feeding));
    let stdout = ReaderStream::with_capacity(stdout, PIECE_BYTES);
    let frames = stdout.map_ok(Frame::data).map_err(Into::into);
    let body = StreamBody::new(frames).boxed_unsync();
    Ok(git_answer("application/x-git-upload-pack-result", body))
}

async fn receive(
    request: Request<Incoming>,
    repository: &AgentRepository,
    attachment: &Attachment,
) -> Result<Response<Body>, Failed> {
    expect_type(&request, "application/x-git-receive-pack-request")?;
    let (parts, body) = request.into_parts();
    // A push that is too large is read on for a while: who still sends reads no answer.
    let read_bytes = attachment.push.bytes.saturating_mul(2).saturating_add(HEADROOM_BYTES);
    let mut upload = Upload::new(&parts.headers, body, read_bytes)?;
    let (list, rest) = read_commands(&mut upload, repository).await?;
    let out = if list.commands.is_empty() {
        // A client with a large pack asks with an empty list first whether it may come.
        Vec::new()
    } else {
        store(&list, rest, upload, repository, attachment).await?
    };
    Ok(git_answer("application/x-git-receive-pack-result", reply::full(out)))
}

async fn read_commands(
    upload: &mut Upload,
    repository: &AgentRepository,
) -> Result<(CommandList, Bytes), Failed> {
    let mut bytes = Vec::new();
    loop {
        let read = push::read_list(&bytes, repository.repo.format()).map_err(|bad| {
            Failed::answer(StatusCode::BAD_REQUEST, format!("Errand refused the push: {bad}."))
        })?;
        if let Some((list, taken)) = read {
            return Ok((list, Bytes::from(bytes).slice(taken..)));
        }
        match upload.next().await? {
            Some(more) => bytes.extend_from_slice(&more),
            None => {
                return Err(Failed::answer(
                    StatusCode::BAD_REQUEST,
                    "Errand refused the push: it ended early.",
                ));
            }
        }
    }
}

/// Stores what may be stored and says per ref what became of it.
async fn store(
    list: &CommandList,
    rest: Bytes,
    mut upload: Upload,
    repository: &AgentRepository,
    attachment: &Attachment,
) -> Result<Vec<u8>, Failed> {
    let permit = place(attachment).await?;
    let kept = repository.repo.refs(INBOX.trim_end_matches('/')).await?;
    let mut judged = Vec::new();
    let mut head: Vec<Move> = Vec::new();
    for command in &list.commands {
        let mut verdict = push::judge(command, &repository.branch);
        if let (Ok(stored), Some(new)) = (&verdict, &command.new) {
            if head.iter().any(|(_, _, taken)| taken == stored) {
                verdict = Err("another ref of this push is stored under the same name".to_owned());
            } else {
                let old = kept.iter().find(|(name, _)| name == stored).map(|(_, id)| id.clone());
                head.push((old, new.clone(), stored.clone()));
            }
        }
        judged.push((command.name.clone(), command.new.clone(), verdict));
    }
    let rest = begin_pack(rest, &mut upload).await?;
    let outcome = if head.is_empty() {
        upload.drain().await;
        Outcome::default()
    } else if let Some(refusal) = attachment.push.refuse(&rest) {
        upload.drain().await;
        Outcome::refused(refusal)
    } else {
        run_receive_pack((list, &head), rest, upload, repository, attachment.push).await?
    };
    drop(permit);
    Ok(report(list, judged, &outcome, repository, attachment))
}

/// From what to what the stored ref moves.
type Move = (Option<CommitId>, CommitId, RefName);
/// What was asked, and where it goes or why not.
type Judged = Vec<(String, Option<CommitId>, Result<RefName, String>)>;

fn report(
    list: &CommandList,
    judged: Judged,
    outcome: &Outcome,
    repository: &AgentRepository,
    attachment: &Attachment,
) -> Vec<u8> {
    let mut verdicts = Vec::new();
    let mut words = String::new();
    for (name, new, verdict) in judged {
        let verdict = verdict.and_then(|stored| {
            if outcome.unpack_error.is_none() && outcome.moved.contains(stored.as_str()) {
                return Ok(stored);
            }
            let reason = outcome.refused.iter().find(|(refused, _)| refused == stored.as_str());
            Err(reason.map_or("it was not stored", |(_, reason)| reason.as_str()).to_owned())
        });
        if let (Ok(stored), Some(commit)) = (&verdict, new) {
            push::RECORDED.clone_into(&mut words);
            let recorded = Recorded {
                repository: repository.name.clone(),
                asked: name.clone(),
                stored: stored.to_string(),
                commit: commit.to_string(),
            };
            attachment.parts.audit.recorded(attachment.peer, &recorded);
        }
        verdicts.push((name, verdict.map(|_| ())));
    }
    if outcome.unpack_error.is_some() {
        words.push_str(&outcome.words);
    }
    push::write_report(list, outcome.unpack_error.as_deref(), &verdicts, &words)
}

/// What has come of the pack, with all of its head unless it ends before.
async fn begin_pack(rest: Bytes, upload: &mut Upload) -> Result<Bytes, Failed> {
    if rest.len() >= PACK_HEAD_BYTES {
        return Ok(rest);
    }
    let mut begun = rest.to_vec();
    while begun.len() < PACK_HEAD_BYTES {
        let Some(more) = upload.next().await? else { break };
        begun.extend_from_slice(&more);
    }
    Ok(begun.into())
}

async fn run_receive_pack(
    (list, commands): (&CommandList, &[Move]),
    rest: Bytes,
    mut upload: Upload,
    repository: &AgentRepository,
    limits: PushLimits,
) -> Result<Outcome, Failed> {
    let rewritten: Vec<Rewritten<'_>> = commands
        .iter()
        .map(|(old, new, stored)| Rewritten { old: old.clone(), new, stored })
        .collect();
    let head = push::write_list(&list.shallow, &rewritten, repository.repo.format());
    let service = ReceivePack {
        protocol: None,
        pack_max_bytes: limits.bytes,
        object_max_bytes: limits.object_bytes,
    };
    let Serving { mut stdin, mut stdout, guard } =
        service.start(&repository.repo, Half::Answer).await?;
    let feed = async move {
        let mut reading = true;
        for bytes in [Bytes::from(head), rest] {
            reading = reading && stdin.write_all(&bytes).await.is_ok();
        }
        // A git that stopped reading has a reason, which is in its answer; the client sends on
        // until it may read that answer.
        while let Some(bytes) = upload.next().await? {
            reading = reading && stdin.write_all(&bytes).await.is_ok();
        }
        Ok::<(), BadUpload>(())
    };
    let read = async {
        let mut out = Vec::new();
        (&mut stdout).take(OUTCOME_BYTES).read_to_end(&mut out).await?;
        Ok::<_, std::io::Error>(out)
    };
    let (fed, out, ended) = tokio::join!(feed, read, guard.wait());
    fed?;
    let mut outcome = push::read_outcome(&out?);
    if let Some(words) = limits.explain(&outcome.words) {
        outcome = Outcome::refused(words);
    }
    if outcome.moved.is_empty() && outcome.refused.is_empty() && outcome.unpack_error.is_none() {
        ended?;
    }
    Ok(outcome)
}

async fn collect(serving: Serving, limit: u64) -> Result<Vec<u8>, Failed> {
    let Serving { stdin, mut stdout, guard } = serving;
    drop(stdin);
    let read = async {
        let mut out = Vec::new();
        (&mut stdout).take(limit).read_to_end(&mut out).await?;
        Ok::<_, std::io::Error>(out)
    };
    let (out, ended) = tokio::join!(read, guard.wait());
    ended?;
    Ok(out?)
}

async fn place(attachment: &Attachment) -> Result<OwnedSemaphorePermit, Failed> {
    let closed = |_| Failed::answer(StatusCode::SERVICE_UNAVAILABLE, "Errand is shutting down.");
    attachment.git_slots.clone().acquire_owned().await.map_err(closed)
}

fn expect_type(request: &Request<Incoming>, expected: &str) -> Result<(), Failed> {
    let given = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if given == Some(expected.as_bytes()) {
        return Ok(());
    }
    Err(Failed::answer(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Errand expects {expected} here."),
    ))
}

fn git_answer(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
