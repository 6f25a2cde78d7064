//! What the gateway measures of its own. Requests are measured by the server.

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Attempts to sign in, by `result`: `done`, `refused`, `throttled`.
pub(crate) const SIGN_INS: &str = "leasehold_gateway_sign_ins_total";
/// Live streams of events.
pub(crate) const STREAMS: &str = "leasehold_gateway_event_streams";

/// Describes everything. After the process' recorder is installed; without one nothing is recorded.
pub(crate) fn describe() {
    describe_counter!(SIGN_INS, "Attempts to sign in, by result.");
    describe_gauge!(STREAMS, "Live streams of events.");
}

/// An attempt to sign in ended.
pub(crate) fn signed_in(result: &'static str) {
    counter!(SIGN_INS, "result" => result).increment(1);
}

/// A stream of events, until it is dropped.
pub(crate) struct Stream(());

impl Stream {
    pub(crate) fn open() -> Self {
        gauge!(STREAMS).increment(1.0);
        Self(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1.0);
    }
}
