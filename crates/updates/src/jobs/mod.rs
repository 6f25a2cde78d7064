//! The background loops. Each ends when the service does.

mod care;
mod notices;
mod scrub;
mod tidy;

use leasehold_runtime::Background;

use crate::state::Shared;

/// Starts them.
pub(crate) fn spawn(state: &Shared, background: &Background) {
    background.spawn("updates.care", care::run(state.clone()));
    background.spawn("updates.notices", notices::run(state.clone()));
    background.spawn("updates.scrub", scrub::run(state.clone()));
    background.spawn("updates.tidy", tidy::run(state.clone()));
}
