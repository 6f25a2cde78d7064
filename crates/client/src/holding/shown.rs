//! What a guard shows of its grant, shared with the keeper.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use leasehold_domain::GrantId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::state::{Facts, State, state_at};

/// What a guard shows.
#[derive(Debug)]
pub(crate) struct Shown {
    feature: Box<str>,
    seen: Mutex<Seen>,
    state: watch::Sender<State>,
}

/// The grant as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What the state follows from.
    pub(crate) facts: Facts,
    /// The grant's id.
    pub(crate) id: GrantId,
    /// Counts held.
    pub(crate) count: u64,
    /// When its period is over, by the server's clock.
    pub(crate) ends_at: Option<Timestamp>,
}

impl Shown {
    pub(super) fn new(feature: &str, seen: Seen) -> Self {
        Self { feature: feature.into(), seen: Mutex::new(seen), state: watch::Sender::new(State::Valid) }
    }

    /// The feature's name.
    pub(crate) fn feature(&self) -> &str {
        &self.feature
    }

    /// The grant as it stands.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// The state now, whether or not the keeper has come to announce it.
    pub(crate) fn state(&self, now: Instant) -> State {
        state_at(now, &self.lock().facts)
    }

    /// Announces each change of state.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn update(&self, seen: &Seen, state: State) {
        self.lock().clone_from(seen);
        let changed = self.state.send_if_modified(|shown| std::mem::replace(shown, state) != state);
        if changed {
            tracing::debug!(
                grant.id = %seen.id,
                grant.feature = %self.feature,
                grant.state = %state,
                "a grant's state has changed"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Plain values are whole after every statement, also where somebody panicked.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
