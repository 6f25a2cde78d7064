//! What every service process shares.
//!
//! Responsible for the clock and fresh ids, configuration, logs, the gRPC server stack, the way from an
//! error to a status, the call context, and starting and stopping in order. Not responsible for any
//! service's methods, stores or rules: it knows no service.

pub mod actor;
pub mod admin;
pub mod call;
pub mod caller;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod ids;
pub mod lifecycle;
pub mod metrics;
mod panics;
pub mod peer;
pub mod readiness;
pub mod server;
pub mod telemetry;
pub mod tls;

pub use actor::{Actor, Role};
pub use admin::Admin;
pub use call::{CallContext, CallId};
pub use caller::{Access, Caller};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use error::ApiError;
pub use ids::SystemIds;
pub use lifecycle::Background;
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use server::{Health, Server, Services};
