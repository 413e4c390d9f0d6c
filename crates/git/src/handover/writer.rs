//! Writes commits that follow each other, all with one git process.

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use crate::commit::CommitDraft;
use crate::error::{Error, Result};
use crate::name::CommitId;
use crate::repo::Repo;
use crate::runner::{Group, LOCAL_TIME_MAX};

const ATTEMPT: &str = "write a commit";
/// Name of the file through which a commit is handed to git.
const FILE: &str = "commit";

/// A git process that writes one commit after the other.
pub(super) struct Writer {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    _child: tokio::process::Child,
    _group: Group,
}

impl Writer {
    pub async fn start(repo: &Repo) -> Result<Self> {
        // Named like a quarantine, so that sweeping finds what a crash leaves.
        let folder = tempfile::Builder::new()
            .prefix("incoming-")
            .tempdir_in(repo.objects_dir())
            .map_err(Error::io(ATTEMPT))?;
        let call = repo.call(ATTEMPT).args(["hash-object", "-t", "commit", "-w", "--stdin-paths"]);
        let crate::runner::Started { mut child, group } = call.start_piped().await?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::other(ATTEMPT, "git was started without pipes"));
        };
        // Nobody reads its complaints: an answer that does not come is the complaint.
        drop(child.stderr.take());
        let stdout = BufReader::new(stdout);
        Ok(Self { stdin, stdout, folder, _child: child, _group: group })
    }

    /// Writes a commit whose tree and parents are known to be here.
    pub async fn write(&mut self, draft: &CommitDraft) -> Result<CommitId> {
        let path = self.folder.path().join(FILE);
        std::fs::write(&path, draft.payload()).map_err(Error::io(ATTEMPT))?;
        let mut line = path.into_os_string().into_encoded_bytes();
        line.push(b'\n');
        self.stdin.write_all(&line).await.map_err(Error::io(ATTEMPT))?;
        let mut answer = String::new();
        let read = tokio::time::timeout(LOCAL_TIME_MAX, self.stdout.read_line(&mut answer)).await;
        let late = |_| Error::Timeout { attempt: ATTEMPT, limit: LOCAL_TIME_MAX };
        read.map_err(late)?.map_err(Error::io(ATTEMPT))?;
        CommitId::parse(answer.trim()).map_err(|_| Error::other(ATTEMPT, "git gave no id"))
    }
}
