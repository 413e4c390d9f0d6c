//! Git in the workspace, as the agent's user: hooks and background work off, argv only.

mod plain;
mod blobs;
pub mod check_out;
pub mod checkpoint;
pub mod pack;
pub mod branch;
pub mod index;

use crate::Guest;
use crate::exec::{self, Child, DEFAULT_PATH, KillOnDrop, Pipe, Program, Report};
use crate::ops::fault;
use protocol::link::{Fault, FaultCode, Head, User};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of git's answer that are taken.
const OUTPUT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of git's complaints that are shown.
const COMPLAINT_BYTES: usize = 2000;
const READ_BYTES: usize = 64 * 1024;
/// All that is asked of every repository, in one question.
const PROBE: [&str; 6] = [
    "rev-parse",
    "--is-inside-work-tree",
    "--path-format=absolute",
    "--git-path",
    "index",
    "--git-common-dir",
];

/// A repository's worktree.
#[derive(Clone)]
struct Repo {
    guest: Arc<Guest>,
    path: String,
    /// An index other than the real one.
    index: Option<String>,
    /// The real index.
    real_index: PathBuf,
    /// What all worktrees of the repository share.
    common_dir: PathBuf,
    /// Whether its files can be read without asking git where they are.
    is_plain: bool,
    /// Variables set over those that git gets in any case.
    env: Vec<(String, String)>,
}

/// What git answered.
struct Finished {
    code: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// A git that runs.
struct Started {
    child: Child,
    guard: KillOnDrop,
    stdin: Pipe,
    stdout: Pipe,
    stderr: Pipe,
}

impl Repo {
    /// The repository whose worktree is exactly this folder.
    async fn open(guest: &Arc<Guest>, path: &str) -> Result<Self, Fault> {
        if !Path::new(path).is_absolute() {
            return Err(fault(FaultCode::BadRequest, format!("{path} is not an absolute path")));
        }
        let missing = || fault(FaultCode::NotFound, format!("no git repository at {path}"));
        let probe = PathBuf::from(path);
        let look = move || Ok((probe.is_dir(), plain::is_plain(&probe)));
        let (is_there, is_plain) = guest.as_agent(look).await?;
        let repo = Self::plain(guest, Path::new(path));
        if is_plain {
            return Ok(repo);
        }
        if !is_there {
            return Err(missing());
        }
        let finished = repo.run(&PROBE, b"").await?;
        let answer = String::from_utf8_lossy(&finished.stdout);
        match answer.lines().collect::<Vec<_>>().as_slice() {
            ["true", index, common] if finished.code == 0 => {
                let (real_index, common_dir) = (PathBuf::from(index), PathBuf::from(common));
                Ok(Self { real_index, common_dir, is_plain: false, ..repo })
            }
            _ => Err(missing()),
        }
    }

    /// A repository that lies in the worktree as git makes it.
    fn plain(guest: &Arc<Guest>, path: &Path) -> Self {
        let folder = path.join(".git");
        Self {
            guest: Arc::clone(guest),
            path: path.display().to_string(),
            index: None,
            real_index: folder.join("index"),
            common_dir: folder,
            is_plain: true,
            env: Vec::new(),
        }
    }

    /// Where the worktree stands.
    async fn head(&self) -> Result<Head, Fault> {
        if let Some(head) = self.plain_head().await? {
            return Ok(head);
        }
        let commit = self.word(&["rev-parse", "-q", "--verify", "HEAD^{commit}"]).await?;
        let branch = self.word(&["symbolic-ref", "-q", "--short", "HEAD"]).await?;
        Ok(Head { commit, branch })
    }

    /// The same from its files; nothing where only git can tell.
    async fn plain_head(&self) -> Result<Option<Head>, Fault> {
        if !self.is_plain {
            return Ok(None);
        }
        let folder = self.common_dir.clone();
        self.guest.as_agent(move || Ok(plain::head(&folder))).await
    }

    fn program(&self, args: &[&str]) -> Program {
        let fixed = [
            "git",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
            "-c",
            "core.quotePath=false",
            "-c",
            "advice.addEmbeddedRepo=false",
            "-c",
            "safe.directory=*",
        ];
        let argv = fixed.iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        let above = Path::new(&self.path).parent().unwrap_or(Path::new("/"));
        let mut env = vec![
            ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
            ("HOME".to_owned(), self.guest.config.home.display().to_string()),
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
            ("GIT_CEILING_DIRECTORIES".to_owned(), above.display().to_string()),
        ];
        for (name, value) in &self.env {
            env.retain(|(other, _)| other != name);
            env.push((name.clone(), value.clone()));
        }
        if let Some(index) = &self.index {
            env.push(("GIT_INDEX_FILE".to_owned(), index.clone()));
        }
        let become_who = self.guest.config.become_who(User::Agent);
        Program { argv, env, cwd: self.path.clone(), become_who }
    }

    fn start(&self, args: &[&str]) -> Result<Started, Fault> {
        let begin = || {
            let (input, stdin) = exec::pipe_out()?;
            let (stdout, output) = exec::pipe_in()?;
            let (stderr, complaints) = exec::pipe_in()?;
            let supervisors = &self.guest.ops.supervisors;
            let child =
                self.program(args).spawn([input, output, complaints], false, supervisors)?;
            let guard = KillOnDrop::new(Arc::clone(supervisors), &child);
            Ok(Started { child, guard, stdin, stdout, stderr })
        };
        begin().map_err(|error: std::io::Error| {
            fault(FaultCode::Failed, format!("cannot start git: {error}"))
        })
    }

    /// Runs git to its end.
    async fn run(&self, args: &[&str], input: &[u8]) -> Result<Finished, Fault> {
        let Started { mut child, mut guard, stdin, stdout, stderr } = self.start(args)?;
        let feed = async {
            // A git that wants no more input says what is wrong by its status.
            drop(exec::write_all(&stdin, input).await);
            drop(stdin);
        };
        let ((), stdout, stderr, code) =
            tokio::join!(feed, collect(&stdout), collect(&stderr), code(&mut child));
        guard.gone();
        Ok(Finished { code: code?, stdout: stdout?, stderr: stderr? })
    }

    /// Runs git, which must succeed.
    async fn must(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, Fault> {
        let finished = self.run(args, input).await?;
        if finished.code == 0 {
            return Ok(finished.stdout);
        }
        Err(complaint(args, &finished.stderr))
    }

    /// One word of git's, if it knows one.
    async fn word(&self, args: &[&str]) -> Result<Option<String>, Fault> {
        let finished = self.run(args, b"").await?;
        let text = String::from_utf8_lossy(&finished.stdout).trim_end_matches('\n').to_owned();
        Ok((finished.code == 0 && !text.is_empty()).then_some(text))
    }
}

fn complaint(args: &[&str], stderr: &[u8]) -> Fault {
    let command = args.first().copied().unwrap_or_default();
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim();
    let shown = text.get(..text.floor_char_boundary(COMPLAINT_BYTES)).unwrap_or(text);
    fault(FaultCode::Failed, format!("git {command} failed: {shown}"))
}

/// Git's status, once it and all it started are gone.
async fn code(child: &mut Child) -> Result<i32, Fault> {
    let mut code = None;
    while let Some(report) = child.report().await {
        match report {
            Report::Exit(status) if libc::WIFEXITED(status) => {
                code = Some(libc::WEXITSTATUS(status));
            }
            Report::NotRun(error) => {
                let error = std::io::Error::from_raw_os_error(error);
                return Err(fault(FaultCode::Failed, format!("cannot run git: {error}")));
            }
            Report::Pid(_) | Report::Exit(_) => {}
        }
    }
    code.ok_or_else(|| fault(FaultCode::Failed, "git was ended by a signal"))
}

async fn collect(pipe: &Pipe) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = exec::read(pipe, &mut buffer).await.unwrap_or(0);
        if read == 0 {
            return Ok(all);
        }
        all.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if all.len() > OUTPUT_BYTES {
            return Err(fault(FaultCode::Unsuitable, "git's answer is too long"));
        }
    }
}

/// Full object ids only: nothing that git could take for an option or an expression.
fn check_id(id: &str) -> Result<(), Fault> {
    if plain::is_id(id) {
        Ok(())
    } else {
        Err(fault(FaultCode::BadRequest, format!("not a full id: {id:?}")))
    }
}
