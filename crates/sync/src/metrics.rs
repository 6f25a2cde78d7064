//! What synchronisation measures: the handles to record with. Not responsible for when something is recorded.

use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::error::reason_name;
use leasehold_store::sync::Way;
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Attempts to synchronise, by `way` (`online`, `file`) and `result`: `DONE`, or the reason why not.
pub const ATTEMPTS: &str = "leasehold_sync_attempts_total";
/// Seconds until the nearest deadline of an instance; below 0 when it has passed.
pub const DEADLINE: &str = "leasehold_sync_deadline_seconds";
/// Request files whose response has not come.
pub const OUTSTANDING: &str = "leasehold_sync_outstanding_requests";
/// Responses that are being put in force: more than 0 for long means that licensing does not take one.
pub const APPLYING: &str = "leasehold_sync_applying";

/// The handles of the service.
#[derive(Debug)]
pub struct Metrics(());

impl Metrics {
    /// Describes everything. After the process' recorder is installed; without one nothing is recorded.
    pub fn new() -> Self {
        describe_counter!(ATTEMPTS, "Attempts to synchronise, by way and result.");
        describe_gauge!(DEADLINE, "Seconds until the nearest deadline; below 0 when it has passed.");
        describe_gauge!(OUTSTANDING, "Request files whose response has not come.");
        describe_gauge!(APPLYING, "Responses that are being put in force.");
        Self(())
    }

    /// An attempt ended: well, or for this reason.
    pub fn attempt(&self, way: Way, reason: Option<ErrorReason>) {
        let way = match way {
            Way::Online => "online",
            Way::File => "file",
        };
        counter!(ATTEMPTS, "way" => way, "result" => reason.map_or("DONE", reason_name)).increment(1);
    }

    /// So many seconds are left until the nearest deadline. Without one there is no such metric: 0 would be an alarm.
    #[expect(clippy::cast_precision_loss, reason = "a deadline is not 2^53 seconds away")]
    pub fn deadline(&self, seconds: i64) {
        gauge!(DEADLINE).set(seconds as f64);
    }

    /// So many request files and responses are on their way.
    #[expect(clippy::cast_precision_loss, reason = "there are not 2^53 of them")]
    pub fn pending(&self, files: u64, applying: u64) {
        gauge!(OUTSTANDING).set(files as f64);
        gauge!(APPLYING).set(applying as f64);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::Metrics as Recorded;

    use super::*;

    #[test]
    fn everything_is_recorded_under_its_name() {
        let (recorder, shown) = Recorded::new();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let metrics = Metrics::new();
        metrics.pending(3, 1);
        assert!(!shown.render().contains("deadline_seconds "), "there is no deadline");
        metrics.attempt(Way::Online, None);
        metrics.attempt(Way::Online, Some(ErrorReason::VendorUnreachable));
        metrics.attempt(Way::File, Some(ErrorReason::Replayed));
        metrics.deadline(-7);
        let text = shown.render();
        for line in [
            "attempts_total{way=\"online\",result=\"DONE\"} 1",
            "attempts_total{way=\"online\",result=\"VENDOR_UNREACHABLE\"} 1",
            "attempts_total{way=\"file\",result=\"REPLAYED\"} 1",
            "deadline_seconds -7",
            "outstanding_requests 3",
            "applying 1",
        ] {
            let line = format!("leasehold_sync_{line}");
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        let described = text.lines().filter(|line| line.starts_with("# HELP leasehold_sync_")).count();
        assert_eq!(described, 4, "each has a description");
    }
}
