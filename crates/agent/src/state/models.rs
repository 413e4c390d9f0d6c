//! What programs inside a sandbox have models use, within the limits of the run that is going on.

use super::{Living, Totals};
use protocol::content::Usage;
use protocol::event::{Counted, Event};
use protocol::ids::{RunId, Seq};
use protocol::limits;

/// A question of a program inside that is not counted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCall {
    /// Position of the event that told of it.
    pub asked: Seq,
    /// The run in which it was asked, if one was active.
    pub run: Option<RunId>,
    /// The model.
    pub model: String,
    /// Tokens set aside.
    pub aside: Usage,
    /// Money set aside, in millionths of a dollar.
    pub cost_micros: u64,
    /// When it is taken to have cost all that.
    pub deadline_ms: i64,
}

/// Whether a program inside may ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It may.
    Enough,
    /// Not as long as other questions are open.
    Crowded,
    /// The limit is reached.
    Spent,
}

impl ModelCall {
    /// Its end, where nobody told what it cost.
    pub fn assumed(&self) -> Event {
        Event::ModelCalled {
            run: self.run,
            asked: self.asked,
            model: self.model.clone(),
            usage: self.aside,
            cost_micros: self.cost_micros,
            counted: Counted::Assumed,
        }
    }
}

impl Living {
    /// The limits of what is asked now, and what is used up of them: tokens and millionths of a dollar.
    pub fn model_limits(&self) -> ([u64; 2], [u64; 2]) {
        let used = |totals: &Totals| [totals.usage.total(), totals.cost_micros];
        match &self.active {
            Some(active) => {
                let own = &self.settings.limits;
                ([own.tokens, own.cost_micros], used(&active.spent))
            }
            None => {
                let limits = [limits::MODELS_BETWEEN_TOKENS, limits::MODELS_BETWEEN_COST_MICROS];
                (limits, used(&self.between))
            }
        }
    }

    /// Whether so much more may be set aside. Alone, a question may go past a limit that is not
    /// reached yet, as a step may; beside others it has to fit.
    pub fn model_room(&self, aside: &Usage, cost_micros: u64) -> Room {
        let (limits, used) = self.model_limits();
        if limits.iter().zip(used).any(|(limit, used)| used >= *limit) {
            return Room::Spent;
        }
        let run = self.active.as_ref().map(|active| active.run);
        let beside: Vec<_> = self.model_calls.iter().filter(|call| call.run == run).collect();
        if self.model_calls.len() >= limits::MODEL_CALLS {
            return Room::Crowded;
        }
        let open = |amount: fn(&ModelCall) -> u64| {
            beside.iter().map(|call| amount(call)).fold(0, u64::saturating_add)
        };
        let open = [open(|call| call.aside.total()), open(|call| call.cost_micros)];
        let more = [aside.total(), cost_micros];
        let amounts = limits.iter().zip(used).zip(open).zip(more);
        let fits = amounts.into_iter().all(|(((limit, used), open), more)| {
            used.saturating_add(open).saturating_add(more) <= *limit
        });
        if fits || beside.is_empty() { Room::Enough } else { Room::Crowded }
    }

    /// The first question that nobody counted in time.
    pub(crate) fn overdue_model_call(&self, now_ms: i64) -> Option<&ModelCall> {
        self.model_calls.iter().find(|call| call.deadline_ms <= now_ms)
    }
}
