//! What the gateway keeps, in either database. Not responsible for who may do what.

mod administrators;
mod audit;
mod codes;
mod sessions;
mod tokens;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_store::gateway::{
    Administrator, ApiToken, AuditRecord, FirstCode, SecretDigest, Session, Settled,
};
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::{GatewayStore, StoreError};
use sqlx::{Any, Transaction};
use uuid::Uuid;

use crate::Statement;
use crate::database::{Database, OpenError, Place, within};
use crate::schema::Step;

/// The name of the schema.
pub(crate) const SERVICE: &str = "gateway";
pub(crate) const STEPS: &[Step] = &[Step {
    version: 1,
    name: "gateway",
    postgres: include_str!("../migrations/gateway/0001.postgres.sql"),
    sqlite: include_str!("../migrations/gateway/0001.sqlite.sql"),
}];

/// The gateway's store. Cloning it gives another handle to the same.
#[derive(Clone, Debug)]
pub struct SqlGatewayStore {
    database: Database,
}

impl SqlGatewayStore {
    /// Opens the database and brings its tables up to date.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(place, SERVICE, STEPS).await? })
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Runs a statement, and records it if it did anything; says whether it did.
    async fn write(&self, statement: Statement, record: &AuditRecord) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        if run(&mut transaction, statement).await? == 0 {
            return Ok(false);
        }
        self.end(transaction, record).await.map(|()| true)
    }

    /// Records what a transaction did, and makes it so.
    async fn end(
        &self,
        mut transaction: Transaction<'static, Any>,
        record: &AuditRecord,
    ) -> Result<(), StoreError> {
        run(&mut transaction, audit::record(record)).await?;
        within(transaction.commit()).await
    }
}

/// Runs a statement of a transaction; how many rows it changed.
async fn run(transaction: &mut Transaction<'static, Any>, statement: Statement) -> Result<u64, StoreError> {
    Ok(within(statement.execute(&mut **transaction)).await?.rows_affected())
}

#[async_trait]
impl GatewayStore for SqlGatewayStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    async fn has_administrators(&self) -> Result<bool, StoreError> {
        administrators::any(&self.database).await
    }

    async fn administrator(&self, name: &str) -> Result<Option<Administrator>, StoreError> {
        administrators::find(&self.database, name).await
    }

    async fn administrators(&self, page: &PageQuery) -> Result<Page<Administrator>, StoreError> {
        administrators::list(&self.database, page).await
    }

    async fn create_administrator(
        &self,
        administrator: &Administrator,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(administrators::insert(administrator)?, audit).await
    }

    async fn create_first_administrator(
        &self,
        administrator: &Administrator,
        code: &SecretDigest,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        let mut transaction = administrators::begin(&self.database).await?;
        let now = administrator.created_at;
        if run(&mut transaction, codes::take(code, now)).await? == 0
            || run(&mut transaction, administrators::insert_first(administrator)?).await? == 0
        {
            return Ok(false);
        }
        run(&mut transaction, codes::forget_all()).await?;
        self.end(transaction, audit).await.map(|()| true)
    }

    async fn save_administrator(
        &self,
        administrator: &Administrator,
        end_sessions: bool,
        audit: &AuditRecord,
    ) -> Result<Settled, StoreError> {
        let mut transaction = administrators::begin(&self.database).await?;
        if run(&mut transaction, administrators::update(administrator)?).await? == 0 {
            return Ok(Settled::Stale);
        }
        if !administrators::is_served(&mut transaction).await? {
            return Ok(Settled::LastAdministrator);
        }
        if end_sessions {
            run(&mut transaction, sessions::end_all(&administrator.name)).await?;
        }
        self.end(transaction, audit).await.map(|()| Settled::Done)
    }

    async fn delete_administrator(
        &self,
        name: &str,
        revision: u64,
        audit: &AuditRecord,
    ) -> Result<Settled, StoreError> {
        let mut transaction = administrators::begin(&self.database).await?;
        if run(&mut transaction, administrators::delete(name, revision)?).await? == 0 {
            return Ok(Settled::Stale);
        }
        if !administrators::is_served(&mut transaction).await? {
            return Ok(Settled::LastAdministrator);
        }
        self.end(transaction, audit).await.map(|()| Settled::Done)
    }

    async fn open_session(
        &self,
        session: &Session,
        instead_of: Option<&SecretDigest>,
        audit: &AuditRecord,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        run(&mut transaction, administrators::signed_in(&session.user, session.created_at)).await?;
        run(&mut transaction, sessions::insert(session)).await?;
        if let Some(old) = instead_of {
            run(&mut transaction, sessions::end(old)).await?;
        }
        self.end(transaction, audit).await
    }

    async fn session(&self, id: &SecretDigest) -> Result<Option<(Session, Administrator)>, StoreError> {
        sessions::find(&self.database, id).await
    }

    async fn touch_session(&self, id: &SecretDigest, seen_at: Timestamp) -> Result<(), StoreError> {
        within(sessions::touch(id, seen_at).execute(self.database.pool())).await.map(drop)
    }

    async fn end_session(&self, id: &SecretDigest, audit: &AuditRecord) -> Result<bool, StoreError> {
        self.write(sessions::end(id), audit).await
    }

    async fn forget_sessions(&self, now: Timestamp, idle_since: Timestamp) -> Result<u64, StoreError> {
        let done = within(sessions::forget(now, idle_since).execute(self.database.pool())).await?;
        Ok(done.rows_affected())
    }

    async fn create_token(&self, token: &ApiToken, audit: &AuditRecord) -> Result<(), StoreError> {
        self.write(tokens::insert(token), audit).await.map(drop)
    }

    async fn token(&self, digest: &SecretDigest) -> Result<Option<(ApiToken, Administrator)>, StoreError> {
        tokens::find(&self.database, digest).await
    }

    async fn tokens(&self, owner: Option<&str>, page: &PageQuery) -> Result<Page<ApiToken>, StoreError> {
        tokens::list(&self.database, owner, page).await
    }

    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
        within(tokens::touch(id, used_at).execute(self.database.pool())).await.map(drop)
    }

    async fn delete_token(
        &self,
        id: Uuid,
        owner: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(tokens::delete(id, owner), audit).await
    }

    async fn first_codes(&self, now: Timestamp) -> Result<Vec<FirstCode>, StoreError> {
        codes::list(&self.database, now).await
    }

    async fn add_first_code(&self, code: &FirstCode, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        run(&mut transaction, codes::forget(now)).await?;
        run(&mut transaction, codes::insert(code)).await?;
        within(transaction.commit()).await
    }

    async fn count_wrong_code(&self, audit: &AuditRecord) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        run(&mut transaction, codes::forget_tried()).await?;
        run(&mut transaction, codes::count_try()).await?;
        self.end(transaction, audit).await
    }

    async fn record(&self, record: &AuditRecord) -> Result<(), StoreError> {
        within(audit::record(record).execute(self.database.pool())).await.map(drop)
    }

    async fn audit(&self, page: &PageQuery) -> Result<Page<AuditRecord>, StoreError> {
        audit::list(&self.database, page).await
    }

    async fn forget_audit(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let done = within(audit::forget(before, most).execute(self.database.pool())).await?;
        Ok(done.rows_affected())
    }
}
