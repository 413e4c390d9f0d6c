//! A workspace that is a directory: real files, real commands, operations kept by name as a guest
//! keeps them.

use super::CWD;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use harness::workspace::{Followed, Workspace, WorkspaceError, WorkspaceGone};
use protocol::failure::Failure;
use protocol::ids::Epoch;
use protocol::link::{
    Answer, Bytes64, EditFile, Edited, Entry, EntryKind, Exited, Fault, FaultCode, FileText,
    GrepLine, Listing, Matches, OpId, Output, Request, Stream,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

type Ended = Option<(Exited, Vec<u8>, Vec<u8>)>;

/// One started command.
#[derive(Clone)]
struct Command {
    ended: watch::Receiver<Ended>,
    kill: Arc<Notify>,
}

/// A directory with commands.
pub struct DirectoryWorkspace {
    pub root: tempfile::TempDir,
    epoch: watch::Sender<u64>,
    up: watch::Sender<bool>,
    pub failure: Mutex<Option<Failure>>,
    commands: Mutex<HashMap<OpId, Command>>,
    answers: Mutex<HashMap<OpId, Answer>>,
    tasks: Mutex<JoinSet<()>>,
    pub running: Arc<AtomicUsize>,
    pub acked: AtomicUsize,
    /// Rung when a file is read or an edit foreseen.
    pub begun: Arc<Notify>,
}

fn fault(code: FaultCode, message: impl Into<String>) -> WorkspaceError {
    Fault { code, message: message.into() }.into()
}

impl DirectoryWorkspace {
    pub fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            epoch: watch::Sender::new(1),
            up: watch::Sender::new(true),
            failure: Mutex::default(),
            commands: Mutex::default(),
            answers: Mutex::default(),
            tasks: Mutex::default(),
            running: Arc::default(),
            acked: AtomicUsize::new(0),
            begun: Arc::default(),
        }
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn get(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.path().join(path)).unwrap_or_default()
    }

    /// The machine of this epoch goes, with its operations; the files stay.
    pub fn lose(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
        self.commands.lock().unwrap().clear();
        self.answers.lock().unwrap().clear();
    }

    pub fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }

    fn path(&self, cwd: &str, path: &str) -> PathBuf {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
        self.root.path().join(path.strip_prefix(CWD).unwrap_or(&path).trim_start_matches('/'))
    }

    fn check(&self, epoch: Epoch) -> Result<(), WorkspaceError> {
        if epoch.0 == *self.epoch.borrow() {
            return Ok(());
        }
        Err(WorkspaceError::Lost("another epoch".to_owned()))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the test's guest")]
    fn start(&self, start: &protocol::link::Start) -> Answer {
        let mut commands = self.commands.lock().unwrap();
        if commands.contains_key(&start.op) {
            return Answer::Started { known: true };
        }
        let child = tokio::process::Command::new(&start.argv[0])
            .args(&start.argv[1..])
            .current_dir(self.path(&start.cwd, "."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (sender, ended) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        let running = Arc::clone(&self.running);
        running.fetch_add(1, Ordering::SeqCst);
        let timeout = start.timeout_ms.map(std::time::Duration::from_millis);
        self.tasks.lock().unwrap().spawn(async move {
            let limit = async {
                match timeout {
                    Some(timeout) => tokio::time::sleep(timeout).await,
                    None => std::future::pending().await,
                }
            };
            let empty = |timed_out| (None, Some(9), timed_out, Vec::new(), Vec::new());
            let (code, signal, timed_out, stdout, stderr) = tokio::select! {
                output = child.wait_with_output() => {
                    let output = output.unwrap();
                    (output.status.code(), None, false, output.stdout, output.stderr)
                }
                () = killed.notified() => empty(false),
                () = limit => empty(true),
            };
            running.fetch_sub(1, Ordering::SeqCst);
            let exited = Exited {
                code,
                signal,
                timed_out,
                killed: signal.is_some() && !timed_out,
                stdout_bytes: stdout.len() as u64,
                stderr_bytes: stderr.len() as u64,
                dropped_bytes: 0,
                truncated: false,
                duration_ms: 1,
            };
            sender.send_replace(Some((exited, stdout, stderr)));
        });
        commands.insert(start.op.clone(), Command { ended, kill });
        Answer::Started { known: false }
    }

    fn command(&self, op: &OpId) -> Result<Command, WorkspaceError> {
        let commands = self.commands.lock().unwrap();
        commands.get(op).cloned().ok_or_else(|| fault(FaultCode::UnknownOp, "no such operation"))
    }

    async fn wait(&self, op: &OpId) -> Result<Answer, WorkspaceError> {
        let mut ended = self.command(op)?.ended;
        let ended = ended.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        Ok(Answer::Exited(ended.0))
    }

    /// A mutating call is made once; known ones are answered as the first time.
    fn once(
        &self,
        op: &OpId,
        make: impl FnOnce() -> Result<Answer, WorkspaceError>,
    ) -> Result<Answer, WorkspaceError> {
        if let Some(answer) = self.answers.lock().unwrap().get(op) {
            return Ok(answer.clone());
        }
        let answer = make()?;
        self.answers.lock().unwrap().insert(op.clone(), answer.clone());
        Ok(answer)
    }

    fn files(&self, request: &Request) -> Result<Answer, WorkspaceError> {
        match request {
            Request::ReadFile(read) => {
                self.begun.notify_one();
                let text =
                    std::fs::read_to_string(self.path(&read.cwd, &read.path)).map_err(|_| {
                        fault(FaultCode::NotFound, format!("{} does not exist", read.path))
                    })?;
                let skip = usize::try_from(read.offset_line).unwrap();
                let take = usize::try_from(read.limit_lines).unwrap();
                let lines: Vec<&str> = text.lines().skip(skip).take(take).collect();
                Ok(Answer::File(FileText {
                    text: lines.join("\n"),
                    first_line: read.offset_line + 1,
                    lines: lines.len() as u64,
                    total_lines: text.lines().count() as u64,
                    total_bytes: text.len() as u64,
                    truncated: false,
                    lossy: false,
                }))
            }
            Request::WriteFile(write) => self.once(&write.op, || {
                let path = self.path(&write.cwd, &write.path);
                let created = !path.exists();
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, &write.content).unwrap();
                Ok(Answer::Written { bytes: write.content.len() as u64, created })
            }),
            Request::EditFile(edit) => self.once(&edit.op, || {
                let path = self.path(&edit.cwd, &edit.path);
                let text = std::fs::read_to_string(&path)
                    .map_err(|_| fault(FaultCode::NotFound, "no such file"))?;
                match text.matches(&edit.old).count() {
                    0 => Err(fault(FaultCode::NoMatch, "the text does not occur")),
                    count if count > 1 && !edit.all => {
                        Err(fault(FaultCode::ManyMatches, "it occurs several times"))
                    }
                    count => {
                        std::fs::write(path, text.replace(&edit.old, &edit.new)).unwrap();
                        let diff = format!("-{}\n+{}", edit.old, edit.new);
                        Ok(Answer::Edited(Edited { replaced: u32::try_from(count).unwrap(), diff }))
                    }
                }
            }),
            other => self.search(other),
        }
    }

    fn search(&self, request: &Request) -> Result<Answer, WorkspaceError> {
        match request {
            Request::ListDir(list) => {
                let folder = std::fs::read_dir(self.path(&list.cwd, &list.path))
                    .map_err(|_| fault(FaultCode::NotFound, "no such folder"))?;
                let mut entries: Vec<Entry> = folder
                    .map(|entry| Entry {
                        path: entry.unwrap().file_name().into_string().unwrap(),
                        kind: EntryKind::File,
                        size: 1,
                    })
                    .collect();
                entries.sort_by(|a, b| a.path.cmp(&b.path));
                Ok(Answer::Listing(Listing { entries, more: false }))
            }
            Request::Glob(_) => {
                Ok(Answer::Paths { paths: vec!["calc.py".to_owned()], more: false })
            }
            Request::Grep(grep) => {
                let text = std::fs::read_to_string(self.path(&grep.cwd, "calc.py")).unwrap();
                let found = text.lines().zip(1..).filter(|(line, _)| line.contains(&grep.pattern));
                let lines: Vec<GrepLine> = found
                    .map(|(line, number)| GrepLine {
                        path: "calc.py".to_owned(),
                        line: number,
                        text: line.to_owned(),
                        context: false,
                    })
                    .collect();
                Ok(Answer::Matches(Matches { files: 1, lines, more: false }))
            }
            other => panic!("not needed here: {other:?}"),
        }
    }
}

#[async_trait]
impl Workspace for DirectoryWorkspace {
    async fn ready(&self) -> Result<Epoch, WorkspaceGone> {
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(WorkspaceGone::Failed(failure));
        }
        let mut up = self.up.subscribe();
        up.wait_for(|up| *up).await.unwrap();
        Ok(Epoch(*self.epoch.borrow()))
    }

    async fn request(&self, epoch: Epoch, request: Request) -> Result<Answer, WorkspaceError> {
        self.check(epoch)?;
        match request {
            Request::Start(start) => Ok(self.start(&start)),
            Request::Wait { op } => self.wait(&op).await,
            Request::Kill { op, .. } => {
                self.command(&op)?.kill.notify_one();
                self.wait(&op).await
            }
            Request::Read { op, stream, offset, max } => {
                let ended = self.command(&op)?.ended.borrow().clone();
                let exited = ended.is_some();
                let (_, stdout, stderr) =
                    ended.unwrap_or_else(|| panic!("read of a running command"));
                let all = if stream == Stream::Stdout { stdout } else { stderr };
                let from = usize::try_from(offset).unwrap().min(all.len());
                let to = (from + max as usize).min(all.len());
                Ok(Answer::Output(Output {
                    bytes: Bytes64(all[from..to].to_vec()),
                    end: all.len() as u64,
                    exited,
                }))
            }
            Request::Ack { .. } => {
                self.acked.fetch_add(1, Ordering::SeqCst);
                Ok(Answer::Done)
            }
            file => self.files(&file),
        }
    }

    async fn foresee(&self, epoch: Epoch, edit: EditFile) {
        self.check(epoch).unwrap();
        assert!(self.path(&edit.cwd, &edit.path).exists());
        self.begun.notify_one();
    }

    fn follow(
        &self,
        epoch: Epoch,
        op: OpId,
        from_stdout: u64,
        from_stderr: u64,
    ) -> BoxStream<'static, Result<Followed, WorkspaceError>> {
        assert_eq!((from_stdout, from_stderr), (0, 0));
        let command = self.check(epoch).and_then(|()| self.command(&op));
        let mut now = self.epoch.subscribe();
        let items = async move {
            let mut ended = match command {
                Ok(command) => command.ended,
                Err(error) => return vec![Err(error)],
            };
            let ended = tokio::select! {
                ended = ended.wait_for(Option::is_some) => ended.unwrap().clone().unwrap(),
                _ = now.wait_for(|now| *now != epoch.0) => return vec![Err(WorkspaceError::Lost("pulled".to_owned()))],
            };
            let (exited, stdout, stderr) = ended;
            let output =
                |stream, bytes: Vec<u8>| Ok(Followed::Output { stream, bytes: bytes.into() });
            vec![
                output(Stream::Stdout, stdout),
                output(Stream::Stderr, stderr),
                Ok(Followed::Exited(exited)),
            ]
        };
        stream::once(items).flat_map(stream::iter).boxed()
    }

    async fn download(
        &self,
        epoch: Epoch,
        cwd: &str,
        path: &str,
        _max: usize,
    ) -> Result<Bytes, WorkspaceError> {
        self.check(epoch)?;
        std::fs::read(self.path(cwd, path))
            .map(Bytes::from)
            .map_err(|_| fault(FaultCode::NotFound, "no such file"))
    }
}
