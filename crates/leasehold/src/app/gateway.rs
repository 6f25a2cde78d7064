//! The wiring of the gateway: its store, the ways to the services, and the server of HTTP.

use std::sync::Arc;

use leasehold_gateway::{Config as ServiceConfig, Deps, Gateway, SLOW_DEADLINE, SLOW_ROUTES, build};
use leasehold_runtime::{Background, SystemIds, http};
use leasehold_store::GatewayStore;
use tonic::transport::Channel;

use super::{AppOptions, Chosen, StartError};

/// The ways to the services behind the gateway.
pub(super) struct Ways {
    /// To licensing.
    pub(super) licensing: Channel,
    /// To synchronisation.
    pub(super) sync: Channel,
    /// To updates, where they are served.
    pub(super) updates: Option<Channel>,
}

/// Builds the gateway and the server that serves it.
pub(super) async fn wire(
    options: &AppOptions,
    store: Arc<dyn GatewayStore>,
    ways: Ways,
    background: &Background,
) -> Result<(Gateway, http::Server), StartError> {
    let AppOptions { config, clock, announce, services, .. } = options;
    let settings = &config.gateway;
    let service = ServiceConfig {
        session_idle: settings.session_idle,
        session_lifetime: settings.session_lifetime,
        audit_retention: settings.audit_retention,
        trusted_proxies: settings.trusted_proxies.clone(),
        service_deadline: settings.request_deadline,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        beside: beside(*services),
    };
    let deps = Deps {
        store,
        clock: Arc::clone(clock),
        ids: SystemIds::new(Arc::clone(clock)),
        licensing: ways.licensing,
        sync: ways.sync,
        updates: ways.updates,
        announce: Arc::clone(announce),
    };
    let (gateway, router) = build(deps, service, background).await?;
    let limits = http::Options {
        grace: config.runtime.shutdown_grace,
        deadline: settings.request_deadline,
        explains_problems: true,
        ..http::Options::default()
    };
    let server = http::Server::new("gateway", router, limits);
    let slow = SLOW_DEADLINE.max(settings.request_deadline);
    let server = SLOW_ROUTES.iter().fold(server, |server, route| server.deadline(route, slow));
    Ok((gateway, server))
}

/// What runs in this process besides the gateway.
fn beside(services: Chosen) -> Vec<&'static str> {
    let Chosen { licensing, sync, updates, .. } = services;
    let all = [("licensing", licensing), ("sync", sync), ("updates", updates)];
    all.into_iter().filter_map(|(name, here)| here.then_some(name)).collect()
}
