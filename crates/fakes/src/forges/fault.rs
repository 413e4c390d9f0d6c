//! What can happen to a request and its answer on their way.

use super::ask::Ask;
use std::collections::BTreeMap;

/// Whether an order was carried out although nobody says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// It was.
    Yes,
    /// It was not.
    No,
}

/// A fault of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends without an answer.
    Lost(Carried),
    /// It arrives twice; the second answer is told.
    Duplicated,
    /// The connection ends, and the request arrives after that many others.
    Late {
        /// How many.
        after: u32,
    },
    /// The host answers with status 500.
    Failed(Carried),
    /// There is no answer until the asking one gives up.
    Hung(Carried),
    /// The host asks to be left alone.
    Limited {
        /// For so long.
        wait_s: u64,
    },
}

/// Faults to come, and requests on their way.
#[derive(Default)]
pub(super) struct Faults {
    planned: BTreeMap<usize, Fault>,
    late: Vec<(u32, Ask)>,
}

impl Faults {
    pub(super) fn plan(&mut self, skipped: usize, fault: Fault) {
        self.planned.insert(skipped, fault);
    }

    /// The fault of this request, and late requests that arrive just before it.
    pub(super) fn next(&mut self, ask: &Ask) -> (Option<Fault>, Vec<Ask>) {
        let mut due = Vec::new();
        for (after, late) in std::mem::take(&mut self.late) {
            match after.checked_sub(1) {
                Some(after) => self.late.push((after, late)),
                None => due.push(late),
            }
        }
        let planned = std::mem::take(&mut self.planned);
        let mut fault = None;
        for (skipped, planned) in planned {
            match skipped.checked_sub(1) {
                Some(skipped) => drop(self.planned.insert(skipped, planned)),
                None => fault = Some(planned),
            }
        }
        if let Some(Fault::Late { after }) = fault {
            self.late.push((after, ask.clone()));
        }
        (fault, due)
    }

    pub(super) fn settle(&mut self) -> Vec<Ask> {
        self.planned.clear();
        std::mem::take(&mut self.late).into_iter().map(|(_, ask)| ask).collect()
    }
}
