//! Asking a remote where its refs are, once for everybody who wants to know at the same time.
//!
//! While one question is under way others gather, and the next is asked for all of them. So each
//! answer was given after its question was asked, and two hundred agents on one repository start a
//! handful of processes rather than two hundred.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Access, FarEnd, Remote, call, far_end};
use crate::error::{Error, Result, of_remote};
use crate::runner::{Git, Overflow};

/// Time for asking a remote where its refs are.
pub const LS_TIME_MAX: Duration = Duration::from_secs(45);
/// Answer of a remote to that question; a server that ignores the filter sends every ref.
const LS_STDOUT_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Patterns of one question: they are arguments of a program.
const PATTERNS_MAX: usize = 256;
const ASK: &str = "ask the remote for its refs";

/// Who waits for which remote.
#[derive(Debug, Default)]
pub(crate) struct Asking(Mutex<HashMap<(String, Access), Arc<Line>>>);

/// Those who wait for one remote, let in by it in the same way.
#[derive(Debug, Default)]
struct Line {
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Question>>,
}

#[derive(Debug)]
struct Question {
    patterns: Vec<String>,
    sender: oneshot::Sender<Arc<Heard>>,
}

/// What came back, for everybody who asked.
#[derive(Debug)]
enum Heard {
    Said(String),
    Refused(String),
    Late,
    Broken(String),
}

impl Asking {
    fn line(&self, remote: &Remote) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those nobody stands in go, so that the map does not grow with every remote seen.
        lines.retain(|_, line| Arc::strong_count(line) > 1);
        let key = (remote.url.as_str().to_owned(), remote.access.clone());
        Arc::clone(lines.entry(key).or_default())
    }
}

impl Line {
    fn queue(&self, patterns: &[String]) -> oneshot::Receiver<Arc<Heard>> {
        let (sender, receiver) = oneshot::channel();
        let question = Question { patterns: patterns.to_vec(), sender };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(question);
        receiver
    }

    /// Those who wait, as many as fit into one question together with these patterns.
    fn gather(&self, own: &[String]) -> (Vec<Question>, BTreeSet<String>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut patterns: BTreeSet<String> = own.iter().cloned().collect();
        let mut together = Vec::new();
        let mut left = Vec::new();
        for question in waiting.drain(..).filter(|question| !question.sender.is_closed()) {
            if patterns.len() + question.patterns.len() > PATTERNS_MAX {
                left.push(question);
                continue;
            }
            patterns.extend(question.patterns.iter().cloned());
            together.push(question);
        }
        *waiting = left;
        (together, patterns)
    }
}

impl Heard {
    fn text(&self) -> Result<&str> {
        match self {
            Self::Said(text) => Ok(text),
            Self::Refused(stderr) => Err(of_remote(ASK, stderr)),
            Self::Late => Err(Error::Timeout { attempt: ASK, limit: LS_TIME_MAX }),
            Self::Broken(why) => Err(Error::other(ASK, why.clone())),
        }
    }
}

/// What `ls-remote` prints of these patterns, perhaps among others.
pub(super) async fn ask(git: &Git, remote: &Remote, patterns: &[String]) -> Result<String> {
    // What is wrong with the remote's address or access is said to each in its own words.
    call(git, remote, ASK)?;
    far_end(remote, FarEnd::Upload)?;
    let line = git.asking().line(remote);
    loop {
        let answered = line.queue(patterns);
        tokio::select! {
            biased;
            answer = answered => match answer {
                Ok(heard) => return heard.text().map(str::to_owned),
                // Whoever asked for us went away in the middle of it.
                Err(_) => continue,
            },
            turn = line.turn.lock() => {
                let (together, all) = line.gather(patterns);
                let heard = Arc::new(ask_once(git, remote, &all).await);
                for question in together {
                    // Whoever does not wait any more needs no answer.
                    drop(question.sender.send(Arc::clone(&heard)));
                }
                drop(turn);
                return heard.text().map(str::to_owned);
            }
        }
    }
}

async fn ask_once(git: &Git, remote: &Remote, patterns: &BTreeSet<String>) -> Heard {
    let finish = async {
        call(git, remote, ASK)?
            .args(["ls-remote", "--symref", "--quiet"])
            .args(far_end(remote, FarEnd::Upload)?)
            .arg("--")
            .arg(remote.url.as_str())
            .args(patterns)
            .waiting(LS_TIME_MAX)
            .stdout_max(LS_STDOUT_MAX_BYTES, Overflow::Fail)
            .finish()
            .await
    };
    match finish.await {
        Ok(output) if output.code == Some(0) => Heard::Said(output.text()),
        Ok(output) => Heard::Refused(output.stderr),
        Err(Error::Timeout { .. }) => Heard::Late,
        Err(error) => Heard::Broken(error.to_string()),
    }
}
