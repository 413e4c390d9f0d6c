//! x
use super::Job;
use anyhow::Result;
use protocol::ids::{Epoch, RunId};
/// x
pub async fn run(_job: &Job, _run: RunId, _epoch: Epoch) -> Result<()> { Ok(()) }
