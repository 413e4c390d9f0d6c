//! What a run may use up: a notice with advice before each limit, a clear failure at it.

use protocol::content::Usage;
use protocol::event::{RunLimits, TurnOutcome};
use protocol::failure::{Failure, Phase};

/// Share of a limit, in percent, at which the model is told.
const SOFT_PERCENT: u64 = 80;
/// Times the same failing calls may come in a row before the model is told.
const FAILING_SOFT: u32 = 3;
/// Times the same failing calls may come in a row before the run ends.
const FAILING_HARD: u32 = 6;

/// What the run has used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) steps: u32,
    pub(crate) tokens: u64,
    pub(crate) cost_micros: u64,
    /// When the run started.
    pub(crate) started_ms: i64,
    /// Time spent waiting for people.
    pub(crate) waited_ms: i64,
    /// Tokens of the last request and its answer: how full the window is.
    pub(crate) context_tokens: u64,
}

impl Spent {
    /// Counts one model call.
    pub(crate) const fn add(&mut self, usage: &Usage, cost_micros: u64) {
        self.tokens = self.tokens.saturating_add(usage.total());
        self.cost_micros = self.cost_micros.saturating_add(cost_micros);
    }

    /// Time on the run's own clock.
    fn elapsed_ms(&self, now_ms: i64) -> u64 {
        let elapsed = now_ms.saturating_sub(self.started_ms).saturating_sub(self.waited_ms);
        u64::try_from(elapsed).unwrap_or(0)
    }
}

/// The end of the run, if one of its limits is reached.
pub(crate) fn reached(
    limits: &RunLimits,
    spent: &Spent,
    failing: u32,
    now_ms: i64,
) -> Option<TurnOutcome> {
    let failed = |code: &str, message: String| {
        Some(TurnOutcome::Failed { failure: Failure::new(Phase::Model, code, message) })
    };
    let advice = "The work so far is kept. Send a follow-up to go on, or raise the limit.";
    if spent.elapsed_ms(now_ms) >= limits.hard_time_ms {
        return Some(TurnOutcome::Expired);
    }
    if spent.steps >= limits.steps {
        return failed(
            "limit_steps",
            format!("The run used all of its {} steps. {advice}", limits.steps),
        );
    }
    if spent.tokens >= limits.tokens {
        return failed(
            "limit_tokens",
            format!("The run used all of its {} tokens. {advice}", limits.tokens),
        );
    }
    if spent.cost_micros >= limits.cost_micros {
        let dollars = dollars(limits.cost_micros);
        return failed(
            "limit_cost",
            format!("The run used all of its budget of {dollars}. {advice}"),
        );
    }
    if failing >= FAILING_HARD {
        let message = format!(
            "The model made the same failing tool call {FAILING_HARD} times in a row. Say in a follow-up what to do differently, or choose another model."
        );
        return failed("no_progress", message);
    }
    None
}

/// Time until the model is to be told that little is left, in milliseconds; none where it is so far.
pub(crate) fn until_soft_ms(limits: &RunLimits, spent: &Spent, now_ms: i64) -> u64 {
    limits.soft_time_ms.saturating_sub(spent.elapsed_ms(now_ms))
}

/// Code of the notice that little time is left.
pub(crate) const SOFT_TIME: &str = "soft_time";

/// Notices that are due: a code and what the model is told.
pub(crate) fn notices(
    limits: &RunLimits,
    spent: &Spent,
    failing: u32,
    now_ms: i64,
) -> Vec<(&'static str, String)> {
    let mut due = Vec::new();
    let soft = |limit: u64| limit / 100 * SOFT_PERCENT + limit % 100 * SOFT_PERCENT / 100;
    let wrap_up = "Wrap up: finish the piece at hand in small steps, leave the code in a working state, and write what remains into plan.md or todo.md so that a follow-up can go on.";
    if spent.elapsed_ms(now_ms) >= limits.soft_time_ms {
        let left = limits.hard_time_ms.saturating_sub(spent.elapsed_ms(now_ms)) / 1000;
        due.push((SOFT_TIME, format!("About {left} s are left for this run. {wrap_up}")));
    }
    if u64::from(spent.steps) >= soft(u64::from(limits.steps)) {
        let left = limits.steps.saturating_sub(spent.steps);
        due.push((
            "soft_steps",
            format!("{left} of {} steps are left for this run. {wrap_up}", limits.steps),
        ));
    }
    if spent.tokens >= soft(limits.tokens) {
        let percent = SOFT_PERCENT;
        due.push((
            "soft_tokens",
            format!("More than {percent} % of this run's tokens are used. {wrap_up}"),
        ));
    }
    if spent.cost_micros >= soft(limits.cost_micros) {
        let dollars = dollars(limits.cost_micros);
        due.push((
            "soft_cost",
            format!(
                "More than {SOFT_PERCENT} % of this run's budget of {dollars} is used. {wrap_up}"
            ),
        ));
    }
    if failing >= FAILING_SOFT {
        due.push(("failing", format!("The same call has failed {failing} times. Read its error, look at the facts again and try something else.")));
    }
    due
}

fn dollars(micros: u64) -> String {
    format!("${}.{:02}", micros / 1_000_000, micros % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RunLimits = RunLimits {
        steps: 10,
        tokens: 1000,
        cost_micros: 1000,
        soft_time_ms: 500,
        hard_time_ms: 1000,
    };

    fn code(spent: Spent, failing: u32, now_ms: i64) -> String {
        match reached(&LIMITS, &spent, failing, now_ms) {
            None => "none".to_owned(),
            Some(TurnOutcome::Failed { failure }) => failure.code,
            Some(TurnOutcome::Expired) => "expired".to_owned(),
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_limit_ends_the_run_at_its_value_and_not_one_before() {
        let at =
            |steps, tokens, cost_micros| Spent { steps, tokens, cost_micros, ..Spent::default() };
        assert_eq!(code(at(9, 999, 999), 5, 999), "none");
        assert_eq!(code(at(10, 0, 0), 0, 0), "limit_steps");
        assert_eq!(code(at(0, 1000, 0), 0, 0), "limit_tokens");
        assert_eq!(code(at(0, 0, 1000), 0, 0), "limit_cost");
        assert_eq!(code(at(0, 0, 0), 6, 0), "no_progress");
        assert_eq!(code(at(0, 0, 0), 0, 1000), "expired");
    }

    #[test]
    fn waiting_for_a_person_does_not_count_as_time() {
        let spent = Spent { waited_ms: 900, ..Spent::default() };
        assert_eq!(reached(&LIMITS, &spent, 0, 1800), None);
    }

    #[test]
    fn notices_come_before_the_limits() {
        let codes = |spent, failing, now| -> Vec<&str> {
            notices(&LIMITS, &spent, failing, now).into_iter().map(|(code, _)| code).collect()
        };
        assert!(
            codes(Spent { steps: 7, tokens: 799, cost_micros: 799, ..Spent::default() }, 2, 499)
                .is_empty()
        );
        let all =
            codes(Spent { steps: 8, tokens: 800, cost_micros: 800, ..Spent::default() }, 3, 500);
        assert_eq!(all, ["soft_time", "soft_steps", "soft_tokens", "soft_cost", "failing"]);
    }
}
