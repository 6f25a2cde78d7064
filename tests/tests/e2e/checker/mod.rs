//! The judge of promises, and the ways to what a server under test has kept.

pub(crate) mod postgres;
pub(crate) mod sqlite;
mod tests;

use jiff::Timestamp;
pub(crate) use leasehold_promises::{
    Rule, Violation, Violations, history, holdings, leases, replay, snapshot, state, tenure,
};
use tokio::time::Instant;

/// Now, by both clocks of this machine.
#[allow(clippy::disallowed_methods, reason = "the test's own clock, which nothing steps")]
pub(crate) fn now() -> leases::Moment {
    leases::Moment::new(Instant::now(), Timestamp::now())
}
