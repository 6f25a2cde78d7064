//! What the service for updates keeps, in either database. Not responsible for what any of it means.

mod catalogue;
mod clients;
mod events;
mod keys;
mod upstream;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::licensing::{AnswerKey, Page, PageQuery};
use leasehold_store::updates::{Catalogue, CheckIn, Client, Holding, KeptEvent, Newest, Reported, Upstream};
use leasehold_store::{StoreError, UpdateStore};
use uuid::Uuid;

use crate::database::{Database, OpenError, Place};
use crate::schema::Step;

/// The name of the schema.
pub(crate) const SERVICE: &str = "updates";
pub(crate) const STEPS: &[Step] = &[Step {
    version: 1,
    name: "updates",
    postgres: include_str!("../migrations/updates/0001.postgres.sql"),
    sqlite: include_str!("../migrations/updates/0001.sqlite.sql"),
}];

/// The updates' store. Cloning it gives another handle to the same.
#[derive(Clone, Debug)]
pub struct SqlUpdateStore {
    database: Database,
}

impl SqlUpdateStore {
    /// Opens the database and brings its tables up to date.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(place, SERVICE, STEPS).await? })
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[async_trait]
impl UpdateStore for SqlUpdateStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError> {
        keys::newest(&self.database, instance, limit).await
    }

    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError> {
        keys::add(&self.database, instance, key).await
    }

    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        keys::forget(&self.database, instance, before).await
    }

    async fn upstream(&self, instance: InstanceId) -> Result<Option<Upstream>, StoreError> {
        upstream::find(&self.database, instance).await
    }

    async fn save_upstream(&self, instance: InstanceId, upstream: &Upstream) -> Result<(), StoreError> {
        upstream::save(&self.database, instance, upstream).await
    }

    async fn revision(&self, instance: InstanceId) -> Result<u64, StoreError> {
        catalogue::revision(&self.database, instance).await
    }

    async fn catalogue(&self, instance: InstanceId) -> Result<Catalogue, StoreError> {
        catalogue::read_all(&self.database, instance).await
    }

    async fn replace_catalogue(
        &self,
        instance: InstanceId,
        catalogue: &Catalogue,
        newest: &[Newest],
    ) -> Result<bool, StoreError> {
        catalogue::replace(&self.database, instance, catalogue, newest).await
    }

    async fn owed_notices(&self, instance: InstanceId) -> Result<Vec<Newest>, StoreError> {
        catalogue::owed(&self.database, instance).await
    }

    async fn notice_told(&self, instance: InstanceId, told: &Newest) -> Result<(), StoreError> {
        catalogue::told(&self.database, instance, told).await
    }

    async fn check_in(&self, instance: InstanceId, check_in: &CheckIn) -> Result<(), StoreError> {
        clients::check_in(&self.database, instance, check_in).await
    }

    async fn client(&self, instance: InstanceId, client: Uuid) -> Result<Option<Client>, StoreError> {
        clients::find(&self.database, instance, client).await
    }

    async fn clients(
        &self,
        instance: InstanceId,
        product: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<Client>, StoreError> {
        clients::list(&self.database, instance, product, page).await
    }

    async fn holdings(&self, instance: InstanceId) -> Result<Vec<Holding>, StoreError> {
        clients::holdings(&self.database, instance).await
    }

    async fn record_events(
        &self,
        instance: InstanceId,
        reported: &Reported<'_>,
    ) -> Result<Option<u64>, StoreError> {
        events::record(&self.database, instance, reported).await
    }

    async fn events(
        &self,
        instance: InstanceId,
        client: Uuid,
        page: &PageQuery,
    ) -> Result<Page<KeptEvent>, StoreError> {
        events::list(&self.database, instance, client, page).await
    }

    async fn forget_events(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        events::forget(&self.database, instance, before).await
    }
}
