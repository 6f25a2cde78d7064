//! Whether the services can be used, as callers and orchestrators ask it.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Says whether the services can be used. Clones speak for the same server.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    pub(super) async fn new(names: &[&'static str]) -> Self {
        let health = Self { reporter: HealthReporter::new(), names: names.to_vec() };
        health.not_serving().await;
        health
    }

    /// Every service can be used.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// No service can be used, now or any more.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        // The empty name is the server as a whole.
        for name in self.names.iter().chain([&""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
