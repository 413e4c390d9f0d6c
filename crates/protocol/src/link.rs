//! How the server speaks to a guest: messages, frames, limits. Plain data, no IO.
//!
//! One *link connection* is a byte stream on which many channels are multiplexed. Read on in
//! [`frame`] (bytes), [`request`] (what the server asks), [`answer`] (what the guest says).
//!
//! Who owes what:
//!
//! - The server speaks first: [`ToGuest::Hello`] on channel 0. The guest answers
//!   [`FromGuest::Welcome`] or [`FromGuest::Refused`] (in words) and closes after a refusal.
//! - A request opens a channel that the server chose: odd, never used before on this connection.
//!   Everything about it carries that channel. The guest ends the channel with exactly one
//!   [`FromGuest::Answer`] or [`FromGuest::Failed`]; nothing follows it.
//! - Data frames are paid from a window of [`WINDOW_BYTES`] per channel and direction; the receiver
//!   gives it back with `Credit` once it has used the bytes. Sending more is a broken connection.
//!   `Opened` says that data may be sent to a channel which needs a partner first (`Connect`).
//! - `End` says "no more data from my side" and leaves the channel open for the other direction.
//! - `Cancel` makes the guest stop answering; what was started stays started. The guest still
//!   ends the channel.
//! - Every operation is named by the server. A start or a mutating call whose name is known is not
//!   carried out again: it is answered as the first time. So a server that lost its connection
//!   sends the request once more.
//! - A newer connection with the same or a higher term replaces the one before it, which is closed.
//!   A lower term is refused.
//!
//! Versions: [`VERSION`] is raised when an old side could not understand a new one; both sides
//! refuse any other. Additions within a version are announced as capabilities in the welcome.
//! Fields that a side does not know are ignored, types that it does not know are an error.
//!
//! TRUST: the guest lives with the agent. Whatever it says is bounded by the frame decoder, parsed
//! into closed types, and never decides what reaches a remote.

pub mod answer;
pub mod frame;
pub mod request;
pub mod terminal;

pub use answer::{
    Answer, Edited, Entry, EntryKind, Exited, Fault, FaultCode, FileText, Found, FromGuest,
    GrepLine, Head, LfsPointer, Listing, Matches, OpState, OpenPort, Output, Stats, Welcome,
    Worktree,
};
pub use frame::{Body, Decoder, Frame, FrameError, encode_control, encode_data};
pub use request::{
    AddCommits, CheckOut, Checkpoint, EditFile, Glob, Grep, Hello, ListDir, MoveBranch, Pack,
    PtySize, ReadFile, Request, Start, Stdin, Stream, ToGuest, Transport, Unpack, User, WriteFile,
};

pub use terminal::Piece;

use serde::{Deserialize, Serialize};

/// Version of this protocol.
pub const VERSION: u32 = 2;
/// Bytes of one frame's payload at most.
pub const FRAME_BYTES: usize = 256 * 1024;
/// Bytes of one control message at most; a long one is sent as several frames.
pub const MESSAGE_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of data that may be under way on one channel in one direction.
pub const WINDOW_BYTES: usize = 256 * 1024;
/// Bytes of one data frame as the two sides cut them.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Requests open on one connection at most.
pub const OPEN_CHANNELS: usize = 1024;
/// Characters of an operation's name at most.
pub const OP_CHARS: usize = 128;
/// Time between a polite signal and the deadly one, in milliseconds.
pub const KILL_GRACE_MS: u64 = 300;
/// Capability: files can be sent and fetched as raw bytes.
pub const CAPABILITY_TRANSFER: &str = "transfer";
/// Capability: commands may run as the namespace's root.
pub const CAPABILITY_SUDO: &str = "sudo";
/// Capability: commands may have a terminal.
pub const CAPABILITY_PTY: &str = "pty";
/// Capability: somebody may sit down at a terminal (`Attach`), look for ports, make directories.
pub const CAPABILITY_ATTACH: &str = "attach";
/// Capability: a command may be sent any signal (`Signal`).
pub const CAPABILITY_SIGNAL: &str = "signal";
/// Capability: an edit can be made ready before it is asked for (`DraftEdit`).
pub const CAPABILITY_DRAFT: &str = "draft";
/// Capability: whose a socket is can be asked (`Owner`).
pub const CAPABILITY_OWNER: &str = "owner";

/// Name of an operation: 1–128 of `A-Z a-z 0-9 _ . : -`, not beginning with a full stop.
///
/// It is a file name inside the guest, therefore so narrow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OpId(String);

/// A text that cannot name an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an operation's name: {0:?}")]
pub struct BadOpId(String);

impl OpId {
    /// Parses a name, refusing anything else.
    pub fn parse(text: &str) -> Result<Self, BadOpId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        let good = (1..=OP_CHARS).contains(&text.len())
            && !text.starts_with('.')
            && text.bytes().all(fits);
        if good { Ok(Self(text.to_owned())) } else { Err(BadOpId(text.chars().take(80).collect())) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for OpId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl From<OpId> for String {
    fn from(id: OpId) -> String {
        id.0
    }
}
impl TryFrom<String> for OpId {
    type Error = BadOpId;
    fn try_from(text: String) -> Result<Self, BadOpId> {
        Self::parse(&text)
    }
}

/// Bytes inside a control message, as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes64(pub Vec<u8>);

impl From<Bytes64> for String {
    fn from(bytes: Bytes64) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes.0)
    }
}
impl TryFrom<String> for Bytes64 {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operations_name_is_a_safe_file_name() {
        for good in ["a", "call_01:retry-2.x", &"x".repeat(OP_CHARS)] {
            assert!(OpId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".x", "a/b", "a b", "é", "a\0", &"x".repeat(OP_CHARS + 1)] {
            assert!(OpId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn messages_have_one_spelling_on_the_wire() {
        let op = OpId::parse("c1").unwrap();
        let hello = ToGuest::Request {
            request: Request::Input { op, bytes: Bytes64(b"hi".to_vec()), end: true },
        };
        let text = serde_json::to_string(&hello).unwrap();
        assert_eq!(
            text,
            r#"{"type":"request","request":{"type":"input","op":"c1","bytes":"aGk=","end":true}}"#
        );
        assert_eq!(serde_json::from_str::<ToGuest>(&text).unwrap(), hello);
    }

    #[test]
    fn an_unknown_field_is_ignored_and_an_unknown_type_is_an_error() {
        assert!(serde_json::from_str::<ToGuest>(r#"{"type":"ping","nonce":1,"new":2}"#).is_ok());
        assert!(serde_json::from_str::<ToGuest>(r#"{"type":"later"}"#).is_err());
    }
}
