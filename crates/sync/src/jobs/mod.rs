//! The background loop: it looks after every enrolled instance, and stops when the service does.

mod care;

use leasehold_runtime::Background;

use crate::state::Shared;

/// Starts it.
pub(crate) fn spawn(state: &Shared, background: &Background) {
    background.spawn("sync.care", care::run(state.clone()));
}
