//! Why the gateway could not start, and how what fails in it is told.

use leasehold_runtime::ApiError;
use leasehold_runtime::error::chain;
use leasehold_runtime::http::Problem;
use leasehold_store::StoreError;

/// Why the gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a caller is told when the store fails.
pub(crate) fn store_problem(error: &StoreError) -> Problem {
    let detail = chain(error);
    if error.is_passing() {
        ApiError::store_unavailable(detail).into()
    } else {
        ApiError::internal(detail).into()
    }
}
