//! The server as a process: started, killed, told to end.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Time a server gets to say `ready`.
const READY: Duration = Duration::from_secs(30);
/// Time a server gets to end in good order.
const FAREWELL: Duration = Duration::from_secs(20);
/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A running server.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub url: String,
    /// Time from its start to its `ready` line.
    pub ready_after: Duration,
}

/// The binary under test.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("ERRAND_BIN") {
        return PathBuf::from(named);
    }
    // Tests lie in target/<profile>/deps, the binary one above.
    let this = std::env::current_exe().unwrap();
    let beside = this.ancestors().nth(2).unwrap().join("errand");
    assert!(
        beside.is_file(),
        "{} is missing: build it, or name one with ERRAND_BIN",
        beside.display()
    );
    beside
}

impl Server {
    /// Starts one on this data folder and waits until it is ready.
    pub fn start(data: &Path, listen: &str, log: &Path) -> Self {
        Self::spawn(Command::new(binary()), data, listen, log)
    }

    /// Starts one by way of another program that runs the rest of its arguments.
    pub fn start_within(wrapper: &[&str], data: &Path, listen: &str, log: &Path) -> Self {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(binary());
        Self::spawn(command, data, listen, log)
    }

    fn spawn(mut command: Command, data: &Path, listen: &str, log: &Path) -> Self {
        let started = Instant::now();
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.args(["serve", "--listen", listen, "--data"]).arg(data);
        for name in [
            "ERRAND_CONFIG",
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "ANTHROPIC_BASE_URL",
            "OPENAI_BASE_URL",
        ] {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("start the server");
        let out = child.stdout.take().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("ready ") {
                    sender.send(url.to_owned()).unwrap_or_default();
                }
            }
        });
        let url = receiver.recv_timeout(READY);
        if url.is_err() {
            child.kill().unwrap_or_default();
        }
        let url = url.expect("the server did not get ready: see its log");
        Self { child, url, ready_after: started.elapsed() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let deadline = Instant::now() + FAREWELL;
        while self.child.try_wait().unwrap().is_none() {
            assert!(
                Instant::now() < deadline,
                "the server did not end within {FAREWELL:?} of SIGTERM"
            );
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
