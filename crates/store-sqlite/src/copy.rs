//! A copy of a database that may be in use.

use std::path::Path;

use sqlx::{ConnectOptions, Connection};

use crate::connect::{Location, reader};
use crate::open::{OpenError, open_error};

/// Copies the database in a file, of whatever service, into a new file. What it holds is what was committed when the
/// copying began; whoever writes meanwhile does not wait. The copy is checked.
pub async fn copy(from: &Path, to: &Path) -> Result<(), OpenError> {
    let location = Location::File(from.to_owned());
    let said = |error| open_error(&location, error);
    let text = to.to_str().ok_or_else(|| OpenError::Cannot {
        path: to.to_owned(),
        reason: "its name is not UTF-8".to_owned(),
        source: "a name that the database cannot take".into(),
    })?;
    let mut connection = reader(from).connect().await.map_err(said)?;
    // Reads in one transaction, and writes the copy without what is free in the original.
    let copied = sqlx::query("VACUUM INTO $1").bind(text).execute(&mut connection).await;
    connection.close().await.map_err(said)?;
    copied.map_err(said)?;
    check(to).await
}

/// Reads a database from end to end and fails where its content contradicts itself.
async fn check(path: &Path) -> Result<(), OpenError> {
    let location = Location::File(path.to_owned());
    let said = |error| open_error(&location, error);
    let mut connection = reader(path).connect().await.map_err(said)?;
    let found: Result<Vec<String>, _> =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_all(&mut connection).await;
    connection.close().await.map_err(said)?;
    match found.map_err(said)?.first() {
        Some(problem) if problem != "ok" => {
            Err(OpenError::Damaged { path: path.to_owned(), reason: problem.clone() })
        }
        _ => Ok(()),
    }
}
