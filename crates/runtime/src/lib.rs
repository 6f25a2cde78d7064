//! What every service process shares.
//!
//! Responsible for the clock and fresh ids, configuration, logs, the gRPC server stack, the way from an
//! error to a status, the call context, and starting and stopping in order. Not responsible for any
//! service's methods, stores or rules: it knows no service.

pub mod call;
pub mod clock;
pub mod config;
pub mod error;
pub mod ids;
pub mod lifecycle;
mod panics;
pub mod server;
pub mod telemetry;

pub use call::{Actor, CallContext, CallId};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use error::ApiError;
pub use ids::SystemIds;
pub use lifecycle::Background;
pub use server::{Health, Server, Services};
