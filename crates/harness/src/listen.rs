//! Listens to one answer of the model: shows it live in few frames and keeps the whole.

use crate::journal::Stopped;
use crate::log::Log;
use futures::StreamExt;
use model::PieceStream;
use model::error::ModelError;
use model::piece::{Finish, Piece, Usage};
use model::price::Price;
use protocol::delta::Delta;
use protocol::event::{Event, Frame, FrameKind};
use protocol::ids::{RunId, Step};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long text waits for more, so that a frame is not a single token.
const FRAME_WAIT: Duration = Duration::from_millis(15);
/// Text that is shown without waiting for more, in bytes.
const FRAME_BYTES: usize = 1024;
/// Bytes of text that a token is taken to have where nobody counted.
pub(crate) const TOKEN_BYTES: u64 = 4;

/// A whole answer.
pub(crate) struct Heard {
    pub(crate) finish: Finish,
    pub(crate) attempt: u32,
    pub(crate) frames: Vec<Frame>,
    /// What earlier attempts cost that broke off.
    pub(crate) lost_micros: u64,
}

/// One answer on its way to watchers.
pub(crate) struct Listener<'a> {
    pub(crate) log: &'a Log,
    pub(crate) run: RunId,
    pub(crate) step: Step,
    pub(crate) attempt: u32,
    /// Id of the model, for the log.
    pub(crate) model: &'a str,
    pub(crate) frames: Vec<Frame>,
    pub(crate) waiting: Option<Waiting>,
    /// Bytes of this attempt, the waiting ones included.
    pub(crate) end: u64,
    pub(crate) bill: Bill,
}

/// What an answer costs while it is being heard.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    /// What tokens cost, if known.
    price: Option<Price>,
    /// Tokens of the request, as far as anybody can tell before the provider has counted.
    request_tokens: u64,
    /// Tokens of this attempt, as the provider counted them.
    counted: Usage,
    /// Bytes that the model wrote in this attempt; none: it was not heard at all.
    written: Option<u64>,
    lost_micros: u64,
}

impl Bill {
    pub(crate) fn new(price: Option<Price>, request_tokens: u64) -> Self {
        Self { price, request_tokens, ..Self::default() }
    }

    fn write(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.written = Some(self.written.unwrap_or(0).saturating_add(bytes));
    }

    /// Tokens of this attempt so far; none before its first piece, which a provider may refuse.
    fn usage(&self) -> Option<Usage> {
        let written = self.written?.div_ceil(TOKEN_BYTES);
        let mut usage = self.counted;
        if usage.context_tokens() == 0 {
            usage.input_tokens = self.request_tokens;
        }
        usage.output_tokens = usage.output_tokens.max(written);
        Some(usage)
    }

    fn cost(&self, usage: &Usage) -> u64 {
        self.price.map_or(0, |price| price.cost(usage)).saturating_add(self.lost_micros)
    }

    /// The attempt is void, and paid for all the same.
    fn lose(&mut self) {
        let lost = self.usage().map_or(self.lost_micros, |usage| self.cost(&usage));
        *self = Self { lost_micros: lost, ..Self::new(self.price, self.request_tokens) };
    }
}

/// Text that was not shown yet.
pub(crate) struct Waiting {
    kind: FrameKind,
    text: String,
    until: Instant,
}

impl Listener<'_> {
    /// Listens until the answer is whole or has failed for good.
    pub(crate) async fn listen(
        mut self,
        mut pieces: PieceStream,
    ) -> Result<Result<Heard, ModelError>, Stopped> {
        loop {
            let next = match &self.waiting {
                None => pieces.next().await,
                Some(waiting) => match timeout_at(waiting.until, pieces.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.flush();
                        continue;
                    }
                },
            };
            match next {
                Some(Ok(Piece::Finished(finish))) => {
                    self.flush();
                    let Self { attempt, frames, bill: Bill { lost_micros, .. }, .. } = self;
                    return Ok(Ok(Heard { finish, attempt, frames, lost_micros }));
                }
                Some(Ok(piece)) => self.piece(piece).await?,
                Some(Err(error)) => return Ok(Err(error)),
                None => return Ok(Err(ModelError::CutStream)),
            }
        }
    }

    async fn piece(&mut self, piece: Piece) -> Result<(), Stopped> {
        match piece {
            Piece::TextDelta(text) => self.push(FrameKind::Text, &text),
            Piece::ThinkingDelta(text) => self.push(FrameKind::Thinking, &text),
            Piece::ToolCallStarted { name, .. } => {
                self.flush();
                let Self { run, step, attempt, .. } = *self;
                self.bill.write(name.len());
                self.log.journal.delta(Delta::ToolDrafted { run, step, attempt, name });
            }
            Piece::ToolCallDelta { arguments, .. } => self.bill.write(arguments.len()),
            Piece::Counted(usage) => {
                self.bill.write(0);
                self.bill.counted = usage;
            }
            Piece::Retrying { delay, reason, .. } => self.again(delay, reason).await?,
            Piece::Finished(_) => {}
        }
        if let Some(usage) = self.bill.usage() {
            let cost = self.bill.cost(&usage);
            self.log.journal.heard(self.step, crate::ask::stored(&usage), cost);
        }
        Ok(())
    }

    /// What was heard is void. The new attempt is in the log before its first frame, so that no two
    /// frames ever have the same id.
    async fn again(&mut self, delay: Duration, reason: String) -> Result<(), Stopped> {
        self.waiting = None;
        self.frames.clear();
        self.end = 0;
        self.bill.lose();
        self.attempt += 1;
        let Self { run, step, attempt, .. } = *self;
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.log.journal.delta(Delta::Retrying { run, step, attempt, delay_ms, reason });
        let model = self.model.to_owned();
        self.log.record(vec![Event::StepStarted { run, step, attempt, model }]).await
    }

    fn push(&mut self, kind: FrameKind, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.waiting.as_ref().is_some_and(|waiting| waiting.kind != kind) {
            self.flush();
        }
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            kind,
            text: String::new(),
            until: Instant::now() + FRAME_WAIT,
        });
        waiting.text.push_str(text);
        self.bill.write(text.len());
        self.end += text.len() as u64;
        if waiting.text.len() >= FRAME_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some(Waiting { kind, text, .. }) = self.waiting.take() else { return };
        let Self { run, step, attempt, end, .. } = *self;
        self.frames.push(Frame { kind, end });
        self.log.journal.delta(Delta::Text { run, step, attempt, kind, text, end });
    }
}
