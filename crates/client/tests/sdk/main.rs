//! The client against a small licence server that does as the test tells it.
//!
//! Where time matters it is Tokio's paused clock: both ends run in one runtime and talk through memory, so
//! hours pass at once and every moment is exact.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod believed;
mod checkout;
mod clock;
mod fake;
mod kept;
mod leases;
mod link;
mod machine;
mod notices;
mod offline;
mod pinned;
mod renewal;
mod runtime;
mod signed;
mod tcp;
