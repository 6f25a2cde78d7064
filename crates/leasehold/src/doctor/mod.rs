//! Looks whether a machine and an installation are fit to serve, and says what to do about what is not.
//!
//! Responsible for looking and for judging. Changes nothing: no file is written, no table made, no lock kept; a port is
//! bound for a moment to see whether it could be. Each check is a file of its own, and none prints a secret. Not
//! responsible for mending. Reference: operations, "Is everything as it should be".

mod certificates;
mod clock;
mod configuration;
mod data_dir;
mod database;
mod disk;
mod finding;
mod limits;
mod master_key;
mod peers;
mod ports;
mod postgres;
mod redis;
mod server;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(test)]
mod testing;
mod vendor;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_runtime::Clock;
use tokio::time::timeout;

use crate::config::{Config, Sources};
pub use finding::{Finding, Verdict};

/// Longest time that one check may take.
const PATIENCE: Duration = Duration::from_secs(45);
/// The sections of the configuration that are a vendor's and no licence server's.
const VENDORS: &str = "backoffice";

/// What to look at.
#[derive(Clone)]
pub struct Options {
    /// Where the configuration comes from.
    pub sources: Sources,
    /// The services that run on this machine, by the names of their sections; all where there is none.
    pub services: Vec<String>,
    /// This machine's clock.
    pub clock: Arc<dyn Clock>,
}

/// Whom a check looks at.
struct Patient<'a> {
    config: &'a Config,
    services: &'a [String],
    clock: &'a dyn Clock,
    now: Timestamp,
}

impl Patient<'_> {
    /// Whether state is in a data directory of this machine.
    fn is_embedded(&self) -> bool {
        self.config.postgres.url.is_empty()
    }

    /// Whether this service runs on this machine.
    fn runs(&self, service: &str) -> bool {
        if self.services.is_empty() {
            service != VENDORS
        } else {
            self.services.iter().any(|named| named == service)
        }
    }
}

/// Every service that can be looked at, by the names of their sections.
pub const SERVICES: [&str; 4] = ["licensing", "updates", "sync", "gateway"];

/// Looks at everything, in an order in which a cause comes before what it causes.
pub async fn examine(options: &Options) -> Vec<Finding> {
    let (mut findings, config) = configuration::check(&options.sources);
    let Some(mut config) = config else { return findings };
    server::set_default_port(&mut config, &options.services);
    let patient = Patient {
        config: &config,
        services: &options.services,
        clock: &*options.clock,
        now: options.clock.now(),
    };
    let patient = &patient;
    findings.extend(limits::check());
    if patient.is_embedded() {
        findings.extend(data_dir::check(patient));
        findings.extend(disk::check(patient));
    } else {
        findings.extend(in_time("postgres", Box::pin(postgres::check(patient))).await);
        findings.extend(in_time("redis", Box::pin(redis::check(patient))).await);
    }
    findings.extend(master_key::check(patient));
    findings.extend(in_time("database", Box::pin(database::check(patient))).await);
    findings.extend(certificates::check(patient));
    findings.extend(in_time("ports", Box::pin(ports::check(patient))).await);
    findings.extend(in_time("server", Box::pin(server::check(patient))).await);
    findings.extend(in_time("peers", Box::pin(peers::check(patient))).await);
    findings.extend(in_time("vendor", Box::pin(vendor::check(patient))).await);
    findings
}

/// What a check finds, or that it did not end.
async fn in_time(name: &'static str, check: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    timeout(PATIENCE, check).await.unwrap_or_else(|_| {
        let found = format!("no result within {} s", PATIENCE.as_secs());
        vec![Finding::failed(name, found, "look what of it does not answer, and run it again")]
    })
}
