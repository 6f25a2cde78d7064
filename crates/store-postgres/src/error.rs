//! What the server says, in the words of [`StoreError`].

use leasehold_store::StoreError;

/// The five characters that say what went wrong, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn sql_state(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Whether the connection is broken, or was not made.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(_) => sql_state(error).is_some_and(|state| {
            // Connections; shutdown, crash and start; the idle transaction that was taken back.
            state.starts_with("08") || matches!(&*state, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
        }),
        _ => false,
    }
}

/// Whether a server that cannot be used may be usable a little later.
pub(crate) fn may_pass(error: &sqlx::Error) -> bool {
    let passes = |state: String| PASSING.contains(&&state[..2]) || state == ONLY_READS;
    is_broken(error) || sql_state(error).is_some_and(passes)
}

/// Classes of what does: rollbacks that another try avoids; resources; what is in use; the operator; the system.
const PASSING: [&str; 5] = ["40", "53", "55", "57", "58"];
/// A server that only reads, because another one has taken over.
const ONLY_READS: &str = "25006";

/// What a failure means to a service.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    if is_broken(&error) {
        return StoreError::Unavailable { source: Box::new(error) };
    }
    let Some(state) = sql_state(&error) else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                StoreError::Corrupt { what: error.to_string() }
            }
            _ => internal(error),
        };
    };
    match (&state[..2], &*state) {
        // Integrity constraints; values that no column holds.
        ("23" | "22", _) => constraint(error),
        // Damaged pages and indexes.
        (_, "XX001" | "XX002") => StoreError::Corrupt { what: error.to_string() },
        // Who may come in is for the operator to mend, while the service runs.
        ("28", _) => StoreError::Unavailable { source: Box::new(error) },
        _ if may_pass(&error) => StoreError::Unavailable { source: Box::new(error) },
        _ => internal(error),
    }
}

/// A defect of ours.
pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Internal { source: Box::new(error) }
}

fn constraint(error: sqlx::Error) -> StoreError {
    let database = error.as_database_error();
    let named = database.and_then(|database| database.constraint()).map(str::to_owned);
    let constraint = named.or_else(|| database.map(|database| database.message().to_owned()));
    StoreError::Constraint { constraint: constraint.unwrap_or_default(), source: Box::new(error) }
}
