//! Whether the services can be used, as callers and orchestrators ask it.

use std::sync::Arc;

use tokio::sync::Mutex;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Says whether the services can be used. Clones speak for the same server.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
    /// Whether the server drains. Held while the status changes, so that a late change cannot overtake the drain.
    draining: Arc<Mutex<bool>>,
}

impl Health {
    pub(crate) async fn new(names: &[&'static str]) -> Self {
        let health =
            Self { reporter: HealthReporter::new(), names: names.to_vec(), draining: Arc::default() };
        health.not_serving().await;
        health
    }

    /// Every service can be used. A server that drains says that none can all the same.
    pub async fn serving(&self) {
        let draining = self.draining.lock().await;
        if !*draining {
            self.set(ServingStatus::Serving).await;
        }
    }

    /// No service can be used.
    pub async fn not_serving(&self) {
        let _draining = self.draining.lock().await;
        self.set(ServingStatus::NotServing).await;
    }

    /// No service can be used any more, whoever says so from here on.
    pub(crate) async fn drain(&self) {
        let mut draining = self.draining.lock().await;
        *draining = true;
        self.set(ServingStatus::NotServing).await;
    }

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// The service itself, to be asked without a server.
    #[cfg(test)]
    pub(crate) fn service_for_tests(&self) -> HealthService {
        HealthService::from_health_reporter(self.reporter.clone())
    }

    async fn set(&self, status: ServingStatus) {
        // The empty name is the server as a whole.
        for name in self.names.iter().chain([&""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
