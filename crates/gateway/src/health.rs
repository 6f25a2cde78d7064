//! Whether the services behind the gateway answer.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use leasehold_runtime::Clock;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use utoipa::ToSchema;

use crate::services::Channels;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(2);
/// How long a service has to answer.
const DEADLINE: Duration = Duration::from_secs(1);

/// How a service stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ServiceHealth {
    /// Its name.
    #[schema(example = "licensing")]
    pub(crate) name: &'static str,
    /// Whether it can be used.
    pub(crate) ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// Asks the services, once for many who want to know.
pub(crate) struct Health {
    clock: Arc<dyn Clock>,
    services: Vec<(&'static str, Channel)>,
    known: Mutex<Option<(Duration, Vec<ServiceHealth>)>>,
}

impl Health {
    pub(crate) fn new(channels: &Channels, clock: Arc<dyn Clock>) -> Self {
        let mut services = vec![("licensing", channels.licensing.clone()), ("sync", channels.sync.clone())];
        services.extend(channels.updates.clone().map(|channel| ("updates", channel)));
        Self { clock, services, known: Mutex::default() }
    }

    /// How each service stands.
    pub(crate) async fn services(&self) -> Vec<ServiceHealth> {
        let mut known = self.known.lock().await;
        let now = self.clock.monotonic();
        if let Some((at, health)) = &*known
            && now.saturating_sub(*at) < KEPT
        {
            return health.clone();
        }
        let asked = self.services.iter().map(|(name, channel)| ask(name, channel.clone()));
        let health = join_all(asked).await;
        *known = Some((now, health.clone()));
        health
    }
}

async fn ask(name: &'static str, channel: Channel) -> ServiceHealth {
    let request = HealthCheckRequest { service: String::new() };
    let answer = timeout(DEADLINE, HealthClient::new(channel).check(request)).await;
    let message = match answer {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => None,
        Ok(Ok(_)) => Some("it runs, and is not ready: its log says what it waits for".to_owned()),
        Ok(Err(refused)) => {
            tracing::debug!(service = name, error = refused.message(), "a service's health cannot be asked");
            Some("it cannot be reached; see whether it runs".to_owned())
        }
        Err(_) => Some("it does not answer".to_owned()),
    };
    ServiceHealth { name, ok: message.is_none(), message }
}
