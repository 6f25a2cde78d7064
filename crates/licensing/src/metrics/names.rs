//! What the service's metrics are called, and what they mean.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Pieces of work decided in one transaction.
pub const BATCH_SIZE: &str = "leasehold_licensing_batch_size";
/// How long the phases of a batch took, by `phase`: `load`, `decide`, `commit`, `settle`.
pub const BATCH_DURATION: &str = "leasehold_licensing_batch_duration_seconds";
/// Pieces of work that wait for a decision.
pub const QUEUE_DEPTH: &str = "leasehold_licensing_queue_depth";
/// Requests turned away, by `reason`: `overloaded`, `late`.
pub const SHED: &str = "leasehold_licensing_requests_shed_total";
/// Features that were answered, by `outcome` and, where refused, `reason`.
pub const ANSWERS: &str = "leasehold_licensing_answers_total";
/// Grants in force, by `kind`: `online`, `borrowed`.
pub const GRANTS: &str = "leasehold_licensing_grants";
/// Leases that were shown in heartbeats, by `result`: `ok`, `degraded`, `lost`.
pub const HEARTBEATS: &str = "leasehold_licensing_heartbeats_total";
/// Leases of silent holders that were taken back.
pub const TAKEN_BACK: &str = "leasehold_licensing_leases_taken_back_total";
/// Grants that were promoted.
pub const PROMOTIONS: &str = "leasehold_licensing_promotions_total";
/// Gaps in which nobody could be heard, by `kind`.
pub const GAPS: &str = "leasehold_licensing_gaps_total";
/// Whether silent leases are spared because too many fell silent at once.
pub const SELF_PRESERVATION: &str = "leasehold_licensing_self_preservation";
/// Whether an instance is restored from a backup and not confirmed yet.
pub const RESTORED: &str = "leasehold_licensing_restored";
/// Whether an administrator suspended the instance, by `instance`.
pub const SUSPENDED: &str = "leasehold_licensing_suspended";
/// The sequence number of the bundle in force, by `instance`; 0 before the first.
pub const BUNDLE_SEQUENCE: &str = "leasehold_licensing_bundle_sequence";
/// Seconds until nothing is granted any more without a newer bundle, by `instance`; 0 before the first bundle, less once
/// it is over.
pub const SYNCHRONIZE_LEFT: &str = "leasehold_licensing_synchronize_seconds_left";
/// Seconds for which the key for answers is certified, by `instance`; 0 without one.
pub const ANSWER_KEY_LEFT: &str = "leasehold_licensing_answer_key_seconds_left";
/// Whether this replica has its turn as the reaper.
pub const REAPER_TURN: &str = "leasehold_licensing_reaper_turn_held";
/// Failed operations of the back ends, by `backend` (`store`, `leases`) and `kind`.
pub const BACKEND_ERRORS: &str = "leasehold_licensing_backend_errors_total";
/// Floor deadlines that were moved forward.
pub const FLOORS_MOVED: &str = "leasehold_licensing_floors_moved_total";
/// Ended grants that were learned of from the store.
pub const ENDINGS: &str = "leasehold_licensing_endings_polled_total";

/// Tells the recorder what they mean.
pub(super) fn describe() {
    describe_histogram!(BATCH_SIZE, "Pieces of work decided in one transaction.");
    describe_histogram!(BATCH_DURATION, "How long the phases of a batch took.");
    describe_gauge!(QUEUE_DEPTH, "Pieces of work that wait for a decision.");
    describe_counter!(SHED, "Requests turned away undecided, by reason.");
    describe_counter!(ANSWERS, "Features answered, by outcome and reason of a refusal.");
    describe_gauge!(GRANTS, "Grants in force, by kind.");
    describe_counter!(HEARTBEATS, "Leases shown in heartbeats, by how they stand.");
    describe_counter!(TAKEN_BACK, "Leases of silent holders that were taken back.");
    describe_counter!(PROMOTIONS, "Grants that were promoted.");
    describe_counter!(GAPS, "Gaps in which nobody could be heard, by kind.");
    describe_gauge!(SELF_PRESERVATION, "Whether silent leases are spared, too many being silent at once.");
    describe_gauge!(RESTORED, "Whether an instance is restored from a backup and not confirmed yet.");
    describe_gauge!(SUSPENDED, "Whether an administrator suspended the instance.");
    describe_gauge!(BUNDLE_SEQUENCE, "The sequence number of the bundle in force.");
    describe_gauge!(SYNCHRONIZE_LEFT, "Seconds until nothing is granted without a newer bundle.");
    describe_gauge!(ANSWER_KEY_LEFT, "Seconds for which the key for answers is certified.");
    describe_gauge!(REAPER_TURN, "Whether this replica has the reaper's turn.");
    describe_counter!(BACKEND_ERRORS, "Failed operations of back ends, by back end and kind.");
    describe_counter!(FLOORS_MOVED, "Floor deadlines moved forward.");
    describe_counter!(ENDINGS, "Ended grants learned of from the store.");
}
