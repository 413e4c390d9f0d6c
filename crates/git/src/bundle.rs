//! Bundles: a branch with what it needs in one file, for machines that share no remote.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::name::{CommitId, RefName};
use crate::repo::Repo;
use crate::runner::Input;

/// Time for writing a bundle.
pub const BUNDLE_TIME_MAX: Duration = Duration::from_secs(10 * 60);

impl Repo {
    /// Writes a bundle of refs to a new file, leaving out what the receiver has.
    ///
    /// Nothing new for the receiver is [`Error::EmptyRepository`]: git writes no empty bundle.
    pub async fn write_bundle(
        &self,
        file: &Path,
        refs: &[RefName],
        receiver_has: &[CommitId],
    ) -> Result<()> {
        let attempt = "write a bundle";
        let mut revs: String = refs.iter().map(|name| format!("{name}\n")).collect();
        revs.extend(receiver_has.iter().map(|id| format!("^{id}\n")));
        let call =
            self.call(attempt).args(["bundle", "create", "--quiet"]).arg(file).arg("--stdin");
        let output =
            call.input(Input::Bytes(revs.into_bytes())).heavy(BUNDLE_TIME_MAX).finish().await?;
        match output.code {
            Some(0) => Ok(()),
            Some(_) | None if output.stderr.contains("empty bundle") => Err(Error::EmptyRepository),
            Some(_) | None => Err(crate::error::of_local(attempt, &output.stderr)),
        }
    }
}
