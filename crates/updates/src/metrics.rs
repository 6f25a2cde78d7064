//! What updates measures: the handles to record with. Not responsible for when something is recorded.

use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::error::reason_name;
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Runs of the mirror, by `result`: `DONE`, or the reason why not.
pub const RUNS: &str = "leasehold_updates_mirror_runs_total";
/// Bytes that were brought from the vendor's repository.
pub const FETCHED: &str = "leasehold_updates_mirror_fetched_bytes_total";
/// Files that could not be brought in a run.
pub const FETCH_FAILURES: &str = "leasehold_updates_mirror_fetch_failures_total";
/// Seconds until the first metadata in force ends; below 0 when it has.
pub const EXPIRES: &str = "leasehold_updates_mirror_expires_seconds";
/// Check-ins, by `result`: `DONE`, or the reason why not.
pub const CHECK_INS: &str = "leasehold_updates_check_ins_total";
/// Events of clients that came, by `state`.
pub const EVENTS: &str = "leasehold_updates_events_total";
/// Downloads over gRPC that go on.
pub const DOWNLOADS: &str = "leasehold_updates_downloads";
/// Bytes that were sent to clients over gRPC.
pub const SENT: &str = "leasehold_updates_sent_bytes_total";
/// Products of which clients have still to be told.
pub const OWED: &str = "leasehold_updates_owed_notices";
/// Files that were compared with their hash.
pub const SCRUBBED: &str = "leasehold_updates_scrubbed_files_total";
/// Files that had another hash than they should, and were deleted to be brought again.
pub const BAD: &str = "leasehold_updates_bad_files_total";
/// Events that were forgotten because of their age.
pub const FORGOTTEN: &str = "leasehold_updates_forgotten_events_total";

/// The handles of the service.
#[derive(Debug)]
pub struct Metrics(());

impl Metrics {
    /// Describes everything. After the process' recorder is installed; without one nothing is recorded.
    pub fn new() -> Self {
        describe_counter!(RUNS, "Runs of the mirror, by result.");
        describe_counter!(FETCHED, "Bytes that were brought from the vendor's repository.");
        describe_counter!(FETCH_FAILURES, "Files that could not be brought in a run.");
        describe_gauge!(EXPIRES, "Seconds until the first metadata in force ends; below 0 when it has.");
        describe_counter!(CHECK_INS, "Check-ins, by result.");
        describe_counter!(EVENTS, "Events of clients that came, by state.");
        describe_gauge!(DOWNLOADS, "Downloads over gRPC that go on.");
        describe_counter!(SENT, "Bytes that were sent to clients over gRPC.");
        describe_gauge!(OWED, "Products of which clients have still to be told.");
        describe_counter!(SCRUBBED, "Files that were compared with their hash.");
        describe_counter!(BAD, "Files that had another hash than they should.");
        describe_counter!(FORGOTTEN, "Events that were forgotten because of their age.");
        // Shown from the start, so that the first one is seen as one more.
        let _ = counter!(BAD);
        Self(())
    }

    /// A run ended: `DONE`, or the name of a reason.
    pub fn run(&self, result: &str, bytes: u64) {
        counter!(RUNS, "result" => result.to_owned()).increment(1);
        counter!(FETCHED).increment(bytes);
    }

    /// A file could not be brought.
    pub fn fetch_failed(&self) {
        counter!(FETCH_FAILURES).increment(1);
    }

    /// So many seconds are left until metadata ends.
    #[expect(clippy::cast_precision_loss, reason = "it is not 2^53 seconds away")]
    pub fn expires(&self, seconds: i64) {
        gauge!(EXPIRES).set(seconds as f64);
    }

    /// A check-in was answered, or refused for this reason.
    pub fn check_in(&self, reason: Option<ErrorReason>) {
        counter!(CHECK_INS, "result" => reason.map_or("DONE", reason_name)).increment(1);
    }

    /// An event came.
    pub fn event(&self, state: &'static str) {
        counter!(EVENTS, "state" => state).increment(1);
    }

    /// A download goes on as long as the answer lives.
    #[must_use]
    pub fn download(&self) -> Download {
        gauge!(DOWNLOADS).increment(1.0);
        Download(())
    }

    /// So many notices are owed.
    #[expect(clippy::cast_precision_loss, reason = "there are not 2^53 of them")]
    pub fn owed(&self, notices: usize) {
        gauge!(OWED).set(notices as f64);
    }

    /// So many files were compared, and so many were bad.
    pub fn scrubbed(&self, files: u64, bad: u64) {
        counter!(SCRUBBED).increment(files);
        counter!(BAD).increment(bad);
    }

    /// So many events were forgotten.
    pub fn forgotten(&self, events: u64) {
        counter!(FORGOTTEN).increment(events);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A download that goes on.
#[derive(Debug)]
pub struct Download(());

impl Download {
    /// So many bytes of it were sent.
    pub fn sent(&self, bytes: u64) {
        counter!(SENT).increment(bytes);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        gauge!(DOWNLOADS).decrement(1.0);
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
        metrics.run("DONE", 7);
        metrics.fetch_failed();
        metrics.expires(-3);
        metrics.check_in(Some(ErrorReason::NotLicensed));
        metrics.event("INSTALLED");
        let download = metrics.download();
        download.sent(5);
        metrics.owed(2);
        metrics.scrubbed(9, 1);
        metrics.forgotten(4);
        let text = shown.render();
        for line in [
            "mirror_runs_total{result=\"DONE\"} 1",
            "mirror_fetched_bytes_total 7",
            "mirror_fetch_failures_total 1",
            "mirror_expires_seconds -3",
            "check_ins_total{result=\"NOT_LICENSED\"} 1",
            "events_total{state=\"INSTALLED\"} 1",
            "downloads 1",
            "sent_bytes_total 5",
            "owed_notices 2",
            "scrubbed_files_total 9",
            "bad_files_total 1",
            "forgotten_events_total 4",
        ] {
            let line = format!("leasehold_updates_{line}");
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        drop(download);
        assert!(shown.render().lines().any(|line| line == "leasehold_updates_downloads 0"));
        let described = text.lines().filter(|line| line.starts_with("# HELP leasehold_updates_")).count();
        assert_eq!(described, 12, "each has a description");
    }
}
