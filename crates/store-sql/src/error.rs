//! What either database says, in the words of [`StoreError`].

use leasehold_store::StoreError;
use sqlx::error::ErrorKind;

/// Classes of `PostgreSQL`'s states that another try may avoid: connections, rollbacks, resources, what is in use,
/// the operator, the system, and who may come in, which an operator mends while the service runs.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const PASSING_STATES: [&str; 7] = ["08", "40", "53", "55", "57", "58", "28"];
/// A server that only reads, because another one has taken over; a transaction that stood idle.
const PASSING_STATE: [&str; 2] = ["25006", "25P03"];
/// Primary codes of `SQLite` that another try may avoid: PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL,
/// CANTOPEN, PROTOCOL. <https://www.sqlite.org/rescode.html>
const PASSING_CODES: [u8; 10] = [3, 5, 6, 7, 8, 9, 10, 13, 14, 15];
/// CORRUPT and NOTADB.
const DAMAGED_CODES: [u8; 2] = [11, 26];

/// Whether the database may be usable a little later.
pub(crate) fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(said) => match said.code() {
            Some(state) if is_state(&state) => {
                PASSING_STATES.contains(&&state[..2]) || PASSING_STATE.contains(&&*state)
            }
            Some(code) => primary(&code).is_some_and(|code| PASSING_CODES.contains(&code)),
            None => false,
        },
        _ => false,
    }
}

/// What a failure means to a service.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    if may_pass(&error) {
        return StoreError::Unavailable { source: Box::new(error) };
    }
    match &error {
        sqlx::Error::Database(said) if said.kind() != ErrorKind::Other => {
            let named = said.constraint().unwrap_or_else(|| said.message()).to_owned();
            StoreError::Constraint { constraint: named, source: Box::new(error) }
        }
        sqlx::Error::Database(said) if said.code().is_some_and(|code| is_damage(&code)) => {
            StoreError::Corrupt { what: error.to_string() }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Corrupt { what: error.to_string() }
        }
        _ => StoreError::Internal { source: Box::new(error) },
    }
}

/// Whether it is one of `PostgreSQL`'s states, which have five characters; `SQLite`'s codes are shorter numbers.
fn is_state(code: &str) -> bool {
    code.len() == 5
}

fn is_damage(code: &str) -> bool {
    matches!(code, "XX001" | "XX002") || primary(code).is_some_and(|code| DAMAGED_CODES.contains(&code))
}

/// The lowest byte of an extended code.
fn primary(code: &str) -> Option<u8> {
    let extended: u32 = code.parse().ok()?;
    Some(extended.to_le_bytes()[0])
}
