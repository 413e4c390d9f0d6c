//! What an agent has read and could carry out, told from the log alone: all three meet only where people want it so.

use crate::mutation::Mutation;
use agent::flow::Flow;
use protocol::content::Source;
use protocol::event::{ConfigurationTrust, Event};
use protocol::flow::{Integrity, WhenAllThree};

/// An observer of its own, which does not look at the agent's state.
pub struct Labels {
    least: Integrity,
    had_secrets: bool,
    has_way_out: bool,
    policy: WhenAllThree,
    allowed: Option<Integrity>,
}

impl Default for Labels {
    fn default() -> Self {
        let (least, policy) = (Integrity::Member, WhenAllThree::Narrow);
        Self { least, had_secrets: false, has_way_out: false, policy, allowed: None }
    }
}

impl Labels {
    pub fn observe(&mut self, event: &Event) {
        let read = match event {
            Event::Asked { prompt, .. } | Event::Steered { prompt, .. } => {
                (prompt.source == Source::Outsider).then_some(Integrity::Outsider)
            }
            Event::BaseResolved { repos, .. } => repos
                .iter()
                .map(|base| {
                    let trust = base.configuration.as_ref().map(|known| known.trust);
                    match trust {
                        Some(ConfigurationTrust::Stranger) => Integrity::Outsider,
                        _ => Integrity::Repository,
                    }
                })
                .min(),
            Event::IntegrityLowered { reading, .. } => Some(reading.integrity),
            _ => None,
        };
        self.least = self.least.min(read.unwrap_or(self.least));
        match event {
            Event::LegsChanged { legs } => {
                self.had_secrets |= !legs.secrets.is_empty();
                self.has_way_out = !legs.outward.is_empty();
                self.policy = legs.when_all_three;
            }
            Event::FlowAllowed { integrity, .. } => self.allowed = Some(*integrity),
            _ => {}
        }
    }

    /// Holds what the gateway is told against what was seen.
    pub fn judge(&self, flow: &Flow, mutation: Mutation) -> Result<(), String> {
        let is_open = match mutation {
            Mutation::NeverCloses => true,
            Mutation::AllowsForGood => !flow.is_closed() || flow.allowed.is_some(),
            Mutation::ForgetsSecrets => !flow.is_closed() || flow.legs.secrets.len() < 2,
            _ => !flow.is_closed(),
        };
        let untrusted = matches!(self.least, Integrity::Web | Integrity::Outsider);
        let all_three = untrusted && self.had_secrets && self.has_way_out;
        let wanted = self.policy == WhenAllThree::Allow
            || self.allowed.is_some_and(|allowed| allowed <= self.least);
        match (all_three && !wanted, is_open) {
            (true, true) => Err(format!("all three met, and nobody wanted it: {flow:?}")),
            (false, false) => Err(format!("closed without a reason: {flow:?}")),
            (true, false) | (false, true) => Ok(()),
        }
    }
}
