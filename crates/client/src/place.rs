//! The places of one client: every guard holds at a place of its own, so that each request can state all
//! that its holder wants.
//!
//! Where answers are kept, a restarted program finds its grants at the places that they had.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Hands out places, the lowest free number first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

/// Places that grants of an earlier run have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Occupied {
    /// By grants of just what is wanted.
    pub(crate) by_the_same: BTreeSet<u32>,
    /// By others.
    pub(crate) by_others: BTreeSet<u32>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u32,
    places: Places,
}

impl Places {
    /// The lowest free place at which an earlier run held the same; else the lowest at which it held nothing, so that
    /// what it held elsewhere can still be taken up.
    pub(crate) fn take(&self, occupied: &Occupied) -> Place {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let again = occupied.by_the_same.iter().copied().find(|number| !taken.contains(number));
        let new =
            || (0..u32::MAX).find(|number| !taken.contains(number) && !occupied.by_others.contains(number));
        let number = again.or_else(new).unwrap_or(u32::MAX);
        taken.insert(number);
        Place { number, places: self.clone() }
    }
}

impl Place {
    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The client instance id that the server sees.
    pub(crate) fn client_instance_id(&self, client: &str) -> String {
        format!("{client}/{}", self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_place_is_taken() {
        let (places, none) = (Places::default(), Occupied::default());
        let mut held: Vec<Place> = (0..4).map(|_| places.take(&none)).collect();
        let numbers = |held: &[Place]| held.iter().map(|place| place.number).collect::<Vec<_>>();
        assert_eq!(numbers(&held), [0, 1, 2, 3]);
        held.remove(2);
        held.remove(0);
        held.extend([places.take(&none), places.take(&none), places.take(&none)]);
        assert_eq!(numbers(&held), [1, 3, 0, 2, 4]);
        assert_eq!(held[0].client_instance_id("id"), "id/1");
    }

    #[test]
    fn a_restarted_program_finds_its_places_in_whatever_order() {
        let places = Places::default();
        let solver = Occupied { by_the_same: [1, 3].into(), by_others: [0].into() };
        let held: Vec<Place> = (0..3).map(|_| places.take(&solver)).collect();
        assert_eq!(held.iter().map(Place::number).collect::<Vec<_>>(), [1, 3, 2]);
        let mesher = Occupied { by_the_same: [0].into(), by_others: [1, 3].into() };
        assert_eq!(places.take(&mesher).number(), 0, "which nobody else has taken");
    }
}
