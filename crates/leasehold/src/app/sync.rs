//! The wiring of synchronisation: its store, the way to licensing, and the way out to the vendor.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use leasehold_proto::sync::v1::SyncStep;
use leasehold_runtime::config::SyncInterval;
use leasehold_runtime::peer::{Outward, OutwardStep};
use leasehold_runtime::{Background, Readiness, Services, SystemIds};
use leasehold_signing::MasterKey;
use leasehold_store::SyncStore;
use leasehold_sync::{Config as ServiceConfig, Deps, DoorError, Interval, OpenDoor, Sync, VendorDoor, build};
use tonic::transport::Channel;

use super::{AppOptions, StartError, hostids, master_key, observe};

/// Builds the synchronisation service.
pub(super) async fn wire(
    options: &AppOptions,
    (store, master): (Arc<dyn SyncStore>, &MasterKey),
    licensing: Channel,
    background: &Background,
    readiness: &Readiness,
) -> Result<(Sync, Services), StartError> {
    let settings = &options.config.sync;
    observe::needs_sync_store(readiness, Arc::clone(&store));
    let config = ServiceConfig {
        interval: match settings.interval {
            SyncInterval::Off => Interval::Off,
            SyncInterval::Every(length) => Interval::Every(length),
        },
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        hostids: if settings.hostids.is_empty() { hostids::detected() } else { settings.hostids.clone() },
        max_message_size: options.config.licensing.max_message_size,
    };
    let deps = Deps {
        store,
        clock: Arc::clone(&options.clock),
        ids: SystemIds::new(Arc::clone(&options.clock)),
        key: Arc::new(master_key::of_service(master, "sync")),
        licensing,
        vendor: Arc::new(Way(Outward::new(settings.vendor_ca.clone()))),
    };
    Ok(build(deps, config, background).await?)
}

/// The way out, in sync's words.
struct Way(Outward);

#[async_trait]
impl VendorDoor for Way {
    async fn open(&self, address: &str) -> Result<OpenDoor, DoorError> {
        match self.0.open(address).await {
            Ok(way) => Ok(OpenDoor { channel: way.channel, steps: steps(&way.passed) }),
            Err(error) => {
                Err(DoorError { step: step(error.step), steps: steps(&error.passed), message: error.message })
            }
        }
    }
}

fn steps(passed: &[(OutwardStep, Duration)]) -> Vec<(SyncStep, Duration)> {
    passed.iter().map(|(passed, took)| (step(*passed), *took)).collect()
}

fn step(step: OutwardStep) -> SyncStep {
    match step {
        OutwardStep::Resolve => SyncStep::Resolve,
        OutwardStep::Connect => SyncStep::Connect,
        OutwardStep::Tls => SyncStep::Tls,
    }
}
