//! What the back office measures: the handles to record with.
//!
//! Not responsible for when something is recorded.

use std::time::Duration;

use leasehold_runtime::error::reason_name;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::Error;

/// Requests of licence servers, by `result`: `fresh`, `again`, `refused`, `failed`, and the `reason` of the last two.
pub const REQUESTS: &str = "leasehold_backoffice_requests_total";
/// How long the certificate of the online key is good still; negative when it has ended.
pub const ONLINE_KEY_LEFT: &str = "leasehold_backoffice_online_key_seconds_left";

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With a new response.
    Fresh,
    /// With the response that it had before.
    Again,
}

/// The handles of one service.
#[derive(Debug)]
pub struct Metrics {
    fresh: Counter,
    again: Counter,
    online_key_left: Gauge,
}

impl Metrics {
    /// Describes everything and makes the handles. After the process' recorder is installed; without one nothing is
    /// recorded.
    pub fn new() -> Self {
        describe_counter!(REQUESTS, "Requests of licence servers, by how they were answered.");
        describe_gauge!(
            ONLINE_KEY_LEFT,
            "Seconds for which the certificate of the online key is good still."
        );
        let answered = |result: &'static str| counter!(REQUESTS, "result" => result, "reason" => "");
        Self { fresh: answered("fresh"), again: answered("again"), online_key_left: gauge!(ONLINE_KEY_LEFT) }
    }

    /// A request was answered.
    pub fn request(&self, answer: Answer) {
        match answer {
            Answer::Fresh => self.fresh.increment(1),
            Answer::Again => self.again.increment(1),
        }
    }

    /// The certificate of the online key is good for so long still; `None`: it has ended.
    pub fn online_key_left(&self, left: Option<Duration>) {
        self.online_key_left.set(left.map_or(-1.0, |left| left.as_secs_f64()));
    }
}

/// A request was refused, or could not be answered.
pub(crate) fn refused(error: &Error) {
    let failed = matches!(error, Error::Store(_) | Error::Seal(_) | Error::Broken(_) | Error::NoVendor);
    let result = if failed { "failed" } else { "refused" };
    counter!(REQUESTS, "result" => result, "reason" => reason_name(error.reason())).increment(1);
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
