//! One transaction on one licence server.

use async_trait::async_trait;
use leasehold_store::backoffice::{
    AuditRecord, Entitlement, EntitlementId, Exchange, LicenseServer, LicenseServerId, LineItemContent,
};
use leasehold_store::{LicenseServerTurn, StoreError};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, Row as _, Transaction};

use super::{Statement, audit, entitlements, license_servers};
use crate::database::{Database, within};
use crate::values::{micros, number, read_32, read_number, read_time};

const EXCHANGES: &str = "SELECT sequence, request_number, request, response, answered_at FROM exchanges \
     WHERE license_server = $1 ORDER BY sequence";
const ANSWER: &str = "SELECT answer FROM exchanges WHERE license_server = $1 AND sequence = $2";
const ADD_EXCHANGE: &str = "INSERT INTO exchanges (license_server, sequence, request_number, request, response, \
     answered_at, answer) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FORGET_EXCHANGES: &str = "DELETE FROM exchanges WHERE license_server = $1 AND sequence <= $2";

/// A transaction that has its turn.
pub(super) struct Turn {
    transaction: Transaction<'static, Any>,
    license_server: LicenseServer,
    /// Whether a call failed, or was left before its end: a database may go on as if nothing had been.
    failed: bool,
}

/// A turn of which a call failed.
#[derive(Debug, thiserror::Error)]
#[error("a call of this transaction failed, so that it cannot be committed")]
struct Failed;

impl Turn {
    /// Waits for the turn of this server; `None` where there is none.
    pub(super) async fn begin(database: &Database, id: LicenseServerId) -> Result<Option<Self>, StoreError> {
        let mut transaction = database.begin().await?;
        let license_server = within(async {
            let row = license_servers::lock(id).fetch_optional(&mut *transaction).await?;
            row.as_ref().map(license_servers::read).transpose()
        });
        let license_server = license_server.await?;
        Ok(license_server.map(|license_server| Self { transaction, license_server, failed: false }))
    }

    fn id(&self) -> LicenseServerId {
        self.license_server.id
    }

    /// Runs a call, and remembers whether it came to its end.
    async fn call<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let failed = std::mem::replace(&mut self.failed, true);
        let outcome = within(call(&mut self.transaction)).await?;
        self.failed = failed;
        Ok(outcome)
    }

    async fn rows<T>(
        &mut self,
        statement: Statement,
        read: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.call(async |connection| statement.fetch_all(connection).await).await?;
        within(async { rows.iter().map(read).collect() }).await
    }

    async fn write(&mut self, statement: Statement) -> Result<u64, StoreError> {
        self.call(async |connection| Ok(statement.execute(connection).await?.rows_affected())).await
    }
}

#[async_trait]
impl LicenseServerTurn for Turn {
    fn license_server(&self) -> &LicenseServer {
        &self.license_server
    }

    async fn line_items(&mut self) -> Result<Vec<(EntitlementId, LineItemContent)>, StoreError> {
        let read = |row: &AnyRow| {
            Ok((entitlements::read_entitlement(row, "entitlement")?, entitlements::read_item(row)?))
        };
        self.rows(entitlements::items_of_server(self.id()), read).await
    }

    async fn entitlement(&mut self, id: EntitlementId) -> Result<Option<Entitlement>, StoreError> {
        let own = self.id();
        let found = self.call(async |connection| {
            let rows = entitlements::find_one(id).fetch_all(connection).await?;
            Ok(entitlements::gather(&rows)?.pop())
        });
        let found = found.await?.map(|row| row.entitlement);
        Ok(found.filter(|entitlement| entitlement.license_server == own))
    }

    async fn exchanges(&mut self) -> Result<Vec<Exchange>, StoreError> {
        self.rows(sqlx::query(EXCHANGES).bind(self.id().to_string()), read_exchange).await
    }

    async fn answer(&mut self, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let id = self.id().to_string();
        self.call(async |connection| {
            let statement = sqlx::query(ANSWER).bind(id).bind(number(sequence)?);
            let row = statement.fetch_optional(connection).await?;
            row.map(|row| row.try_get("answer")).transpose()
        })
        .await
    }

    async fn save(&mut self, license_server: &LicenseServer) -> Result<(), StoreError> {
        self.call(async |connection| license_servers::update(license_server)?.execute(connection).await)
            .await
            .map(drop)
    }

    async fn add_exchange(&mut self, exchange: &Exchange, answer: &[u8]) -> Result<(), StoreError> {
        let id = self.id().to_string();
        self.call(async |connection| {
            let statement = sqlx::query(ADD_EXCHANGE)
                .bind(id)
                .bind(number(exchange.sequence)?)
                .bind(number(exchange.request_number)?)
                .bind(exchange.request.to_vec())
                .bind(exchange.response.to_vec())
                .bind(micros(exchange.answered_at))
                .bind(answer.to_vec());
            statement.execute(connection).await.map(drop)
        })
        .await
    }

    async fn forget_exchanges(&mut self, up_to: u64) -> Result<(), StoreError> {
        let id = self.id().to_string();
        self.call(async |connection| {
            let statement = sqlx::query(FORGET_EXCHANGES).bind(id).bind(number(up_to)?);
            statement.execute(connection).await.map(drop)
        })
        .await
    }

    async fn save_entitlement(&mut self, entitlement: &Entitlement) -> Result<(), StoreError> {
        self.call(async |connection| {
            for statement in entitlements::put(entitlement)? {
                statement.execute(&mut *connection).await?;
            }
            Ok(())
        })
        .await
    }

    async fn remove_entitlement(&mut self, id: EntitlementId) -> Result<bool, StoreError> {
        Ok(self.write(entitlements::remove(self.id(), id)).await? > 0)
    }

    async fn record(&mut self, record: &AuditRecord) -> Result<(), StoreError> {
        self.write(audit::record(record)).await.map(drop)
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Internal { source: Box::new(Failed) });
        }
        within(self.transaction.commit()).await
    }
}

fn read_exchange(row: &AnyRow) -> Result<Exchange, sqlx::Error> {
    Ok(Exchange {
        sequence: read_number(row, "sequence")?,
        request_number: read_number(row, "request_number")?,
        request: read_32(row, "request")?,
        response: read_32(row, "response")?,
        answered_at: read_time(row, "answered_at")?,
    })
}
