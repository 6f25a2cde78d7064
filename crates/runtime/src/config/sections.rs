//! The sections as the rest of the program reads them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use leasehold_domain::Policies;
use leasehold_domain::interval::Granularity;
use serde::Deserialize;

use super::value;

/// `[runtime]`: the process.
#[derive(Clone, Debug, Deserialize)]
pub struct Runtime {
    /// Where the embedded store keeps its files.
    #[serde(deserialize_with = "value::path")]
    pub data_dir: PathBuf,
    /// What clients can reach this server by: hosts, some with ports.
    #[serde(deserialize_with = "value::hosts")]
    pub advertised_addresses: Vec<String>,
    /// How long a stopping server waits for calls in flight.
    #[serde(deserialize_with = "value::grace")]
    pub shutdown_grace: Duration,
}

/// `[logging]`: what is logged, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct Logging {
    /// A level, and levels for parts of the program: `info,leasehold_licensing=debug`.
    #[serde(deserialize_with = "value::levels")]
    pub level: String,
    /// The form of a line.
    #[serde(deserialize_with = "value::log_format")]
    pub format: LogFormat,
    /// A file that gets every line too, as JSON.
    #[serde(deserialize_with = "value::file")]
    pub file: Option<PathBuf>,
    /// Bytes after which it is set aside.
    #[serde(deserialize_with = "value::file_size")]
    pub file_size: u64,
    /// How many files that were set aside are kept.
    #[serde(deserialize_with = "value::file_keep")]
    pub file_keep: u32,
}

/// `[admin]`: health, metrics and log levels over HTTP.
#[derive(Clone, Debug, Deserialize)]
pub struct Admin {
    /// Where; port 0 is any free one, `None` is nowhere.
    #[serde(deserialize_with = "value::socket_or_none")]
    pub listen: Option<SocketAddr>,
}

/// `[telemetry]`: traces.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Telemetry {
    /// The collector that traces go to by OTLP over gRPC; `None` makes no traces.
    #[serde(deserialize_with = "value::http_address")]
    pub otlp_endpoint: Option<String>,
    /// With TLS, the CAs that its certificate may come from; `None` for those that the system trusts.
    #[serde(deserialize_with = "value::file")]
    pub otlp_ca: Option<PathBuf>,
    /// How many of the calls that nobody has decided about are traced, in percent.
    #[serde(deserialize_with = "value::sample_percent")]
    pub sample_percent: u8,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, else JSON.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// `[licensing]`: the licensing service.
#[derive(Clone, Debug, Deserialize)]
pub struct Licensing {
    /// Where to serve gRPC; port 0 is any free one.
    #[serde(deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// Bytes of the largest message that a caller may send.
    #[serde(deserialize_with = "value::message_size")]
    pub max_message_size: usize,
    /// Requests that may wait for a decision.
    #[serde(deserialize_with = "value::queue_capacity")]
    pub queue_capacity: usize,
    /// Requests decided in one transaction.
    #[serde(deserialize_with = "value::max_batch")]
    pub max_batch: usize,
    /// How long a grant outlives its last heartbeat.
    #[serde(deserialize_with = "value::lease_ttl")]
    pub lease_ttl: SignedDuration,
    /// How long an answer is good.
    #[serde(deserialize_with = "value::minute_to_year")]
    pub response_lifetime: SignedDuration,
    /// Longest borrow where the line item says nothing.
    #[serde(deserialize_with = "value::borrow")]
    pub borrow_interval: SignedDuration,
    /// Longest borrow whatever the line item says.
    #[serde(deserialize_with = "value::borrow_limit")]
    pub borrow_interval_max: Option<SignedDuration>,
    /// The unit at whose last second a borrow ends.
    #[serde(deserialize_with = "value::granularity")]
    pub borrow_granularity: Granularity,
    /// When a client renews, in percent of the interval.
    #[serde(deserialize_with = "value::percent")]
    pub renew_interval_percent: u8,
    /// Whether virtual machines get licences where the line item says nothing.
    pub allow_virtual_clients: bool,
    /// Whether an administrator may end grants.
    pub allow_device_drop: bool,
    /// What days and hours are counted in.
    #[serde(deserialize_with = "value::time_zone")]
    pub time_zone: TimeZone,
    /// How long the answer to a request is kept for its repetition.
    #[serde(deserialize_with = "value::minute_to_year")]
    pub request_id_retention: SignedDuration,
    /// How long activity records are kept.
    #[serde(deserialize_with = "value::activity_retention")]
    pub activity_retention: SignedDuration,
}

impl Licensing {
    /// The policies that an instance starts with.
    pub fn policies(&self) -> Policies {
        Policies {
            borrow_interval: self.borrow_interval,
            borrow_interval_max: self.borrow_interval_max,
            borrow_granularity: self.borrow_granularity,
            renew_interval_percent: self.renew_interval_percent,
            response_lifetime: self.response_lifetime,
            lease_ttl: self.lease_ttl,
            allow_virtual_clients: self.allow_virtual_clients,
            allow_device_drop: self.allow_device_drop,
            time_zone: self.time_zone.clone(),
        }
    }
}
