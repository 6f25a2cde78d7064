//! What synchronisation keeps, in either database. Not responsible for what a change means.

mod row;
mod write;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::sync::{Change, Exchange, ExchangeState, Identity, Nonce, Pending, Way};
use leasehold_store::{StoreError, SyncStore};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::{Database, OpenError, Place, within};
use crate::schema::Step;

/// The name of the schema.
pub(crate) const SERVICE: &str = "sync";
pub(crate) const STEPS: &[Step] = &[
    Step {
        version: 1,
        name: "sync",
        postgres: include_str!("../migrations/sync/0001.postgres.sql"),
        sqlite: include_str!("../migrations/sync/0001.sqlite.sql"),
    },
    Step {
        version: 2,
        name: "update repository",
        postgres: include_str!("../migrations/sync/0002.postgres.sql"),
        sqlite: include_str!("../migrations/sync/0002.sqlite.sql"),
    },
];

/// Rows that a search keeps. `$2` is the text with a backslash before what would be a wildcard.
macro_rules! wanted {
    () => {
        "instance = $1 AND ($2 = '' \
           OR lower(failure_reason) LIKE '%' || lower($2) || '%' ESCAPE '\\' \
           OR lower(message) LIKE '%' || lower($2) || '%' ESCAPE '\\' \
           OR lower(actor) LIKE '%' || lower($2) || '%' ESCAPE '\\')"
    };
}

/// The columns of an exchange that every list has, as [`row::exchange`] reads them.
macro_rules! exchange_columns {
    () => {
        "number, way, state, nonce, started_at, ended_at, sent_bytes, received_bytes, bundle_sequence, changes, \
         synchronize_before, failed_step, failure_reason, message, actor"
    };
}

const ENROLLED: &str = "SELECT instance FROM identities ORDER BY instance";
const IDENTITY: &str = "SELECT revision, license_server_id, vendor_id, vendor_name, vendor_root, address, \
       vendor_recipient, contact_mail, contact_web, contact_phone, signing_key, public_key, identity, recipient, \
       next_number, warned, next_at, failures, bundle_sequence, bundle_digest, synchronized_at, synchronize_before, \
       online_certificate, instance_certificate, notices, updates_address, updates_root \
     FROM identities WHERE instance = $1";
const EXCHANGE: &str = concat!(
    "SELECT ",
    exchange_columns!(),
    ", request, response FROM exchanges WHERE instance = $1 AND number = $2"
);
const NUMBER_OF: &str = "SELECT number FROM exchanges WHERE instance = $1 AND nonce = $2";
const PENDING: &str = "SELECT state, way, min(number), count(*) FROM exchanges \
     WHERE instance = $1 AND state IN ('REQUESTED', 'APPLYING') GROUP BY state, way";
const COUNT: &str = concat!("SELECT count(*) FROM exchanges WHERE ", wanted!());
const PAGE: &str = concat!(
    "SELECT ",
    exchange_columns!(),
    " FROM exchanges WHERE ",
    wanted!(),
    " AND number < $3 ORDER BY number DESC LIMIT $4 OFFSET $5"
);
const CLAIM: &str = "INSERT INTO claims (instance, holder, expires_at) VALUES ($1, $2, $3) \
     ON CONFLICT (instance) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
     WHERE claims.holder = excluded.holder OR claims.expires_at <= $4 \
       OR claims.expires_at - excluded.expires_at > excluded.expires_at - $4";
const RELEASE: &str = "DELETE FROM claims WHERE instance = $1 AND holder = $2";
const FORGET_CLAIMS: &str = "DELETE FROM claims";

/// What synchronisation keeps, in a database. Cloning it gives another handle to the same.
#[derive(Clone, Debug)]
pub struct SqlSyncStore {
    database: Database,
    shared: bool,
}

impl SqlSyncStore {
    /// Opens the database and brings its tables up to date.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        let database = Database::open(place, SERVICE, STEPS).await?;
        Ok(Self { database, shared: matches!(place, Place::Postgres { .. }) })
    }

    /// Opens the database as it is, to read from it alone: its tables have to be up to date.
    pub async fn open_to_read(place: &Place) -> Result<Self, OpenError> {
        let database = Database::open_to_read(place, SERVICE).await?;
        Ok(Self { database, shared: matches!(place, Place::Postgres { .. }) })
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn rows(&self, instance: InstanceId, sql: &'static str) -> Result<Vec<AnyRow>, StoreError> {
        within(sqlx::query(sql).bind(instance.to_string()).fetch_all(self.database.pool())).await
    }
}

#[async_trait]
impl SyncStore for SqlSyncStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    fn is_shared(&self) -> bool {
        self.shared
    }

    async fn enrolled(&self) -> Result<Vec<InstanceId>, StoreError> {
        let rows = within(sqlx::query(ENROLLED).fetch_all(self.database.pool())).await?;
        rows.iter().map(row::instance).collect()
    }

    async fn identity(&self, instance: InstanceId) -> Result<Option<Identity>, StoreError> {
        self.rows(instance, IDENTITY).await?.first().map(row::identity).transpose()
    }

    async fn save(&self, instance: InstanceId, change: &Change) -> Result<bool, StoreError> {
        write::save(&self.database, instance, change).await
    }

    async fn exchange(&self, instance: InstanceId, number: u64) -> Result<Option<Exchange>, StoreError> {
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        let query = sqlx::query(EXCHANGE).bind(instance.to_string()).bind(number);
        let found = within(query.fetch_optional(self.database.pool())).await?;
        found.as_ref().map(row::exchange).transpose()
    }

    async fn number_of(&self, instance: InstanceId, nonce: &Nonce) -> Result<Option<u64>, StoreError> {
        let query = sqlx::query(NUMBER_OF).bind(instance.to_string()).bind(nonce.as_slice());
        let found = within(query.fetch_optional(self.database.pool())).await?;
        found.as_ref().map(row::number).transpose()
    }

    async fn pending(&self, instance: InstanceId) -> Result<Pending, StoreError> {
        let mut pending = Pending::default();
        for row in self.rows(instance, PENDING).await? {
            let (state, way, first, count) = row::pending(&row)?;
            match (state, way) {
                (ExchangeState::Applying, _) => pending.applying = Some(first),
                (_, Way::Online) => pending.online = Some(first),
                (_, Way::File) => pending.files = count,
            }
        }
        Ok(pending)
    }

    async fn exchanges(&self, instance: InstanceId, page: &PageQuery) -> Result<Page<Exchange>, StoreError> {
        let search = row::escaped(&page.search);
        let instance = instance.to_string();
        let count = sqlx::query(COUNT).bind(&instance).bind(&search);
        let total = row::number(&within(count.fetch_one(self.database.pool())).await?)?;
        // The largest number is never given, so that before it stands everything; what was never a number is as good.
        let after = page.after.as_deref().map_or(i64::MAX, |after| after.parse().unwrap_or(i64::MAX));
        let query = sqlx::query(PAGE)
            .bind(&instance)
            .bind(&search)
            .bind(after)
            // One more shows whether more follow.
            .bind(i64::from(page.limit) + 1)
            .bind(i64::from(page.skip));
        let found = within(query.fetch_all(self.database.pool())).await?;
        let more = found.len() > page.limit as usize;
        let rows: Result<Vec<_>, _> = found.iter().take(page.limit as usize).map(row::exchange).collect();
        let rows = rows?;
        let next = rows.last().filter(|_| more).map(|last| last.number.to_string());
        Ok(Page { rows, next, total })
    }

    async fn claim(
        &self,
        instance: InstanceId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(CLAIM)
            .bind(instance.to_string())
            .bind(holder.to_string())
            .bind(until.as_microsecond())
            .bind(now.as_microsecond());
        Ok(within(query.execute(self.database.pool())).await?.rows_affected() == 1)
    }

    async fn release(&self, instance: InstanceId, holder: Uuid) -> Result<(), StoreError> {
        let query = sqlx::query(RELEASE).bind(instance.to_string()).bind(holder.to_string());
        within(query.execute(self.database.pool())).await.map(drop)
    }

    async fn forget_claims(&self) -> Result<(), StoreError> {
        within(sqlx::query(FORGET_CLAIMS).execute(self.database.pool())).await.map(drop)
    }
}
