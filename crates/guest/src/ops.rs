//! Operations by name: what runs, what ran, and what came of it.
//!
//! A name is given once. Whoever asks again, on whatever connection, gets what the first asking
//! started. Results stay until the server acknowledges them.

use crate::config::GuestConfig;
use crate::kill::Supervisors;
use crate::process::{Process, Running};
use crate::spool::Budget;
use protocol::link::{Answer, Exited, Fault, FaultCode, OpId, OpState, Start};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Operations known at once at most.
const KNOWN_OPS: usize = 8192;
/// How often processes that do not go are signalled again.
const SWEEP: Duration = Duration::from_millis(10);
const EXIT_FILE: &str = "exit.json";
const RESULT_FILE: &str = "result.json";

/// All operations of a guest.
pub struct Ops {
    directory: PathBuf,
    budget: Arc<Budget>,
    table: Mutex<BTreeMap<OpId, Known>>,
    /// Supervisors of commands whose output nobody keeps.
    streams: Arc<Mutex<BTreeMap<OpId, i32>>>,
    /// Every supervisor alive.
    pub supervisors: Arc<Supervisors>,
    tasks: Mutex<JoinSet<()>>,
}

/// The outcome of a call that is not a process.
pub type Outcome = Result<Answer, Fault>;

/// The name of a command whose output nobody keeps.
pub struct Named {
    streams: Arc<Mutex<BTreeMap<OpId, i32>>>,
    op: OpId,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.op);
    }
}

/// A call's outcome, once there is one.
type Pending = Arc<watch::Sender<Option<Outcome>>>;

#[derive(Clone)]
enum Known {
    Process(Arc<Process>),
    Call(Pending),
}

impl Ops {
    /// Opens the spool, with whatever an earlier guest left in it.
    pub fn open(config: &GuestConfig) -> std::io::Result<Self> {
        let directory = config.run_dir.join("ops");
        std::fs::create_dir_all(&directory)?;
        let ops = Self {
            budget: Arc::new(Budget::new(config.spool_bytes)),
            table: Mutex::default(),
            streams: Arc::default(),
            supervisors: Arc::default(),
            tasks: Mutex::default(),
            directory,
        };
        for entry in std::fs::read_dir(&ops.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(op) = name.to_str().and_then(|name| OpId::parse(name).ok()) else { continue };
            match ops.load(&op, &entry.path()) {
                Some(known) => _ = ops.lock().insert(op, known),
                None => std::fs::remove_dir_all(entry.path())?,
            }
        }
        Ok(ops)
    }

    fn load(&self, op: &OpId, directory: &Path) -> Option<Known> {
        if let Ok(text) = std::fs::read(directory.join(RESULT_FILE)) {
            let outcome: Outcome = serde_json::from_slice(&text).ok()?;
            return Some(Known::Call(Arc::new(watch::Sender::new(Some(outcome)))));
        }
        let exited = std::fs::read(directory.join(EXIT_FILE)).ok();
        let exited = exited.and_then(|text| serde_json::from_slice::<Exited>(&text).ok());
        let process = Process::left(op.clone(), directory, exited, &self.budget).ok()?;
        Some(Known::Process(Arc::new(process)))
    }

    /// Starts a process, unless the name is known; whether it was.
    pub fn start(self: &Arc<Self>, config: &GuestConfig, start: &Start) -> Result<bool, Fault> {
        let mut table = self.lock();
        match table.get(&start.op) {
            Some(Known::Process(_)) => return Ok(true),
            Some(Known::Call(_)) => return Err(taken(&start.op)),
            None => {}
        }
        room(&table)?;
        let directory = self.make_directory(&start.op)?;
        let running =
            match Running::start(config, start, &directory, &self.budget, &self.supervisors) {
                Ok(running) => running,
                Err(error) => {
                    drop(std::fs::remove_dir_all(&directory));
                    return Err(fault(
                        FaultCode::Failed,
                        format!("cannot start the command: {error}"),
                    ));
                }
            };
        table.insert(start.op.clone(), Known::Process(Arc::clone(&running.process)));
        drop(table);
        let ops = Arc::clone(self);
        self.spawn(async move { running.attend(&ops).await });
        Ok(false)
    }

    /// A process by name.
    pub fn process(&self, op: &OpId) -> Result<Arc<Process>, Fault> {
        match self.lock().get(op) {
            Some(Known::Process(process)) => Ok(Arc::clone(process)),
            Some(Known::Call(_)) => Err(taken(op)),
            None => {
                Err(fault(FaultCode::UnknownOp, format!("no operation named {op} is known here")))
            }
        }
    }

    /// Carries out a call once. `work` runs to its end even when the caller goes away.
    pub async fn once<W>(self: &Arc<Self>, op: &OpId, work: W) -> Outcome
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let (known, fresh) = self.register(op)?;
        let mut seen = known.subscribe();
        if fresh {
            let ops = Arc::clone(self);
            let op = op.clone();
            self.spawn(async move {
                let outcome = work.await;
                known.send_replace(Some(outcome.clone()));
                // Whoever waits for the answer is next, and this comes after.
                tokio::task::yield_now().await;
                ops.keep(&op, &outcome);
            });
        } else {
            drop(known);
        }
        let outcome = seen.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        let lost = || fault(FaultCode::Failed, "the operation broke off".to_owned());
        outcome.ok().flatten().unwrap_or_else(|| Err(lost()))
    }

    fn register(&self, op: &OpId) -> Result<(Pending, bool), Fault> {
        let mut table = self.lock();
        match table.get(op) {
            Some(Known::Call(call)) => return Ok((Arc::clone(call), false)),
            Some(Known::Process(_)) => return Err(taken(op)),
            None => {}
        }
        room(&table)?;
        let call = Arc::new(watch::Sender::new(None));
        table.insert(op.clone(), Known::Call(Arc::clone(&call)));
        Ok((call, true))
    }

    fn keep(&self, op: &OpId, outcome: &Outcome) {
        // Forgotten meanwhile, or it would come back with the next guest.
        let table = self.lock();
        if !table.contains_key(op) {
            return;
        }
        let Ok(directory) = self.make_directory(op) else { return };
        self.write_json(&directory.join(RESULT_FILE), outcome);
    }

    /// Writes down how a process ended.
    pub fn keep_exit(&self, op: &OpId, exited: &Exited) {
        self.write_json(&self.directory.join(op.as_str()).join(EXIT_FILE), exited);
    }

    /// The table in memory is what counts while this guest lives; a spool that is full must not
    /// keep a result from being told, so a failed write is no failure of the operation.
    fn write_json<T: serde::Serialize>(&self, path: &Path, value: &T) {
        if let Ok(json) = serde_json::to_vec(value) {
            drop(std::fs::write(path, json));
        }
    }

    fn make_directory(&self, op: &OpId) -> Result<PathBuf, Fault> {
        let directory = self.directory.join(op.as_str());
        std::fs::create_dir_all(&directory).map_err(|error| {
            fault(FaultCode::Busy, format!("no room for the operation: {error}"))
        })?;
        Ok(directory)
    }

    /// The server has the result: forget it, at once or when its processes are gone.
    pub fn ack(&self, op: &OpId) {
        let mut table = self.lock();
        let finished = match table.get(op) {
            Some(Known::Process(process)) => process.ack(),
            Some(Known::Call(call)) => call.borrow().is_some(),
            None => false,
        };
        if finished {
            self.forget(&mut table, op);
        }
    }

    /// The last process of an operation is gone.
    pub fn finished(&self, process: &Process) {
        let mut table = self.lock();
        if process.acked() {
            self.forget(&mut table, &process.op);
        }
    }

    fn forget(&self, table: &mut BTreeMap<OpId, Known>, op: &OpId) {
        table.remove(op);
        // An entry that is left is loaded and acknowledged again, or goes with the sandbox.
        drop(std::fs::remove_dir_all(self.directory.join(op.as_str())));
    }

    /// Ends everything of an operation; true when it is gone.
    pub async fn kill(self: &Arc<Self>, process: &Arc<Process>, signal: i32) {
        process.mark_killed();
        let (ops, doomed) = (Arc::clone(self), Arc::clone(process));
        // In a task of its own: a lost connection must not stop half-way.
        self.spawn(async move { ops.terminate(&doomed, signal).await });
        process.gone().await;
        while self.supervisors.lives(process.supervisor()) {
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Gives a name to a command whose output nobody keeps, as long as what is returned lives.
    pub fn name(&self, op: OpId, supervisor: i32) -> Named {
        let streams = Arc::clone(&self.streams);
        streams.lock().unwrap_or_else(PoisonError::into_inner).insert(op.clone(), supervisor);
        Named { streams, op }
    }

    /// Sends a signal to everything of an operation and leaves the rest to it.
    pub fn signal(&self, op: &OpId, signal: i32) -> Result<(), Fault> {
        let stream = self.streams.lock().unwrap_or_else(PoisonError::into_inner).get(op).copied();
        let supervisor = match stream {
            Some(supervisor) => supervisor,
            None => self.process(op)?.supervisor(),
        };
        self.supervisors.signal(supervisor, signal);
        Ok(())
    }

    /// A signal, time to obey, then the deadly one until nothing is left.
    pub async fn terminate(&self, process: &Process, signal: i32) {
        let supervisor = process.supervisor();
        if signal != libc::SIGKILL {
            self.supervisors.signal(supervisor, signal);
            self.supervisors.signal(supervisor, libc::SIGCONT);
            let grace = Duration::from_millis(protocol::link::KILL_GRACE_MS);
            drop(tokio::time::timeout(grace, process.gone()).await);
        }
        self.destroy(supervisor).await;
    }

    async fn destroy(&self, supervisor: i32) {
        while self.supervisors.lives(supervisor) {
            self.supervisors.signal(supervisor, libc::SIGKILL);
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Ends everything but what belongs to these operations.
    pub async fn kill_all(self: &Arc<Self>, except: &[OpId]) {
        let processes = self.processes();
        let (kept, doomed): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|process| except.contains(&process.op));
        let mut endings = JoinSet::new();
        for process in doomed.into_iter().filter(|process| !process.is_gone()) {
            let ops = Arc::clone(self);
            endings.spawn(async move { ops.kill(&process, libc::SIGTERM).await });
        }
        endings.join_all().await;
        let kept: Vec<i32> = kept.iter().map(|process| process.supervisor()).collect();
        for other in self.supervisors.others(&kept) {
            self.destroy(other).await;
        }
    }

    /// Every operation known.
    pub fn list(&self) -> Vec<OpState> {
        let processes = self.processes();
        let running: Vec<i32> =
            processes.iter().filter(|p| !p.is_gone()).map(|p| p.supervisor()).collect();
        let counts = self.supervisors.count(&running);
        let table = self.lock();
        let states = table.iter().map(|(op, known)| match known {
            Known::Process(process) => OpState {
                op: op.clone(),
                running: process.exited().is_none(),
                processes: counts.get(&process.supervisor()).copied().unwrap_or(0),
                spool_bytes: process.stdout.kept() + process.stderr.kept(),
                acked: process.acked(),
            },
            Known::Call(call) => OpState {
                op: op.clone(),
                running: call.borrow().is_none(),
                processes: 0,
                spool_bytes: 0,
                acked: false,
            },
        });
        states.collect()
    }

    /// Bytes in the spool.
    pub fn spool_bytes(&self) -> u64 {
        self.budget.used()
    }

    /// Kills what is left without waiting; for the end of a guest that is not process 1.
    pub fn abandon(&self) {
        for supervisor in self.supervisors.others(&[]) {
            self.supervisors.signal(supervisor, libc::SIGKILL);
        }
    }

    fn processes(&self) -> Vec<Arc<Process>> {
        let table = self.lock();
        let processes = table.values().filter_map(|known| match known {
            Known::Process(process) => Some(Arc::clone(process)),
            Known::Call(_) => None,
        });
        processes.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OpId, Known>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task that the guest owns, whichever connection asked for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

fn room(table: &BTreeMap<OpId, Known>) -> Result<(), Fault> {
    if table.len() < KNOWN_OPS {
        return Ok(());
    }
    Err(fault(FaultCode::Busy, "too many operations wait to be acknowledged".to_owned()))
}

fn taken(op: &OpId) -> Fault {
    fault(FaultCode::OpTaken, format!("{op} names an operation of another kind"))
}

/// A fault in one line.
pub fn fault(code: FaultCode, message: impl Into<String>) -> Fault {
    Fault { code, message: message.into() }
}
