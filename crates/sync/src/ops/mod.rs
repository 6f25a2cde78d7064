//! One file for each operation: load, decide, save. Nothing here knows gRPC's traits or a database.

pub(crate) mod certify_answer_key;
pub(crate) mod enrol;
pub(crate) mod export_sync_data;
pub(crate) mod get_identity;
pub(crate) mod get_update_repository;
pub(crate) mod import_license_file;
pub(crate) mod list_exchanges;
pub(crate) mod page;
pub(crate) mod synchronize;
pub(crate) mod test_connection;

use leasehold_runtime::CallContext;

/// Who an administrative call is from, for the history.
fn actor(call: &CallContext) -> String {
    call.actor().unwrap_or("administrator").to_owned()
}
