//! Addresses that stand for names inside one sandbox, so that a connection to one tells what it is for.
//!
//! They are out of 198.18.0.0/15, which is nobody's on the internet, and mean nothing outside. A name gets
//! its address once it was judged, and keeps it.

use crate::policy::INTERNAL_HOST;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names of one sandbox that have addresses; a further one takes the place of the oldest.
pub const NAMES_PER_SANDBOX: usize = 8192;
/// The address of [`INTERNAL_HOST`]; the others come after it.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The names that one sandbox has asked for.
#[derive(Default)]
pub(crate) struct Names(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By their places, which are their addresses.
    names: Vec<String>,
    places: HashMap<String, usize>,
    /// The place that is given again next.
    oldest: usize,
}

impl Names {
    /// The address of a name that was judged.
    pub(crate) fn give(&self, name: &str) -> Ipv4Addr {
        if name == INTERNAL_HOST {
            return FIRST;
        }
        let mut table = self.lock();
        let place = table.places.get(name).copied().unwrap_or_else(|| table.place(name));
        address(place)
    }

    /// The name that this address was given for.
    pub(crate) fn find(&self, address: Ipv4Addr) -> Option<String> {
        if address == FIRST {
            return Some(INTERNAL_HOST.to_owned());
        }
        let place = u32::from(address).checked_sub(u32::from(FIRST))?.checked_sub(1)?;
        self.lock().names.get(usize::try_from(place).ok()?).cloned()
    }

    /// No code that holds this lock can panic halfway through a change.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn place(&mut self, name: &str) -> usize {
        let mut place = self.names.len();
        if place < NAMES_PER_SANDBOX {
            self.names.push(name.to_owned());
        } else {
            place = self.oldest;
            self.oldest = (place + 1) % NAMES_PER_SANDBOX;
            if let Some(slot) = self.names.get_mut(place) {
                self.places.remove(slot.as_str());
                name.clone_into(slot);
            }
        }
        self.places.insert(name.to_owned(), place);
        place
    }
}

/// Far fewer places than addresses, so none leaves the range.
fn address(place: usize) -> Ipv4Addr {
    let offset = u32::try_from(place).unwrap_or_default() + 1;
    Ipv4Addr::from(u32::from(FIRST) + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address_and_an_address_its_name() {
        let names = Names::default();
        assert_eq!(names.find(FIRST).as_deref(), Some(INTERNAL_HOST));
        assert_eq!(names.give(INTERNAL_HOST), FIRST);
        let (one, two) = (names.give("one.example"), names.give("two.example"));
        assert_eq!(one, Ipv4Addr::new(198, 18, 0, 2));
        assert!(one != two && one == names.give("one.example"));
        assert_eq!(names.find(two).as_deref(), Some("two.example"));
        for other in ["198.18.0.0", "198.18.0.4", "198.19.0.1", "127.0.0.1", "255.255.255.255"] {
            assert_eq!(names.find(other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_name_makes_room() {
        let names = Names::default();
        let first = names.give("0.example");
        for number in 1..NAMES_PER_SANDBOX {
            names.give(&format!("{number}.example"));
        }
        assert_eq!(names.give("0.example"), first);
        assert_eq!(names.give("more.example"), first);
        assert_eq!(names.find(first).as_deref(), Some("more.example"));
        assert_ne!(names.give("0.example"), first);
        assert_eq!(names.lock().names.len(), NAMES_PER_SANDBOX);
        assert_eq!(names.lock().places.len(), NAMES_PER_SANDBOX);
        let last = address(NAMES_PER_SANDBOX - 1).octets();
        assert!(last[0] == 198 && last[1] & 0xfe == 18);
    }
}
