//! The wiring of licensing: the store that was opened, leases in the process.

use std::sync::Arc;

use leasehold_leases::InProcessLeases;
use leasehold_licensing::{Config as ServiceConfig, Deps, Error, Licensing, build};
use leasehold_runtime::{Background, Clock, Config, Services, SystemIds};
use leasehold_store::LicensingStore;

/// Builds the licensing service.
pub(super) async fn wire(
    config: &Config,
    clock: &Arc<dyn Clock>,
    store: Arc<dyn LicensingStore>,
    background: &Background,
) -> Result<(Licensing, Services), Error> {
    let settings = &config.licensing;
    let config = ServiceConfig {
        policies: settings.policies(),
        queue_capacity: settings.queue_capacity,
        max_batch: settings.max_batch,
        max_message_size: settings.max_message_size,
        request_id_retention: settings.request_id_retention,
        activity_retention: settings.activity_retention,
        addresses: config.runtime.advertised_addresses.clone(),
    };
    let deps = Deps {
        store,
        leases: Arc::new(InProcessLeases::default()),
        clock: Arc::clone(clock),
        ids: SystemIds::new(Arc::clone(clock)),
    };
    build(deps, config, background).await
}
