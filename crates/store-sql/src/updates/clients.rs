//! Clients, and what they follow.

use std::collections::BTreeMap;

use leasehold_domain::updates::UpdateState;
use leasehold_domain::{HostId, InstanceId};
use leasehold_store::StoreError;
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::updates::{Assigned, CheckIn, Client, Holding, Installed};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::page::{self, found};
use crate::values::{
    micros, number, read_named, read_number, read_optional_32, read_optional_time, read_time, unreadable,
};

/// Locks the row, so that what one client says is taken in one after another.
const CHECK_IN: &str = "INSERT INTO clients (instance, id, hostid, alias, client_version, time_zone, free_bytes, \
       first_seen_at, seen_at, last_event) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0) \
     ON CONFLICT (instance, id) DO UPDATE SET hostid = excluded.hostid, alias = excluded.alias, \
       client_version = excluded.client_version, time_zone = excluded.time_zone, free_bytes = excluded.free_bytes, \
       seen_at = excluded.seen_at";
/// A new assignment has no state yet.
const FOLLOW: &str = "INSERT INTO client_products (instance, client, product, channel, version, sha256, \
       assigned_target, assigned_version, message, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9) \
     ON CONFLICT (instance, client, product) DO UPDATE SET channel = excluded.channel, version = excluded.version, \
       sha256 = excluded.sha256, assigned_target = excluded.assigned_target, \
       assigned_version = excluded.assigned_version, seen_at = excluded.seen_at, \
       state = CASE WHEN excluded.assigned_target <> coalesce(client_products.assigned_target, '') THEN NULL \
         ELSE client_products.state END, \
       state_at = CASE WHEN excluded.assigned_target <> coalesce(client_products.assigned_target, '') THEN NULL \
         ELSE client_products.state_at END, \
       message = CASE WHEN excluded.assigned_target <> coalesce(client_products.assigned_target, '') THEN '' \
         ELSE client_products.message END";
const UNFOLLOW: &str = "DELETE FROM client_products WHERE instance = $1 AND client = $2 AND seen_at <> $3";

macro_rules! columns {
    () => {
        "id, hostid, alias, client_version, time_zone, free_bytes, first_seen_at, seen_at, last_event"
    };
}
/// Those that the page looks for: `$2` is the instance, `$3` a product or nothing.
macro_rules! wanted {
    () => {
        concat!(
            found!("hostid", "alias", "id"),
            " AND instance = $2 AND ($3 = '' OR EXISTS (SELECT 1 FROM client_products p \
               WHERE p.instance = clients.instance AND p.client = clients.id AND p.product = $3))"
        )
    };
}

const FIND: &str = concat!("SELECT ", columns!(), " FROM clients WHERE instance = $1 AND id = $2");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM clients WHERE ",
    wanted!(),
    " AND (hostid, id) > ($4, $5) ORDER BY hostid, id LIMIT $6 OFFSET $7"
);
const TOTAL: &str = concat!("SELECT count(*) FROM clients WHERE ", wanted!());
const HOLDINGS: &str = "SELECT product, sha256, count(*) AS held FROM client_products WHERE instance = $1 \
     GROUP BY product, sha256 ORDER BY product, sha256";

pub(super) async fn check_in(
    database: &Database,
    instance: InstanceId,
    check_in: &CheckIn,
) -> Result<(), StoreError> {
    let (instance, id) = (instance.to_string(), check_in.id.to_string());
    let client = sqlx::query(CHECK_IN)
        .bind(instance.clone())
        .bind(id.clone())
        .bind(check_in.hostid.to_string())
        .bind(check_in.alias.clone())
        .bind(check_in.client_version.clone())
        .bind(check_in.time_zone.clone())
        .bind(number(check_in.free_bytes).map_err(store_error)?)
        .bind(micros(check_in.at));
    let mut transaction = database.begin().await?;
    within(client.execute(&mut *transaction)).await?;
    for product in &check_in.products {
        let follow = sqlx::query(FOLLOW)
            .bind(instance.clone())
            .bind(id.clone())
            .bind(product.product.clone())
            .bind(product.channel.clone())
            .bind(product.version.clone())
            .bind(product.sha256.map(|hash| hash.to_vec()))
            .bind(product.assigned.as_ref().map(|assigned| assigned.target.clone()))
            .bind(product.assigned.as_ref().map(|assigned| assigned.version.clone()))
            .bind(micros(check_in.at));
        within(follow.execute(&mut *transaction)).await?;
    }
    let unfollow = sqlx::query(UNFOLLOW).bind(instance).bind(id).bind(micros(check_in.at));
    within(unfollow.execute(&mut *transaction)).await?;
    within(transaction.commit()).await
}

pub(super) async fn find(
    database: &Database,
    instance: InstanceId,
    client: Uuid,
) -> Result<Option<Client>, StoreError> {
    let query = sqlx::query(FIND).bind(instance.to_string()).bind(client.to_string());
    let found = within(async {
        let row = query.fetch_optional(database.pool()).await?;
        row.as_ref().map(read).transpose()
    });
    let mut clients: Vec<Client> = found.await?.into_iter().collect();
    add_products(database, instance, &mut clients).await?;
    Ok(clients.pop())
}

pub(super) async fn list(
    database: &Database,
    instance: InstanceId,
    product: Option<&str>,
    page: &PageQuery,
) -> Result<Page<Client>, StoreError> {
    let (hostid, id) = page::after_both(page);
    let begun = |sql| {
        let product = page::storable(product.unwrap_or_default());
        sqlx::query(sql).bind(page::pattern(page)).bind(instance.to_string()).bind(product)
    };
    let rows: Statement =
        begun(LIST).bind(hostid).bind(id).bind(page::limit(page)).bind(i64::from(page.skip));
    let key = |client: &Client| page::both(&client.hostid.to_string(), &client.id.to_string());
    let mut found = page::read(database, page, (rows, begun(TOTAL)), read, key).await?;
    add_products(database, instance, &mut found.rows).await?;
    Ok(found)
}

pub(super) async fn holdings(database: &Database, instance: InstanceId) -> Result<Vec<Holding>, StoreError> {
    let read = |row: &AnyRow| {
        Ok(Holding {
            product: row.try_get("product")?,
            sha256: read_optional_32(row, "sha256")?,
            clients: read_number(row, "held")?,
        })
    };
    let query = sqlx::query(HOLDINGS).bind(instance.to_string());
    within(async { query.fetch_all(database.pool()).await?.iter().map(read).collect() }).await
}

/// Adds what these clients follow, with one statement.
async fn add_products(
    database: &Database,
    instance: InstanceId,
    clients: &mut [Client],
) -> Result<(), StoreError> {
    if clients.is_empty() {
        return Ok(());
    }
    let places: Vec<String> = (2..clients.len() + 2).map(|number| format!("${number}")).collect();
    let sql = format!(
        "SELECT client, product, channel, version, sha256, assigned_target, assigned_version, state, state_at, message \
         FROM client_products WHERE instance = $1 AND client IN ({}) ORDER BY client, product",
        places.join(", ")
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(instance.to_string());
    let query = clients.iter().fold(query, |query, client| query.bind(client.id.to_string()));
    let rows = within(async {
        let rows = query.fetch_all(database.pool()).await?;
        rows.iter().map(read_installed).collect::<Result<Vec<_>, _>>()
    });
    let mut found: BTreeMap<Uuid, Vec<Installed>> = BTreeMap::new();
    for (client, installed) in rows.await? {
        found.entry(client).or_default().push(installed);
    }
    for client in clients {
        client.products = found.remove(&client.id).unwrap_or_default();
    }
    Ok(())
}

fn read(row: &AnyRow) -> Result<Client, sqlx::Error> {
    let hostid: String = row.try_get("hostid")?;
    Ok(Client {
        id: read_id(row, "id")?,
        hostid: hostid.parse::<HostId>().map_err(|error| unreadable("hostid", error))?,
        alias: row.try_get("alias")?,
        client_version: row.try_get("client_version")?,
        time_zone: row.try_get("time_zone")?,
        free_bytes: read_number(row, "free_bytes")?,
        first_seen_at: read_time(row, "first_seen_at")?,
        seen_at: read_time(row, "seen_at")?,
        last_event: read_number(row, "last_event")?,
        products: Vec::new(),
    })
}

fn read_installed(row: &AnyRow) -> Result<(Uuid, Installed), sqlx::Error> {
    let target: Option<String> = row.try_get("assigned_target")?;
    let version: Option<String> = row.try_get("assigned_version")?;
    let state_at = read_optional_time(row, "state_at")?;
    let state = match state_at {
        Some(at) => Some((read_named(row, "state", &UpdateState::ALL, UpdateState::name)?, at)),
        None => None,
    };
    let installed = Installed {
        product: row.try_get("product")?,
        channel: row.try_get("channel")?,
        version: row.try_get("version")?,
        sha256: read_optional_32(row, "sha256")?,
        assigned: target.zip(version).map(|(target, version)| Assigned { target, version }),
        state,
        message: row.try_get("message")?,
    };
    Ok((read_id(row, "client")?, installed))
}

fn read_id(row: &AnyRow, column: &'static str) -> Result<Uuid, sqlx::Error> {
    let text: String = row.try_get(column)?;
    Uuid::parse_str(&text).map_err(|error| unreadable(column, error))
}
