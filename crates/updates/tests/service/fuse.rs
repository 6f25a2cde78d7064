//! A store whose process may die at one point of its work.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::licensing::{AnswerKey, Page, PageQuery};
use leasehold_store::updates::{Catalogue, CheckIn, Client, Holding, KeptEvent, Newest, Reported, Upstream};
use leasehold_store::{StoreError, UpdateStore};
use leasehold_testkit::Fuse;
use uuid::Uuid;

/// A store whose process may die before and after each write of the mirror.
pub(crate) struct Mortal {
    pub(crate) store: Arc<dyn UpdateStore>,
    pub(crate) fuse: Arc<Fuse>,
}

impl Mortal {
    async fn written<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.fuse.point().await;
        let written = write.await;
        self.fuse.point().await;
        written
    }
}

#[async_trait]
impl UpdateStore for Mortal {
    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError> {
        self.store.answer_keys(instance, limit).await
    }

    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError> {
        self.store.add_answer_key(instance, key).await
    }

    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        self.store.forget_answer_keys(instance, before).await
    }

    async fn upstream(&self, instance: InstanceId) -> Result<Option<Upstream>, StoreError> {
        self.store.upstream(instance).await
    }

    async fn save_upstream(&self, instance: InstanceId, upstream: &Upstream) -> Result<(), StoreError> {
        self.written(self.store.save_upstream(instance, upstream)).await
    }

    async fn revision(&self, instance: InstanceId) -> Result<u64, StoreError> {
        self.store.revision(instance).await
    }

    async fn catalogue(&self, instance: InstanceId) -> Result<Catalogue, StoreError> {
        self.store.catalogue(instance).await
    }

    async fn replace_catalogue(
        &self,
        instance: InstanceId,
        catalogue: &Catalogue,
        newest: &[Newest],
    ) -> Result<bool, StoreError> {
        self.written(self.store.replace_catalogue(instance, catalogue, newest)).await
    }

    async fn owed_notices(&self, instance: InstanceId) -> Result<Vec<Newest>, StoreError> {
        self.store.owed_notices(instance).await
    }

    async fn notice_told(&self, instance: InstanceId, told: &Newest) -> Result<(), StoreError> {
        self.written(self.store.notice_told(instance, told)).await
    }

    async fn check_in(&self, instance: InstanceId, check_in: &CheckIn) -> Result<(), StoreError> {
        self.store.check_in(instance, check_in).await
    }

    async fn client(&self, instance: InstanceId, client: Uuid) -> Result<Option<Client>, StoreError> {
        self.store.client(instance, client).await
    }

    async fn clients(
        &self,
        instance: InstanceId,
        product: Option<&str>,
        page: &PageQuery,
    ) -> Result<Page<Client>, StoreError> {
        self.store.clients(instance, product, page).await
    }

    async fn holdings(&self, instance: InstanceId) -> Result<Vec<Holding>, StoreError> {
        self.store.holdings(instance).await
    }

    async fn record_events(
        &self,
        instance: InstanceId,
        reported: &Reported<'_>,
    ) -> Result<Option<u64>, StoreError> {
        self.store.record_events(instance, reported).await
    }

    async fn events(
        &self,
        instance: InstanceId,
        client: Uuid,
        page: &PageQuery,
    ) -> Result<Page<KeptEvent>, StoreError> {
        self.store.events(instance, client, page).await
    }

    async fn forget_events(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        self.store.forget_events(instance, before).await
    }
}
