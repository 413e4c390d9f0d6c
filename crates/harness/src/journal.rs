//! The memory: where facts are recorded and what others tell the loop. The server implements it.

use async_trait::async_trait;
use bytes::Bytes;
use protocol::content::{Prompt, Usage};
use protocol::delta::Delta;
use protocol::event::{Event, Logged};
use protocol::failure::Failure;
use protocol::ids::{MessageId, QuestionId, Step};

/// The run is over, or another server drives it now: stop at once, record nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run is no longer driven from here")]
pub struct Stopped;

/// The log of the agent as the loop sees it.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends facts in one transaction; returns when they are durable.
    ///
    /// Gives back everything in the log after what the loop has seen (the transcript it was started
    /// with and earlier answers), these facts included, in order. So a live run and one rebuilt from
    /// the log send the same requests.
    async fn record(&self, events: Vec<Event>) -> Result<Vec<Logged>, Stopped>;

    /// Shows something to watchers; may be lost; must not block.
    fn delta(&self, delta: Delta);

    /// What the answer to the open step cost so far; must not block. It counts where the turn ends
    /// before the answer does, and is nothing once the message is recorded.
    fn heard(&self, step: Step, usage: Usage, cost_micros: u64);

    /// Tokens and money of this run by the log as it is now; none where nobody but the turn spends any.
    fn used(&self) -> Option<(u64, u64)> {
        None
    }

    /// Why the run should end now although nothing in it says so (no room to work in).
    async fn hindrance(&self) -> Option<Failure>;

    /// Steering messages of this run without a recorded `SteerTaken`, oldest first.
    fn steering(&self) -> Vec<(MessageId, Prompt)>;

    /// Bytes of a blob, `None` when they are gone (privacy mode, erased).
    async fn blob(&self, digest: &str) -> Option<Bytes>;

    /// Keeps bytes as a blob and gives its digest; the same bytes have the same digest.
    async fn keep(&self, bytes: Bytes) -> Result<String, Stopped>;

    /// A fresh id for a question.
    fn question_id(&self) -> QuestionId;

    /// Waits for the answer to a recorded question: a person's, or the default at its deadline.
    /// Returns at once when the answer is in the log already.
    async fn answer(&self, question: QuestionId) -> Result<String, Stopped>;

    /// An instruction file by its absolute path inside the sandbox, as it is in the base commit.
    ///
    /// TRUST: never from the worktree, which the model itself (or whoever talked to it) may write.
    async fn instruction(&self, path: &str) -> Option<String>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
}
