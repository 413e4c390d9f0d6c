//! Moving a local branch to a published commit without touching files.

use super::{Repo, check_id, index};
use crate::Guest;
use crate::ops::fault;
use protocol::link::{Answer, Fault, FaultCode, MoveBranch};
use std::sync::Arc;

/// Moves the branch if it is where it was; the index follows when the branch is checked out.
pub async fn shift(guest: &Arc<Guest>, wanted: MoveBranch) -> Result<Answer, Fault> {
    check_id(&wanted.old)?;
    check_id(&wanted.new)?;
    let repo = Repo::open(guest, &wanted.repo_path).await?;
    let name = format!("refs/heads/{}", wanted.branch);
    let args = ["update-ref", "-m", "errand: published", &name, &wanted.new, &wanted.old];
    let moved = repo.run(&args, b"").await?;
    let now = if moved.code == 0 {
        Some(wanted.new.clone())
    } else {
        check_name(&repo, &name).await?;
        repo.word(&["rev-parse", "-q", "--verify", &name]).await?
    };
    if moved.code != 0 && now.as_deref() == Some(wanted.old.as_str()) {
        return Err(super::complaint(&args, &moved.stderr));
    }
    // Also when it stood there already: an earlier try may have been cut off before the index.
    let there = now.as_deref() == Some(wanted.new.as_str());
    let is_out = there && repo.head().await?.branch.as_deref() == Some(wanted.branch.as_str());
    if is_out && !index::adopt(&repo, &wanted.new).await? {
        // Not `reset --hard`: files stay as they are, entries of equal files keep their times.
        repo.must(&["reset", "-q", "--mixed", &wanted.new], b"").await?;
    }
    Ok(Answer::Moved { moved: there, now })
}

/// Whether a refusal was about the name; git itself takes no bad one.
async fn check_name(repo: &Repo, name: &str) -> Result<(), Fault> {
    if repo.run(&["check-ref-format", name], b"").await?.code == 0 {
        return Ok(());
    }
    Err(fault(FaultCode::BadRequest, format!("not a branch name: {name:?}")))
}
