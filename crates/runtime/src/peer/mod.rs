//! Ways to other services: within the process, over mutually authenticated TLS, and out to a vendor.
//!
//! Responsible for channels and for whom their two ends take each other for. Not responsible for what is called
//! over them.

mod in_process;
mod outward;
mod remote;
mod secured;

pub use in_process::{Arrivals, in_process};
pub use outward::{Duplex, OpenStream, OpenWay, Outward, OutwardError, OutwardStep};
pub use remote::{PeerError, remote};
