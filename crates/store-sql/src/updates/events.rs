//! What clients did.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_domain::updates::UpdateState;
use leasehold_store::StoreError;
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::updates::{Event, KeptEvent, Reported};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::page::{self, found};
use crate::values::{micros, number, read_named, read_number, read_time};

/// Locks the row, so that what one client says is taken in one after another.
const LAST: &str =
    "UPDATE clients SET last_event = last_event WHERE instance = $1 AND id = $2 RETURNING last_event";
const ADD: &str = "INSERT INTO events (instance, client, sequence, at, assignment, product, version, state, message, \
     fetched_bytes, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const MOVE_ON: &str = "UPDATE clients SET last_event = $3 WHERE instance = $1 AND id = $2";
const STATE: &str = "UPDATE client_products SET state = $4, state_at = $5, message = $6 \
     WHERE instance = $1 AND client = $2 AND product = $3";

macro_rules! wanted {
    () => {
        concat!(found!("product", "version", "state", "message"), " AND instance = $2 AND client = $3")
    };
}

const LIST: &str = concat!(
    "SELECT sequence, at, assignment, product, version, state, message, fetched_bytes, received_at FROM events WHERE ",
    wanted!(),
    " AND sequence < $4 ORDER BY sequence DESC LIMIT $5 OFFSET $6"
);
const TOTAL: &str = concat!("SELECT count(*) FROM events WHERE ", wanted!());
const FORGET: &str = "DELETE FROM events WHERE instance = $1 AND received_at < $2";

pub(super) async fn record(
    database: &Database,
    instance: InstanceId,
    reported: &Reported<'_>,
) -> Result<Option<u64>, StoreError> {
    let (instance, client) = (instance.to_string(), reported.client.to_string());
    let mut transaction = database.begin().await?;
    let last = within(async {
        let query = sqlx::query(LAST).bind(instance.clone()).bind(client.clone());
        let row = query.fetch_optional(&mut *transaction).await?;
        row.as_ref().map(|row| read_number(row, "last_event")).transpose()
    });
    let Some(last) = last.await? else {
        within(transaction.rollback()).await?;
        return Ok(None);
    };
    let fresh = reported.events.iter().filter(|event| event.sequence > last);
    let (mut newest, mut states) = (last, BTreeMap::new());
    for event in fresh {
        let add = added(&instance, &client, event, reported.at).map_err(store_error)?;
        within(add.execute(&mut *transaction)).await?;
        newest = event.sequence;
        states.insert(event.product.as_str(), event);
    }
    for (product, event) in states {
        let state = sqlx::query(STATE)
            .bind(instance.clone())
            .bind(client.clone())
            .bind(product.to_owned())
            .bind(event.state.name())
            .bind(micros(reported.at))
            .bind(event.message.clone());
        within(state.execute(&mut *transaction)).await?;
    }
    let moved = sqlx::query(MOVE_ON).bind(instance).bind(client).bind(number(newest).map_err(store_error)?);
    within(moved.execute(&mut *transaction)).await?;
    within(transaction.commit()).await?;
    Ok(Some(newest))
}

pub(super) async fn list(
    database: &Database,
    instance: InstanceId,
    client: Uuid,
    page: &PageQuery,
) -> Result<Page<KeptEvent>, StoreError> {
    let begun = |sql| {
        let query: Statement = sqlx::query(sql);
        query.bind(page::pattern(page)).bind(instance.to_string()).bind(client.to_string())
    };
    // No event has the largest number; what was never a number is as good.
    let after = page.after.as_deref().map_or(i64::MAX, |after| after.parse().unwrap_or(i64::MAX));
    let rows = begun(LIST).bind(after).bind(page::limit(page)).bind(i64::from(page.skip));
    let key = |kept: &KeptEvent| kept.event.sequence.to_string();
    page::read(database, page, (rows, begun(TOTAL)), read, key).await
}

pub(super) async fn forget(
    database: &Database,
    instance: InstanceId,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let statement = sqlx::query(FORGET).bind(instance.to_string()).bind(micros(before));
    Ok(within(statement.execute(database.pool())).await?.rows_affected())
}

fn added(
    instance: &str,
    client: &str,
    event: &Event,
    received_at: Timestamp,
) -> Result<Statement, sqlx::Error> {
    Ok(sqlx::query(ADD)
        .bind(instance.to_owned())
        .bind(client.to_owned())
        .bind(number(event.sequence)?)
        .bind(micros(event.at))
        .bind(event.assignment.clone())
        .bind(event.product.clone())
        .bind(event.version.clone())
        .bind(event.state.name())
        .bind(event.message.clone())
        .bind(number(event.fetched_bytes)?)
        .bind(micros(received_at)))
}

fn read(row: &AnyRow) -> Result<KeptEvent, sqlx::Error> {
    Ok(KeptEvent {
        event: Event {
            sequence: read_number(row, "sequence")?,
            at: read_time(row, "at")?,
            assignment: row.try_get("assignment")?,
            product: row.try_get("product")?,
            version: row.try_get("version")?,
            state: read_named(row, "state", &UpdateState::ALL, UpdateState::name)?,
            message: row.try_get("message")?,
            fetched_bytes: read_number(row, "fetched_bytes")?,
        },
        received_at: read_time(row, "received_at")?,
    })
}
