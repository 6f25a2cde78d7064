//! The wiring of updates: the store, the folder of its files, the ways to licensing and synchronisation, and the way out
//! to the vendor's repository.

use std::path::PathBuf;
use std::sync::Arc;

use leasehold_answer_keys::SyncCertifier;
use leasehold_runtime::config::SyncInterval;
use leasehold_runtime::peer::Outward;
use leasehold_runtime::{Background, Services, http};
use leasehold_signing::MasterKey;
use leasehold_store::UpdateStore;
use leasehold_updates::{Config as ServiceConfig, Deps, Interval, SERVICE, Updates, build};
use tonic::transport::Channel;

use super::{AppOptions, StartError, master_key};

/// The ways to the services that updates call.
pub(super) struct Ways {
    /// To licensing.
    pub(super) licensing: Channel,
    /// To synchronisation.
    pub(super) sync: Channel,
}

/// Builds the service for updates and the server of its files.
pub(super) async fn wire(
    options: &AppOptions,
    (store, master): (Arc<dyn UpdateStore>, &MasterKey),
    directory: PathBuf,
    ways: Ways,
    background: &Background,
) -> Result<(Updates, Services, http::Server), StartError> {
    let AppOptions { config, clock, .. } = options;
    let settings = &config.updates;
    let service = ServiceConfig {
        directory,
        interval: match settings.interval {
            SyncInterval::Off => Interval::Off,
            SyncInterval::Every(length) => Interval::Every(length),
        },
        upstream: settings.upstream.clone(),
        upstream_root: settings.upstream_root.clone(),
        after_end: settings.after_end,
        check_in_interval: settings.check_in_interval,
        max_downloads: settings.max_downloads,
        scrub_interval: settings.scrub_interval,
        event_retention: settings.event_retention,
        max_message_size: config.licensing.max_message_size,
    };
    let (ca, setting) = match &settings.upstream_ca {
        Some(ca) => (Some(ca.clone()), "updates.upstream_ca"),
        None => (config.sync.vendor_ca.clone(), "sync.vendor_ca"),
    };
    let deps = Deps {
        store,
        clock: Arc::clone(clock),
        key: Arc::new(master_key::of_service(master, SERVICE)),
        certifier: Arc::new(SyncCertifier::new(ways.sync.clone(), SERVICE)),
        licensing: ways.licensing,
        sync: ways.sync,
        way: Outward::http(ca, setting),
    };
    let (updates, served) = build(deps, service, background).await?;
    let limits = http::Options { grace: config.runtime.shutdown_grace, ..http::Options::default() };
    Ok((updates, served.services, http::Server::new(SERVICE, served.web, limits)))
}
