//! What a fork takes over of another agent's log: the conversation, and nothing that belongs to its
//! machine, its branch or its bill.

use crate::flow::Flow;
use protocol::content::Usage;
use protocol::event::{Event, Logged};
use protocol::flow::Legs;
use protocol::ids::{Epoch, RunId};
use std::collections::BTreeSet;

/// The conversation up to the end of this run; none where the run is not over in this log.
///
/// The same ids stand in both logs: the model reads what it said under the names that it knows. What it
/// cost is the other agent's.
pub fn inherited(log: &[Logged], upto: RunId) -> Option<Vec<Event>> {
    let is_end =
        |logged: &Logged| matches!(&logged.event, Event::RunEnded { run, .. } if *run == upto);
    let end = log.iter().position(is_end)?;
    let known = log.get(..=end)?;
    // Runs that were asked and begin only later are not part of what is over.
    let ended: BTreeSet<RunId> = known.iter().filter_map(over).collect();
    let mut taken: Vec<Event> = known.iter().filter_map(|logged| said(&logged.event)).collect();
    taken.retain(|event| event.run().is_none_or(|run| ended.contains(&run)));
    taken.extend(flow(log));
    Some(taken)
}

/// What it has read and which secrets it had: the disk is as it is now, whatever the conversation goes on from.
fn flow(log: &[Logged]) -> impl Iterator<Item = Event> {
    let mut flow = Flow::default();
    log.iter().for_each(|logged| flow.apply(&logged.event));
    let legs = Legs { outward: Vec::new(), ..flow.legs };
    let had = (!legs.secrets.is_empty()).then_some(Event::LegsChanged { legs });
    let read = flow.readings.into_iter().filter(|reading| reading.integrity.is_untrusted());
    read.map(|reading| Event::IntegrityLowered { epoch: Epoch(0), reading }).chain(had)
}

/// The run that ended here.
pub fn over(logged: &Logged) -> Option<RunId> {
    if let Event::RunEnded { run, .. } = &logged.event { Some(*run) } else { None }
}

/// What was said and done in an event; nothing where it tells of something else.
#[expect(clippy::wildcard_enum_match_arm, reason = "the conversation is a few of many events")]
fn said(event: &Event) -> Option<Event> {
    match event.clone() {
        taken @ (Event::Asked { .. }
        | Event::Steered { .. }
        | Event::SteerTaken { .. }
        | Event::RunStarted { .. }
        | Event::StepStarted { .. }
        | Event::ToolCalled { .. }
        | Event::ToolReturned { .. }
        | Event::Noticed { .. }
        | Event::TodosChanged { .. }
        | Event::QuestionAsked { .. }
        | Event::QuestionAnswered { .. }
        | Event::TurnEnded { .. }
        | Event::RunEnded { .. }) => Some(taken),
        Event::MessageFinished { run, step, attempt, dialect, parts, frames, .. } => {
            let outlay = None;
            Some(Event::MessageFinished { run, step, attempt, dialect, parts, frames, outlay })
        }
        Event::StepFinished { run, step, duration_ms, stop, .. } => {
            let (usage, cost_micros) = (Usage::default(), 0);
            Some(Event::StepFinished { run, step, usage, cost_micros, duration_ms, stop })
        }
        _ => None,
    }
}
