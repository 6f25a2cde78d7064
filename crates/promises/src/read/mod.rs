//! Snapshots out of databases, by their tables alone.
//!
//! Each back end has `read`, for a server at rest; `counts`, which may be taken while one works; and `damage`, the back
//! end's own check of its files. They know the tables and nothing of the crates that write them: a mistake in those does
//! not hide itself here.

pub mod postgres;
pub mod sqlite;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::snapshot::{Grant, Item, Part, Snapshot, capacity};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer a question, or not as its tables should.
    #[error("the database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// Something in a table cannot be what it should.
    #[error("the database holds {what} that cannot be read")]
    Content {
        /// What.
        what: &'static str,
    },
}

/// A grant's id in front of its part.
type Placed = (Uuid, Part);

/// Puts parts to their grants.
fn join(snapshot: &mut Snapshot, grants: Vec<Grant>, parts: Vec<Placed>) {
    let order: Vec<Uuid> = grants.iter().map(|grant| grant.id).collect();
    let mut grants: BTreeMap<Uuid, Vec<Grant>> =
        grants.into_iter().fold(BTreeMap::new(), |mut all, grant| {
            all.entry(grant.id).or_default().push(grant);
            all
        });
    for (id, part) in parts {
        match grants.get_mut(&id).and_then(|same| same.first_mut()) {
            Some(grant) => grant.parts.push(part),
            None => snapshot.strays.push((id, part)),
        }
    }
    snapshot.grants = order.iter().filter_map(|id| grants.get_mut(id)?.pop()).collect();
}

/// A line item from its count, whether it is advisory, and its overdraft.
fn item((count, advisory, overdraft, amount): (Option<i64>, bool, String, Option<i64>)) -> Item {
    Item { capacity: capacity(count, advisory, &overdraft, amount.unwrap_or_default()) }
}

fn token(number: i64) -> Result<u64, ReadError> {
    u64::try_from(number).map_err(|_| ReadError::Content { what: "a fencing token" })
}

fn time(microseconds: i64) -> Result<Timestamp, ReadError> {
    Timestamp::from_microsecond(microseconds).map_err(|_| ReadError::Content { what: "a time" })
}

fn deltas(text: &str) -> Result<BTreeMap<String, i64>, ReadError> {
    serde_json::from_str(text).map_err(|_| ReadError::Content { what: "a record of activity" })
}
