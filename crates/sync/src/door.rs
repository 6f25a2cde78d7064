//! The way to a vendor's back office, as the wiring makes it. Not responsible for what is said there.

use std::time::Duration;

use async_trait::async_trait;
use leasehold_proto::sync::v1::SyncStep;
use tonic::transport::Channel;

/// Opens ways to back offices.
#[async_trait]
pub trait VendorDoor: Send + Sync + 'static {
    /// Opens a way to the back office at this address, step by step.
    async fn open(&self, address: &str) -> Result<OpenDoor, DoorError>;
}

/// A way that is open.
#[derive(Debug)]
pub struct OpenDoor {
    /// Calls go over it.
    pub channel: Channel,
    /// The steps to it, with the time that each took.
    pub steps: Vec<(SyncStep, Duration)>,
}

/// Why there is no way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DoorError {
    /// The step that failed.
    pub step: SyncStep,
    /// The steps before it, with the time that each took.
    pub steps: Vec<(SyncStep, Duration)>,
    /// What is wrong, and what to do.
    pub message: String,
}
