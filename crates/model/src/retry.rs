//! When and how long to wait before asking again: a pure policy, and the stream that obeys it.

use crate::conversation::Request;
use crate::error::ModelError;
use crate::piece::Piece;
use crate::{Model, PieceStream};
use futures::{StreamExt, stream};
use std::sync::Arc;
use std::time::Duration;

/// Limits of retrying one model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts, the first included.
    pub attempts_max: u32,
    /// Wait before the second attempt; doubles with each further one.
    pub base_delay: Duration,
    /// Longest wait that the doubling reaches.
    pub delay_max: Duration,
    /// Longest wait taken from a provider's `Retry-After`.
    pub retry_after_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            base_delay: Duration::from_millis(500),
            delay_max: Duration::from_secs(60),
            retry_after_max: Duration::from_secs(300),
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Ask again after this wait.
    Retry(Duration),
    /// Report the error.
    GiveUp,
}

impl RetryPolicy {
    /// Decides after attempt number `attempt` (the first is 1) failed; `seed` spreads many agents
    /// that failed together.
    pub fn decide(&self, attempt: u32, error: &ModelError, seed: u64) -> Verdict {
        if attempt >= self.attempts_max || !error.is_retryable() {
            return Verdict::GiveUp;
        }
        let jitter = f64::from(mixed(seed, attempt)) / f64::from(u32::MAX);
        let delay = match error.retry_after() {
            // Never earlier than the provider asked for, so the spread is added.
            Some(asked) => asked.min(self.retry_after_max).mul_f64(1.0 + jitter / 10.0),
            None => self.doubled(attempt).mul_f64(0.5 + jitter / 2.0),
        };
        Verdict::Retry(delay)
    }

    fn doubled(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.base_delay.saturating_mul(factor).min(self.delay_max)
    }
}

/// Spreads seed and attempt over 32 bits (the finaliser of splitmix64).
const fn mixed(seed: u64, attempt: u32) -> u32 {
    let mut z = seed.wrapping_add((attempt as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 32) as u32
}

/// Streams an answer, asking again as the policy says. Before each further attempt comes a
/// [`Piece::Retrying`]: the consumer discards what it has of the answer.
pub fn with_retries(
    model: Arc<dyn Model>,
    request: Arc<Request>,
    policy: RetryPolicy,
    seed: u64,
) -> PieceStream {
    let pieces = model.stream(&request);
    let attempts =
        Attempts { model, request, policy, seed, attempt: 1, state: State::Reading(pieces) };
    stream::unfold(attempts, |mut attempts| async move {
        let item = attempts.next().await?;
        Some((item, attempts))
    })
    .boxed()
}

struct Attempts {
    model: Arc<dyn Model>,
    request: Arc<Request>,
    policy: RetryPolicy,
    seed: u64,
    attempt: u32,
    state: State,
}

enum State {
    Reading(PieceStream),
    Waiting(Duration),
    Over,
}

impl Attempts {
    async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        loop {
            match &mut self.state {
                State::Reading(pieces) => match pieces.next().await {
                    Some(Err(error)) => return Some(self.failed(error)),
                    item => return item,
                },
                State::Waiting(delay) => {
                    tokio::time::sleep(*delay).await;
                    self.state = State::Reading(self.model.stream(&self.request));
                }
                State::Over => return None,
            }
        }
    }

    fn failed(&mut self, error: ModelError) -> Result<Piece, ModelError> {
        match self.policy.decide(self.attempt, &error, self.seed) {
            Verdict::GiveUp => {
                self.state = State::Over;
                Err(error)
            }
            Verdict::Retry(delay) => {
                self.attempt += 1;
                self.state = State::Waiting(delay);
                let reason = error.to_string();
                tracing::info!(attempt = self.attempt, ?delay, reason, "asking the model again");
                Ok(Piece::Retrying { attempt: self.attempt, delay, reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts_max: 4,
        base_delay: Duration::from_secs(1),
        delay_max: Duration::from_secs(3),
        retry_after_max: Duration::from_secs(100),
    };

    fn delay(attempt: u32, error: &ModelError, seed: u64) -> Option<Duration> {
        match POLICY.decide(attempt, error, seed) {
            Verdict::Retry(delay) => Some(delay),
            Verdict::GiveUp => None,
        }
    }

    #[test]
    fn delays_double_up_to_the_maximum_within_half_of_jitter() {
        for seed in 0..500 {
            for (attempt, full) in [(1, 1.0), (2, 2.0), (3, 3.0)] {
                let seconds = delay(attempt, &ModelError::CutStream, seed).unwrap().as_secs_f64();
                assert!((full * 0.5..=full).contains(&seconds), "{attempt} {seed} {seconds}");
            }
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        assert_eq!(delay(4, &ModelError::CutStream, 1), None);
    }

    #[test]
    fn retry_after_is_never_undercut_and_capped() {
        for seed in 0..500 {
            let asked = |s| ModelError::RateLimited { retry_after: Some(Duration::from_secs(s)) };
            let short = delay(1, &asked(20), seed).unwrap().as_secs_f64();
            assert!((20.0..=22.0).contains(&short));
            let long = delay(1, &asked(5_000), seed).unwrap().as_secs_f64();
            assert!((100.0..=110.0).contains(&long));
        }
    }

    #[test]
    fn what_cannot_succeed_is_not_repeated() {
        for error in [
            ModelError::Auth(String::new()),
            ModelError::OutOfCredit(String::new()),
            ModelError::UnknownModel(String::new()),
            ModelError::BadRequest(String::new()),
            ModelError::ContextTooLong(String::new()),
            ModelError::Refused(String::new()),
        ] {
            assert_eq!(POLICY.decide(1, &error, 7), Verdict::GiveUp, "{error:?}");
        }
    }

    #[test]
    fn huge_attempt_numbers_do_not_overflow() {
        let policy = RetryPolicy { attempts_max: u32::MAX, ..POLICY };
        assert!(matches!(
            policy.decide(u32::MAX - 1, &ModelError::CutStream, u64::MAX),
            Verdict::Retry(_)
        ));
    }
}
