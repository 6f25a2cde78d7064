//! What the database says, in the words of [`StoreError`].

use leasehold_store::StoreError;

/// The database's primary result codes, <https://www.sqlite.org/rescode.html>.
pub(crate) mod code {
    pub(crate) const PERM: u8 = 3;
    pub(crate) const BUSY: u8 = 5;
    pub(crate) const LOCKED: u8 = 6;
    pub(crate) const NOMEM: u8 = 7;
    pub(crate) const READONLY: u8 = 8;
    pub(crate) const INTERRUPT: u8 = 9;
    pub(crate) const IOERR: u8 = 10;
    pub(crate) const CORRUPT: u8 = 11;
    pub(crate) const FULL: u8 = 13;
    pub(crate) const CANTOPEN: u8 = 14;
    pub(crate) const PROTOCOL: u8 = 15;
    pub(crate) const CONSTRAINT: u8 = 19;
    pub(crate) const NOTADB: u8 = 26;
}

/// The primary result code, where the database itself refused.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<u8> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    // The primary code is the lowest byte of the extended one.
    Some(extended.to_le_bytes()[0])
}

/// What a statement's failure means to a service.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match (primary_code(&error), &error) {
        (Some(code::CONSTRAINT), sqlx::Error::Database(database)) => {
            StoreError::Constraint { constraint: database.message().to_owned(), source: Box::new(error) }
        }
        (Some(code::CORRUPT | code::NOTADB), _) => StoreError::Corrupt { what: error.to_string() },
        (
            Some(
                code::PERM
                | code::BUSY
                | code::LOCKED
                | code::NOMEM
                | code::READONLY
                | code::INTERRUPT
                | code::IOERR
                | code::FULL
                | code::CANTOPEN
                | code::PROTOCOL,
            ),
            _,
        )
        | (
            _,
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed,
        ) => StoreError::Unavailable { source: Box::new(error) },
        (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
            StoreError::Corrupt { what: error.to_string() }
        }
        _ => internal(error),
    }
}

/// A defect of ours.
pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Internal { source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection};

    use super::*;

    async fn failure(statement: &'static str) -> StoreError {
        let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
        let error = sqlx::raw_sql(statement).execute(&mut connection).await.unwrap_err();
        connection.close().await.unwrap();
        store_error(error)
    }

    #[tokio::test]
    async fn a_constraint_is_named_without_the_back_ends_codes() {
        let error = failure("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1), (1)").await;
        let StoreError::Constraint { constraint, .. } = error else { panic!("{error:?}") };
        assert_eq!(constraint, "UNIQUE constraint failed: t.a");
    }

    #[tokio::test]
    async fn a_full_disk_passes_and_a_wrong_statement_does_not() {
        let full = failure("PRAGMA max_page_count = 1; CREATE TABLE t (a); INSERT INTO t VALUES (1)").await;
        assert!(full.is_passing(), "{full:?}");
        let wrong = failure("SELEKT").await;
        assert!(matches!(wrong, StoreError::Internal { .. }), "{wrong:?}");
    }
}
