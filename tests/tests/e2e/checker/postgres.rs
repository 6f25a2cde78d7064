//! Snapshots of a Postgres database.

use leasehold_promises::read::postgres;
use sqlx::{Connection, PgConnection};

use super::snapshot::Snapshot;

/// Reads the whole state in one transaction. At rest only is it what the judge can judge: nothing may be under way.
pub(crate) async fn read(url: &str) -> Snapshot {
    let mut database = PgConnection::connect(url).await.unwrap();
    let damage = postgres::damage(&mut database).await.unwrap();
    let mut snapshot = postgres::read(&mut database).await.unwrap();
    snapshot.damage.extend(damage);
    database.close().await.unwrap();
    snapshot
}

/// The answer that is kept for a request.
pub(crate) async fn stored_answer(url: &str, request: &str) -> Option<Vec<u8>> {
    let mut database = PgConnection::connect(url).await.unwrap();
    let answer = postgres::stored_answer(&mut database, request.parse().unwrap()).await.unwrap();
    database.close().await.unwrap();
    answer
}
