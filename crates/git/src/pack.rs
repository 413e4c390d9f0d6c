//! Taking objects from strangers: into a quarantine first, checked, and moved in only as a whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncRead;

use crate::error::{Error, Result, of_import};
use crate::name::{CommitId, TreeId};
use crate::repo::Repo;
use crate::runner::{Call, Input, Overflow};

const ATTEMPT: &str = "take a pack";
/// Longest list of problems kept.
const CHECK_STDOUT_MAX_BYTES: usize = 1024 * 1024;
/// Time for writing the pack of a very large repository.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// Packs below which tidying is not worth a process.
const PACKS_UNTIDY: usize = 40;
const TIDY_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Limits on one pack.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    /// Bytes on the wire.
    pub pack_bytes: u64,
    /// Time to receive and check it.
    pub time: Duration,
    /// Memory git may allocate: bounds deltas that unfold to far more than they weigh.
    pub memory_bytes: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            pack_bytes: 2 * 1024 * 1024 * 1024,
            time: Duration::from_secs(10 * 60),
            memory_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// What a pack is said to bring, and what will be named afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// A commit with all its history.
    Commit(CommitId),
    /// A tree with all its files.
    Tree(TreeId),
}

impl Tip {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Commit(_) => "commit",
            Self::Tree(_) => "tree",
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Commit(id) => id.as_str(),
            Self::Tree(id) => id.as_str(),
        }
    }
}

/// A pack in files, with its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFiles {
    /// The checksum that names both files.
    pub name: String,
    /// The pack.
    pub pack: PathBuf,
    /// Its index.
    pub index: PathBuf,
}

impl Repo {
    /// Writes a pack of a commit with all its history into a folder.
    pub async fn write_pack(&self, commit: &CommitId, folder: &Path) -> Result<PackFiles> {
        let call = self
            .call("write a pack")
            .args(["pack-objects", "--revs", "--delta-base-offset", "-q"])
            .arg(folder.join("pack"))
            .input(Input::Bytes(format!("{commit}\n").into_bytes()))
            .heavy(WRITE_TIME_MAX);
        let name = call.run().await?.text().trim().to_owned();
        let file = |ending: &str| folder.join(format!("pack-{name}.{ending}"));
        Ok(PackFiles { pack: file("pack"), index: file("idx"), name })
    }

    /// A pack of exactly these commits, without what they point to, for a receiver that has that.
    pub async fn pack_commits(&self, ids: &[CommitId]) -> Result<Vec<u8>> {
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let call = self.call("pack commits").args(["pack-objects", "--stdout", "-q"]);
        Ok(call.input(Input::Bytes(lines.into_bytes())).run().await?.stdout)
    }

    /// Takes a (possibly thin) pack if it is well formed and completes every tip.
    ///
    /// `known` are commits complete in this repository or its mirror; the walk stops there. A
    /// refused pack leaves nothing.
    pub async fn import_pack(
        &self,
        source: &mut (dyn AsyncRead + Send + Unpin),
        limits: ImportLimits,
        tips: &[Tip],
        known: &[CommitId],
    ) -> Result<()> {
        let quarantine = self.quarantine()?;
        self.index(source, limits, quarantine.path()).await?;
        self.check_tips(limits, tips, known, quarantine.path()).await?;
        self.migrate(quarantine.path()).map_err(Error::io(ATTEMPT))
    }

    fn quarantine(&self) -> Result<tempfile::TempDir> {
        use std::os::unix::ffi::OsStrExt;
        let objects = self.objects_dir();
        let dir = tempfile::Builder::new()
            .prefix("incoming-")
            .tempdir_in(&objects)
            .map_err(Error::io(ATTEMPT))?;
        let build = || {
            std::fs::create_dir(dir.path().join("pack"))?;
            std::fs::create_dir(dir.path().join("info"))?;
            let mut line = objects.as_os_str().as_bytes().to_vec();
            line.push(b'\n');
            std::fs::write(dir.path().join("info/alternates"), line)
        };
        build().map_err(Error::io(ATTEMPT))?;
        Ok(dir)
    }

    fn quarantined(&self, quarantine: &Path, limits: ImportLimits) -> Call<'_> {
        self.call(ATTEMPT)
            .env("GIT_OBJECT_DIRECTORY", quarantine)
            .heavy(limits.time)
            .memory_max(limits.memory_bytes)
    }

    async fn index(
        &self,
        source: &mut (dyn AsyncRead + Send + Unpin),
        limits: ImportLimits,
        quarantine: &Path,
    ) -> Result<()> {
        let output = self
            .quarantined(quarantine, limits)
            .args(["index-pack", "--stdin", "--fix-thin", "--strict", "--threads=1"])
            .arg(format!("--max-input-size={}", limits.pack_bytes))
            .input(Input::Stream { source, max_bytes: limits.pack_bytes })
            .finish()
            .await?;
        match output.code {
            Some(0) => Ok(()),
            Some(_) | None => Err(of_import(ATTEMPT, &output.stderr, limits.pack_bytes)),
        }
    }

    async fn check_tips(
        &self,
        limits: ImportLimits,
        tips: &[Tip],
        known: &[CommitId],
        quarantine: &Path,
    ) -> Result<()> {
        // Not peeled: a commit's id is not a tree, though it has one.
        let specs: String = tips.iter().map(|tip| format!("{}\n", tip.id())).collect();
        let kinds = self
            .quarantined(quarantine, limits)
            .args(["cat-file", "--batch-check=%(objecttype)"])
            .input(Input::Bytes(specs.clone().into_bytes()));
        let mut revs = specs;
        for id in known {
            revs.push_str(&format!("^{id}\n"));
        }
        let walk = self
            .quarantined(quarantine, limits)
            .args(["rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"])
            .input(Input::Bytes(revs.into_bytes()))
            .stdout_max(CHECK_STDOUT_MAX_BYTES, Overflow::Cut);
        let (kinds, walk) = tokio::join!(kinds.run(), walk.finish());
        let kinds = kinds?.text();
        let right = kinds.lines().count() == tips.len()
            && kinds.lines().zip(tips).all(|(kind, tip)| kind == tip.kind());
        if !right {
            let detail = "a promised commit or tree is not in the pack".to_owned();
            return Err(Error::BadObjects { detail });
        }
        let walk = walk?;
        match walk.code {
            Some(0) => Ok(()),
            Some(_) | None => Err(of_import(ATTEMPT, &walk.stderr, limits.pack_bytes)),
        }
    }

    /// Moves checked packs in; the index last, since a pack exists for git once its index does.
    fn migrate(&self, quarantine: &Path) -> std::io::Result<()> {
        let target = self.objects_dir().join("pack");
        let mut files: Vec<_> = std::fs::read_dir(quarantine.join("pack"))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort_by_key(|path| path.extension().is_some_and(|end| end == "idx"));
        for path in files {
            let Some(name) = path.file_name() else { continue };
            // A pack is named by its content: one that is here already is the same.
            if !target.join(name).exists() {
                std::fs::rename(&path, target.join(name))?;
            }
        }
        std::fs::File::open(&target)?.sync_all()
    }

    /// Removes what a crash left in the middle of receiving; only while nothing is being received.
    pub fn sweep(&self) -> Result<()> {
        let attempt = "sweep a repository";
        let unfinished = |name: &str| {
            ["incoming-", "tmp_objdir-", "tmp_pack_", "tmp_idx_", "tmp_rev_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        };
        for folder in [self.objects_dir(), self.objects_dir().join("pack")] {
            for entry in std::fs::read_dir(folder).map_err(Error::io(attempt))? {
                let entry = entry.map_err(Error::io(attempt))?;
                if !unfinished(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let removed = match is_folder {
                    true => std::fs::remove_dir_all(entry.path()),
                    false => std::fs::remove_file(entry.path()),
                };
                removed.map_err(Error::io(attempt))?;
            }
        }
        Ok(())
    }

    /// Joins small packs where there are many; objects are never dropped by it.
    pub async fn tidy(&self) -> Result<()> {
        let attempt = "tidy a repository";
        let entries =
            std::fs::read_dir(self.objects_dir().join("pack")).map_err(Error::io(attempt))?;
        let is_pack =
            |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|e| e == "pack");
        if entries.flatten().filter(|entry| is_pack(&entry.file_name())).count() < PACKS_UNTIDY {
            return Ok(());
        }
        let call = self.call(attempt).args(["repack", "-d", "-l", "-q", "--geometric=2"]);
        call.heavy(TIDY_TIME_MAX).run().await.map(drop)
    }
}
