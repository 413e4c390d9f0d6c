//! A new repository with its worktree: files written by hand, a pack that the server made once for
//! everybody, and a single git, which checks out.

use super::{Repo, check_id, complaint, plain};
use crate::Guest;
use crate::channel::Source;
use crate::handle::unheard;
use crate::ops::fault;
use protocol::link::{AddCommits, Answer, CheckOut, Fault, FaultCode, Head};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the worktree stands.
pub async fn head(guest: &Arc<Guest>, path: &str) -> Result<Answer, Fault> {
    Ok(Answer::Head(Repo::open(guest, path).await?.head().await?))
}

/// Makes the repository in a folder of its own first, so that a half-made one is never taken for a
/// whole one.
pub async fn make(
    guest: &Arc<Guest>,
    source: &mut Source,
    wanted: CheckOut,
) -> Result<Answer, Fault> {
    check(&wanted)?;
    let target = PathBuf::from(&wanted.repo_path);
    let draft = PathBuf::from(format!("{}.partial", wanted.repo_path));
    let there = target.join(".git");
    if guest.as_agent(move || Ok(there.exists())).await? {
        return head(guest, &wanted.repo_path).await;
    }
    let (folder, order) = (draft.clone(), wanted.clone());
    let files = guest.as_agent(move || begin(&folder, &order).map_err(|e| words(&e))).await?;
    receive(source, files, &wanted).await?;
    let repo = Repo { env: wanted.env, ..Repo::plain(guest, &draft) };
    let branch = &wanted.branch;
    let args = ["checkout", "--quiet", "--no-track", "-B", branch, &wanted.commit, "--"];
    let done = repo.run(&args, b"").await?;
    if done.code != 0 {
        return Err(complaint(&args, &done.stderr));
    }
    guest.as_agent(move || std::fs::rename(&draft, &target).map_err(|e| words(&e))).await?;
    Ok(Answer::Head(Head { commit: Some(wanted.commit), branch: Some(wanted.branch) }))
}

/// Keeps commits whose trees and parents are there.
pub async fn add_commits(guest: &Arc<Guest>, wanted: AddCommits) -> Result<Answer, Fault> {
    wanted.commits.iter().try_for_each(|(id, _)| check_id(id))?;
    let repo = Repo::open(guest, &wanted.repo_path).await?;
    let folder = repo.common_dir.clone();
    guest
        .as_agent(move || {
            let mut commits = wanted.commits.iter();
            commits.try_for_each(|(id, content)| plain::keep_commit(&folder, id, &content.0))
        })
        .await?;
    Ok(Answer::Done)
}

fn check(wanted: &CheckOut) -> Result<(), Fault> {
    check_id(&wanted.commit)?;
    check_id(&wanted.pack)?;
    let bad = |what: &str| Err(fault(FaultCode::BadRequest, format!("{what} cannot be used")));
    let path = Path::new(&wanted.repo_path);
    if !path.is_absolute() || path.file_name().is_none() {
        return bad("the worktree's path");
    }
    if [&wanted.upstream, &wanted.branch].iter().any(|name| !is_branch(name)) {
        return bad("a branch's name");
    }
    if wanted.url.chars().any(char::is_control) {
        return bad("the address");
    }
    Ok(())
}

/// What could climb out of the folder of refs, or be taken for an option.
fn is_branch(name: &str) -> bool {
    let odd = |c: char| c.is_control() || c == ' ';
    let part = |part: &str| !part.is_empty() && !part.starts_with(['.', '-']);
    !name.contains(odd) && name.split('/').all(part)
}

fn words(error: &io::Error) -> Fault {
    fault(FaultCode::Failed, format!("cannot make the repository: {error}"))
}

/// The two files of a pack, open, with the bytes that each still waits for.
type PackFiles = [(File, u64); 2];

fn begin(draft: &Path, wanted: &CheckOut) -> io::Result<PackFiles> {
    if draft.symlink_metadata().is_ok() {
        std::fs::remove_dir_all(draft)?;
    }
    let git = draft.join(".git");
    plain::create(&git, wanted)?;
    let open = |ending: &str| {
        let path = git.join(format!("objects/pack/pack-{}.{ending}", wanted.pack));
        OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)
    };
    Ok([(open("pack")?, wanted.pack_bytes), (open("idx")?, wanted.index_bytes)])
}

async fn receive(source: &mut Source, files: PackFiles, wanted: &CheckOut) -> Result<(), Fault> {
    let mut left = wanted.pack_bytes.saturating_add(wanted.index_bytes);
    let mut files = files.into_iter();
    let mut current = files.next();
    while let Some(piece) = source.receive().await.map_err(unheard)? {
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            let Some((file, bytes)) = &mut current else {
                return Err(fault(FaultCode::BadRequest, "more was sent than announced"));
            };
            let count = rest.len().min(usize::try_from(*bytes).unwrap_or(usize::MAX));
            let (now, after) = rest.split_at(count);
            file.write_all(now).map_err(|error| words(&error))?;
            *bytes -= count as u64;
            left -= count as u64;
            rest = after;
            if *bytes == 0 {
                current = files.next();
            }
        }
    }
    if left == 0 {
        return Ok(());
    }
    Err(fault(FaultCode::BadRequest, "less was sent than announced"))
}
