//! What the back office keeps, in either database.
//!
//! Whoever works on a licence server counts its row up first and so waits for its turn, over all processes. Not
//! responsible for what a request means: the service decides between a turn's beginning and its commit.

mod audit;
mod catalogue;
mod entitlements;
mod license_servers;
mod turn;
mod vendor;

use async_trait::async_trait;
use leasehold_store::backoffice::{
    AuditRecord, Customer, EntitlementId, EntitlementRow, LicenseServer, LicenseServerId, OnlineKey, Product,
    Quota, UpdateRepository, Vendor,
};
use leasehold_store::licensing::{Page, PageQuery};
use leasehold_store::{BackOfficeStore, LicenseServerTurn, StoreError};

use crate::Statement;
use crate::database::{Database, OpenError, Place, within};
use crate::schema::Step;

/// The name of the schema.
pub(crate) const SERVICE: &str = "backoffice";
pub(crate) const STEPS: &[Step] = &[
    Step {
        version: 1,
        name: "back office",
        postgres: include_str!("../migrations/backoffice/0001.postgres.sql"),
        sqlite: include_str!("../migrations/backoffice/0001.sqlite.sql"),
    },
    Step {
        version: 2,
        name: "update repository",
        postgres: include_str!("../migrations/backoffice/0002.postgres.sql"),
        sqlite: include_str!("../migrations/backoffice/0002.sqlite.sql"),
    },
];

/// The back office's store. Cloning it gives another handle to the same.
#[derive(Clone, Debug)]
pub struct SqlBackOfficeStore {
    database: Database,
}

impl SqlBackOfficeStore {
    /// Opens the database and brings its tables up to date.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(place, SERVICE, STEPS).await? })
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Runs a statement that adds one thing, and records that; says whether the statement did anything.
    async fn write(&self, statement: Statement, record: &AuditRecord) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        if within(statement.execute(&mut *transaction)).await?.rows_affected() == 0 {
            return Ok(false);
        }
        within(audit::record(record).execute(&mut *transaction)).await?;
        within(transaction.commit()).await?;
        Ok(true)
    }
}

#[async_trait]
impl BackOfficeStore for SqlBackOfficeStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    async fn vendor(&self) -> Result<Option<Vendor>, StoreError> {
        vendor::find(&self.database).await
    }

    async fn create_vendor(&self, vendor: &Vendor, audit: &AuditRecord) -> Result<bool, StoreError> {
        self.write(vendor::insert(vendor), audit).await
    }

    async fn replace_online_key(
        &self,
        root_key: &[u8; 32],
        key: &OnlineKey,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(vendor::replace_online_key(root_key, key), audit).await
    }

    async fn set_update_repository(
        &self,
        repository: &UpdateRepository,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(vendor::set_update_repository(repository), audit).await
    }

    async fn create_product(&self, product: &Product, audit: &AuditRecord) -> Result<bool, StoreError> {
        self.write(catalogue::insert_product(product), audit).await
    }

    async fn product(&self, name: &str) -> Result<Option<Product>, StoreError> {
        catalogue::product(&self.database, name).await
    }

    async fn products(&self, page: &PageQuery) -> Result<Page<Product>, StoreError> {
        catalogue::products(&self.database, page).await
    }

    async fn create_customer(&self, customer: &Customer, audit: &AuditRecord) -> Result<bool, StoreError> {
        self.write(catalogue::insert_customer(customer), audit).await
    }

    async fn customer(&self, name: &str) -> Result<Option<Customer>, StoreError> {
        catalogue::customer(&self.database, name).await
    }

    async fn customers(&self, page: &PageQuery) -> Result<Page<Customer>, StoreError> {
        catalogue::customers(&self.database, page).await
    }

    async fn create_license_server(
        &self,
        license_server: &LicenseServer,
        audit: &AuditRecord,
    ) -> Result<bool, StoreError> {
        self.write(license_servers::insert(license_server)?, audit).await
    }

    async fn license_server(&self, id: LicenseServerId) -> Result<Option<LicenseServer>, StoreError> {
        license_servers::find(&self.database, id).await
    }

    async fn license_servers(&self, page: &PageQuery) -> Result<Page<LicenseServer>, StoreError> {
        license_servers::list(&self.database, page).await
    }

    async fn entitlement(&self, id: EntitlementId) -> Result<Option<EntitlementRow>, StoreError> {
        entitlements::find(&self.database, id).await
    }

    async fn entitlements(
        &self,
        of: Option<LicenseServerId>,
        page: &PageQuery,
    ) -> Result<Page<EntitlementRow>, StoreError> {
        entitlements::list(&self.database, of, page).await
    }

    async fn audit(&self, subject: Option<&str>, page: &PageQuery) -> Result<Page<AuditRecord>, StoreError> {
        audit::list(&self.database, subject, page).await
    }

    async fn record_refusal(&self, record: &AuditRecord, quota: Quota) -> Result<bool, StoreError> {
        let statement = audit::record_within(record, quota);
        Ok(within(statement.execute(self.database.pool())).await?.rows_affected() == 1)
    }

    async fn begin(&self, id: LicenseServerId) -> Result<Option<Box<dyn LicenseServerTurn>>, StoreError> {
        let turn = turn::Turn::begin(&self.database, id).await?;
        Ok(turn.map(|turn| Box::new(turn) as Box<dyn LicenseServerTurn>))
    }
}
