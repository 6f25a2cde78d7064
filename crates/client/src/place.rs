//! The places of one client: every guard holds at a place of its own, so that each request can state all
//! that its holder wants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Hands out places, the lowest free number first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    taken: Arc<Mutex<BTreeSet<u32>>>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u32,
    places: Places,
}

impl Places {
    /// The lowest free place, so that a restarted program finds its old ones.
    pub(crate) fn take(&self) -> Place {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = taken.iter().zip(0..).find(|(number, index)| **number != *index).map(|(_, index)| index);
        let number = free.unwrap_or_else(|| u32::try_from(taken.len()).unwrap_or(u32::MAX));
        taken.insert(number);
        Place { number, places: self.clone() }
    }
}

impl Place {
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
        let places = Places::default();
        let mut held: Vec<Place> = (0..4).map(|_| places.take()).collect();
        let numbers = |held: &[Place]| held.iter().map(|place| place.number).collect::<Vec<_>>();
        assert_eq!(numbers(&held), [0, 1, 2, 3]);
        held.remove(2);
        held.remove(0);
        held.extend([places.take(), places.take(), places.take()]);
        assert_eq!(numbers(&held), [1, 3, 0, 2, 4]);
        assert_eq!(held[0].client_instance_id("id"), "id/1");
    }
}
