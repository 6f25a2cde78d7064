//! The other services of `[services]`: that they can be reached as this one would, and serve.

use std::time::Duration;

use leasehold_runtime::peer;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Finding, Patient};

const CHECK: &str = "services";
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let rows = patient.config.effective().iter();
    let named = rows.filter_map(|row| Some((row.key.strip_prefix("services.")?, row.value.as_str())));
    let mut findings = Vec::new();
    for (service, address) in named.filter(|(service, address)| *service != "ca" && !address.is_empty()) {
        findings.push(look(patient, service, address).await);
    }
    findings
}

async fn look(patient: &Patient<'_>, service: &str, address: &str) -> Finding {
    let config = patient.config;
    // The name is only for messages.
    let setting: &'static str = match service {
        "licensing" => "services.licensing",
        "sync" => "services.sync",
        "updates" => "services.updates",
        _ => "services",
    };
    let channel = match peer::remote(address, setting, &config.tls, &config.services) {
        Ok(channel) => channel,
        Err(error) => return Finding::error(CHECK, error),
    };
    let request = HealthCheckRequest::default();
    let asked = timeout(PATIENCE, HealthClient::new(channel).check(request)).await;
    let asked = asked.unwrap_or_else(|_| {
        Err(Status::deadline_exceeded(format!("no answer within {} s", PATIENCE.as_secs())))
    });
    let where_it_is = format!("{service} at {address}");
    match asked.map(|answer| answer.into_inner().status()) {
        Ok(ServingStatus::Serving) => Finding::passed(CHECK, format!("{where_it_is} serves")),
        Ok(_) => {
            let found = format!("{where_it_is} answers that it does not serve");
            Finding::failed(CHECK, found, "its /ready and its log say what it lacks")
        }
        // Whoever has no health to tell, or tells it to others, is there.
        Err(status) if matches!(status.code(), Code::Unimplemented | Code::PermissionDenied) => {
            let found = format!("{where_it_is} answers, and does not say how it is: {}", status.message());
            Finding::warning(CHECK, found, format!("check that `{setting}` leads to {service}"))
        }
        Err(status) => {
            let found = format!("{where_it_is} cannot be reached: {}", told(&status));
            Finding::failed(CHECK, found, format!("check that it runs, `{setting}`, and [tls] on both sides"))
        }
    }
}

/// What is wrong, down to its cause.
fn told(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use leasehold_runtime::SystemClock;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;
    use crate::app::{self, AppOptions};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_service_that_serves_passes_and_one_that_is_gone_fails() {
        let running =
            app::start(AppOptions::in_memory(config(&[]), Arc::new(SystemClock::new()))).await.unwrap();
        let address = format!("http://{}", running.licensing_addr());
        let config = config(&[("services.licensing", &address)]);
        let found = check(&patient(&config)).await;
        all_passed(&found);
        the(&found, "licensing at http://127.0.0.1");
        running.stop().await.unwrap();
        assert_eq!(the(&check(&patient(&config)).await, "cannot be reached").verdict, Verdict::Failed);
        assert!(check(&patient(&super::super::testing::config(&[]))).await.is_empty(), "nobody is elsewhere");
    }

    #[tokio::test]
    async fn tls_without_papers_names_what_is_missing() {
        let config = config(&[("services.sync", "https://sync:16772")]);
        assert_eq!(the(&check(&patient(&config)).await, "services.ca").verdict, Verdict::Failed);
    }
}
