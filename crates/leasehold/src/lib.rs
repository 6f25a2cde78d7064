//! The wiring of the Leasehold server, the estate file, a vendor within the process, and certificates.
//!
//! Responsible for choosing back ends, for starting and stopping in order, for reading estate files, and for
//! making certificates.
//! Everything that runs the server goes through [`app`]: `leasehold serve`, the tests and the benches.
//! Not responsible for what the services do.

pub mod app;
pub mod backup;
pub mod certs;
pub mod demo;
pub mod doctor;
pub mod estate_file;
pub mod probe;
pub mod vendor;

pub use leasehold_licensing::Licensing;
pub use leasehold_runtime::config::{self, Config};
pub use leasehold_runtime::{Clock, ManualClock, SystemClock};
pub use tokio_util::sync::CancellationToken;
