//! Fresh ids in the form that clients give their requests: sorted by time, unique across generators.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Instant;

use uuid::{Builder, Uuid};

/// Where the ids' time starts: a moment that no server looks at.
const EPOCH_MILLIS: u64 = 1_767_225_600_000;

/// Makes ids; two makers never make the same.
#[derive(Debug)]
pub(crate) struct Ids {
    started: Instant,
    maker: u64,
    made: u64,
}

impl Ids {
    /// A maker with a random mark of its own.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), maker: RandomState::new().build_hasher().finish(), made: 0 }
    }

    /// An id of version 7 that this maker has not made before.
    pub(crate) fn next(&mut self) -> Uuid {
        self.made += 1;
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Spread, as the random part of a real id is; the multiplier is odd, so no two numbers become one.
        let spread = self.made.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.maker;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&spread.to_be_bytes());
        random[8..].copy_from_slice(&self.maker.to_be_bytes()[..2]);
        Builder::from_unix_timestamp_millis(EPOCH_MILLIS.saturating_add(millis), &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let mut makers = [Ids::new(), Ids::new(), Ids::new()];
        let ids: HashSet<Uuid> = (0..30_000).map(|n| makers[n % 3].next()).collect();
        assert_eq!(ids.len(), 30_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
