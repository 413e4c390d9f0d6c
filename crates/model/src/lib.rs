//! Speaks to language models: one [`Model`], three wire dialects, typed errors.
//!
//! Read in this order: [`conversation`] is what is sent, [`piece`] what streams back, [`error`] how
//! it fails, [`catalog`] which models there are and [`price`] what they cost, [`http`] the one HTTP
//! client, [`dialect`] the family of wire formats with one file per member, [`endpoint`] the model
//! behind a URL, [`retry`] the policy around it, and [`passage`] what is read of requests and answers
//! that other programs exchange with a provider.
//!
//! Parts of an answer keep the provider's own JSON text (`raw`), which is replayed byte-faithfully:
//! a normalised form would lose thinking signatures, encrypted reasoning and prompt caching.
//! This crate reads no environment, stores nothing and knows no other crate of the house.

use futures::stream::BoxStream;

pub mod catalog;
pub mod conversation;
pub mod dialect;
pub mod endpoint;
pub mod error;
pub mod http;
pub mod piece;
pub mod price;
pub mod retry;
pub mod passage;
mod sse;

/// The stream of one answer. Dropping it cancels the request.
pub type PieceStream = BoxStream<'static, Result<piece::Piece, error::ModelError>>;

/// What a model can do and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Accepts images in prompts and tool results.
    pub images: bool,
    /// How thinking is asked for.
    pub thinking: Thinking,
    /// May call several tools in one answer.
    pub parallel_tools: bool,
    /// Good enough to work without supervision.
    pub fit_for_cloud: bool,
    /// Tokens of input and output together.
    pub context_window: u64,
    /// Most tokens of one answer.
    pub max_output: u64,
}

/// How a model is asked to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It does not think, or decides alone.
    None,
    /// By a budget of tokens (Anthropic's older models).
    Budget,
    /// It decides how much, guided by an effort (Anthropic's newer models).
    Adaptive,
    /// By an effort (OpenAI's reasoning models and look-alikes).
    Effort,
}

/// A language model.
///
/// The implementer owes: pieces in the order the model produced them; exactly one `Finished` as the
/// last piece of a good answer, or one error as the last item; no retries of its own; an end of all
/// work when the stream is dropped. The caller owes: every tool call answered by exactly one result
/// in the next request, and parts handed back as they came.
pub trait Model: Send + Sync {
    /// What the model can do; the caller respects it.
    fn capabilities(&self) -> &Capabilities;

    /// Sends a request and streams the answer. Nothing happens until the stream is polled.
    fn stream(&self, request: &conversation::Request) -> PieceStream;
}
