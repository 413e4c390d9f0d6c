//! Refs of our own repositories: read, list, and move by compare-and-swap.

use crate::error::{Error, Result};
use crate::loose::{self, Known, Moved};
use crate::name::{CommitId, RefName};
use crate::repo::Repo;
use crate::runner::{Input, Overflow};

/// Refs listed at most.
pub const REFS_LISTED_MAX: usize = 100_000;
const REFS_STDOUT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// What a ref must be before it is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    /// It must not exist.
    Absent,
    /// It must be exactly this.
    At(&'a CommitId),
    /// Anything.
    Any,
}

impl Repo {
    /// The commit a ref points to.
    pub async fn ref_head(&self, name: &RefName) -> Result<Option<CommitId>> {
        let (dir, wanted) = (self.dir().to_owned(), name.clone());
        match blocking("read a ref", move || loose::branch(&dir, &wanted)).await? {
            Known::At(id) => return Ok(Some(id)),
            Known::Absent => return Ok(None),
            Known::Unclear => {}
        }
        let listed = self.refs(name.as_str()).await?;
        Ok(listed.into_iter().find(|(found, _)| found == name).map(|(_, id)| id))
    }

    /// Refs at or below a prefix such as `refs/heads`, sorted by name; tags followed to commits.
    pub async fn refs(&self, prefix: &str) -> Result<Vec<(RefName, CommitId)>> {
        let format = "--format=%(objectname) %(*objectname) %(refname)";
        let output = self
            .call("list refs")
            .args(["for-each-ref", format, &format!("--count={REFS_LISTED_MAX}"), "--", prefix])
            .stdout_max(REFS_STDOUT_MAX_BYTES, Overflow::Fail)
            .run()
            .await?;
        Ok(output.text().lines().filter_map(parse_ref).collect())
    }

    /// Moves a ref to a commit if it is where the caller expects it.
    pub async fn update_ref(
        &self,
        name: &RefName,
        new: &CommitId,
        expected: Expected<'_>,
    ) -> Result<()> {
        if self.move_by_file(name, new, expected).await? {
            return Ok(());
        }
        let mut line = format!("update {name}\0{new}\0").into_bytes();
        match expected {
            Expected::Absent => line.extend(std::iter::repeat_n(b'0', new.as_str().len())),
            Expected::At(old) => line.extend_from_slice(old.as_str().as_bytes()),
            Expected::Any => {}
        }
        line.push(0);
        self.update_refs(name, line).await
    }

    /// Moves a branch without starting git, where its new commit was just written here.
    async fn move_by_file(
        &self,
        name: &RefName,
        new: &CommitId,
        expected: Expected<'_>,
    ) -> Result<bool> {
        let (dir, objects) = (self.dir().to_owned(), self.objects_dir());
        let (wanted, new) = (name.clone(), new.clone());
        let old = match expected {
            Expected::At(old) => Some(old.clone()),
            Expected::Absent | Expected::Any => None,
        };
        let is_any = expected == Expected::Any;
        let moved = blocking("move a ref", move || {
            let expected = match &old {
                Some(old) => Expected::At(old),
                None if is_any => Expected::Any,
                None => Expected::Absent,
            };
            if wanted.branch().is_none() || !loose::has_own_file(&objects, &new) {
                return Ok(Moved::Unclear);
            }
            loose::move_branch(&dir, &wanted, &new, expected)
        });
        match moved.await? {
            Moved::Yes => Ok(true),
            Moved::Unclear => Ok(false),
            Moved::Elsewhere => {
                let detail = "it is not where it was expected".to_owned();
                Err(Error::NonFastForward { name: name.to_string(), detail })
            }
        }
    }

    /// Deletes a ref if it is where the caller expects it.
    pub async fn delete_ref(&self, name: &RefName, old: &CommitId) -> Result<()> {
        self.update_refs(name, format!("delete {name}\0{old}\0").into_bytes()).await
    }

    async fn update_refs(&self, name: &RefName, lines: Vec<u8>) -> Result<()> {
        let call = self.call("move a ref").args(["update-ref", "--no-deref", "-z", "--stdin"]);
        let output = call.input(Input::Bytes(lines)).finish().await?;
        if output.code == Some(0) {
            return Ok(());
        }
        let text = output.stderr.to_lowercase();
        let moved = ["but expected", "reference already exists", "unable to resolve reference"];
        if moved.iter().any(|words| text.contains(words)) {
            let detail = "it is not where it was expected".to_owned();
            return Err(Error::NonFastForward { name: name.to_string(), detail });
        }
        if text.contains("nonexistent object") || text.contains("does not point to a valid object")
        {
            return Err(Error::BadObjects {
                detail: "the ref's new commit is not here".to_owned(),
            });
        }
        Err(crate::error::of_local("move a ref", &output.stderr))
    }
}

/// Runs what reads or writes files off the workers that serve.
pub(crate) async fn blocking<T: Send + 'static>(
    attempt: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::other(attempt, error.to_string()))?.map_err(Error::io(attempt))
}

fn parse_ref(line: &str) -> Option<(RefName, CommitId)> {
    let mut words = line.splitn(3, ' ');
    let (own, peeled, name) = (words.next()?, words.next()?, words.next()?);
    let id = CommitId::parse(if peeled.is_empty() { own } else { peeled }).ok()?;
    Some((RefName::parse(name).ok()?, id))
}
