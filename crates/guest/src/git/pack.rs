//! Objects out of and into the workspace's repository, as packs.

use super::{Repo, Started, check_id, code, collect, complaint, plain};
use crate::Guest;
use crate::channel::{Channel, Sink, Source};
use crate::exec::{self, Pipe};
use crate::handle::unheard;
use crate::ops::fault;
use protocol::link::{Answer, CHUNK_BYTES, Fault, FaultCode, Pack, Unpack};
use std::sync::Arc;

/// Bytes of a bundle's header at most.
const BUNDLE_HEADER_BYTES: usize = 1024 * 1024;
const PACK_ARGS: [&str; 6] =
    ["pack-objects", "--revs", "--thin", "--stdout", "--delta-base-offset", "-q"];
const UNPACK_ARGS: [&str; 3] = ["index-pack", "--stdin", "--fix-thin"];

/// Sends a pack of what is wanted without what the receiver has.
pub async fn send(guest: &Arc<Guest>, channel: &Channel, pack: Pack) -> Result<Answer, Fault> {
    pack.want.iter().chain(&pack.have).try_for_each(|id| check_id(id))?;
    let repo = Repo::open(guest, &pack.repo_path).await?;
    let mut revisions: String = pack.want.iter().map(|id| format!("{id}\n")).collect();
    for commit in known_commits(&repo, &pack.have).await? {
        // The tree too: a wanted tree has no history by which git would find what is common.
        revisions.push_str(&format!("^{commit}\n^{commit}^{{tree}}\n"));
    }
    let Started { mut child, mut guard, stdin, stdout, stderr } = repo.start(&PACK_ARGS)?;
    let feed = async {
        // A git that wants no more input says what is wrong by its status.
        drop(exec::write_all(&stdin, revisions.as_bytes()).await);
        drop(stdin);
    };
    let forward = async {
        let sent = forward(&stdout, &channel.sink).await;
        // Whatever it writes now finds nobody, and it ends.
        drop(stdout);
        sent
    };
    let ((), sent, complaints, code) =
        tokio::join!(feed, forward, collect(&stderr), code(&mut child));
    guard.gone();
    match (sent?, code?) {
        (bytes, 0) => Ok(Answer::PackEnd { bytes }),
        _ => Err(complaint(&PACK_ARGS, &complaints?)),
    }
}

async fn known_commits(repo: &Repo, have: &[String]) -> Result<Vec<String>, Fault> {
    if have.is_empty() {
        return Ok(Vec::new());
    }
    if repo.is_plain {
        let folder = repo.common_dir.clone();
        let named = repo.guest.as_agent(move || Ok(plain::named(&folder))).await?;
        if have.iter().all(|id| named.contains(id)) {
            return Ok(have.to_vec());
        }
    }
    let ask: String = have.iter().map(|id| format!("{id}\n")).collect();
    let check = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
    let answer = repo.must(&check, ask.as_bytes()).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().filter_map(|line| line.strip_suffix(" commit")).map(str::to_owned).collect())
}

async fn forward(stdout: &Pipe, sink: &Sink) -> Result<u64, Fault> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = exec::read(stdout, &mut buffer).await.unwrap_or(0);
        if read == 0 {
            return Ok(bytes);
        }
        sink.data(buffer.get(..read).unwrap_or_default()).await.map_err(unheard)?;
        bytes += read as u64;
    }
}

/// Takes a pack or bundle, then sets refs.
pub async fn receive(
    guest: &Arc<Guest>,
    channel: &mut Channel,
    unpack: Unpack,
) -> Result<Answer, Fault> {
    for (name, id) in &unpack.refs {
        check_id(id)?;
        if !name.starts_with("refs/") || name.contains(['\0', '\n', ' ']) {
            return Err(fault(FaultCode::BadRequest, format!("not a full ref name: {name:?}")));
        }
    }
    let repo = Repo::open(guest, &unpack.repo_path).await?;
    let Started { mut child, mut guard, stdin, stdout, stderr } = repo.start(&UNPACK_ARGS)?;
    let feed = async {
        let fed = feed(&mut channel.source, &stdin).await;
        drop(stdin);
        fed
    };
    let (fed, _, complaints, code) =
        tokio::join!(feed, collect(&stdout), collect(&stderr), code(&mut child));
    guard.gone();
    if code? != 0 {
        return Err(complaint(&UNPACK_ARGS, &complaints?));
    }
    fed?;
    if unpack.refs.is_empty() {
        return Ok(Answer::Done);
    }
    let updates: String =
        unpack.refs.iter().map(|(name, id)| format!("update {name} {id}\n")).collect();
    repo.must(&["update-ref", "--stdin"], updates.as_bytes()).await?;
    Ok(Answer::Done)
}

/// Hands the pack to git, without the header that a bundle has before it.
async fn feed(source: &mut Source, stdin: &Pipe) -> Result<(), Fault> {
    let mut head = Vec::new();
    let mut in_head = true;
    let mut writing = true;
    while let Some(piece) = source.receive().await.map_err(unheard)? {
        let mut pass = piece;
        if in_head {
            head.extend_from_slice(&pass);
            match pack_start(&head) {
                Some(start) => {
                    pass = head.split_off(start);
                    in_head = false;
                }
                None if head.len() > BUNDLE_HEADER_BYTES => {
                    return Err(fault(FaultCode::BadRequest, "neither a pack nor a bundle"));
                }
                None => continue,
            }
        }
        // A git that failed takes no more; what is still coming is taken and forgotten.
        writing = writing && exec::write_all(stdin, &pass).await.is_ok();
    }
    Ok(())
}

/// Where the pack begins: at once, or behind the empty line that ends a bundle's header.
fn pack_start(head: &[u8]) -> Option<usize> {
    if head.starts_with(b"PACK") {
        return Some(0);
    }
    head.windows(6).position(|window| window == b"\n\nPACK").map(|at| at + 2)
}
