//! The wiring of licensing: the store that was opened, and leases in Redis or in the process.

use std::sync::Arc;

use leasehold_leases::in_redis::{ConnectError, Settings};
use leasehold_leases::{InProcessLeases, Leases, RedisLeases};
use leasehold_licensing::{Config as ServiceConfig, Deps, Licensing, SyncCertifier, build};
use leasehold_runtime::config::Redis;
use leasehold_runtime::{Background, Readiness, Services, SystemIds};
use leasehold_signing::MasterKey;
use leasehold_store::LicensingStore;
use secrecy::ExposeSecret;
use tonic::transport::Channel;

use super::{AppOptions, StartError, master_key, observe};

/// Builds the licensing service.
pub(super) async fn wire(
    options: &AppOptions,
    (store, master): (Arc<dyn LicensingStore>, &MasterKey),
    sync: Channel,
    background: &Background,
    readiness: &Readiness,
) -> Result<(Licensing, Services), StartError> {
    let AppOptions { config, clock, clock_decides, restored, .. } = options;
    let settings = &config.licensing;
    let service = ServiceConfig {
        policies: settings.policies(),
        queue_capacity: settings.queue_capacity,
        max_batch: settings.max_batch,
        max_message_size: settings.max_message_size,
        request_id_retention: settings.request_id_retention,
        activity_retention: settings.activity_retention,
        remember_holders: config.updates.after_end,
        addresses: config.runtime.advertised_addresses.clone(),
        restored: *restored,
    };
    let leases: Arc<dyn Leases> = if config.redis.url.is_empty() {
        Arc::new(InProcessLeases::default())
    } else {
        let redis = connect(&config.redis).await?;
        let address = redis.address();
        let leases: Arc<dyn Leases> = Arc::new(redis);
        // Any instance will do: all are in one Redis.
        if let Some(instance) = store.instances().await?.first() {
            observe::wants_leases(readiness, ("redis", address), Arc::clone(&leases), instance.id);
        }
        leases
    };
    let deps = Deps {
        store,
        leases,
        clock: Arc::clone(clock),
        clock_decides: *clock_decides,
        ids: SystemIds::new(Arc::clone(clock)),
        signing_key: Arc::new(master_key::of_service(master, "licensing")),
        certifier: Arc::new(SyncCertifier::new(sync, leasehold_licensing::SERVICE)),
    };
    Ok(build(deps, service, background).await?)
}

async fn connect(redis: &Redis) -> Result<RedisLeases, ConnectError> {
    RedisLeases::connect(&settings(redis)).await
}

/// The configuration in the words of the leases.
pub(crate) fn settings(redis: &Redis) -> Settings {
    Settings {
        ca: redis.ca.clone(),
        password: redis.password().map(|password| password.expose_secret().to_owned()),
        response_timeout: redis.response_timeout,
        ..Settings::new(redis.url.clone())
    }
}
