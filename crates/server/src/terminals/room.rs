//! Who looks at a terminal and who types: at most one types, and everybody sees who it is.

use protocol::api::live::Watcher;
use protocol::api::machine::FromTerminal;
use std::collections::BTreeMap;

/// One open window on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(u64);

/// The windows open on one terminal.
#[derive(Debug, Default)]
pub struct Room {
    seats: BTreeMap<Seat, String>,
    writer: Option<Seat>,
    next: u64,
}

impl Room {
    /// Somebody comes, to look only.
    pub fn join(&mut self, name: &str) -> Seat {
        let seat = Seat(self.next);
        self.next += 1;
        self.seats.insert(seat, name.to_owned());
        seat
    }

    /// Somebody goes; whether they typed.
    pub fn leave(&mut self, seat: Seat) -> bool {
        self.seats.remove(&seat);
        self.release(seat)
    }

    /// From now on this one types, whoever did before.
    pub fn take(&mut self, seat: Seat) {
        if self.seats.contains_key(&seat) {
            self.writer = Some(seat);
        }
    }

    /// This one types no more; whether they did.
    pub fn release(&mut self, seat: Seat) -> bool {
        let typed = self.writes(seat);
        if typed {
            self.writer = None;
        }
        typed
    }

    /// Whether this one types.
    pub fn writes(&self, seat: Seat) -> bool {
        self.writer == Some(seat)
    }

    /// Whether this one's window decides about the size: who types, or anybody while nobody does.
    pub fn sizes(&self, seat: Seat) -> bool {
        self.writer.is_none_or(|writer| writer == seat)
    }

    /// Who types.
    pub fn writer(&self) -> Option<&str> {
        self.writer.and_then(|seat| self.seats.get(&seat)).map(String::as_str)
    }

    /// How many look.
    pub fn viewers(&self) -> usize {
        self.seats.len()
    }

    /// What the one in this seat is told.
    pub fn state(&self, seat: Seat) -> FromTerminal {
        let (you, viewers) = (self.writes(seat), self.watchers(seat));
        FromTerminal::State { writer: self.writer().map(str::to_owned), you, viewers }
    }

    /// Who looks, as the one in this seat is told.
    pub fn watchers(&self, seat: Seat) -> Vec<Watcher> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for name in self.seats.values() {
            *counts.entry(name).or_default() += 1;
        }
        let own = self.seats.get(&seat).map(String::as_str);
        let watchers = counts.into_iter().map(|(name, count)| Watcher {
            name: name.to_owned(),
            count,
            you: own == Some(name),
        });
        watchers.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_types_at_a_time_and_whoever_takes_over_is_shown_to_all() {
        let mut room = Room::default();
        let (ana, ben) = (room.join("ana"), room.join("ben"));
        assert!(!room.writes(ana) && !room.writes(ben) && room.sizes(ben));
        room.take(ana);
        assert!(room.writes(ana) && !room.writes(ben) && !room.sizes(ben));
        room.take(ben);
        assert!(!room.writes(ana) && room.writes(ben));
        assert_eq!(room.writer(), Some("ben"));
        assert!(!room.release(ana), "only who types can hand back");
        assert!(room.leave(ben));
        assert_eq!((room.writer(), room.viewers()), (None, 1));
    }

    #[test]
    fn a_window_that_is_gone_cannot_take_over() {
        let mut room = Room::default();
        let ana = room.join("ana");
        assert!(!room.leave(ana));
        room.take(ana);
        assert_eq!(room.writer(), None);
    }

    #[test]
    fn windows_of_one_person_are_counted_together() {
        let mut room = Room::default();
        let first = room.join("ana");
        room.join("ana");
        room.join("ben");
        room.take(first);
        let FromTerminal::State { writer, you, viewers } = room.state(first) else { panic!() };
        assert_eq!((writer.as_deref(), you), (Some("ana"), true));
        let shown: Vec<_> =
            viewers.iter().map(|viewer| (viewer.name.as_str(), viewer.count, viewer.you)).collect();
        assert_eq!(shown, [("ana", 2, true), ("ben", 1, false)]);
    }
}
