//! The wiring of the Leasehold server, and the development estate file.
//!
//! Responsible for choosing back ends, for starting and stopping in order, and for reading estate files.
//! Everything that runs the server goes through [`app`]: `leasehold serve`, the tests and the benches.
//! Not responsible for what the services do.

pub mod app;
pub mod estate_file;

pub use leasehold_licensing::{Licensing, WantedEntry, WantedGroup, WantedReservation, WantedRights};
pub use leasehold_runtime::config::{self, Config};
pub use leasehold_runtime::{Clock, ManualClock, SystemClock};
pub use tokio_util::sync::CancellationToken;
